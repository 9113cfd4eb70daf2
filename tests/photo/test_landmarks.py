"""Against points marked by hand, against dlib's own run of the same trees, and against themselves."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from feroi.photo import landmarks as module
from feroi.photo.detect import Face
from feroi.photo.ensemble import Ensemble, pack, similarity, unpack
from feroi.photo.landmarks import MODELS, Frame, frame_of, landmarks

FACE = Face((176.0, 77.0, 266.0, 167.0), 1.0)  # the HOG detector's box of the astronaut
EYES_XY_PX, NOSE_XY_PX, MOUTH_XY_PX = ((203.1, 101.4), (246.3, 103.0)), (225.5, 125.5), (223.8, 144.5)
BIG_MODEL = importlib.util.find_spec("face_recognition_models") is not None


@cache
def astronaut() -> NDArray[np.uint8]:
    return data.astronaut()


@cache
def hers() -> NDArray[np.float64]:
    return landmarks(astronaut(), FACE)


def eye_corners_px(points: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(points[45] - points[36]))


def error(points: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Mean distance of the points that are not jaw, over that of the outer eye corners."""
    apart = np.linalg.norm(points - expected, axis=1)[17:]
    return float(apart.mean()) / eye_corners_px(expected)


@pytest.mark.parametrize(
    "model",
    ["compact", pytest.param("dlib-68", marks=pytest.mark.skipif(not BIG_MODEL, reason="not installed"))],
)
def test_the_astronaut_marked_by_hand(model: str) -> None:
    points = landmarks(astronaut(), FACE, model)
    assert points.shape == (68, 2)
    assert points.dtype == np.float64
    tolerance = 0.08 * eye_corners_px(points)
    found = (
        points[36:42].mean(axis=0),
        points[42:48].mean(axis=0),
        points[30],
        points[48:60].mean(axis=0),
    )
    for at, expected in zip(found, (*EYES_XY_PX, NOSE_XY_PX, MOUTH_XY_PX), strict=True):
        assert np.linalg.norm(at - expected) < tolerance


@pytest.mark.skipif(not BIG_MODEL, reason="face-recognition-models is not installed")
@pytest.mark.slow
def test_the_compact_model_agrees_with_the_big_one() -> None:
    assert error(hers(), landmarks(astronaut(), FACE, "dlib-68")) < 0.08


@pytest.mark.parametrize(
    ("shift_xy", "growth"), [((9, 0), 1.0), ((-9, 9), 1.0), ((0, 0), 1.15), ((0, 0), 0.87)]
)
def test_another_framing_gives_the_same_points(shift_xy: tuple[int, int], growth: float) -> None:
    centre = np.array([221.0, 122.0]) + shift_xy
    box = (*(centre - 45 * growth), *(centre + 45 * growth))
    moved = landmarks(astronaut(), Face(tuple(map(float, box)), 1.0))  # type: ignore[arg-type]
    assert error(moved, hers()) < 0.05


@pytest.mark.parametrize("tilt_deg", [-30, 15, 30])
def test_a_tilted_photo_has_tilted_landmarks(tilt_deg: float) -> None:
    photo = Image.fromarray(astronaut())
    tilted = np.asarray(photo.rotate(tilt_deg, Image.Resampling.BICUBIC, center=(221.5, 122.5)))
    points = landmarks(tilted, FACE) @ [1, 1j]
    centre = 221 + 122j
    back = centre + (points - centre) * np.exp(1j * np.radians(tilt_deg))
    assert error(np.stack([back.real, back.imag], axis=1), hers()) < 0.06


def test_grey_and_enlarged_photos() -> None:
    picture = Image.fromarray(astronaut())
    assert error(landmarks(np.asarray(picture.convert("L")), FACE), hers()) < 1e-6
    large = np.asarray(picture.resize((2048, 2048), Image.Resampling.BICUBIC))
    fourfold = Face((4 * 176.0, 4 * 77.0, 4 * 266.0, 4 * 167.0), 1.0)
    back = (landmarks(large, fourfold) + 0.5) / 4 - 0.5  # pixel centres are at whole numbers
    assert error(back, hers()) < 0.04


def test_doubled_pixels_double_the_landmarks() -> None:
    """Shrunk again they are the very same picture, so nothing may be shifted."""
    picture = Image.fromarray(astronaut()).convert("L")
    photo = np.asarray(picture.resize((820, 820), Image.Resampling.BICUBIC))
    face = Face((281.5, 123.5, 425.5, 267.5), 1.0)
    doubled = Face((563.0, 247.0, 851.0, 535.0), 1.0)
    points = landmarks(np.kron(photo, np.ones((2, 2), np.uint8)), doubled)
    assert np.abs((points + 0.5) / 2 - 0.5 - landmarks(photo, face)).max() < 1e-6


def test_a_face_at_the_edge_is_no_error() -> None:
    assert landmarks(astronaut()[100:, 200:], Face((-24.0, -23.0, 66.0, 67.0), 1.0)).shape == (68, 2)


def test_names_and_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(MODELS) == ["compact", "dlib-68"]
    with pytest.raises(ValueError, match="no landmark model 'big'; choose one of compact, dlib-68"):
        landmarks(astronaut(), FACE, "big")
    monkeypatch.setattr("feroi.shipped._listed", lambda path: "0" * 64)
    module._compact.cache_clear()
    with pytest.raises(ValueError, match=r"landmarks-68\.npz is damaged: .*install feroi again"):
        landmarks(astronaut(), FACE)
    module._compact.cache_clear()


