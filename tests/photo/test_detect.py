"""The astronaut of scikit-image, whose face was marked by hand, as she is, turned, small and large."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from feroi.photo import detect as detection
from feroi.photo.detect import DETECTORS, Face, biggest, detect, detect_cnn, detect_hog

FACE_XY_PX, FACE_PX = (222.0, 119.0), 95.0  # by eye: between brows and lower lip, from ear to ear


@cache
def astronaut() -> NDArray[np.uint8]:
    return data.astronaut()


@cache
def her_head() -> Image.Image:
    return Image.fromarray(astronaut()[10:260, 90:350])


def placed(size: tuple[int, int], *corners: tuple[int, int], scale: float = 1.0) -> NDArray[np.uint8]:
    """Her head at each of `corners` (x, y) of a grey photo of `size` (width, height)."""
    photo = Image.new("RGB", size, (128, 128, 128))
    head = her_head().resize((round(260 * scale), round(250 * scale)), Image.Resampling.BILINEAR)
    for corner in corners:
        photo.paste(head, corner)
    return np.asarray(photo)


def assert_frames(face: Face, centre_xy: tuple[float, float], size: float) -> None:
    x0, y0, x1, y1 = face.box_xyxy_px
    assert x1 - x0 == pytest.approx(y1 - y0, abs=2)
    assert x1 - x0 == pytest.approx(size, rel=0.2)
    assert (x0 + x1) / 2 == pytest.approx(centre_xy[0], abs=0.15 * size)
    assert (y0 + y1) / 2 == pytest.approx(centre_xy[1], abs=0.15 * size)


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_astronaut_in_colour_and_in_grey(detector: str) -> None:
    before = astronaut().copy()
    grey = np.asarray(Image.fromarray(astronaut()).convert("L"))
    for photo in (astronaut(), grey):
        (face,) = detect(photo, detector)
        assert_frames(face, FACE_XY_PX, FACE_PX)
    assert np.array_equal(before, astronaut())


@pytest.mark.parametrize("detector", DETECTORS)
def test_two_faces_biggest_first(detector: str) -> None:
    photo = placed((900, 500), (20, 30), scale=0.8).copy()
    photo[100:350, 500:760] = np.asarray(her_head())
    first, second = detect(photo, detector)
    assert_frames(first, (500 + 132, 100 + 109), FACE_PX)
    assert_frames(second, (20 + 0.8 * 132, 30 + 0.8 * 109), 0.8 * FACE_PX)
    assert biggest([second, first]) == first


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_large_photo_is_scanned_smaller_and_its_boxes_are_not(detector: str) -> None:
    photo = placed((4000, 3000), (1000, 500), scale=5)
    (face,) = detect(photo, detector)
    assert_frames(face, (1000 + 5 * 132, 500 + 5 * 109), 5 * FACE_PX)


@pytest.mark.slow
def test_both_finds_small_faces_by_hog() -> None:
    photo = placed((2000, 1500), (300, 200), (1200, 900), scale=0.6)  # faces of 57 px
    assert detect_cnn(photo) == []
    assert detect(photo, "both") == detect_hog(photo)
    assert len(detect_hog(photo)) == 2


def test_the_cnn_finds_a_face_on_its_side_that_hog_misses() -> None:
    turned = np.rot90(astronaut()).copy()  # x becomes y, 511 - x
    assert detect_hog(turned) == []
    (face,) = detect_cnn(turned)
    assert_frames(face, (FACE_XY_PX[1], 511 - FACE_XY_PX[0]), FACE_PX)


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("name", ["coffee", "chelsea", "brick", "text"])
def test_no_face_in_pictures_without_one(detector: str, name: str) -> None:
    assert detect(getattr(data, name)(), detector) == []


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (3, 2000), (2000, 3, 3), (40, 40)])
def test_photos_too_small_for_a_face(detector: str, shape: tuple[int, ...]) -> None:
    assert detect(np.full(shape, 90, dtype=np.uint8), detector) == []


def test_a_badge_that_hog_alone_takes_for_a_face_is_left_out() -> None:
    buffer = io.BytesIO()
    Image.fromarray(astronaut()).save(buffer, "JPEG", quality=92)
    with Image.open(buffer) as image:
        photo = np.asarray(image)
    assert len(detect_hog(photo)) == 2  # the other is the mission's badge on her chest
    (face,) = detect(photo, "both")
    assert_frames(face, FACE_XY_PX, FACE_PX)


@pytest.mark.parametrize("side_px", [40, 57])
def test_small_faces_are_confirmed_and_a_small_badge_is_not(side_px: int) -> None:
    photo = placed((700, 500), (60, 40), (380, 260), scale=side_px / FACE_PX)
    faces = detect_hog(photo)
    assert len(faces) == 2
    assert all(detection._seen_enlarged(photo, face) for face in faces)
    badge = Face((145.0, 355.0, 215.0, 425.0), 0.09)
    assert not detection._seen_enlarged(astronaut(), badge)


def test_a_face_cut_by_the_edge_reaches_past_it() -> None:
    (face,) = detect_cnn(astronaut()[85:])  # cut through the forehead
    assert face.box_xyxy_px[1] < 0


def test_names() -> None:
    assert biggest([]) is None
    with pytest.raises(ValueError, match="no detector 'yolo'; choose one of hog, cnn, both"):
        detect(astronaut(), "yolo")


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ((0, 0, 10), (0, 0, 10), 1.0),
        ((0, 0, 10), (5, 0, 10), 0.5),
        ((0, 0, 10), (1, 1, 2), 1.0),  # within
        ((0, 0, 10), (6, 0, 4), 0.25),  # 4 x 4, a quarter inside
        ((0, 0, 10), (10, 0, 10), 0.0),
        ((0, 0, 10), (30, 30, 10), 0.0),
    ],
)
def test_overlap(one: tuple[float, ...], other: tuple[float, ...], share: float) -> None:
    windows = np.array([[*other, 1.0]], dtype=float)
    assert detection._overlap(np.array([*one, 1.0]), windows)[0] == pytest.approx(share)


def test_scores_are_those_of_dlib() -> None:
    """The converted network against dlib's own run of the file it was converted from."""
    dlib = pytest.importorskip("dlib")
    package = find_spec("face_recognition_models")
    if package is None or package.origin is None:
        pytest.skip("face-recognition-models is not installed")
    path = Path(package.origin).parent / "models" / "mmod_human_face_detector.dat"
    head = np.ascontiguousarray(astronaut()[40:200, 140:300])
    (expected,) = dlib.cnn_face_detection_model_v1(str(path))(head, 0)
    windows = detection._cnn_windows(head)
    assert windows[:, 3].max() == pytest.approx(expected.confidence, abs=0.02)


def test_the_hog_detector_is_dlibs(tmp_path: Path) -> None:
    dlib.get_frontal_face_detector().save(str(tmp_path / "hog.svm"))
    shipped = Path(detection.__file__).parent / "models" / "hog.svm"
    assert shipped.read_bytes() == (tmp_path / "hog.svm").read_bytes()


def test_threads_find_the_same_faces() -> None:
    photo = np.ascontiguousarray(astronaut()[:256, 96:352])
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(detect_hog, [photo] * 6))
    assert found[0] != []
    assert all(each == found[0] for each in found)
