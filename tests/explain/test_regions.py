from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from feroi.explain import regions
from feroi.explain.regions import region_areas, region_gains, region_masks, region_shares, region_sums
from feroi.photo.geometry import FRAME_HW, frame_px, generic_face
from feroi.vocabulary import REGIONS

LANDMARKS = frame_px(generic_face().landmarks_cm)


@pytest.fixture(scope="module")
def masks():
    return region_masks(LANDMARKS, FRAME_HW)


def test_regions_are_disjoint_and_named_as_in_table_4(masks):
    assert tuple(masks) == REGIONS
    assert np.sum(list(masks.values()), axis=0).max() == 1
    assert all(mask.shape == FRAME_HW for mask in masks.values())


@pytest.mark.parametrize(
    ("region", "landmark"),
    [
        ("brow", 19),
        ("brow", 24),
        ("lid", 37),
        ("lid", 44),
        ("nose", 30),
        ("lip", 51),
        ("lip", 57),
        ("lip", 54),
    ],
)
def test_a_landmark_lies_in_its_region(masks, region, landmark):
    column, row = np.rint(LANDMARKS[landmark]).astype(int)
    assert masks[region][row, column]


def test_cheeks_lie_beside_the_nose_and_the_jaw_above_the_chin(masks):
    middle = (LANDMARKS[36] + LANDMARKS[48]) / 2  # between the outer corner of an eye and of the mouth
    assert masks["cheek"][tuple(np.rint(middle[::-1]).astype(int))]
    below = (LANDMARKS[57] + LANDMARKS[8]) / 2
    assert masks["jaw"][tuple(np.rint(below[::-1]).astype(int))]


def test_regions_follow_the_face(masks):
    """Twice as large, shifted and mirrored."""
    mirrored = LANDMARKS * [-1, 1] + [FRAME_HW[1] - 1, 0]
    from feroi.photo.geometry import MIRROR_ORDER

    other = region_masks(mirrored[MIRROR_ORDER], FRAME_HW)
    large = region_masks(2 * LANDMARKS + 0.5, (2 * FRAME_HW[0], 2 * FRAME_HW[1]))
    for name, mask in masks.items():
        assert np.mean(other[name][:, ::-1] != mask) < 0.02
        assert large[name].sum() == pytest.approx(4 * mask.sum(), rel=0.06)


def test_shares_by_hand():
    masks = {"lip": np.array([[True, False]]), "jaw": np.array([[False, False]])}
    assert region_shares(np.array([[3.0, 1.0]]), masks) == {"lip": 0.75, "jaw": 0.0}


def test_sums_of_locations_by_hand():
    # two locations on 4 px; the lip covers the first and half of the second
    masks = {"lip": np.array([[True, True, True, False]]), "jaw": np.array([[False, False, False, False]])}
    sums = region_sums(np.array([[[2.0, 4.0]], [[-1.0, 1.0]]]), masks)
    assert {name: values.tolist() for name, values in sums.items()} == {
        "lip": [4.0, -0.5], "jaw": [0.0, 0.0], "elsewhere": [2.0, 0.5],
    }  # fmt: skip


def test_gains_by_hand():
    masks = {"lip": np.array([[True, False, False, False]]), "brow": np.array([[False, True, True, False]])}
    masks["jaw"] = np.zeros((1, 4), bool)
    areas = region_areas(masks)
    assert areas == {"lip": 0.25, "brow": 0.5, "jaw": 0.0}
    shares = region_shares(np.array([[4.0, 1.0, 1.0, 4.0]]), masks)
    # two fifths of the map on a quarter of the image; a region outside it has no gain
    assert region_gains(shares, areas) == pytest.approx({"lip": 1.6, "brow": 0.4})


def test_shares_of_a_uniform_map_are_the_areas(masks):
    shares = region_shares(np.ones(FRAME_HW), masks)
    assert shares["cheek"] == pytest.approx(masks["cheek"].mean())
    assert 0.5 < sum(shares.values()) <= 1


def test_hulls_are_those_of_scipy():
    rng = np.random.default_rng(0)
    for number in (3, 5, 40):
        points = rng.normal(size=(number, 2)).round(1 if number == 40 else 6)  # 40: some lie in one place
        corners = regions._hull_corners(points)
        expected = points[ConvexHull(points).vertices]
        assert set(map(tuple, corners)) == set(map(tuple, expected))
        first = int(np.flatnonzero((expected == corners[0]).all(1))[0])
        np.testing.assert_array_equal(corners, np.roll(expected, -first, axis=0))
