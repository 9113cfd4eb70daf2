"""The named pipelines: where the crop of a known view of the generic face must lie."""

import numpy as np
import pytest
from scipy import ndimage

from feroi.config import PIPELINES
from feroi.photo.align import aligned_places, crop_fixed
from feroi.photo.crop import FRONT_YAW_LIMIT_DEG, face_frame, fer_frame, prepare, prepare_whole
from feroi.photo.decode import cover, to_intensity
from feroi.photo.detect import detect
from feroi.photo.face_mesh import fit_meshes, frame_around
from feroi.photo.frontalize import frontalize
from feroi.photo.geometry import FRAME_HW, Camera, Pose, generic_face, rotation_of
from feroi.photo.illumination import normalize_light
from feroi.photo.landmarks import FacePoints, locate
from feroi.photo.squares import cut
from feroi.photo.warp import sample
from support.faces import astronaut, made_points

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
    crop = prepare(photo, made_points(seen(yaw_deg)), "pose", (284, 284))
    half = 28.5 * SCALE / 2
    expected = [260.5 - half, 210.5 - half, 260.5 + half, 210.5 + half]
    np.testing.assert_allclose(box_of(crop), expected, atol=0.05)
    np.testing.assert_array_equal(crop.image, normalize_light(crop_fixed(photo, box_of(crop), (284, 284))))


@pytest.mark.parametrize("roll_deg", [0, 25])
def test_wild_lies_about_brows_nose_eyes_and_mouth_by_the_size_of_the_face(photo, roll_deg):
    """As the formula says: 0.708 of the mesh's frame, 0.056 of it above the middle of the features."""
    landmarks = seen(roll_deg=roll_deg)
    crop = prepare(photo, made_points(landmarks), "wild", (53, 53))
    frame_side = 1.5 * np.ptp(seen(), axis=0).max()  # of the upright face
    inner = landmarks[17:]
    spread = np.sqrt(((inner - inner.mean(0)) ** 2).sum(1).mean())
    down = np.array([-np.sin(np.deg2rad(roll_deg)), np.cos(np.deg2rad(roll_deg))])
    x, y = inner.mean(0) + (0.072 * spread - 0.056 * frame_side) * down
    middle = (crop.places_xy_px[26, 26] + crop.places_xy_px[0, 0] + crop.places_xy_px[-1, -1]) / 3
    np.testing.assert_allclose(middle, [x, y], atol=0.05)
    across, along = (crop.places_xy_px[at] - crop.places_xy_px[0, 0] for at in ((0, -1), (-1, 0)))
    level = np.array([down[1], -down[0]])
    np.testing.assert_allclose(across, 0.708 * frame_side * 52 / 53 * level, atol=0.05)
    np.testing.assert_allclose(along, 0.708 * frame_side * 52 / 53 * down, atol=0.05)
    if not roll_deg:
        np.testing.assert_array_equal(crop.image, crop_fixed(photo, box_of(crop), (53, 53)))


def test_wild_shows_a_tilted_face_level(photo):
    """What it shows of a turned photo is what it shows of the photo, but for interpolation."""
    tilted = ndimage.rotate(photo, -25, reshape=False, order=3, mode="nearest")  # clockwise
    turn = np.deg2rad(25)
    middle = (np.array(photo.shape[::-1]) - 1) / 2
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    turned = (seen() - middle) @ rotation.T + middle
    level, shown = (
        prepare(each, made_points(points), "wild", (48, 48)).image.astype(int)
        for each, points in ((photo, seen()), (tilted, turned))
    )
    assert np.abs(level - shown).mean() < 2
    assert np.abs(level - prepare(tilted, made_points(seen()), "wild", (48, 48)).image).mean() > 20


@pytest.mark.parametrize("pipeline", ["pose", "wild"])
def test_landmarks_and_places_of_a_crop_agree(photo, pipeline):
    landmarks = seen(15, 5)
    crop = prepare(photo, made_points(landmarks), pipeline, (160, 125))
    for (x, y), place in zip(crop.landmarks_xy_px[30:48], landmarks[30:48], strict=True):
        found = [
            ndimage.map_coordinates(crop.places_xy_px[..., axis], [[y], [x]], order=1) for axis in (0, 1)
        ]
        np.testing.assert_allclose(np.ravel(found), place, atol=1e-6)


