"""Whatever people hand over in place of a photo; the oracle is what the file of it gives."""

from __future__ import annotations

import base64
import io
import multiprocessing
import os
import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data
from typer.testing import CliRunner

import feroi
from feroi.cli.app import app
from feroi.photo.decode import EncodedPhoto, NoPhoto, UnreadableImage, photo_frames, photo_pixels
from feroi.photo.handed import as_source, photo_named
from support.videos import write_video


class Named:
    """A path as other libraries have them."""

    def __init__(self, path):
        self._path = path

    def __fspath__(self):
        return str(self._path)


@pytest.fixture(scope="module")
def reader():
    return feroi.Reader(detector="hog", threads=1)


@pytest.fixture(scope="module")
def face(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "face.png"
    Image.fromarray(data.astronaut()).crop((120, 20, 340, 240)).save(path)
    return path


@pytest.fixture(scope="module")
def readings(reader, face):
    (reading,) = reader.read(face)
    assert reading.expression == "happy"
    return [reading]


WAYS = {
    "name": str,
    "path": Path,
    "path-like": Named,
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "buffer": lambda path: io.BytesIO(path.read_bytes()),
    "buffer at its end": lambda path: _at_its_end(path.read_bytes()),
    "open file": lambda path: path.open("rb"),
    "unbuffered file": lambda path: path.open("rb", buffering=0),
    "opened image": Image.open,
    "image": lambda path: Image.open(path).convert("RGB"),
    "array": lambda path: np.asarray(Image.open(path)),
    "RGBA array": lambda path: np.asarray(Image.open(path).convert("RGBA")),
    "array with a step": lambda path: np.asarray(Image.open(path))[:, ::-1][:, ::-1],
    "array in another order": lambda path: np.asfortranarray(np.asarray(Image.open(path))),
}


def _at_its_end(content):
    buffer = io.BytesIO()
    buffer.write(content)
    return buffer


@pytest.mark.parametrize("way", WAYS)
def test_a_photo_is_taken_however_it_is_handed_over(reader, face, readings, way):
    assert reader.read(WAYS[way](face)) == readings
    (photo,) = reader.read_many(WAYS[way](face))
    assert photo.faces == readings


def test_grey_arrays_with_an_axis_too_many_are_grey(reader, face):
    grey = np.asarray(Image.open(face).convert("L"))
    assert reader.read(grey[..., None]) == reader.read(grey)


def test_transparent_pixels_of_an_array_are_white():
    array = np.zeros((2, 2, 4), np.uint8)
    array[0, 0] = (255, 0, 0, 255)
    assert photo_pixels(as_source(array)).tolist() == [[[255, 0, 0], [255] * 3], [[255] * 3, [255] * 3]]


def test_lists_have_a_list_for_each(face, readings):
    assert feroi.analyze([str(face), face.read_bytes()], detector="hog") == [readings, readings]
    assert feroi.analyze((face,), detector="hog") == [readings]
    assert feroi.analyze([], detector="hog") == []


def test_the_same_readings_are_equal_and_others_are_not(reader, face, readings):
    assert reader.read(face) == readings
    mirrored = reader.read(ImageOps.mirror(Image.open(face)))
    assert mirrored != readings
    assert readings[0] != "a reading"


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        (
            "https://example.org/a.jpg",
            r"^https://example.org/a.jpg: URLs are not fetched; download the picture",
        ),
        ("s3://bucket/a.jpg", "URLs are not fetched"),
        ("HTTP://EXAMPLE.ORG/a.jpg", "URLs are not fetched"),
        (" https://example.org/a.jpg", "URLs are not fetched"),
        ("rtsp://camera/1", "URLs are not fetched"),
        ("anything+else://host/a", "URLs are not fetched"),
        (Path("https://example.org/a.jpg"), "URLs are not fetched"),
        ("", "an empty text in place of a file's name"),
        (Image.new("RGB", (0, 0)), "an empty picture, 0 x 0 px"),
        (b"", "photo 0: empty file"),
        (b"no picture", "photo 0: not a picture"),
        (io.BytesIO(b"no picture"), "photo 0: not a picture"),
        ("gone.jpg", "^gone.jpg: file not found"),
    ],
)
def test_what_cannot_be_read_says_why(reader, photo, said):
    with pytest.raises(UnreadableImage, match=said):
        reader.read(photo)
    assert [photo.pixels for photo in reader.read_many([photo])] == [None]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
