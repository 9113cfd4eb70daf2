"""Quality against what is known: sizes and turns by geometry, sharpness of waves, faces made worse."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from feroi.photo.crop import prepare
from feroi.photo.decode import to_intensity
from feroi.photo.detect import detect
from feroi.photo.face_mesh import Mesh
from feroi.photo.face_mesh_points import INDEX_68
from feroi.photo.geometry import Camera, Pose, generic_face, rotation_of
from feroi.photo.landmarks import FacePoints, locate
from feroi.photo.pose import head_pose
from feroi.photo.quality import (
    LIMIT,
    SHARPNESS,
    SIZE,
    TURN,
    part,
    photo_px_per_px,
    quality,
    sharpness,
    turn_deg,
)
from support.faces import astronaut as her_photo
from support.faces import made_points

WILD = "wild", (48, 48)


FRONTAL = Pose(0, 0, 0)


@pytest.fixture(scope="module")
def astronaut():
    (face,) = detect(her_photo())
    return to_intensity(her_photo()), locate(her_photo(), [face.frame])[0]


def judged(photo, points, pipeline="wild", size_hw=(48, 48), pose=FRONTAL):
    return quality(photo, points, prepare(photo, points, pipeline, size_hw), pose)


def seen(yaw_deg=0.0, pitch_deg=0.0, scale=8.0):
    """The generic face, `scale` px a cm, its origin at (250, 200), as a mesh of its landmarks alone."""
    view = Camera(rotation_of(Pose(yaw_deg, pitch_deg, 0)), scale, np.array([250.0, 200.0]))
    points = made_points(view.project(generic_face().landmarks_cm))
    points.mesh.points_xyz_px[INDEX_68, 2] = -scale * (generic_face().landmarks_cm @ view.rotation.T)[:, 2]
    return points


def shrunk(photo, points, factor):
    """The photo and its points `factor` times smaller."""
    size = (round(photo.shape[1] / factor), round(photo.shape[0] / factor))
    mesh = np.append(
        (points.mesh.points_xyz_px[:, :2] + 0.5) / factor - 0.5, points.mesh.points_xyz_px[:, 2:] / factor, 1
    )
    landmarks = (points.landmarks_xy_px + 0.5) / factor - 0.5
    return np.asarray(Image.fromarray(photo).resize(size)), FacePoints(landmarks, Mesh(mesh, 9.0))


def test_size_is_the_distance_between_the_eyes_and_does_not_change_as_the_face_turns(astronaut):
    """The eyes of the generic face are 6.5127 cm apart, so at 3 px a cm 19.5 px."""
    photo, _ = astronaut
    for yaw_deg in (0, 30, 60):
        found = judged(photo, seen(yaw_deg, scale=3.0))
        assert found.size_px == pytest.approx(3 * 6.5127, rel=1e-4)


def test_a_px_of_the_crop_is_as_many_of_the_photo_as_the_box_has_for_it(astronaut):
    """`pose` cuts 28.5 cm, here of 8 px, and makes 284 px of it; a centre cut changes nothing."""
    photo, _ = astronaut
    crop = prepare(photo, seen(), "pose", (284, 284))
    assert photo_px_per_px(crop) == pytest.approx(28.5 * 8 / 284, rel=1e-3)
    middle = crop._replace(image=crop.image[10:-10], places_xy_px=crop.places_xy_px[10:-10])
    assert photo_px_per_px(middle) == pytest.approx(28.5 * 8 / 284, rel=1e-3)


@pytest.mark.parametrize("contrast", [100.0, 40.0])
@pytest.mark.parametrize("period", [4, 8, 12])
def test_sharpness_of_a_wave_is_known_whatever_its_contrast(period, contrast):
    """Differences multiply a wave by 2 sin(pi / period), once for slope, twice for bend."""
    wave = 128 + contrast * np.sin(2 * np.pi * np.arange(1, 49) / period + 0.3)
    face = np.rint(np.tile(wave, (48, 1))).astype(np.uint8)
    expected = (2 * np.sin(np.pi / period)) ** 2
    for each in (face, face.T, 255 - face):
        assert sharpness(each) == pytest.approx(expected, rel=0.08)


def test_a_flat_picture_is_not_sharp():
    assert sharpness(np.full((48, 48), 90, np.uint8)) == 0


def test_more_blur_scores_lower(astronaut):
    photo, points = astronaut
    blurred = [np.rint(gaussian_filter(photo.astype(float), px)).astype(np.uint8) for px in (0, 2, 3, 4, 6)]
    found = [judged(each, points) for each in blurred]
    assert (np.diff([each.sharpness for each in found]) < 0).all()
    assert (np.diff([each.score for each in found]) <= 0).all()
    assert [each.problem for each in found][::4] == ["", "too blurred"]


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "expected_deg"),
    [
        (0, 0, 0),
        (40, 0, 40),
        (-40, 0, 40),
        (0, 50, 50),
        (0, -50, 50),
        (60, 60, 75.5225),
        (90, 45, 90),
        (180, 0, 180),
    ],
)
def test_turn_is_the_angle_to_the_camera_whatever_the_direction(yaw_deg, pitch_deg, expected_deg):
    """cos of it is cos yaw cos pitch; of 60 and 60 degrees a quarter. Roll does not count."""
    for roll_deg in (0, 77):
        assert turn_deg(Pose(yaw_deg, pitch_deg, roll_deg)) == pytest.approx(expected_deg, abs=1e-3)
    looks = rotation_of(Pose(yaw_deg, pitch_deg, 31)) @ [0, 0, 1]
    assert np.degrees(np.arccos(looks[2])) == pytest.approx(expected_deg, abs=1e-3)


@pytest.mark.parametrize(
    "pose", [Pose(-60, 0, 0), Pose(0, 60, 0), Pose(40, -40, 10), Pose(30, 0, 0), Pose(0, -20, 90)]
)
def test_faces_turned_or_lowered_far_are_refused(astronaut, pose):
    found = judged(*astronaut, pose=pose)
    assert found.pose == pose
    assert (found.problem == "turned too far") == (turn_deg(pose) > 52)
    assert found.score <= part(TURN, turn_deg(pose))


def test_the_astronaut_is_of_good_quality(astronaut):
    pose = head_pose(astronaut[1].mesh.points_xyz_px)
    found = judged(*astronaut, pose=pose)
    assert found.score > 0.9
    assert (found.problem, found.remark) == ("", "")
    assert turn_deg(pose) < 20


def test_a_face_of_eleven_px_is_too_small(astronaut):
    photo, points = astronaut
    height = np.ptp(points.landmarks_xy_px[17:, 1])  # brows to lower lip
    found = judged(*shrunk(photo, points, height / 11))
    assert found.score < LIMIT
    assert (found.problem, found.remark) == ("too small", "small face")
    assert found.refusal == f"too small to be read (quality {found.score:.2f})".replace("0.", ".")


def test_a_larger_input_needs_a_larger_face(astronaut):
    """What half the face is to one network, the whole is to one with twice its pixels a side."""
    photo, points = astronaut
    large = judged(photo, points, "wild", (192, 192))
    small = judged(*shrunk(photo, points, 4), "wild", (48, 48))
    assert part(SIZE, photo_px_per_px(prepare(photo, points, "wild", (192, 192)))) < 1
    assert large.score == pytest.approx(small.score, abs=0.05)


def test_sharpness_is_measured_alike_for_all_pipelines(astronaut):
    found = [judged(*astronaut, *how) for how in (WILD, ("front", (160, 125)), ("pose", (284, 284)))]
    assert len({each.sharpness for each in found}) == 1


@pytest.mark.parametrize("curve", [SIZE, SHARPNESS, TURN])
def test_parts_fall_from_one_to_nothing(curve):
    measured, shares = np.array(curve).T
    assert (np.diff(measured) > 0).all()
    assert sorted([shares[0], shares[-1]]) == [0, 1]
    assert (np.sign(np.diff(shares)) == np.sign(shares[-1] - shares[0])).all()
    assert part(curve, measured[0] - 1) == shares[0]
    assert part(curve, measured[-1] + 1) == shares[-1]