def test_the_shipped_file_is_small() -> None:
    assert (Path(str(files("feroi.photo"))) / "models" / "landmarks-68.npz").stat().st_size < 1_500_000


@pytest.mark.parametrize("side", [72.0, 144.0, 250.0])
@pytest.mark.parametrize("roll_deg", [0.0, 33.0])
def test_the_crop_shows_what_its_map_says(side: float, roll_deg: float) -> None:
    """A linear ramp, where every pixel tells where it came from."""
    y, x = np.mgrid[0:1200, 0:1600]
    frame = Frame(700.0 + 500.0j, side, np.radians(roll_deg))
    level_px = 2.8 * side / 255  # a grey level, so that the ramp spans all of the crop
    for values, part, middle in ((x, np.real, 700), (y, np.imag, 500)):
        ramp = np.clip((values - middle) / level_px + 128, 0, 255).round().astype(np.uint8)
        crop, to_photo = module._crop(ramp, frame)
        row, column = np.mgrid[20:236:27, 20:236:27]
        places = part(to_photo((column + 1j * row).ravel()))
        grey = crop[row, column].ravel() + 0.45  # Pillow's filter rounds down
        seen = (grey - 128) * level_px + middle
        inside = np.abs(seen - middle) < 126 * level_px
        assert inside.sum() > 50
        assert np.abs(seen - places)[inside].mean() < level_px
        assert abs((seen - places)[inside].mean()) < 0.3 * level_px


def test_frame_of_a_turned_face() -> None:
    points = hers() @ np.array([1, 1j])
    upright = frame_of(points)
    turned = frame_of((points - 200) * np.exp(0.5j))
    assert turned.side == pytest.approx(upright.side)
    assert turned.roll_rad == pytest.approx(upright.roll_rad + 0.5)
    assert turned.centre == pytest.approx((upright.centre - 200) * np.exp(0.5j))


def test_similarity_is_the_least_squares_one() -> None:
    rng = np.random.default_rng(0)
    start = (rng.normal(size=9) + 1j * rng.normal(size=9)).astype(np.complex64)
    end = 3 + 1j + start * (0.7 - 0.4j) + 0.1 * rng.normal(size=9)
    columns = np.stack([start, np.ones(9)], axis=1)
    expected = np.linalg.lstsq(columns, end, rcond=None)[0][0]
    assert similarity(start, np.stack([end, 2 * end])) == pytest.approx(
        np.array([expected, 2 * expected]), abs=1e-6
    )


def test_boxes_do_not_know_of_each_other_and_turn_with_the_picture() -> None:
    """Quarter turns move pixels onto pixels, so the shape must be the very same."""
    picture = np.asarray(Image.fromarray(astronaut()).convert("L"))
    corners, steps = np.array([176 + 77j, 180 + 70j]), np.array([1.0 + 0j, 0.75 + 0j])
    both = module._compact().fit(picture, corners, steps, 89.0)
    for corner, step, shape in zip(corners, steps, both, strict=True):
        alone = module._compact().fit(picture, np.array([corner]), np.array([step]), 89.0)[0]
        assert np.abs(alone - shape).max() < 1e-9
    turned_corners = 1j * corners + (picture.shape[0] - 1)  # clockwise by 90 degrees
    turned = module._compact().fit(np.rot90(picture, -1), turned_corners, 1j * steps, 89.0)
    assert np.abs(turned - both).max() < 1e-6


@pytest.fixture(scope="module")
def trainer() -> ModuleType:
    path = Path(__file__).parents[2] / "tools" / "train_landmarks.py"
    spec = importlib.util.spec_from_file_location("train_landmarks", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["train_landmarks"] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def test_trees_give_what_dlib_gives(trainer: ModuleType, tmp_path: Path) -> None:
    """A small cascade trained here, run by dlib and by us, before and after rounding to 8 bits."""
    dlib = pytest.importorskip("dlib")
    rng = np.random.default_rng(1)
    pictures, shapes = [], []
    for _ in range(40):
        picture = rng.integers(0, 60, (80, 80)).astype(np.uint8)
        x, y = rng.integers(25, 50, 2)
        picture[y - 6 : y + 6, x - 10 : x + 10] += 150
        corners = [(x - 10, y - 6), (x + 10, y - 6), (x + 10, y + 6), (x - 10, y + 6), (x, y)]
        parts = [dlib.point(int(a), int(b)) for a, b in corners]
        pictures.append(picture)
        shapes.append([dlib.full_object_detection(dlib.rectangle(10, 10, 69, 69), parts)])
    options = trainer.options()
    options.cascade_depth, options.num_trees_per_cascade_level, options.feature_pool_size = 4, 20, 60
    predictor = dlib.train_shape_predictor(pictures, shapes, options)
    predictor.save(str(tmp_path / "small.dat"))
    exact = trainer.read_dlib((tmp_path / "small.dat").read_bytes())
    pack(exact, tmp_path / "small.npz")
    rounded = unpack(tmp_path / "small.npz")

    def apart(ensemble: Ensemble) -> NDArray[np.float64]:
        distances = []
        for picture in pictures:
            expected = predictor(picture, dlib.rectangle(10, 10, 69, 69)).parts()
            points = (10 + 10j) + 59 * ensemble.fit(picture, np.array([10 + 10j]), np.ones(1), 59)[0]
            distances.append([abs(p - complex(q.x, q.y)) for p, q in zip(points, expected, strict=True)])
        return np.array(distances)

    assert np.median(apart(exact)) < 0.5  # dlib rounds to whole pixels
    assert (apart(exact) < 0.75).mean() > 0.99
    assert np.median(apart(rounded)) < 0.6
