from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from feroi.data.corruptions import CORRUPTIONS, cover_with_grey
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset


@pytest.fixture(scope="module")
def faces():
    return np.array(decode(read_dataset("embedded")[:4], (48, 48)).pixels)


def _apply(name, faces, level, seed=0):
    return CORRUPTIONS[name].apply(faces, level, np.random.default_rng(seed))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_faces_get_worse_level_by_level_and_the_input_is_left_alone(name, faces):
    before = faces.copy()
    differences = []
    for level in CORRUPTIONS[name].levels:
        worse = _apply(name, faces, level)
        assert worse.shape == faces.shape
        assert worse.dtype == np.uint8
        differences.append(np.abs(worse.astype(int) - faces).mean())
    assert differences == sorted(differences)
    assert differences[0] > 0
    assert (faces == before).all()


def test_noise_has_its_deviation():
    grey = np.full((2, 100, 100), 128, np.uint8)
    noisy = _apply("noise", grey, 20).astype(float)
    assert noisy.std() == pytest.approx(20, rel=0.03)
    assert noisy.mean() == pytest.approx(128, abs=0.5)


def test_blur_is_one_direction_after_the_other_in_shares_of_the_width(faces):
    soft = gaussian_filter1d(
        gaussian_filter1d(faces.astype(float), 0.96, 1, mode="nearest"), 0.96, 2, mode="nearest"
    )
    assert np.abs(_apply("blur", faces, 2) - soft).max() <= 0.51  # 2 % of 48 px, rounded


def test_a_stop_halves_the_light():
    white = np.full((1, 200, 200), 255, np.uint8)
    darker = _apply("low light", white, 1).astype(float)
    assert ((darker / 255) ** 2.2).mean() == pytest.approx(0.5, abs=0.01)
    # by hand: 500 electrons with a deviation of sqrt(500 + 16), in a code whose slope there is
    # 255 / (2.2 * 1000) * 0.5 ** (1 / 2.2 - 1)
    slope = 255 / 2200 * 0.5 ** (1 / 2.2 - 1)
    assert darker.std() == pytest.approx(slope * np.sqrt(516), rel=0.05)


def test_faces_are_turned_to_both_sides_about_their_middle():
    bar = np.zeros((8, 48, 48), np.uint8)
    bar[:, :24, 23:25] = 255  # from the middle up
    turned = _apply("rotation", bar, 45)
    rows = np.arange(48)[:, None]
    ends = {
        tuple(np.argwhere((face > 127) & (rows > 4) & (rows < 12)).mean(0).round().tolist())
        for face in turned
    }
    # by hand: what lies on the bar's way up from the middle (23.5) lies as far beside it as above it
    assert len(ends) == 2
    for row, column in ends:
        assert abs(23.5 - row) == pytest.approx(abs(23.5 - column), abs=1.5)
    assert {column < 24 for _, column in ends} == {True, False}


def test_a_small_face_has_no_more_than_its_pixels():
    stripes = np.tile(np.array([0, 255], np.uint8), (1, 48, 24))
    assert np.ptp(_apply("resolution", stripes, 24)) <= 1  # each new pixel holds a dark and a light one


def test_what_is_covered_is_the_mean_grey():
    face = np.arange(16, dtype=np.uint8).reshape(4, 4)
    mask = face < 4
    covered = cover_with_grey(face, mask)
    assert (covered[0] == 8).all()  # the mean, 7.5, rounded to even
    assert (covered[1:] == face[1:]).all()
    assert face[0, 0] == 0
