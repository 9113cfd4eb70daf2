"""Angles of a head from its mesh: known turns must be found again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from feroi.photo.face_mesh_points import INDEX_68, OUTER_EYE_CORNERS
from feroi.photo.geometry import Pose, generic_face, rotation_of
from feroi.photo.pose import head_pose, mean_mesh, similarity


def seen(pose, scale=11.0, shift=(320.0, 240.0, -5.0), points=None):
    """The mesh of a head in a photo: y down, z away from the camera."""
    points = mean_mesh().points_cm if points is None else points
    return (scale * points @ rotation_of(pose).T) * [1, -1, -1] + shift


@settings(max_examples=60, deadline=None)
@given(
    yaw=st.floats(-180, 180),
    pitch=st.floats(-85, 85),
    roll=st.floats(-180, 180),
    scale=st.floats(0.2, 300),
    shift=st.tuples(*[st.floats(-5000, 5000)] * 3),
)
def test_a_known_turn_is_found_again(yaw, pitch, roll, scale, shift):
    pose = Pose(yaw, pitch, roll)
    found = head_pose(seen(pose, scale, shift))
    apart = Rotation.from_matrix(rotation_of(found).T @ rotation_of(pose)).magnitude()
    assert np.degrees(apart) < 1e-4


def test_the_angles_have_the_signs_that_pose_says():
    to_the_right = seen(Pose(30, 0, 0))
    nose, eyes = to_the_right[1], to_the_right[list(OUTER_EYE_CORNERS)]
    assert nose[0] > eyes[:, 0].mean()  # towards the image's right
    assert head_pose(to_the_right).yaw_deg > 0
    level, raised = seen(Pose(0, 0, 0)), seen(Pose(0, 25, 0))
    assert raised[1, 1] - raised[33, 1] < level[1, 1] - level[33, 1]  # the nose rises towards the eyes
    assert head_pose(raised).pitch_deg > 0
    right_eye, left_eye = seen(Pose(0, 0, 20))[list(OUTER_EYE_CORNERS)]
    assert left_eye[1] > right_eye[1]  # clockwise: the image's right side sinks
    assert head_pose(seen(Pose(0, 0, 20))).roll_deg > 0


def test_a_mirrored_head_is_turned_the_other_way():
    strange = mean_mesh().points_cm + np.random.default_rng(0).normal(0, 0.3, (478, 3))
    points = seen(Pose(25, -10, 15), points=strange)
    mirrored = (points * [-1, 1, 1])[mean_mesh().mirror_order]
    np.testing.assert_allclose(head_pose(mirrored), head_pose(points) * np.array([-1, 1, -1]), atol=1e-9)


def test_points_that_expressions_move_count_less():
    mean = mean_mesh()
    jaw = [152, 148, 377, 176, 400]
    assert mean.trust[jaw].max() < mean.trust[[6, 168, 197]].min()  # bridge of the nose
    dropped = mean.points_cm.copy()
    dropped[mean.points_cm[:, 1] < -4] -= [0, 1.5, 0]
    assert abs(head_pose(seen(Pose(0, 0, 0), points=dropped)).pitch_deg) < 5


def test_the_mean_mesh_is_a_symmetric_head_in_the_place_of_the_generic_face():
    mean = mean_mesh()
    np.testing.assert_allclose(mean.points_cm[mean.mirror_order] * [-1, 1, 1], mean.points_cm, atol=2e-3)
    np.testing.assert_array_equal(mean.mirror_order[mean.mirror_order], np.arange(478))
    assert mean.mirror_order[OUTER_EYE_CORNERS[0]] == OUTER_EYE_CORNERS[1]
    apart = (mean.points_cm[INDEX_68] - generic_face().landmarks_cm)[17:]
    assert np.abs(apart[:, :2]).max() < 1.5  # cm; brows and the bridge of the nose mean other places
    assert np.ptp(apart[:, 2]) < 2.5


def test_similarity_agrees_with_scipy():
    rng = np.random.default_rng(1)
    reference, trust = rng.normal(size=(30, 3)), rng.uniform(0.1, 1, 30)
    points = rng.normal(size=(30, 3))  # nothing alike: the best turn is no exact one
    fit = similarity(points, reference, trust)
    share = trust / trust.sum()
    oracle, _ = Rotation.align_vectors(points - share @ points, reference - share @ reference, weights=trust)
    np.testing.assert_allclose(fit.rotation, oracle.as_matrix(), atol=1e-9)
    assert np.linalg.det(fit.rotation) == pytest.approx(1)


@pytest.mark.parametrize(
    ("points", "complaint"),
    [
        (np.zeros((68, 3)), "478 points"),
        (np.full((478, 3), np.nan), "finite"),
        (np.zeros((478, 3)), "one line or in one point"),
        (np.arange(478)[:, None] * np.ones(3), "one line or in one point"),
    ],
)
def test_points_that_are_no_face_are_refused(points, complaint):
    with pytest.raises(ValueError, match=complaint):
        head_pose(points)
