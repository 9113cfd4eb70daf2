"""The named pipelines: where the crop of a known view of the generic face must lie."""

import numpy as np
import pytest
from scipy import ndimage

from feroi.config import PIPELINES
from feroi.photo.align import crop_fixed
from feroi.photo.frontalize import frontalize
from feroi.photo.geometry import FRAME_HW, Camera, Pose, generic_face, rotation_of
from feroi.photo.illumination import normalize_light
from feroi.photo.prepare import FRONT_YAW_LIMIT_DEG, prepare

HEAD_CM = np.array([0.0, 0.9, 1.1])  # the middle of a head, and its side of 28.5 cm, as documented
SCALE = 8.0  # px a cm


@pytest.fixture(scope="module")
def photo():
    noise = np.random.default_rng(4).normal(0, 1, (440, 500))
    return np.clip(128 + 400 * ndimage.gaussian_filter(noise, 3), 0, 255).astype(np.uint8)


def seen(yaw_deg=0.0, roll_deg=0.0):
    """Landmarks of the generic face turned about the middle of its head, which stays at (260, 210)."""
    turned = Camera(rotation_of(Pose(yaw_deg, 0, roll_deg)), SCALE, np.zeros(2))
    camera = turned._replace(shift_px=np.array([260.0, 210.0]) - turned.project(HEAD_CM))
    return camera.project(generic_face().landmarks_cm)


def box_of(crop):
    """Left, top, right, bottom in the photo of a crop that is a box."""
    px = crop.places_xy_px[0, 1, 0] - crop.places_xy_px[0, 0, 0]
    first, last = crop.places_xy_px[0, 0], crop.places_xy_px[-1, -1]
    return np.concatenate([first + 0.5 - px / 2, last + 0.5 + px / 2])


@pytest.mark.parametrize("yaw_deg", [-60, -45, 0, 20, 45])
def test_pose_keeps_the_head_in_place_however_it_is_turned(photo, yaw_deg):
    crop = prepare(photo, seen(yaw_deg), "pose", (284, 284))
    half = 28.5 * SCALE / 2
    expected = [260.5 - half, 210.5 - half, 260.5 + half, 210.5 + half]
    np.testing.assert_allclose(box_of(crop), expected, atol=0.05)
    np.testing.assert_array_equal(crop.image, normalize_light(crop_fixed(photo, box_of(crop), (284, 284))))


@pytest.mark.parametrize("roll_deg", [0, 25])
def test_wild_lies_about_the_spread_of_brows_nose_eyes_and_mouth(photo, roll_deg):
    """Against the formula in words: side 1.12 x 3.41 times the root mean square distance."""
    landmarks = seen(roll_deg=roll_deg)
    crop = prepare(photo, landmarks, "wild", (53, 53))
    inner = landmarks[17:]
    spread = np.sqrt(((inner - inner.mean(0)) ** 2).sum(1).mean())
    down = 0.072 * spread * np.array([-np.sin(np.deg2rad(roll_deg)), np.cos(np.deg2rad(roll_deg))])
    x, y = inner.mean(0) + down - [0, 0.094 * 3.41 * spread] + 0.5
    half = 1.12 * 3.41 * spread / 2
    np.testing.assert_allclose(box_of(crop), [x - half, y - half, x + half, y + half], atol=0.2)
    np.testing.assert_array_equal(crop.image, crop_fixed(photo, box_of(crop), (53, 53)))


def test_an_open_mouth_hardly_changes_the_frame_of_wild(photo):
    """What the box of all landmarks did not: it grew with the jaw by a fifth."""
    shut, open_ = seen(), seen()
    open_[4:13, 1] += 2.5 * SCALE  # 2.5 cm
    open_[[56, 57, 58, 65, 66, 67], 1] += 2.5 * SCALE
    sides = [np.diff(box_of(prepare(photo, points, "wild", (53, 53)))[::2])[0] for points in (shut, open_)]
    assert 1.0 < sides[1] / sides[0] < 1.1


@pytest.mark.parametrize("pipeline", ["pose", "wild"])
def test_landmarks_and_places_of_a_crop_agree(photo, pipeline):
    landmarks = seen(15, 5)
    crop = prepare(photo, landmarks, pipeline, (160, 125))
    for (x, y), place in zip(crop.landmarks_xy_px[30:48], landmarks[30:48], strict=True):
        found = [
            ndimage.map_coordinates(crop.places_xy_px[..., axis], [[y], [x]], order=1) for axis in (0, 1)
        ]
        np.testing.assert_allclose(np.ravel(found), place, atol=1e-6)


@pytest.mark.parametrize("pipeline", ["pose", "wild"])
def test_a_narrow_crop_is_the_middle_of_the_square_one(photo, pipeline):
    square = box_of(prepare(photo, seen(), pipeline, (160, 160)))
    narrow = box_of(prepare(photo, seen(), pipeline, (160, 120)))
    side = square[2] - square[0]
    np.testing.assert_allclose(narrow, square + side / 8 * np.array([1, 0, -1, 0]), atol=1e-6)


@pytest.mark.parametrize("yaw_deg", [0, -44, 44])
def test_front_is_the_frontalised_face_in_even_light(photo, yaw_deg):
    crop = prepare(photo, seen(yaw_deg), "front", FRAME_HW)
    np.testing.assert_array_equal(crop.image, normalize_light(frontalize(photo, seen(yaw_deg)).image))
    assert crop.image.shape == FRAME_HW
    assert crop.places_xy_px.shape == (*FRAME_HW, 2)


@pytest.mark.parametrize("yaw_deg", [-90, -50, 50, 70])
def test_front_refuses_a_face_turned_too_far(photo, yaw_deg):
    message = f"turned by {abs(yaw_deg)} degrees .yaw., and front shows at most {FRONT_YAW_LIMIT_DEG:.0f}"
    with pytest.raises(ValueError, match=message):
        prepare(photo, seen(yaw_deg), "front", FRAME_HW)


def test_front_has_one_size(photo):
    with pytest.raises(ValueError, match="crops of 125x160, not 48x48"):
        prepare(photo, seen(), "front", (48, 48))


def test_an_unknown_pipeline_is_named(photo):
    with pytest.raises(ValueError, match="unknown pipeline 'sfew'; choose one of front, pose, wild"):
        prepare(photo, seen(), "sfew", FRAME_HW)


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("broken", [np.full((68, 2), 7.0), np.full((68, 2), np.nan), np.zeros((5, 2))])
def test_what_is_no_face_is_refused(photo, pipeline, broken):
    with pytest.raises(ValueError, match="landmarks"):
        prepare(photo, broken, pipeline, FRAME_HW)


@pytest.mark.parametrize("pipeline", ["pose", "wild"])
def test_a_face_beyond_the_photo_is_refused(photo, pipeline):
    with pytest.raises(ValueError, match="outside the photo"):
        prepare(photo, seen() + 2000, pipeline, FRAME_HW)
