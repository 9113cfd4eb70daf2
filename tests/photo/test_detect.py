"""The astronaut of scikit-image, her face marked by hand, and the group photos: turned, small and large."""

from __future__ import annotations

import io
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from feroi.data.groups import group_photos, match
from feroi.photo import detect as detection
from feroi.photo.detect import Face, biggest, detect
from feroi.photo.landmarks import locate
from feroi.photo.squares import Frame
from support.faces import astronaut, her_head, placed, turned, turned_back

FACE_XY_PX, FACE_PX = (223.0, 117.0), 100.0
"""By eye: from ear to ear and from the hairline to the chin, the geometric mean of 88 and 113 px."""
HEAD_XY_PX = (FACE_XY_PX[0] - 90, FACE_XY_PX[1] - 10)  # in `her_head`
SEARCHING = ["yunet", "hog"]
EAR_TO_EAR_PX = 88.0
FACELESS = ["chelsea", "coffee", "rocket", "hubble_deep_field", "retina", "cell", "brick", "grass", "gravel"]
FACELESS += ["page", "text", "coins", "moon", "immunohistochemistry"]


@pytest.fixture(params=SEARCHING)
def detector(request: pytest.FixtureRequest) -> str:
    if request.param == "hog":
        pytest.importorskip("dlib")
    return str(request.param)


def centre(face: Face) -> complex:
    x0, y0, x1, y1 = face.box_xyxy_px
    return complex(x0 + x1 - 1, y0 + y1 - 1) / 2


def assert_frames(face: Face, centre_xy: tuple[float, float], size: float) -> None:
    x0, y0, x1, y1 = face.box_xyxy_px
    assert 1.05 < (y1 - y0) / (x1 - x0) < 1.45
    assert math.sqrt(face.area_px) == pytest.approx(size, rel=0.15)
    assert (x0 + x1) / 2 == pytest.approx(centre_xy[0], abs=0.1 * size)
    assert (y0 + y1) / 2 == pytest.approx(centre_xy[1], abs=0.1 * size)


def test_the_astronaut_in_colour_and_in_grey(detector: str) -> None:
    before = astronaut().copy()
    grey = np.asarray(Image.fromarray(astronaut()).convert("L"))
    for photo in (astronaut(), grey):
        (face,) = detect(photo, detector)
        assert_frames(face, FACE_XY_PX, FACE_PX)
        assert abs(face.roll_deg) < 5
        assert not face.whole
    assert np.array_equal(before, astronaut())


def test_two_faces_biggest_first(detector: str) -> None:
    photo = placed((900, 500), (20, 30), scale=0.8).copy()
    photo[100:350, 500:760] = np.asarray(her_head())
    x, y = HEAD_XY_PX
    first, second = detect(photo, detector)
    assert_frames(first, (500 + x, 100 + y), FACE_PX)
    assert_frames(second, (20 + 0.8 * x, 30 + 0.8 * y), 0.8 * FACE_PX)
    assert biggest([second, first]) == first


def test_a_large_photo_is_scanned_smaller_and_its_boxes_are_not(detector: str) -> None:
    photo = placed((4000, 3000), (1000, 500), scale=5)
    (face,) = detect(photo, detector)
    assert_frames(face, (1000 + 5 * HEAD_XY_PX[0], 500 + 5 * HEAD_XY_PX[1]), 5 * FACE_PX)