@pytest.mark.parametrize("before", ["", "data:image/any;base64,"])
def test_a_photo_as_base64_is_never_in_the_message(reader, face, kind, before):
    buffer = io.BytesIO()
    Image.open(face).convert("RGB").save(buffer, kind)
    text = before + base64.b64encode(buffer.getvalue()).decode()
    with pytest.raises(UnreadableImage, match=r"base64.b64decode\(text\)") as caught:
        reader.read(text)
    assert len(str(caught.value)) < 200
    assert text[30:60] not in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        lambda text: Path(text),
        lambda text: f"\n  {text}",
        lambda text: f'"{text}"',
        lambda text: f"DATA:image/jpeg;base64,{text}",
        lambda text: f"data:application/octet-stream;base64,{text}",
        lambda text: text.replace("/", "_").replace("+", "-"),
        lambda text: text.encode(),
        lambda text: io.BytesIO(f"data:image/jpeg;base64,{text}".encode()),
    ],
)
def test_base64_in_any_dress_is_told_and_never_in_the_message(reader, face, written):
    buffer = io.BytesIO()
    Image.open(face).convert("RGB").save(buffer, "JPEG")
    text = base64.b64encode(buffer.getvalue()).decode()
    with pytest.raises(UnreadableImage, match="base64") as caught:
        reader.read(written(text))
    assert len(str(caught.value)) < 200
    assert text[30:60] not in str(caught.value)


class Tensor:
    """As other libraries have them."""

    def __array__(self):
        return np.zeros((9, 9, 3), np.uint8)


@pytest.mark.parametrize(
    ("photo", "remedy"),
    [
        (np.full((9, 9, 3), 255.0), r"\(array / 255\)\.clip\(0, 1\)"),
        (np.zeros((9, 9), bool), r"np.uint8\(255\) \* array"),
        (np.zeros((9, 9), np.int64), r"array.astype\(np.uint8\)"),
        (np.full((9, 9), 300, np.uint16), r"65535 is white, \(array // 257\).astype\(np.uint8\)"),
        (np.zeros((2, 9, 9, 3), np.uint8), "Reader.read_many"),
        (np.zeros((3, 9, 9), np.uint8), r"array.transpose\(1, 2, 0\)"),
        (np.zeros(9, np.uint8), r"array.tobytes\(\)"),
        (Tensor(), "numpy.asarray"),
        ({"a.jpg"}, "Reader.read_many"),
        ((name for name in ["a.jpg"]), "Reader.read_many"),
    ],
)
def test_what_is_no_photo_says_what_would_be(reader, photo, remedy):
    with pytest.raises((TypeError, ValueError), match=remedy):
        reader.read(photo)


def test_a_text_too_long_for_a_name_is_not_in_the_message(reader):
    with pytest.raises(UnreadableImage) as caught:
        reader.read("x" * 100_000)
    assert str(caught.value).startswith("photo 0: a text that names no file, and is too long to")


def test_names_that_only_look_odd_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd = Path("https:/example.org/a.jpg")
    odd.parent.mkdir(parents=True)
    odd.touch()
    assert photo_named("https:/example.org/a.jpg") == odd
    assert isinstance(photo_named("https://example.org/b.jpg"), NoPhoto)


def test_open_files_that_fail_are_rows(reader, face, tmp_path):
    closed = face.open("rb")
    closed.close()
    text = tmp_path / "a.txt"
    text.write_text("text")
    with text.open() as as_text, face.open("rb") as whole:
        rows = list(reader.read_many([closed, as_text, whole]))
    assert [row.status.partition(":")[0] for row in rows[:1]] == ["the open file cannot be read"]
    assert "open(name, 'rb')" in rows[1].status
    assert (rows[2].status, rows[2].name) == ("ok", str(face))


@pytest.mark.parametrize("odd", [None, 3.0, {}])
def test_what_is_no_photo_is_a_row_among_photos(reader, face, odd):
    first, middle, last = reader.read_many([face, odd, face])
    assert (first.status, last.status) == ("ok", "ok")
    assert middle.pixels is None
    assert middle.status not in ("ok", "no face")


def test_videos_are_pointed_to_their_reader(reader, tmp_path):
    video = write_video(tmp_path / "video.mp4", np.zeros((3, 48, 64, 3), np.uint8))
    for photo in (video, video.read_bytes()):
        with pytest.raises(UnreadableImage, match=r"a video, not a photo; .*Reader\.read_video"):
            reader.read(photo)


def test_a_reader_goes_to_other_processes(reader, face, readings):
    again = pickle.loads(pickle.dumps(reader))
    assert (again.options, again.name) == (reader.options, reader.name)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(reader.read, (face,)).get(timeout=60) == readings


