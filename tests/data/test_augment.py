from __future__ import annotations

import numpy as np
import pytest

from feroi.data import augment
from feroi.data.augment import augmented, degraded, elsewhere

SIDE = 40
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def _blob(x: float, y: float) -> np.ndarray:
    return (255 * np.exp(-((COLUMNS - x) ** 2 + (ROWS - y) ** 2) / 18)).astype(np.uint8)


def _centre(image: np.ndarray) -> np.ndarray:
    weights = image.astype(float) / image.sum()
    return np.array([(weights * COLUMNS).sum(), (weights * ROWS).sum()])


@pytest.fixture
def still(monkeypatch):
    """No change at all unless a test asks for one; mirrors remain."""
    for name in ("_TURN_DEG", "_SCALE", "_SHIFT", "_CONTRAST", "_BRIGHTNESS", "_ERASED"):
        monkeypatch.setattr(augment, name, 0.0)
    return monkeypatch


def test_without_movement_an_image_stays_or_is_mirrored(still):
    image = _blob(14, 22)
    out = augmented(np.stack([image] * 40)[..., None], (SIDE, SIDE), np.random.default_rng(0))[..., 0]
    same = [np.array_equal(moved, image) for moved in out]
    mirrored = [np.array_equal(moved, image[:, ::-1]) for moved in out]
    assert all(a != b for a, b in zip(same, mirrored, strict=True))
    assert 8 < sum(mirrored) < 32


def test_the_middle_is_cut_out_of_a_larger_image(still):
    image = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE).astype(np.uint8)
    (out,) = augmented(image[None, ..., None], (20, 30), np.random.default_rng(0))
    middle = image[10:30, 5:35]
    assert np.array_equal(out[..., 0], middle) or np.array_equal(out[..., 0], middle[:, ::-1])


def test_distances_from_the_middle_grow_and_shrink_within_the_named_scale(still):
    still.setattr(augment, "_SCALE", 0.15)
    still.setattr(augment, "_TURN_DEG", 15.0)
    middle = (SIDE - 1) / 2
    image = _blob(middle + 9, middle)
    out = augmented(np.stack([image] * 200)[..., None], (SIDE, SIDE), np.random.default_rng(1))[..., 0]
    ways = np.array([_centre(moved) - middle for moved in out])
    lengths = np.hypot(*ways.T) / 9
    assert np.exp(-0.15) - 0.02 < lengths.min() < 0.92
    assert 1.08 < lengths.max() < np.exp(0.15) + 0.02
    angles = np.degrees(np.arctan2(ways[:, 1], np.abs(ways[:, 0])))
    assert 12 < np.abs(angles).max() < 15.5


def test_maps_move_with_the_face_and_keep_their_values(monkeypatch):
    image = _blob(14, 22)
    layers = np.stack([np.stack([image, image], -1)] * 60)
    lit = augmented(layers, (SIDE, SIDE), np.random.default_rng(2))
    assert (lit[..., 0].max((1, 2)) < 240).any()  # the face is relit, its maps never
    assert (lit[..., 1].max((1, 2)) > 240).all()
    for name in ("_CONTRAST", "_BRIGHTNESS", "_ERASED"):
        monkeypatch.setattr(augment, name, 0.0)
    out = augmented(layers, (SIDE, SIDE), np.random.default_rng(2))
    assert np.array_equal(out[..., 0], out[..., 1])
    assert not np.array_equal(out[0], out[1])


def test_erased_rectangles_have_the_named_area(still):
    still.setattr(augment, "_ERASED", 1.0)
    black = np.zeros((80, SIDE, SIDE, 1), np.uint8)
    shares = (augmented(black, (SIDE, SIDE), np.random.default_rng(3)) > 0).mean((1, 2, 3))
    assert shares.min() > 0.015 or (shares == 0).any()  # a rectangle may be black itself
    assert 0.1 < shares.max() < 0.22


def test_the_same_generator_gives_the_same_faces_and_inputs_stay():
    images = np.random.default_rng(4).integers(0, 256, (5, SIDE, SIDE, 2)).astype(np.uint8)
    kept = images.copy()
    one = augmented(images, (30, 30), np.random.default_rng(5))
    other = augmented(images, (30, 30), np.random.default_rng(5))
    assert np.array_equal(one, other)
    assert np.array_equal(images, kept)