@pytest.mark.parametrize(
    "megapixels",
    [0.01, 0.1, 0.5, 2.0, *(pytest.param(each, marks=pytest.mark.slow) for each in (12.0, 50.0))],
)
def test_heads_of_twenty_px_in_photos_of_all_sizes(megapixels: float) -> None:
    """Heads at three places of a photo, its edges among them; two where there is no room for three."""
    width, height = round((megapixels * 4e6 / 3) ** 0.5), round((megapixels * 3e6 / 4) ** 0.5)
    scale = detection.SMALLEST_PX / EAR_TO_EAR_PX
    corners = [(0, 0), (width - 60, height - 57), (width // 2 + 7, height // 3)][: 2 if width < 200 else 3]
    faces = detect(placed((width, height), *corners, scale=scale))
    assert len(faces) == len(corners)
    for x, y in corners:
        head = complex(x + scale * HEAD_XY_PX[0], y + scale * HEAD_XY_PX[1])
        face = min(faces, key=lambda face: abs(centre(face) - head))
        assert_frames(face, (head.real, head.imag), scale * FACE_PX)


@pytest.mark.parametrize("side_px", [60, 100, 320, 1000, 3000])
def test_a_face_that_fills_the_frame(side_px: int) -> None:
    tight = Image.fromarray(astronaut()[70:175, 172:276]).resize((side_px, side_px), Image.Resampling.BICUBIC)
    (face,) = detect(np.asarray(tight))
    scale = side_px / 104
    x, y = ((FACE_XY_PX[0] - 172) * scale, (FACE_XY_PX[1] - 70) * scale)
    assert_frames(face, (x, y), FACE_PX * scale)


@pytest.mark.parametrize("tilt_deg", [90, 180, 270, 30, 45, 60, -30, -45, -60])
def test_the_astronaut_at_any_tilt(tilt_deg: int) -> None:
    assert_same_faces_when_turned(astronaut(), upright_faces(None), tilt_deg)


@pytest.mark.slow
@pytest.mark.parametrize("tilt_deg", [90, 180, 270, 30, 45, 60, -45])
@pytest.mark.parametrize("photo", group_photos(), ids=lambda path: path.stem)
def test_group_photos_at_any_tilt(photo: Path, tilt_deg: int) -> None:
    known, (upright, frames) = group_photos()[photo], upright_faces(photo)
    assert len(upright) == len(known)
    assert None not in match([face.box_xyxy_px for face in upright], known)
    assert_same_faces_when_turned(group_pixels(photo), (upright, frames), tilt_deg)


def group_pixels(photo: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(photo).convert("RGB"))


@cache  # one search for all tilts
def upright_faces(photo: Path | None) -> tuple[list[Face], list[Frame]]:
    """Faces of a group photo, or of the astronaut, as it stands, and the mesh's frame of each."""
    pixels = astronaut() if photo is None else group_pixels(photo)
    faces = detect(pixels)
    return faces, [points.mesh_frame for points in locate(pixels, [face.frame for face in faces])]


def assert_same_faces_when_turned(
    photo: NDArray[np.uint8], known: tuple[list[Face], list[Frame]], tilt_deg: int
) -> None:
    """Boxes lie where they lay. How far faces are tilted YuNet only guesses, and the mesh tells."""
    seen = turned(photo, tilt_deg)
    (upright, frames), tilted = known, detect(seen)
    assert len(tilted) == len(upright)
    back = turned_back(np.array([centre(face) for face in tilted]), tilt_deg, seen, photo)
    apart = np.abs(back[:, None] - np.array([centre(face) for face in upright]))
    whom = apart.argmin(axis=1)
    assert sorted(whom) == list(range(len(upright)))
    turned_frames = [points.mesh_frame for points in locate(seen, [face.frame for face in tilted])]
    for number, (face, meshed) in enumerate(zip(tilted, turned_frames, strict=True)):
        same, frame = upright[whom[number]], frames[whom[number]]
        assert apart[number].min() < 0.15 * math.sqrt(same.area_px)
        assert face.area_px == pytest.approx(same.area_px, rel=0.35)
        guessed = math.remainder(face.roll_deg + tilt_deg - same.roll_deg, 360)
        assert abs(guessed) < (5 if tilt_deg % 90 == 0 else 35)
        roll_deg = math.degrees(math.remainder(meshed.roll_rad - frame.roll_rad, math.tau)) + tilt_deg
        assert abs(math.remainder(roll_deg, 360)) < 3


def test_a_photo_on_its_side_has_the_upright_one_s_boxes_to_the_pixel() -> None:
    """What is searched after np.rot90 is the upright photo itself."""
    (upright,), (lying,) = detect(astronaut()), detect(turned(astronaut(), 90))  # (x, y) to (y, 512 - x)
    x0, y0, x1, y1 = upright.box_xyxy_px
    assert lying.box_xyxy_px == pytest.approx((y0, 512 - x1, y1, 512 - x0), abs=0.01)
    assert lying.roll_deg == pytest.approx(upright.roll_deg - 90, abs=0.01)


def test_hog_finds_upright_faces_alone() -> None:
    pytest.importorskip("dlib")
    assert detect(turned(astronaut(), 90), "hog") == []


@pytest.mark.parametrize("name", FACELESS)
def test_no_face_in_pictures_without_one(detector: str, name: str) -> None:
    assert detect(np.asarray(getattr(data, name)()), detector) == []


def test_gravel_is_looked_at_again_in_bounded_places(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    real = detection._look_again
    monkeypatch.setattr(detection, "_look_again", lambda *rest: (looked.append(1), real(*rest))[1])
    assert detect(data.gravel()) == []
    assert 2 <= len(looked) <= 2 * detection._MOST_DOUBTFUL  # of an upright and of a turned search


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (3, 2000), (2000, 3, 3), (40, 40)])
def test_photos_too_small_for_a_face(detector: str, shape: tuple[int, ...]) -> None:
    assert detect(np.full(shape, 90, dtype=np.uint8), detector) == []


def test_yunet_takes_no_badge_for_a_face_as_hog_does() -> None:
    pytest.importorskip("dlib")
    buffer = io.BytesIO()
    Image.fromarray(astronaut()).save(buffer, "JPEG", quality=92)
    with Image.open(buffer) as image:
        photo = np.asarray(image)
    assert len(detect(photo, "hog")) == 2  # the other is the mission's badge on her chest
    (face,) = detect(photo)
    assert_frames(face, FACE_XY_PX, FACE_PX)


def test_a_face_cut_by_the_edge_reaches_past_it(detector: str) -> None:
    """Through the forehead. YuNet shrinks its box, and still reaches beyond what is left of the face."""
    cut = 100
    (face,) = detect(astronaut()[cut:] if detector == "yunet" else astronaut()[85:], detector)
    assert face.box_xyxy_px[1] < 0


def test_the_whole_picture_is_one_face() -> None:
    (face,) = detect(astronaut()[:300], "none")
    assert face.box_xyxy_px == (0, 0, 512, 300)
    assert face.whole
    assert math.isnan(face.score)


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert biggest([]) is None
    with pytest.raises(ValueError, match="no detector 'cnn'; choose one of yunet, hog, none"):
        detect(astronaut(), "cnn")
    monkeypatch.setitem(sys.modules, "dlib", None)
    monkeypatch.setattr(detection, "_per_thread", type("", (), {})())
    with pytest.raises(ModuleNotFoundError, match=r"the detector hog needs pip install 'feroi\[dlib\]'"):
        detect(astronaut(), "hog")


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ((5, 5, 10, 10), (5, 5, 10, 10), 1),
        ((5, 5, 10, 10), (9, 5, 10, 10), 1),  # six tenths shared
        ((5, 5, 10, 10), (11, 5, 10, 10), 2),  # four tenths
        ((5, 5, 10, 10), (2, 2, 2, 2), 1),  # within
        ((5, 5, 10, 10), (10, 5, 4, 4), 2),  # exactly half of the smaller, not more
        ((5, 5, 10, 10), (30, 30, 10, 10), 2),
    ],
)
def test_of_boxes_on_one_place_the_surest_stays(
    one: tuple[int, ...], other: tuple[int, ...], kept: int
) -> None:
    rows = np.array([[*other, 0.7, 0.0], [*one, 0.9, 0.0]])
    found = detection._distinct(rows)
    assert len(found) == kept
    np.testing.assert_array_equal(found[0], rows[1])


