"""Crops in the plane: against exact slices, Pillow's own resizing, and known similarities."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from feroi.photo.align import RAFD_POSE_BOX_XYXY_PX, aligned_places, crop_fixed
from feroi.photo.geometry import FRAME_HW, Camera, Pose, frame_px, generic_face, rotation_of


@pytest.fixture
def photo():
    noise = np.random.default_rng(4).normal(0, 1, (120, 90))
    return np.clip(128 + 200 * ndimage.gaussian_filter(noise, 2), 0, 255).astype(np.uint8)


def test_a_whole_pixel_box_is_a_slice(photo):
    np.testing.assert_array_equal(crop_fixed(photo, (10, 20, 74, 100), (80, 64)), photo[20:100, 10:74])


@pytest.mark.parametrize("size", [(40, 32), (37, 30), (20, 16)])
def test_shrinking_is_close_to_pillows(photo, size):
    box = (6, 8, 80, 100)
    expected = Image.fromarray(photo).resize(size[::-1], Image.Resampling.BICUBIC, box=box)
    difference = np.abs(crop_fixed(photo, box, size) - np.asarray(expected, float))
    assert difference.mean() < 3


def test_fine_checks_are_averaged_and_not_aliased():
    checks = (np.indices((200, 200)).sum(0) % 2 * 255).astype(np.uint8)
    out = crop_fixed(checks, (3, 3, 190, 197), (31, 29)).astype(int)
    assert np.abs(out - 127).max() < 12


def test_a_box_that_leaves_the_photo_repeats_its_border(photo):
    expected = np.pad(photo, 15, mode="edge")
    np.testing.assert_array_equal(crop_fixed(photo, (-15, -15, 105, 135), (150, 120)), expected)


def test_a_huge_box_costs_no_memory(photo):
    assert crop_fixed(photo, (-1e9, -1e9, 1e9, 1e9), (8, 8)).shape == (8, 8)


def test_the_default_box_is_a_square_of_rafd():
    x0, y0, x1, y1 = RAFD_POSE_BOX_XYXY_PX
    assert (x1 - x0, y1 - y0) == (568, 568)
    assert x0 == 681 - x1
    assert min(x0, y0) >= 0
    assert y1 <= 1024
    assert crop_fixed(np.zeros((1024, 681), np.uint8)).shape == (284, 284)


@pytest.mark.parametrize("yaw_deg", [-60, 0, 60])
def test_a_face_aligned_in_the_plane_is_the_turned_face_upright_at_the_frames_scale(yaw_deg):
    """Tilted, enlarged and shifted in the photo, it comes to lie as the same camera sees it level."""
    points = generic_face().landmarks_cm
    level = Camera(rotation_of(Pose(yaw_deg, 0, 0)), 1.0, np.zeros(2)).project(points)
    tilted = Camera(rotation_of(Pose(yaw_deg, 0, 25)), 17.0, np.array([210.0, 190.0])).project(points)
    places = aligned_places(tilted)
    assert places.shape == (*FRAME_HW, 2)
    step = places[0, 1] - places[0, 0]
    np.testing.assert_allclose(places[1, 0] - places[0, 0], [-step[1], step[0]], atol=1e-9)  # square px
    found = ((tilted - places[0, 0]) @ [1, 1j]) / complex(*step)
    found = np.stack([found.real, found.imag], 1)
    frame = frame_px(points)
    px_per_cm = np.ptp(frame[:, 1]) / np.ptp(points[:, 1])
    np.testing.assert_allclose(found - found[30], px_per_cm * (level - level[30]), atol=0.05)
    eyes_and_mouth = [found[36:42].mean(0), found[42:48].mean(0), found[[48, 54]].mean(0)]
    np.testing.assert_allclose(np.mean(eyes_and_mouth, 0), [62, (48 + 48 + 107.86) / 3], atol=0.01)


def test_inputs_are_left_alone(photo):
    photo.flags.writeable = False
    before = photo.copy()
    crop_fixed(photo, (0, 0, 9, 9))
    np.testing.assert_array_equal(photo, before)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((0, 0, 5), "a box is"),
        ((5, 0, 5, 9), "x0 < x1"),
        ((0, 0, np.inf, 9), "a box is"),
        ((90, 0, 99, 9), "outside the photo of 90x120 px"),
        ((-9, 0, 0, 9), "outside the photo"),
    ],
)
def test_boxes_that_hold_nothing_are_refused(photo, box, message):
    with pytest.raises(ValueError, match=message):
        crop_fixed(photo, box)


def test_wrong_arguments_are_refused(photo):
    with pytest.raises(ValueError, match="size_hw"):
        crop_fixed(photo, (0, 0, 9, 9), (1, 9))
    with pytest.raises(ValueError, match="uint8"):
        crop_fixed(photo.astype(float), (0, 0, 9, 9))
