"""Real files of every kind people have, written here, with the values they must give."""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from feroi.photo import decode as pixels
from feroi.photo.decode import (
    NotAPicture,
    TooManyPixels,
    UnreadableImage,
    decode_photo,
    read_intensity,
    read_photo,
)
from support.pictures import BLUE, GREEN, RED, corners

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_rgb_values_and_their_luma(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.png")
    photo = read_photo(tmp_path / "a.png")
    assert photo.shape == (20, 40, 3)
    assert photo.dtype == np.uint8
    assert tuple(photo[0, 0]) == RED
    assert tuple(photo[19, 39]) == BLUE
    grey = read_intensity(tmp_path / "a.png")
    assert (grey[0, 0], grey[19, 39], grey[0, 39]) == (76, 29, 90)  # 0.299 · 255, 0.114 · 255


@pytest.mark.parametrize(
    ("orientation", "shape", "red", "blue"),
    [
        (1, (20, 40), (0, 0), (19, 39)),
        (2, (20, 40), (0, 39), (19, 0)),
        (3, (20, 40), (19, 39), (0, 0)),
        (6, (40, 20), (0, 19), (39, 0)),  # stored top left belongs top right
        (8, (40, 20), (39, 0), (0, 19)),
    ],
)
def test_exif_orientation_is_applied(
    tmp_path: Path,
    orientation: int,
    shape: tuple[int, int],
    red: tuple[int, int],
    blue: tuple[int, int],
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    corners().save(tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    photo = read_photo(tmp_path / "a.jpg").astype(int)
    assert photo.shape[:2] == shape
    assert np.abs(photo[red] - RED).max() < 12
    assert np.abs(photo[blue] - BLUE).max() < 12
    assert read_intensity(tmp_path / "a.jpg").shape == shape


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_photo(tmp_path / "a.jpg").astype(int) - RED).max() < 6
    assert abs(int(read_intensity(tmp_path / "a.jpg")[8, 8]) - 76) < 4


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_scales_by_257(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 128, 129, 257], [32896, 200, 65278, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    expected = [[0, 0, 1, 1], [128, 1, 254, 255]]
    assert read_intensity(tmp_path / f"a.{suffix}").tolist() == expected
    assert read_photo(tmp_path / f"a.{suffix}")[..., 2].tolist() == expected


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_twelve_bits_in_sixteen_are_stretched(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 1024, 2048, 4095]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    assert read_intensity(tmp_path / f"a.{suffix}").tolist() == [[0, 64, 128, 255]]


@pytest.mark.parametrize(("brightest", "expected"), [(0, 0), (8191, 255), (8192, 32)])
def test_only_below_an_eighth_of_the_range_is_stretched(
    tmp_path: Path, brightest: int, expected: int
) -> None:
    Image.fromarray(np.array([[0, brightest]], dtype=np.uint16)).save(tmp_path / "a.png")
    assert read_photo(tmp_path / "a.png")[0, 1].tolist() == [expected] * 3


def test_sixteen_bit_colour_keeps_the_upper_byte(tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + checksum

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)  # 1 x 1 px, 16 bits, RGB
    pixel = b"\0" + struct.pack(">HHH", 0x8012, 0xFFFF, 0x0040)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(pixel))
        + chunk(b"IEND", b"")
    )
    assert read_photo(tmp_path / "a.png").tolist() == [[[128, 255, 0]]]


def test_floating_point_numbers_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.0, 0.5, 1.0]], dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableImage, match="floating-point numbers are not read; convert to 8 or 16 bit"):
        read_photo(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("LA", (0, 0), (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_alpha_lies_on_white_and_grey_has_three_channels(
    tmp_path: Path, mode: str, colour: object, expected: tuple[int, int, int]
) -> None:
    Image.new(mode, (5, 4), colour).save(tmp_path / "a.png")  # type: ignore[arg-type]
    assert tuple(read_photo(tmp_path / "a.png")[2, 2]) == expected


def test_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 1)
    image.save(tmp_path / "a.png", transparency=0)
    photo = read_photo(tmp_path / "a.png")
    assert tuple(photo[0, 0]) == GREEN
    assert tuple(photo[3, 3]) == (255, 255, 255)


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_of_an_animation_the_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE, GREEN)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    assert tuple(read_photo(tmp_path / f"a.{suffix}")[4, 4]) == RED


def reason(path: Path) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_photo(path)
    with pytest.raises(UnreadableImage):
        read_intensity(path)
    return str(caught.value)


def test_reasons(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture at all, though its name says so")
    (tmp_path / "folder.jpg").mkdir()
    corners().resize((400, 300)).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    assert reason(tmp_path / "empty.jpg") == "empty file"
    assert reason(tmp_path / "text.jpg") == "not a picture"
    assert reason(tmp_path / "folder.jpg") == "a folder, not a picture"
    assert reason(tmp_path / "none.jpg") == "file not found"
    assert "truncated" in reason(tmp_path / "cut.jpg")


@pytest.mark.skipif(os.name == "nt", reason="no such files")
def test_what_is_no_file_is_not_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to("pipe.jpg")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(tmp_path / "plug.jpg"))
        names = [*(tmp_path / name for name in ("pipe.jpg", "link.jpg", "plug.jpg")), Path("/dev/zero")]
        assert [reason(name) for name in names] == ["not a file"] * 4


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "IMG_1.jpg"])
def test_heif_is_named_with_a_remedy(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / name).write_bytes(HEIC)
    assert reason(tmp_path / name) == (
        "HEIF pictures are not read without feroi[heif]: pip install 'feroi[heif]', or convert it to JPEG"
    )


