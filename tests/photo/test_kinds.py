"""What files hold, whatever they are called; every oracle is a file that some program wrote."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from PIL import Image, features

from feroi.photo.kinds import HEAD_BYTES, is_transport_stream, kind_of, other_kind
from feroi.photo.sources import photo_files
from feroi.photo.video import is_video
from support.videos import write_video

PICTURE = Image.fromarray(np.full((24, 32, 3), 90, np.uint8))
TEXTS = [
    *(
        "",
        "BMW.jpg\nAudi.jpg\n",
        "P1030001.JPG\nP5 party.jpg\n",
        "GIF.gif\n",
        "RIFF.jpg\n",
        "II.jpg",
        "FLV.jpg",
    ),
    *("export const G = 'G';\n" * 100, "G" * 150 + "\n" + "G" * 400, "<?xml version='1.0'?>"),
]


@pytest.mark.parametrize("name", ["JPEG", "MPO", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "PPM"])
def test_pictures_are_told(name):
    if name == "AVIF" and not features.check("avif"):
        pytest.skip("Pillow was built without AVIF")
    for picture in (PICTURE, PICTURE.convert("L")):
        buffer = io.BytesIO()
        picture.save(buffer, name)
        assert kind_of(buffer.getvalue()[:HEAD_BYTES]) == "picture"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heif"),
        (b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevc", "heif"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", "picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", None),  # a raw photo
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video"),  # as cameras wrote before there was ftyp
        *((text.encode(), None) for text in TEXTS),
    ],
)
def test_others_are_told_and_texts_are_none(head, kind):
    assert kind_of(head) == kind


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mp4", "mpeg4"), ("mov", "mpeg4"), ("mkv", "mpeg4"), ("webm", "libvpx"), ("avi", "mpeg4"),
     ("ts", "mpeg4"), ("m2ts", "mpeg4"), ("mpg", "mpeg2video"), ("wmv", "msmpeg4v3"), ("flv", "flv1"),
     ("ogv", "libtheora"),
     ("mxf", "mpeg2video"), ("3gp", "mpeg4")],
)  # fmt: skip
def test_videos_are_told_without_their_suffix(tmp_path, ending, codec):
    frames = np.random.default_rng(0).integers(0, 255, (4, 144, 176, 3), dtype=np.uint8)
    try:
        path = write_video(tmp_path / f"a.{ending}", frames, codec=codec)
    except Exception as error:
        pytest.skip(f"this FFmpeg does not write it: {error}")
    assert kind_of(path.read_bytes()[:HEAD_BYTES]) == "video"
    for name in ("video", "video.jpg", "video.ts", "video.MTS"):
        assert is_video(path.rename(tmp_path / name))
        path = tmp_path / name


def test_a_recording_that_begins_within_a_packet_is_a_transport_stream(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (4, 48, 64, 3), dtype=np.uint8)
    content = write_video(tmp_path / "a.ts", noise, codec="mpeg4").read_bytes()
    for cut in (0, 1, 100, 187):
        assert is_transport_stream(content[cut : cut + HEAD_BYTES])
        (tmp_path / "b.ts").write_bytes(content[cut:])
        assert is_video(tmp_path / "b.ts")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["index.ts", "module.MTS"])
def test_texts_are_passed_over_though_videos_have_their_suffix(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    PICTURE.save(tmp_path / "a.png")
    assert [path.name for path in photo_files([str(tmp_path)])] == ["a.png"]
    assert not is_video(tmp_path / name)


def test_what_is_called_a_video_and_is_a_photo_is_a_photo(tmp_path):
    PICTURE.save(tmp_path / "a.mov", "JPEG")
    (tmp_path / "b.mov").write_text("neither")
    assert [path.name for path in photo_files([str(tmp_path)])] == ["a.mov", "b.mov"]
    assert not is_video(tmp_path / "a.mov")
    assert is_video(tmp_path / "b.mov")  # so that a row says what is wrong with it


@pytest.mark.parametrize(
    ("name", "said"),
    [("JPEG2000", "a JPEG 2000"), ("ICO", "an icon"), ("PDF", "a PDF"), ("EPS", "a Post"), ("DDS", "a DDS")],
)
def test_pictures_of_other_formats_are_named(name, said):
    buffer = io.BytesIO()
    PICTURE.save(buffer, name)
    head = buffer.getvalue()[:HEAD_BYTES]
    assert kind_of(head) is None
    assert other_kind(head).startswith(said)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"\r\n<!DOCTYPE html>\n<html>", "a web page"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (gzip.compress(b"picture", mtime=0), "compressed by gzip"),
    ],
)
def test_what_often_lies_in_place_of_a_picture_is_named(head, said):
    assert other_kind(head).startswith(said)


@pytest.mark.parametrize("text", TEXTS)
def test_other_texts_are_not_named(text):
    assert other_kind(text.encode()) is None
