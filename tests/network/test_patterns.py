from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.sparse.linalg import eigsh
from skimage.data import astronaut
from skimage.feature import local_binary_pattern

from feroi.config import NetworkConfig
from feroi.network.model import Network
from feroi.network.patterns import MappedPatterns, binary_patterns, pattern_distances, pattern_places
from feroi.network.torch_forward import torch_forward

PATTERNS = NetworkConfig("attention", (48, 48), inputs="mapped-patterns")
ONES = np.array([code.bit_count() for code in range(256)])


def _faces(images):
    return torch.from_numpy(images[:, None].astype(np.float32) / np.float32(255))


def _turned(code, by):
    return ((code << by) | (code >> (8 - by))) & 255


def _circle(code, other):
    """The work between patterns with equally many bits, by the best of all assignments."""
    ones, others = ([bit for bit in range(8) if number >> bit & 1] for number in (code, other))
    way = np.abs(np.subtract.outer(ones, others))
    way = np.minimum(way, 8 - way)
    return way[linear_sum_assignment(way)].sum()


def _counted(code, other):
    """The work by the words of `pattern_distances`, one bit after the other."""
    works = []
    for cut in range(8):
        surplus, work = 0, 0
        for step in range(8):
            bit = (cut + step) % 8
            surplus += (code >> bit & 1) - (other >> bit & 1)
            work += abs(surplus)
        works.append(work)
    return min(works)


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(0).integers(0, 256, (60, 50)).astype(np.uint8),
        np.random.default_rng(1).integers(0, 3, (60, 50)).astype(np.uint8),  # full of equal neighbours
        astronaut()[60:180, 160:290, 0],
        np.full((20, 20), 255, np.uint8),
    ],
    ids=["noise", "few levels", "photo", "flat"],
)
@pytest.mark.parametrize("radius", [1, 2, 5])
def test_patterns_are_those_of_scikit_image(image, radius):
    (found,) = binary_patterns(_faces(image[None]), radius).numpy()
    wider = np.pad(image, radius, mode="edge")
    expected = local_binary_pattern(wider, 8, radius)[radius:-radius, radius:-radius]
    if radius == 1:
        assert np.array_equal(found, expected)
    else:  # interpolated points that equal the pixel go either way by rounding
        assert (found == expected).mean() > 0.98


def test_work_between_patterns_by_hand():
    works = pattern_distances()
    assert works[0b1, 0b10] == 1
    assert works[0b1, 0b10000000] == 1  # neighbours on the circle
    assert works[0b1, 0b10000] == 4
    assert works[0b0101, 0b1010] == 2
    assert works[0, 0b100] == 1
    assert works[0, 255] == sum(range(1, 9))


def test_work_is_the_earth_movers_distance_on_the_circle():
    works = pattern_distances()
    rng = np.random.default_rng(0)
    for code in rng.choice(256, 40, replace=False):
        for other in np.flatnonzero(ONES[code] == ONES):
            assert works[code, other] == _circle(int(code), int(other))
    for code, other in rng.integers(0, 256, (300, 2)).tolist():
        assert works[code, other] == works[other, code] == _counted(code, other)


def test_work_does_not_depend_on_where_the_circle_begins():
    works, turned = pattern_distances(), [_turned(code, 3) for code in range(256)]
    assert np.array_equal(works, works[np.ix_(turned, turned)])
    assert np.array_equal(works == 0, np.eye(256, dtype=bool))


def test_places_are_the_first_dimensions_of_a_multidimensional_scaling():
    """A second way: the centred products written as matrices, and another solver."""
    centring = np.eye(256) - 1 / 256
    products = -centring @ pattern_distances() ** 2 @ centring / 2
    sizes, axes = eigsh(products, 3, which="LA", v0=np.ones(256) + np.arange(256))
    first, pair = axes[:, 2] * sizes[2] ** 0.5, axes[:, :2] * sizes[:2] ** 0.5
    places = pattern_places()
    assert [places.min(), places.max()] == [0, 1]
    np.testing.assert_allclose(places[:, 0], (first - first[0]) / (first[255] - first[0]), atol=1e-9)
    radius = np.hypot(*(places[:, 1:] - 0.5).T)
    expected = np.hypot(*pair.T)
    np.testing.assert_allclose(radius, 0.5 * expected / expected[1], atol=1e-9)


def test_turning_a_pattern_turns_its_place():
    places = pattern_places()
    turned = places[[_turned(code, 1) for code in range(256)]]
    np.testing.assert_allclose(turned[:, 0], places[:, 0], atol=1e-9)
    eighth = np.exp(2j * np.pi / 8)
    at, then = ((each[:, 1:] - 0.5) @ [1, 1j] for each in (places, turned))
    np.testing.assert_allclose(then, at * eighth, atol=1e-9)
    np.testing.assert_allclose(places[[0, 255, 1]], [[0, 0.5, 0.5], [1, 0.5, 0.5], [places[1, 0], 1, 0.5]])


def test_a_network_sees_the_places_and_nothing_else():
    images = np.random.default_rng(0).integers(0, 200, (2, 48, 48)).astype(np.uint8)
    seen = MappedPatterns()(_faces(images))
    assert seen.shape == (2, 3, 48, 48)
    code = int(local_binary_pattern(images[1], 8, 1)[20, 30])
    np.testing.assert_allclose(seen[1, :, 20, 30], pattern_places()[code], atol=1e-6)
    forward = torch_forward(Network(PATTERNS))
    dark, bright = forward(_faces(images).numpy()), forward(_faces(images + 50).numpy())
    assert np.array_equal(dark.logits, bright.logits)  # patterns do not know the light


def test_a_pattern_is_seen_from_its_neighbours_alone():
    image = np.full((9, 9), 100, np.uint8)
    dotted = image.copy()
    dotted[4, 4] = 90
    (changed,) = (binary_patterns(_faces(dotted[None])) != binary_patterns(_faces(image[None]))).numpy()
    assert np.argwhere(changed).tolist() == [[r, c] for r in (3, 4, 5) for c in (3, 4, 5) if (r, c) != (4, 4)]
    assert PATTERNS.reach_px == replace(PATTERNS, inputs="intensity").reach_px + 1
    assert replace(PATTERNS, pattern_px=5).reach_px == PATTERNS.reach_px + 4


def test_the_radius_is_a_setting_of_the_network():
    faces = _faces(np.random.default_rng(0).integers(0, 200, (1, 48, 48)).astype(np.uint8))
    seen = Network(replace(PATTERNS, pattern_px=3)).seen(faces)
    expected = pattern_places()[binary_patterns(faces, 3).numpy()].transpose(0, 3, 1, 2)
    np.testing.assert_allclose(seen.numpy(), expected, atol=1e-6)
    with pytest.raises(ValueError, match="pattern_px must be 1 to 16, got 17"):
        replace(PATTERNS, pattern_px=17)