@pytest.mark.skipif(os.name == "nt", reason="no such permissions")
def test_a_forbidden_file() -> None:
    nobody = 65534
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.png")
        corners().save(path)
        path.chmod(0)
        if os.geteuid() == 0:  # who may read everything
            Path(folder).chmod(0o755)
            Image.init()  # loads decoders, which nobody may be forbidden to read
            os.seteuid(nobody)
            try:
                assert reason(path) == "no permission to read the file"
            finally:
                os.seteuid(0)
        else:
            assert reason(path) == "no permission to read the file"


def test_permission_errors_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path, formats: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", forbidden)
    (tmp_path / "a.png").touch()
    assert reason(tmp_path / "a.png") == "no permission to read the file"


@pytest.mark.slow
def test_a_panorama_of_100_megapixels_is_read_without_a_warning(tmp_path: Path) -> None:
    Image.new("1", (20_000, 5_000), 1).save(tmp_path / "a.png")
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_intensity(tmp_path / "a.png").shape == (5_000, 20_000)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    Image.new("1", (20_000, 10_001), 1).save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size < 100_000
    assert reason(tmp_path / "a.png").startswith("too many pixels: 20000 x 10001 px")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True, "quality": 95}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_the_mark_of_its_end_is_whole_and_any_other_cut_one_is_damaged(
    tmp_path: Path, mode: str, options: dict[str, Any]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (37, 53, 3), dtype=np.uint8)
    path = tmp_path / "a.jpg"
    Image.fromarray(noise).convert(mode).save(path, **options)
    whole, expected = path.read_bytes(), read_photo(path)
    assert whole[-2:] == b"\xff\xd9"
    damaged = 0
    for cut in range(1, 60):
        path.write_bytes(whole[:-cut])
        try:
            photo = read_photo(path)
        except UnreadableImage:
            damaged += 1
        else:
            assert np.array_equal(photo, expected)
            assert np.array_equal(decode_photo(whole[:-cut]), expected)
        assert damaged == 0 or cut > 2
    assert damaged > 50  # a byte or two at the end may fill up the last one alone
    path.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in reason(path)


def test_heic_is_read_with_its_extra_told_by_bytes(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    picture = corners().resize((160, 80), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, tags in (("a.heic", None), ("a.jpg", None), ("b.HEIC", exif)):
        heif = pillow_heif.from_pillow(picture)
        heif.save(tmp_path / name, quality=95, **({"exif": tags.tobytes()} if tags else {}))
    for name in ("a.heic", "a.jpg"):
        photo = read_photo(tmp_path / name)
        assert photo.shape == (80, 160, 3)
        assert np.abs(photo[10, 10].astype(int) - RED).max() < 30
        assert np.array_equal(decode_photo((tmp_path / name).read_bytes()), photo)
    turned = read_photo(tmp_path / "b.HEIC")
    assert turned.shape == (160, 80, 3)
    assert np.abs(turned[10, 70].astype(int) - RED).max() < 30
    content = (tmp_path / "a.heic").read_bytes()
    with pytest.raises(TooManyPixels):
        decode_photo(content, max_pixels=100)
    with pytest.raises(UnreadableImage, match="damaged picture"):
        decode_photo(content[: len(content) - 100])


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "gif", "webp", "bmp"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_gives_a_picture_or_a_reason(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"a.{suffix}"
    corners().save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            photo = pixels.read_photo(path)
        except UnreadableImage:
            return
    assert photo.dtype == np.uint8
    assert photo.shape[2] == 3


@pytest.mark.parametrize("kind", ["JPEG", "MPO", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "PPM"])
def test_bytes_give_what_the_file_of_them_gives(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    corners().save(path, kind)
    assert np.array_equal(decode_photo(path.read_bytes()), read_photo(path))


def test_bytes_that_are_no_picture_say_which_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "a.png"
    corners().save(path)
    whole = path.read_bytes()
    with pytest.raises(TooManyPixels, match="40 x 20 px, at most 799 are read"):
        decode_photo(whole, max_pixels=799)
    assert decode_photo(whole, max_pixels=800).shape == (20, 40, 3)
    with pytest.raises(UnreadableImage, match="damaged picture"):
        decode_photo(whole[:-30])
    with pytest.raises(UnreadableImage, match="empty file"):
        decode_photo(b"")
    with pytest.raises(NotAPicture, match="convert it to JPEG"):
        decode_photo(HEIC)


def test_formats_that_run_programs_are_not_decoded_from_bytes(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.eps")
    with pytest.raises(NotAPicture, match="not a picture"):
        decode_photo((tmp_path / "a.eps").read_bytes())


def test_pages_of_a_tiff_are_searched_as_those_of_an_animation(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (30 + 10 * number, 20), (9 * number, 0, 0)) for number in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    found = list(pixels.photo_frames(tmp_path / "a.tif"))
    assert [frame.shape for frame in found] == [(20, 30, 3), (20, 40, 3), (20, 50, 3)]
    assert [int(frame[0, 0, 0]) for frame in found] == [0, 9, 18]
    limited = pixels.EncodedPhoto("", (tmp_path / "a.tif").read_bytes(), 20 * 40)
    assert len(list(pixels.photo_frames(limited))) == 2


@pytest.mark.parametrize("kind", ["PNG", "AVIF", "TIFF"])
def test_a_picture_whose_header_is_cut_is_damaged_and_of_a_known_format(kind: str) -> None:
    buffer = io.BytesIO()
    corners().save(buffer, kind)
    with pytest.raises(UnreadableImage, match="damaged picture"):
        decode_photo(buffer.getvalue()[:60])