@pytest.mark.parametrize("pipeline", ["pose", "wild"])
def test_a_narrow_crop_is_the_middle_of_the_square_one(photo, pipeline):
    square = box_of(prepare(photo, made_points(seen()), pipeline, (160, 160)))
    narrow = box_of(prepare(photo, made_points(seen()), pipeline, (160, 120)))
    side = square[2] - square[0]
    np.testing.assert_allclose(narrow, square + side / 8 * np.array([1, 0, -1, 0]), atol=1e-6)


@pytest.mark.parametrize("yaw_deg", [0, -44, 44])
def test_front_is_the_frontalised_face_in_even_light(photo, yaw_deg):
    crop = prepare(photo, made_points(seen(yaw_deg)), "front", FRAME_HW)
    np.testing.assert_array_equal(crop.image, normalize_light(frontalize(photo, seen(yaw_deg)).image))
    assert crop.image.shape == FRAME_HW
    assert crop.places_xy_px.shape == (*FRAME_HW, 2)


@pytest.mark.parametrize("yaw_deg", [-90, -50, 50, 70])
def test_front_refuses_a_face_turned_too_far(photo, yaw_deg):
    message = f"turned by {abs(yaw_deg)} degrees .yaw., and front shows at most {FRONT_YAW_LIMIT_DEG:.0f}"
    with pytest.raises(ValueError, match=message):
        prepare(photo, made_points(seen(yaw_deg)), "front", FRAME_HW)


@pytest.mark.parametrize("size_hw", [(48, 48), (320, 250), (160, 100)])
def test_front_keeps_its_proportions_and_is_not_enlarged(photo, size_hw):
    with pytest.raises(ValueError, match=f"125x160 or like it but smaller, not {size_hw[1]}x{size_hw[0]}"):
        prepare(photo, made_points(seen()), "front", size_hw)


def test_a_smaller_front_is_the_large_one_made_smaller_as_stored_faces_are(photo):
    points = made_points(seen(yaw_deg=10))
    large, small = (prepare(photo, points, "front", hw) for hw in (FRAME_HW, (80, 62)))
    assert np.array_equal(small.image, cover(large.image, (80, 62)))
    # 62 of 62.5 px are kept: half a pixel of the large crop is cut from each side, and two become one.
    expected = (large.landmarks_xy_px + 0.5 - [0.5, 0]) / 2 - 0.5
    np.testing.assert_allclose(small.landmarks_xy_px, expected, atol=1e-9)
    for (x, y), (x2, y2) in zip(large.landmarks_xy_px[27:], small.landmarks_xy_px[27:], strict=True):
        shown = [
            ndimage.map_coordinates(large.places_xy_px[..., axis], [[y], [x]], order=1) for axis in (0, 1)
        ]
        again = [
            ndimage.map_coordinates(small.places_xy_px[..., axis], [[y2], [x2]], order=1) for axis in (0, 1)
        ]
        np.testing.assert_allclose(again, shown, atol=0.3)  # px of the photo


@pytest.mark.parametrize("yaw_deg", [-70, 50])
def test_front_aligns_a_turned_face_in_the_plane_where_it_is_to_be_kept(photo, yaw_deg):
    landmarks = seen(yaw_deg)
    crop = prepare(photo, made_points(landmarks), "front", FRAME_HW, keep_turned=True)
    places = aligned_places(landmarks)
    np.testing.assert_array_equal(crop.image, normalize_light(sample(photo, places)))
    inside = crop.landmarks_xy_px[[36, 45, 57]].round().astype(int)  # eyes' corners and the lower lip
    np.testing.assert_allclose(places[inside[:, 1], inside[:, 0]], landmarks[[36, 45, 57]], atol=1)


def test_front_frontalises_a_face_turned_little_in_any_case(photo):
    kept, plain = (
        prepare(photo, made_points(seen(40)), "front", FRAME_HW, keep_turned=keep) for keep in (True, False)
    )
    np.testing.assert_array_equal(kept.image, plain.image)


