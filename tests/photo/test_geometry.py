"""The generic face and poses: known views of it must be found again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feroi.photo.geometry import (
    FRAME_EYES_PX,
    FRAME_HW,
    MIRROR_ORDER,
    SHAPE_FILE,
    Camera,
    Pose,
    anchor_points,
    fit_camera,
    frame_grid_cm,
    frame_px,
    generic_face,
    rotation_of,
)


def view(pose, scale=12.0, shift=(300.0, 220.0)):
    return Camera(rotation_of(pose), scale, np.array(shift))


@settings(max_examples=60, deadline=None)
@given(
    yaw=st.floats(-80, 80),
    pitch=st.floats(-50, 50),
    roll=st.floats(-179, 179),
    scale=st.floats(0.5, 200),
    shift=st.tuples(st.floats(-500, 5000), st.floats(-500, 5000)),
)
def test_a_known_view_is_found_again(yaw, pitch, roll, scale, shift):
    camera = view(Pose(yaw, pitch, roll), scale, shift)
    found = fit_camera(camera.project(generic_face().landmarks_cm))
    np.testing.assert_allclose(found.pose(), (yaw, pitch, roll), atol=1e-4)
    np.testing.assert_allclose(found.scale, scale, rtol=1e-6)
    np.testing.assert_allclose(found.shift_px, shift, atol=1e-4 * scale)


@pytest.mark.parametrize("yaw", [-40, 0, 25])
def test_noise_and_one_wild_landmark_cost_few_degrees(yaw):
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(20):
        landmarks = view(Pose(yaw, 8, -5)).project(generic_face().landmarks_cm)
        landmarks += rng.normal(0, 1.5, (68, 2))  # 2 % of the 78 px between the eyes
        landmarks[rng.integers(68)] += 60
        errors.append(np.array(fit_camera(landmarks).pose()) - (yaw, 8, -5))
    assert np.sqrt(np.mean(np.square(errors), axis=0)).max() < 3


@pytest.mark.parametrize(
    ("pose", "point_cm", "expected"),
    [
        (Pose(0, 0, 0), [1, 2, 3], [1, -2]),
        (Pose(90, 0, 0), [0, 0, 1], [1, 0]),  # the nose points to the image's right
        (Pose(0, 90, 0), [0, 0, 1], [0, -1]),  # up
        (Pose(0, 0, 90), [0, 1, 0], [1, 0]),  # the crown, clockwise
        (Pose(90, 0, 90), [0, 0, 1], [0, 1]),  # turned first, tilted after
    ],
)
def test_signs_of_the_angles(pose, point_cm, expected):
    camera = Camera(rotation_of(pose), 1.0, np.zeros(2))
    np.testing.assert_allclose(camera.project(np.array(point_cm, float)), expected, atol=1e-12)


@given(st.floats(-179, 179), st.floats(-89, 89), st.floats(-179, 179))
def test_pose_and_rotation_are_inverse(yaw, pitch, roll):
    rotation = rotation_of(Pose(yaw, pitch, roll))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) > 0
    again = rotation_of(Camera(rotation, 1.0, np.zeros(2)).pose())
    np.testing.assert_allclose(again, rotation, atol=1e-9)


def test_the_mirrored_face_has_the_mirrored_pose():
    rng = np.random.default_rng(1)
    landmarks = view(Pose(20, 5, 10)).project(generic_face().landmarks_cm)
    landmarks += rng.normal(0, 2, (68, 2))
    mirrored = landmarks[MIRROR_ORDER] * [-1, 1] + [639, 0]
    yaw, pitch, roll = fit_camera(landmarks).pose()
    np.testing.assert_allclose(fit_camera(mirrored).pose(), (-yaw, pitch, -roll), atol=1e-9)


def test_the_generic_face_is_symmetric():
    face = generic_face()
    assert sorted(MIRROR_ORDER) == list(range(68))
    np.testing.assert_array_equal(face.landmarks_cm[MIRROR_ORDER] * [-1, 1, 1], face.landmarks_cm)
    np.testing.assert_array_equal(face.surface_cm[..., 2], face.surface_cm[:, ::-1, 2])


def test_the_surface_passes_through_the_landmarks():
    """Two derivations of depth: vertices of the mesh, and its rendered surface."""
    face = generic_face()
    inner = face.landmarks_cm[17:]
    column, row = np.rint(frame_px(inner)).astype(int).T
    np.testing.assert_allclose(face.surface_cm[row, column, 2], inner[:, 2], atol=0.3)


def test_eyes_and_mouth_stand_in_the_documented_places():
    anchors = frame_px(anchor_points(generic_face().landmarks_cm))
    np.testing.assert_allclose(anchors[:2], FRAME_EYES_PX, atol=0.01)
    corners = frame_px(generic_face().landmarks_cm[[48, 54]])
    np.testing.assert_allclose(corners, [(40.2, 107.9), (83.8, 107.9)], atol=0.05)


def test_frame_and_grid_agree():
    rows, columns = np.mgrid[: FRAME_HW[0], : FRAME_HW[1]]
    np.testing.assert_allclose(frame_px(frame_grid_cm()), np.stack([columns, rows], -1), atol=1e-9)


def test_shares_take_each_anchor_to_itself():
    face = generic_face()
    np.testing.assert_allclose(face.anchor_shares.sum(-1), 1)
    for anchor, (x, y) in enumerate(np.rint(frame_px(face.anchors_cm)).astype(int)):
        assert face.anchor_shares[y, x, anchor] > 0.98


def test_the_shape_file_is_small_and_carries_its_licence():
    assert SHAPE_FILE.stat().st_size < 100_000
    assert "USC Institute" in (SHAPE_FILE.parent / "LICENSE-ICT-FaceKit").read_text()


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.zeros((5, 2)), r"shape \(68, 2\)"),
        (np.full((68, 2), np.nan), "finite"),
        (np.ones((68, 2)), "no face"),
        (np.outer(np.arange(68), [1, 2]), "no face"),
    ],
)
def test_landmarks_that_are_no_face_are_refused(landmarks, message):
    with pytest.raises(ValueError, match=message):
        fit_camera(landmarks)
