"""Gabor magnitudes, against the sum over the picture by the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from feroi.baselines.gabor import gabor

RNG = np.random.default_rng(1)


def _magnitude(image, scale, orientation, row, column):
    """|sum over all places of f(place) psi(here - place)| on the picture mirrored at its rim."""
    wider = np.pad(image.astype(float), 100, mode="symmetric")
    i, j = np.indices(wider.shape)
    y, x = row + 100 - i, column + 100 - j
    wave = math.pi / 2 / math.sqrt(2) ** scale
    angle = math.pi * orientation / 8
    sigma = 2 * math.pi
    envelope = (wave / sigma) ** 2 * np.exp(-(wave**2) * (x * x + y * y) / (2 * sigma**2))
    carrier = np.exp(1j * wave * (math.cos(angle) * x + math.sin(angle) * y)) - math.exp(-(sigma**2) / 2)
    return abs((wider * envelope * carrier).sum())


@pytest.mark.parametrize(("scale", "orientation"), [(0, 3), (2, 6), (4, 1)])
def test_magnitudes_are_those_of_the_definition(scale, orientation):
    image = RNG.integers(0, 256, (16, 24), dtype=np.uint8)
    found = gabor(image[None]).reshape(5, 8, 2, 3)[scale, orientation]
    places = [[(4 + 8 * i, 4 + 8 * j) for j in range(3)] for i in range(2)]
    direct = np.array([[_magnitude(image, scale, orientation, *place) for place in row] for row in places])
    # The rim is cut at three times the envelope's width: a hundredth of it is left beyond.
    np.testing.assert_allclose(found, (direct - direct.mean()) / direct.std(), atol=0.03)


def test_stripes_answer_at_their_own_orientation_and_scale():
    # Stripes across the picture with the wave length of the second scale: 4 px times the root of 2.
    down = np.arange(64)[:, None] * np.ones(64)
    stripes = (127 + 100 * np.sin(np.pi / 2 / np.sqrt(2) * down)).astype(np.uint8)
    responses = [[_magnitude(stripes, scale, angle, 28, 28) for angle in range(8)] for scale in range(5)]
    assert np.unravel_index(np.argmax(responses), (5, 8)) == (1, 4)
    stripes[:, 32:] = 127  # maps have mean 0 and variance 1: what answers is what differs over the picture
    answer = gabor(stripes[None]).reshape(5, 8, 8, 8)[1, 4]
    assert answer[1:-1, :3].min() > 0.8
    assert answer[1:-1, 5:].max() < -0.8


def test_a_flat_picture_has_no_magnitudes():
    assert not gabor(np.full((1, 32, 24), 200, np.uint8)).any()


def test_pictures_smaller_than_a_step_are_refused():
    with pytest.raises(ValueError, match="at least 8 px"):
        gabor(np.zeros((1, 7, 20), np.uint8))
