from __future__ import annotations

import numpy as np
import pytest

from feroi.explain.roi import average, mean_looks, project, region_of_interest


def test_a_uniform_map_is_1_everywhere():
    np.testing.assert_allclose(project(np.full((2, 9, 7), 1 / 63), (144, 112)), 1)


def test_projection_is_linear_interpolation_between_centres_of_locations():
    # One row of two locations on 8 px; centres at pixels 1.5 and 5.5; by hand, times 2 locations.
    row = project(np.array([[[0.0, 1.0]]]), (1, 8))[0, 0]
    np.testing.assert_allclose(row / 2, [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])


def test_projection_against_scipy():
    from scipy.ndimage import map_coordinates

    maps = np.random.default_rng(0).random((1, 3, 5))
    places = np.meshgrid((np.arange(48) + 0.5) / 16 - 0.5, (np.arange(80) + 0.5) / 16 - 0.5, indexing="ij")
    expected = map_coordinates(maps[0], places, order=1, mode="nearest")
    np.testing.assert_allclose(project(maps, (48, 80))[0], 15 * expected, atol=1e-12)


def test_projection_keeps_the_weight_where_it_was_and_mirrors_with_the_map():
    maps = np.zeros((1, 9, 7))
    maps[0, 2, 5] = 1
    projected = project(maps, (144, 112))
    assert np.unravel_index(projected[0].argmax(), (144, 112)) == pytest.approx((39.5, 87.5), abs=0.6)
    np.testing.assert_allclose(project(maps[:, :, ::-1], (144, 112)), projected[:, :, ::-1])


def test_a_region_of_interest_is_smoothed_evidence_above_0():
    from scipy.ndimage import gaussian_filter

    evidence = np.random.default_rng(1).normal(size=(2, 12, 12))
    expected = np.stack([gaussian_filter(each, 3.0, truncate=8) for each in project(evidence, (48, 48))])
    expected = np.maximum(expected, 0)
    found = region_of_interest(evidence, (48, 48))
    np.testing.assert_allclose(found.mean((1, 2)), 1)
    inner = np.s_[:, 12:36, 12:36]  # SciPy's Gaussian ends otherwise at the border
    kept = found[inner] > 0.2
    ratio = (found[inner] / np.maximum(expected[inner], 1e-9))[kept]
    each = np.broadcast_to(np.arange(2)[:, None, None], found[inner].shape)[kept]
    for number in range(2):
        assert np.ptp(ratio[each == number]) < 0.02 * ratio[each == number].mean()
    np.testing.assert_allclose(
        region_of_interest(evidence[..., ::-1], (48, 48)), found[..., ::-1], atol=1e-12
    )


def test_where_nothing_speaks_for_the_answer_the_region_is_all():
    np.testing.assert_array_equal(region_of_interest(-np.ones((1, 3, 3)), (48, 48)), np.ones((1, 48, 48)))


def test_means_of_groups():
    faces = np.array([np.full((16, 16), v) for v in (10, 20, 200)], np.uint8)
    maps = np.array([[[0.2, 0.8]], [[0.4, 0.6]], [[1.0, 0.0]]])
    looks = mean_looks(["sad", "sad", "happy"], faces, maps)
    assert list(looks) == ["happy", "sad"]
    assert looks["sad"].n == 2
    assert (looks["sad"].face == 15).all()
    assert looks["sad"].roi[0, 0] == pytest.approx(2 * 0.3)
    assert looks["happy"].roi[0, 0] == pytest.approx(2)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="maps must be"):
        project(np.zeros((9, 7)), (144, 112))
    with pytest.raises(ValueError, match="differ in number"):
        mean_looks(["sad"], np.zeros((2, 4, 4), np.uint8), np.zeros((2, 1, 1)))


def test_average_by_hand_and_where_pixels_are_shared():
    pixels = np.arange(16.0).reshape(1, 4, 4)
    assert average(pixels, (2, 2))[0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    # three pixels on two locations: the middle one counts half for each
    assert average(np.array([[[1.0, 2.0, 6.0]]]), (1, 2))[0, 0] == pytest.approx([2 / 1.5, 7 / 1.5])
