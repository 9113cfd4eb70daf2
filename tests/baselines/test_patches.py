from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import ndimage
from sklearn.linear_model import Ridge

from feroi.baselines import patches
from feroi.baselines.patches import LANDMARKS, PairwisePatches, patch_histograms, search
from feroi.baselines.patterns import lbp_codes
from feroi.photo.cropped import usual_landmarks


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def _faces(n, rng, smooth=0.0):
    noise = rng.integers(90, 150, (n, 160, 125)).astype(float)
    return ndimage.gaussian_filter(noise, (0, smooth, smooth)).astype(np.uint8)


def _smooth(faces, rows, columns, rng):
    """Leaves but the mean of what is there, under a little noise of its own: another texture."""
    part = faces[:, rows, columns].astype(np.float64)
    ramp = np.linspace(100, 140, part.shape[2])
    faces[:, rows, columns] = (ramp + rng.integers(0, 2, part.shape)).astype(np.uint8)


LANDMARKS_XY_PX = usual_landmarks("front", (160, 125))


def _moved(xy_px):
    return (LANDMARKS_XY_PX + xy_px)[None]


def test_a_patch_lies_about_its_landmark_by_the_distance_of_the_eyes(rng):
    image = _faces(1, rng)
    found = patch_histograms(image, _moved((3, 5))).reshape(52, 59)
    np.testing.assert_allclose((found**2).sum(1), 1, rtol=1e-5)
    # The tip of the nose, landmark 30, is the 23rd; 0.6 of 56 px are 34. Codes begin 2 px into the image.
    x, y = np.floor(LANDMARKS_XY_PX[30] + [3, 5] + 0.5 - 2 - 16.5).astype(int)
    counts = np.bincount(lbp_codes(image)[0, y : y + 34, x : x + 34].ravel(), minlength=59)
    np.testing.assert_allclose(found[9 + 13] ** 2, counts / 34**2, atol=1e-6)


def test_faces_described_about_landmarks_that_move_along_are_alike(rng):
    """What a grid cannot do: a face elsewhere in the picture has the same features."""
    image = _faces(1, rng, smooth=2.5)
    here = patch_histograms(image, _moved((0, 0)))
    elsewhere = np.roll(image, (4, -3), (1, 2))
    there = patch_histograms(elsewhere, _moved((-3, 4))).reshape(52, 59)
    left_behind = patch_histograms(elsewhere, _moved((0, 0))).reshape(52, 59)
    inside = np.flatnonzero(np.isin(LANDMARKS, [*range(27, 36), *range(48, 60)]))  # others reach the rim
    here = here.reshape(52, 59)[inside]
    np.testing.assert_allclose(there[inside], here, atol=0.01)  # interpolation rounds otherwise elsewhere
    assert np.abs(left_behind[inside] - here).max() > 0.05


def test_a_patch_that_would_leave_the_image_is_moved_into_it(rng):
    image = _faces(1, rng)
    corner = patch_histograms(image, _moved((-500, -500))).reshape(52, 59)
    counts = np.bincount(lbp_codes(image)[0, :34, :34].ravel(), minlength=59)
    np.testing.assert_allclose(corner**2, np.tile(counts / 34**2, (52, 1)), atol=1e-6)
    tiny = patch_histograms(image[:, :20, :20], LANDMARKS_XY_PX[None])
    assert np.isfinite(tiny).all()


def test_faces_are_left_out_one_at_a_time(rng):
    features, first = rng.random((14, 5)), np.arange(14) % 3 == 0
    weights = np.where(first, 0.5 / first.sum(), 0.5 / (~first).sum())
    target = np.where(first, 1.0, -1.0)
    found = patches._Regression(features, weights).left_out(target)
    for i in range(14):
        rest = np.arange(14) != i
        ridge = Ridge(alpha=patches._RIDGE).fit(features[rest], target[rest], weights[rest])
        assert found[i] == pytest.approx(target[i] - ridge.predict(features[i : i + 1])[0])


def test_the_patches_that_say_something_are_chosen_in_the_order_of_what_they_add(rng):
    first = np.arange(40) < 15
    features = rng.normal(size=(6, 40, 3)) * 0.3
    features[4, :, 1] += np.where(first, 1, -1) * (np.arange(40) % 4 > 0)  # right for three of four
    features[2, :, 0] += np.where(first, 1, -1) * (np.arange(40) % 4 == 0)  # for the others
    assert search(features, first, 2).tolist() == [4, 2]
    assert len(set(search(features, first, 6))) == 6


def test_planted_textures_are_found_for_the_pairs_they_tell_apart(rng):
    faces, labels = _faces(45, rng), np.arange(45) % 3
    for expression, landmark in ((1, 57), (2, 19)):  # the lower lip, a brow
        x, y = LANDMARKS_XY_PX[landmark].astype(int)
        changed = faces[labels == expression]
        _smooth(changed, slice(y - 17, y + 17), slice(x - 17, x + 17), rng)
        faces[labels == expression] = changed
    chosen = PairwisePatches().fit(patch_histograms(faces, np.repeat(_moved((0, 0)), 45, 0)), labels)
    pairs = dict(zip(combinations(range(3), 2), LANDMARKS[chosen.chosen_].tolist(), strict=True))
    mouth, brow = {48, *range(55, 60), *range(6, 11)}, {17, 18, 19, 20, 21, 36, 37, 38}
    assert pairs[0, 1][0] in mouth
    assert pairs[0, 2][0] in brow
    assert pairs[1, 2][0] in mouth | brow
    assert chosen.where.sum() == pytest.approx(1)
    assert chosen.where[4:].sum() >= 1 / 12  # of twelve choices, that of the mouth
    assert chosen.where[:3].sum() >= 1 / 12


def test_the_result_holds_each_vertex_and_each_edge_once(rng):
    chooser = PairwisePatches()
    chooser.chosen_ = np.array([[3, 1], [1, 3], [3, 8]])
    features = rng.random((2, 52 * 4)).astype(np.float32)
    each = features.reshape(2, 52, 4)
    found = chooser.transform(features).reshape(2, -1, 4)
    expected = [
        each[:, 1],
        each[:, 3],
        each[:, 8],
        abs(each[:, 1] - each[:, 3]),
        abs(each[:, 3] - each[:, 8]),
    ]
    np.testing.assert_allclose(found, np.stack(expected, axis=1))