def test_a_reader_finds_its_model_from_another_folder(tmp_path, monkeypatch, face):
    shipped = Path(feroi.__file__).parent / "network" / "pretrained" / "default.onnx"
    (tmp_path / "own.onnx").write_bytes(shipped.read_bytes())
    monkeypatch.chdir(tmp_path)
    packed = pickle.dumps(feroi.Reader("own.onnx", "hog", True, threads=1, abstain=True))
    monkeypatch.chdir("/")
    again = pickle.loads(packed)
    assert (again.name, again.options.only_biggest, again.options.abstain) == ("own.onnx", True, True)


ANIMATED = {"GIF": {}, "WEBP": {"lossless": True}, "PNG": {"default_image": False}}


@pytest.mark.parametrize("kind", ANIMATED)
def test_of_an_animation_the_first_picture_with_a_face_is_read(reader, face, readings, kind, tmp_path):
    picture = Image.open(face)
    blank = [Image.new("RGB", picture.size, (level, level, level)) for level in (40, 80)]
    path = tmp_path / f"a.{kind.lower()}"
    blank[0].save(path, kind, save_all=True, append_images=[blank[1], picture, blank[0]], **ANIMATED[kind])
    for photo in (path, path.read_bytes()):
        (found,) = reader.read(photo)
        assert found.expression == "happy"
        np.testing.assert_allclose(found.box_xyxy_px, readings[0].box_xyxy_px, atol=4)
    blank[0].save(path, kind, save_all=True, append_images=[blank[1]], **ANIMATED[kind])
    assert reader.read(path) == []


def test_a_long_animation_is_searched_here_and_there(tmp_path):
    levels = range(0, 250)
    pictures = [Image.new("L", (16, 16), level) for level in levels]
    pictures[0].save(tmp_path / "a.webp", save_all=True, append_images=pictures[1:], lossless=True)
    shown = [int(pixels[0, 0, 0]) for pixels in photo_frames(tmp_path / "a.webp")]
    assert len(shown) == 24
    assert shown[0] == 0
    assert shown == sorted(shown)
    assert shown[-1] > 220


def test_a_damaged_animation_gives_what_is_whole(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (4, 60, 60, 3), dtype=np.uint8)
    pictures = [Image.fromarray(each) for each in noise]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:])
    content = (tmp_path / "a.gif").read_bytes()
    frames = list(photo_frames(EncodedPhoto("a", content[: len(content) * 3 // 5])))
    assert 1 <= len(frames) < 4


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_a_picture_on_standard_input_is_read(face, kind):
    buffer = io.BytesIO()
    Image.open(face).save(buffer, kind)
    result = CliRunner().invoke(app, ["analyze", "-", "--detector", "hog"], input=buffer.getvalue())
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1].split()[:3] == ["standard", "input", "happy"]


def test_a_video_on_standard_input_says_what_is_expected(tmp_path):
    video = write_video(tmp_path / "video.mp4", np.zeros((3, 48, 64, 3), np.uint8)).read_bytes()
    result = CliRunner().invoke(app, ["analyze", "-"], input=video)
    assert (result.exit_code, "videos are read from files" in result.output) == (1, True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_lists_of_names_are_read_as_windows_writes_them(face, encoding):
    text = f"{face}\r\nhttps://example.org/a.jpg\r\n".encode(encoding)
    text = b"\xff\xfe" + text if encoding == "utf-16-le" else text
    result = CliRunner().invoke(app, ["analyze", "-", "--detector", "hog"], input=text)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()[1:]
    assert lines[0].startswith(f"{face}  happy")
    assert lines[1].startswith("https://example.org/a.jpg ")
    assert lines[1].endswith("URLs are not fetched; download the picture, and give its file or its bytes")


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs to be root, to be nobody")
def test_a_folder_that_may_not_be_opened_is_a_row(face):
    from feroi.photo.sources import photo_files

    root = Path(os.path.realpath(tempfile.mkdtemp()))  # those of pytest lie in a folder that is shut
    try:
        (root / "shut").mkdir()
        root.chmod(0o755)
        (root / "a.png").write_bytes(face.read_bytes())
        (root / "shut").chmod(0)
        os.seteuid(65534)
        found = list(photo_files([str(root)]))
        os.seteuid(0)
        assert found == [root / "a.png", NoPhoto(root / "shut", "no permission to read the folder")]
    finally:
        os.seteuid(0)
        for path in (root / "a.png", root / "shut"):
            path.unlink() if path.is_file() else path.rmdir()
        root.rmdir()
