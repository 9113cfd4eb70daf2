from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from feroi.photo.pixels import UnreadableImage, cover, is_image_name, read_intensity


def test_colours_become_luma(tmp_path):
    Image.fromarray(np.full((4, 4, 3), (255, 0, 0), np.uint8)).save(tmp_path / "red.png")
    assert read_intensity(tmp_path / "red.png").tolist() == [[76] * 4] * 4  # 0.299 * 255


def test_sixteen_bits_become_eight(tmp_path):
    values = np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert read_intensity(tmp_path / "deep.png").tolist() == [[0, 100], [200, 255]]


def test_transparent_pixels_lie_on_white(tmp_path):
    Image.fromarray(np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)).save(tmp_path / "clear.png")
    assert read_intensity(tmp_path / "clear.png").tolist() == [[255, 0]]


def test_exif_orientation_is_followed(tmp_path):
    image = Image.fromarray(np.array([[0, 100, 200]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    image.save(tmp_path / "turned.png", exif=exif)
    assert read_intensity(tmp_path / "turned.png").tolist() == [[0], [100], [200]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty file"), (b"hello", "not a picture"), (None, "not found")],
)
def test_files_that_are_no_pictures_say_so(tmp_path, content, reason):
    path = tmp_path / "photo.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableImage, match=reason):
        read_intensity(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_pictures_say_so(tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(UnreadableImage, match="damaged"):
        read_intensity(path)


def test_cover_keeps_proportions_and_the_centre():
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200
    assert (cover(wide, (10, 10)) == 200).all()
    assert (cover(wide, (5, 5))[:, 1:-1] > 195).all()
    assert cover(wide, (20, 15)).shape == (20, 15)


def test_cover_of_the_right_size_changes_nothing():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert cover(image, (3, 4)) is image


def test_image_names(tmp_path):
    assert is_image_name(tmp_path / "A.JPG")
    assert not is_image_name(tmp_path / ".hidden.png")
    assert not is_image_name(tmp_path / "Thumbs.db")
