from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from feroi.baselines import patches
from feroi.baselines.patches import PairwisePatches, patch_histograms, search
from feroi.baselines.patterns import lbp_codes


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def _faces(n, rng):
    return rng.integers(90, 150, (n, 68, 68), dtype=np.uint8)


def _smooth(faces, rows, columns, rng):
    """Leaves but the mean of what is there, under a little noise of its own: another texture."""
    part = faces[:, rows, columns].astype(np.float64)
    ramp = np.linspace(100, 140, part.shape[2])
    faces[:, rows, columns] = (ramp + rng.integers(0, 2, part.shape)).astype(np.uint8)


def test_a_patch_is_the_mean_of_its_four_cells(rng):
    image = _faces(1, rng)
    found = patch_histograms(image).reshape(7, 7, 59)
    np.testing.assert_allclose((found**2).sum(2), 1, rtol=1e-5)
    codes = lbp_codes(image)[0]  # 64x64: cells of 8x8
    counts = np.bincount(codes[16:32, 40:56].ravel(), minlength=59)
    np.testing.assert_allclose(found[2, 5] ** 2, counts / 256, atol=1e-6)


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
    mouth, brow = np.flatnonzero(labels == 1), np.flatnonzero(labels == 2)
    changed = faces[mouth]
    _smooth(changed, slice(50, 66), slice(26, 42), rng)  # the cells of rows 6 and 7, columns 3 and 4
    faces[mouth] = changed
    changed = faces[brow]
    _smooth(changed, slice(2, 18), slice(10, 26), rng)  # rows 0 and 1, columns 1 and 2
    faces[brow] = changed
    chosen = PairwisePatches().fit(patch_histograms(faces), labels)
    pairs = dict(zip(combinations(range(3), 2), chosen.chosen_.tolist(), strict=True))
    assert pairs[0, 1][0] == 6 * 7 + 3
    assert pairs[0, 2][0] == 0 * 7 + 1
    assert pairs[1, 2][0] in (6 * 7 + 3, 0 * 7 + 1)
    assert chosen.where.sum() == pytest.approx(1)
    assert chosen.where[6, 3] >= 1 / 12


def test_the_result_holds_each_vertex_and_each_edge_once(rng):
    chooser = PairwisePatches()
    chooser.chosen_ = np.array([[3, 1], [1, 3], [3, 8]])
    features = rng.random((2, 49 * 4)).astype(np.float32)
    each = features.reshape(2, 49, 4)
    found = chooser.transform(features).reshape(2, -1, 4)
    expected = [
        each[:, 1],
        each[:, 3],
        each[:, 8],
        abs(each[:, 1] - each[:, 3]),
        abs(each[:, 3] - each[:, 8]),
    ]
    np.testing.assert_allclose(found, np.stack(expected, axis=1))
