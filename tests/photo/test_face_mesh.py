"""The face mesh's frames on made points, and that batches and photos do not change what it sees."""

from __future__ import annotations

import math

import numpy as np
import pytest

from feroi.photo.face_mesh import coefficients, fit_meshes, frame_around
from feroi.photo.face_mesh_points import (
    COEFFICIENTS,
    INDEX_68,
    INDEX_146,
    OUTER_EYE_CORNERS,
    POINTS,
)
from feroi.photo.landmarks import locate
from feroi.photo.squares import Frame
from support.faces import astronaut

HER_FRAME = Frame(224.0 + 124.5j, 160.0, 0.0)


def made(roll_deg=0.0, middle=(300.0, 200.0), width=80.0, height=100.0):
    """Points filling a box with its corners among them, the eyes level within it, then turned."""
    rng = np.random.default_rng(3)
    points = rng.uniform(-0.5, 0.5, (POINTS, 2)) * [width, height]
    free = [at for at in range(POINTS) if at not in OUTER_EYE_CORNERS][:2]
    points[free] = [[-width / 2, -height / 2], [width / 2, height / 2]]
    points[list(OUTER_EYE_CORNERS)] = [[-20.0, -10.0], [22.0, -10.0]]
    turn = math.radians(roll_deg)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.append(points @ rotation.T + middle, rng.normal(size=(POINTS, 1)), axis=1)


@pytest.mark.parametrize("roll_deg", [0, 30, 90, 179, -120])
@pytest.mark.parametrize(("width", "height"), [(80, 100), (120, 100)])
def test_the_frame_is_half_as_large_again_as_the_points_and_level_with_the_eyes(roll_deg, width, height):
    frame = frame_around(made(roll_deg, width=width, height=height))
    assert frame.side == pytest.approx(1.5 * max(width, height))
    assert frame.centre == pytest.approx(300 + 200j)
    assert math.degrees(frame.roll_rad) == pytest.approx(roll_deg)


def test_points_in_one_place_have_a_frame_all_the_same():
    frame = frame_around(np.full((POINTS, 3), 7.0))
    assert frame.side == 1.5
    assert math.isfinite(frame.centre.real)


def test_which_points_are_which():
    assert INDEX_68.shape == (68,)
    assert len(set(INDEX_68.tolist())) == 68
    assert len(set(INDEX_146.tolist())) == 146
    assert (np.diff(INDEX_146) > 0).all()
    assert (INDEX_68[36], INDEX_68[45]) == OUTER_EYE_CORNERS
    assert len(set(COEFFICIENTS)) == 52


def test_meshes_of_a_batch_are_those_alone_whatever_its_size():
    frames = [HER_FRAME._replace(centre=HER_FRAME.centre + step, roll_rad=0.1 * step) for step in range(6)]
    together = fit_meshes(astronaut(), frames)
    assert len(together) == 6
    for frame, mesh in zip(frames, together, strict=True):
        (alone,) = fit_meshes(astronaut(), [frame])
        np.testing.assert_allclose(mesh.points_xyz_px, alone.points_xyz_px, atol=0.05)
        assert mesh.presence == pytest.approx(alone.presence, abs=0.05)
    assert fit_meshes(astronaut(), []) == []


def test_depth_is_away_from_the_camera_and_as_long_as_across():
    """The tip of the nose is nearest; both cheeks lie behind the eyes. Half the size, half the depth."""
    (mesh,) = fit_meshes(astronaut(), [HER_FRAME])
    depth = mesh.points_xyz_px[:, 2]
    nose, eyes = depth[4], depth[list(OUTER_EYE_CORNERS)].mean()
    cheeks = depth[[127, 356]].mean()
    assert nose < eyes < cheeks
    wide = np.linalg.norm(np.diff(mesh.points_xyz_px[list(OUTER_EYE_CORNERS), :2], axis=0))
    assert 0.3 < (cheeks - nose) / wide < 1.6
    (half,) = fit_meshes(astronaut()[::2, ::2], [Frame(HER_FRAME.centre / 2, 80.0, 0.0)])
    np.testing.assert_allclose(2 * half.points_xyz_px[:, 2], depth, atol=0.06 * wide)


def test_she_smiles_with_open_eyes():
    (points,) = locate(astronaut(), [HER_FRAME])
    (found,) = coefficients([points.mesh])
    told = dict(zip(COEFFICIENTS, found, strict=True))
    assert told["mouthSmileLeft"] > 0.5
    assert told["mouthSmileRight"] > 0.5
    assert max(told["eyeBlinkLeft"], told["jawOpen"], told["browDownLeft"]) < 0.4
    assert ((found >= 0) & (found <= 1)).all()
    assert coefficients([]).shape == (0, 52)


def test_coefficients_are_the_same_wherever_in_the_photo_the_face_is():
    (points,) = locate(astronaut(), [HER_FRAME])
    moved = points.mesh._replace(points_xyz_px=points.mesh.points_xyz_px + np.array([4000, 3000, 0]))
    one, other = coefficients([points.mesh, moved])
    np.testing.assert_allclose(one, other, atol=0.02)