def test_an_unknown_pipeline_is_named(photo):
    with pytest.raises(ValueError, match="unknown pipeline 'sfew'; choose one of front, pose, wild"):
        prepare(photo, made_points(seen()), "sfew", FRAME_HW)


@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("broken", [np.full((68, 2), 7.0), np.full((68, 2), np.nan), np.zeros((5, 2))])
def test_what_is_no_face_is_refused(photo, pipeline, broken):
    with pytest.raises(ValueError, match="landmarks"):
        prepare(photo, FacePoints(broken, made_points(seen()).mesh), pipeline, FRAME_HW)


@pytest.mark.parametrize("shift", [(2000, 2000), (0, 600), (-700, 0), (0, -600), (700, 0)])
@pytest.mark.parametrize("pipeline", ["pose", "wild"])
def test_a_face_beyond_the_photo_is_refused(photo, pipeline, shift):
    with pytest.raises(ValueError, match="outside the photo of 500x440 px"):
        prepare(photo, made_points(seen() + shift), pipeline, FRAME_HW)
    prepare(photo, made_points(seen() + np.array(shift).clip(-180, 180)), pipeline, FRAME_HW)


@pytest.fixture(scope="module")
def hers():
    (face,) = detect(astronaut())
    return locate(astronaut(), [face.frame])[0]


@pytest.mark.parametrize("size_hw", [(48, 48), (284, 284), (160, 125)])
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_mesh_finds_the_face_of_a_crop_where_its_pipeline_put_it(hers, pipeline, size_hw):
    if pipeline == "front" and size_hw != FRAME_HW:
        pytest.skip("front has one size")
    crop = prepare(to_intensity(astronaut()), hers, pipeline, size_hw)
    expected = face_frame(pipeline, size_hw)
    (mesh,) = fit_meshes(crop.image, [expected])
    found = frame_around(mesh.points_xyz_px)
    assert mesh.presence > 5
    assert abs(found.centre - expected.centre) < 0.06 * expected.side
    assert found.side == pytest.approx(expected.side, rel=0.1)
    assert abs(found.roll_rad) < np.deg2rad(5)


def test_a_half_sized_frontal_crop_has_its_face_in_a_frame_half_as_large():
    whole, half = face_frame("front", FRAME_HW), face_frame("front", (80, 63))
    assert half.side == pytest.approx(whole.side / 2)
    assert half.centre + 0.5 + 0.5j == pytest.approx((whole.centre + 0.5 + 0.5j) / 2)


def test_what_fer_frame_cuts_is_what_wild_shows(hers):
    crop = prepare(to_intensity(astronaut()), hers, "wild", (48, 48))
    shown = cut(to_intensity(astronaut()), fer_frame(hers), 48)[..., 0].astype(int)
    assert np.abs(shown - crop.image).mean() < 3


@pytest.mark.parametrize(
    ("shape", "size_hw"), [((48, 48), (48, 48)), ((300, 200), (48, 48)), ((96, 120), (160, 125))]
)
def test_a_picture_that_is_a_face_is_shown_from_its_middle(shape, size_hw):
    """A ramp along each axis tells where pixels come from."""
    landmarks = np.random.default_rng(0).uniform(20, 40, (68, 2))
    for axis in (0, 1):
        values = np.indices(shape)[axis] * 0.8
        crop = prepare_whole(np.rint(values).astype(np.uint8), made_points(landmarks), size_hw)
        assert crop.image.shape == size_hw
        inner = np.s_[2:-2, 2:-2]
        seen_at = crop.image[inner].astype(float) / 0.8
        np.testing.assert_allclose(seen_at, crop.places_xy_px[inner][..., 1 - axis], atol=1.3)
    middle = crop.places_xy_px.reshape(-1, 2).mean(0)
    np.testing.assert_allclose(middle, (np.array(shape[::-1]) - 1) / 2, atol=0.51)
    for (x, y), place in zip(crop.landmarks_xy_px, landmarks, strict=True):
        step = crop.places_xy_px[1, 1] - crop.places_xy_px[0, 0]
        np.testing.assert_allclose(crop.places_xy_px[0, 0] + [x, y] * step, place, atol=1e-9)
