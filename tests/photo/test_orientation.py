"""Pictures are turned as their EXIF says, once, whoever wrote it."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from feroi.photo import decode as pixels
from feroi.photo.decode import (
    UnreadableImage,
    as_photo,
    read_photo,
)
from support.pictures import RED, corners


def exif_with_a_bad_tag(orientation: int, kind: int, count: int, value: bytes) -> bytes:
    """EXIF whose tag 0x0131 (the program) says it is of `kind` and so many values, and holds `value`."""
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    entries += struct.pack("<HHI4s", 0x0131, kind, count, value)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<I", 0)


@pytest.mark.parametrize(
    ("kind", "count", "value"),
    [
        (2, 4, b"\xff\xfe\xfd\xfc"),  # no text
        (2, 400, b"\xff\xff\xff\x7f"),  # lies beyond the end
        (2, 0, b"\0\0\0\0"),
        (5, 1, b"\x08\0\0\0"),  # a fraction
        (7, 3, b"abc\0"),
        (77, 1, b"abcd"),  # of no kind there is
        (12, 2**31, b"\0\0\0\0"),
    ],
)
def test_other_tags_are_of_no_concern_to_the_orientation(
    tmp_path: Path, kind: int, count: int, value: bytes
) -> None:
    exif = exif_with_a_bad_tag(6, kind, count, value)
    big = corners().resize((400, 200), Image.Resampling.NEAREST)
    big.save(tmp_path / "a.jpg", exif=exif, quality=98)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        photo = read_photo(tmp_path / "a.jpg")
    assert photo.shape == (400, 200, 3)
    assert np.abs(photo[20, 180].astype(int) - RED).max() < 12


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_there_is_not_turns_nothing(tmp_path: Path, orientation: int) -> None:
    corners().save(tmp_path / "a.jpg", exif=exif_with_a_bad_tag(orientation, 2, 4, b"abc\0"))
    assert read_photo(tmp_path / "a.jpg").shape == (20, 40, 3)


def test_no_exif_at_all_in_its_place_turns_nothing(tmp_path: Path) -> None:
    corners().save(tmp_path / "a.jpg", exif=b"Exif\0\0no exif")
    assert read_photo(tmp_path / "a.jpg").shape == (20, 40, 3)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_images_are_turned_once_whoever_turned_them(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    corners().save(tmp_path / "a.png", exif=exif)
    right = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    assert np.array_equal(as_photo(Image.open(tmp_path / "a.png")), right)  # as its file
    opened = Image.open(tmp_path / "a.png")
    method = pixels._TURNS[orientation]
    by_hand = opened.transpose(method)
    assert by_hand.getexif()[0x0112] == orientation  # what Pillow keeps
    assert np.array_equal(as_photo(by_hand), right)
    assert np.array_equal(as_photo(ImageOps.exif_transpose(opened)), right)


def test_an_image_made_of_another_is_taken_as_it_looks() -> None:
    grey = Image.new("RGB", (0, 3))
    with pytest.raises(UnreadableImage, match="an empty picture, 0 x 3 px"):
        as_photo(grey)
    assert np.array_equal(as_photo(corners()), np.asarray(corners()))