def test_noise_and_jpeg_come_as_often_and_as_strong_as_they_say(still):
    grey = np.full((1000, SIDE, SIDE, 2), 128, np.uint8)
    still.setattr(augment, "_COMPRESSED", 0.0)
    out = degraded(grey, (SIDE, SIDE), np.random.default_rng(6))
    assert (out[..., 1] == 128).all()  # maps stay clean
    sigmas = out[..., 0].astype(float).std((1, 2))
    noisy = sigmas[sigmas > 0]
    assert 0.35 < len(noisy) / 1000 < 0.45
    assert 0.9 < noisy.min() < 1.2
    assert 22 < noisy.max() < 26
    assert np.median(noisy) == pytest.approx(5, abs=1)  # the middle of 1 to 25 by logarithm


def test_jpeg_leaves_the_edges_of_its_blocks(still):
    still.setattr(augment, "_NOISY", 0.0)
    still.setattr(augment, "_COMPRESSED", 1.0)
    still.setattr(augment, "_QUALITY", (5, 5))
    ramp = np.broadcast_to(np.linspace(0, 255, SIDE).astype(np.uint8), (20, SIDE, SIDE))[..., None]
    out = degraded(ramp, (SIDE, SIDE), np.random.default_rng(7))[..., 0].astype(float)
    steps = np.abs(np.diff(out, axis=2)).mean((0, 1))
    at_edges = steps[7::8]  # blocks are 8 px wide
    assert at_edges.mean() > 2 * np.delete(steps, np.s_[7::8]).mean()


@pytest.fixture
def unmoved(still):
    still.setattr(augment, "_LOOSE", augment._Framing(0.0, 0.0, 0.0, 0.0))
    for name in ("_SHRUNK", "_BLURRED", "_SPOILED"):
        still.setattr(augment, name, 0.0)
    return still


def test_faces_from_elsewhere_are_framed_more_loosely(unmoved):
    unmoved.setattr(augment, "_LOOSE", augment._Framing(0.0, 0.25, 0.0, 0.0))
    middle = (SIDE - 1) / 2
    image = _blob(middle + 9, middle)
    out = elsewhere(np.stack([image] * 200)[..., None], (SIDE, SIDE), np.random.default_rng(1))[..., 0]
    lengths = np.array([np.hypot(*(_centre(moved) - middle)) for moved in out]) / 9
    assert np.exp(-0.25) - 0.02 < lengths.min() < 0.82
    assert 1.22 < lengths.max() < np.exp(0.25) + 0.02


@pytest.mark.parametrize("name", ["_SHRUNK", "_BLURRED", "_SPOILED"])
def test_faces_from_elsewhere_are_spoiled_as_often_as_they_say(unmoved, name):
    lines = np.broadcast_to(np.where(COLUMNS % 4 < 2, 64, 192).astype(np.uint8), (600, SIDE, SIDE))
    layers = np.stack([lines, lines], -1)

    def changed():
        out = elsewhere(layers, (SIDE, SIDE), np.random.default_rng(2))
        assert set(np.unique(out[..., 1])) <= {64, 192}  # maps stay clean
        return np.mean([set(np.unique(face)) != {64, 192} for face in out[..., 0]])

    assert changed() == 0
    unmoved.setattr(augment, "_BLUR", (2.0, 3.0))  # less may change nothing
    unmoved.setattr(augment, name, 0.3)
    expected = 0.3 if name != "_SPOILED" else 1 - 0.7**2  # noise and JPEG are drawn apart
    assert changed() == pytest.approx(expected, abs=0.06)


def test_a_share_of_the_faces_from_elsewhere_is_the_same_faces():
    images = np.random.default_rng(4).integers(0, 256, (9, SIDE, SIDE, 1)).astype(np.uint8)
    whole = elsewhere(images, (30, 30), np.random.default_rng(5))
    share = elsewhere(images, (30, 30), np.random.default_rng(5), slice(3, 7))
    assert np.array_equal(share, whole[3:7])