@pytest.mark.parametrize(
    ("x", "y", "kept"),
    [
        (50, 50, True),
        (12, 50, True),  # begins 2 px from the edge, and a twentieth of 20 px is 1
        (10.5, 50, False),
        (5, 50, False),
        (88, 50, True),
        (89.5, 50, False),
        (50, 2, True),  # beyond the upper edge, which is the level's own
        (50, 98, False),
    ],
)
def test_what_is_cut_by_the_edge_of_a_tile_is_dropped(x: float, y: float, kept: bool) -> None:
    """A tile of 100 px that begins 80 px from the left of a level of 250x150 px, at its upper edge."""
    rows = np.array([[x, y, 20.0, 20.0, 0.9, 1.0, 0.0]])
    assert detection._uncut(rows, (100, 100, 3), (80, 0), (250, 150)).tolist() == [kept]
    assert detection._uncut(rows, (100, 100, 3), (0, 0), (100, 100)).tolist() == [True]


@pytest.mark.parametrize("roll_deg", [0, 30, 90, -135, 180, 270])
def test_the_box_of_a_tilted_face_has_its_middle_and_area(roll_deg: int) -> None:
    face = detection._face((50.0, 60.0, 30.0, 40.0, 0.9, math.radians(roll_deg)))
    x0, y0, x1, y1 = face.box_xyxy_px
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((50, 60))
    assert face.area_px == pytest.approx(1200)
    assert math.remainder(face.roll_deg - roll_deg, 360) == pytest.approx(0, abs=1e-9)
    assert -180 <= face.roll_deg < 180
    if roll_deg % 90 == 0:
        assert x1 - x0 == pytest.approx(40 if roll_deg % 180 else 30)


@pytest.mark.parametrize("tilt_deg", [0, 90, 45])
def test_the_frame_of_a_face_is_where_the_mesh_is_shown_it(detector: str, tilt_deg: int) -> None:
    if detector == "hog" and tilt_deg:
        pytest.skip("hog finds upright faces alone")
    seen = turned(astronaut(), tilt_deg)
    (face,) = detect(seen, detector)
    (points,) = locate(seen, [face.frame])
    reached = points.mesh_frame
    assert abs(reached.centre - face.frame.centre) < 0.05 * reached.side
    assert face.frame.side == pytest.approx(reached.side, rel=0.1)
    assert abs(math.remainder(face.frame.roll_rad - reached.roll_rad, math.tau)) < math.radians(6)


def test_the_hog_detector_is_dlibs(tmp_path: Path) -> None:
    dlib = pytest.importorskip("dlib")
    dlib.get_frontal_face_detector().save(str(tmp_path / "hog.svm"))
    shipped = Path(detection.__file__).parent / "models" / "hog.svm"
    assert shipped.read_bytes() == (tmp_path / "hog.svm").read_bytes()


def test_threads_find_the_same_faces(detector: str) -> None:
    photo = np.ascontiguousarray(astronaut()[:256, 96:352])
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda each: detect(each, detector), [photo] * 6))
    assert found[0] != []
    assert all(each == found[0] for each in found)
