"""What people import, and what they may hand over."""

from __future__ import annotations

import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from skimage.util import img_as_ubyte

import feroi
from feroi import reader as reader_module
from feroi import reading
from feroi.network.load import Model
from feroi.photo import landmarks
from feroi.photo.decode import as_photo
from feroi.reading import analyze_photos
from feroi.results import Photo, Refused
from feroi.shipped import shipped_path
from support.faces import beside_a_blurred_copy
from support.network import CONFIG, ONE, forward


def test_images_in_memory_are_read_as_their_files_are(astronaut, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    Image.fromarray(astronaut).rotate(90, expand=True).save(tmp_path / "lying.png", exif=exif)
    with Image.open(tmp_path / "lying.png") as image:
        opened, array = analyze_photos([image, astronaut], Model(CONFIG, forward), ONE)
    np.testing.assert_array_equal(opened.pixels, astronaut)
    assert opened.faces[0].box_xyxy_px == array.faces[0].box_xyxy_px


@pytest.mark.parametrize(
    ("photo", "error", "got"),
    [
        (np.full((8, 8), 2.5, np.float32), TypeError, r"an array of float32 from 2.5 to 2.5; .*array / 255"),
        (
            np.full((8, 8), 1.001),
            TypeError,
            r"an array of float64 from 1.001 .* where 1 is white, array.clip",
        ),
        (np.full((8, 8), -0.9), TypeError, "an array of float64 from -0.9 .* undo the normalisation"),
        (np.full((8, 8), np.nan), TypeError, "an array of float64 from nan .* not finite"),
        (np.full((8, 8), np.inf), TypeError, "an array of float64 from inf .* not finite"),
        (np.zeros((8, 8), bool), TypeError, r"an array of bool; np.uint8\(255\) \* array"),
        (np.zeros((8, 8, 5), np.uint8), ValueError, r"an array of shape \(8, 8, 5\)"),
        (np.zeros(8, np.uint8), ValueError, r"an array of shape \(8,\)"),
        (np.zeros((0, 8, 3), np.uint8), ValueError, r"an array of shape \(0, 8, 3\)"),
        ({"a": 1}, TypeError, "dict"),
        (7, TypeError, "int"),
    ],
)
def test_what_is_no_photo_is_refused_alone_and_a_row_among_others(photo, error, got, astronaut):
    said = rf"array \(H, W\), \(H, W, 3\) or \(H, W, 4\) of uint8, or of floats from 0 to 1; got {got}"
    with pytest.raises(error, match=said):
        feroi.analyze(photo, detector="hog")
    before, row, after = analyze_photos([astronaut, photo, astronaut], Model(CONFIG, forward), ONE)
    assert (before.status, row.name, after.status) == ("ok", "photo 1", "ok")
    assert re.search(said, row.status)
    assert (row.pixels, row.faces) == (None, [])


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_are_taken_as_scikit_image_has_them(kind, astronaut):
    array = np.array([[0, 0.25, 0.5], [0.75, 0.99, 1]], kind)
    # 0, 63.75, 127.5, 191.25, 252.45 and 255, halves to even
    np.testing.assert_array_equal(as_photo(array), [[0, 64, 128], [191, 252, 255]])
    np.testing.assert_array_equal(as_photo(array), img_as_ubyte(array))
    clear = np.dstack([np.zeros((2, 3, 3), kind), np.zeros((2, 3), kind)])
    np.testing.assert_array_equal(as_photo(clear), np.full((2, 3, 3), 255))
    reader = feroi.Reader(threads=1)
    floats, (bytes_,) = reader.read((astronaut / 255).astype(kind)), reader.read(astronaut)
    assert floats == [bytes_]


def test_analyze_takes_what_reader_takes(astronaut):
    two = Image.fromarray(np.concatenate([astronaut, astronaut], axis=1))
    assert [face.expression for face in feroi.analyze(two)] == ["happy", "happy"]
    assert len(feroi.analyze(two, only_biggest=True)) == 1
    poor = Image.fromarray(beside_a_blurred_copy(astronaut))
    assert [len(feroi.analyze(poor, abstain=wish)) for wish in (False, True)] == [2, 1]
    with pytest.raises(ValueError, match="would misread those of 'front'"):
        feroi.analyze(two, pipeline="front")
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx"):
        feroi.analyze(two, model="gone.onnx")


def test_the_landmark_model_is_the_one_chosen(astronaut, monkeypatch):
    """Another model in its place, ten px to the right of the shipped one; the mesh stays as it is."""
    shipped = landmarks.MODELS["face-mesh"]
    moved = {"face-mesh": shipped, "dlib-68": lambda photo, mesh: shipped(photo, mesh) + np.array([10, 0])}
    monkeypatch.setattr(landmarks, "MODELS", moved)
    monkeypatch.setattr(landmarks, "_dlib_predictor", lambda: None)
    plain, other = (
        feroi.Reader(threads=1, landmarks=name).read(astronaut)[0] for name in ("face-mesh", "dlib-68")
    )
    np.testing.assert_allclose(other.landmarks - plain.landmarks, [[10, 0]] * 68, atol=1e-6)
    assert np.abs(plain.crop.astype(int) - other.crop).mean() > 5


def test_the_detector_is_the_one_chosen(astronaut):
    pytest.importorskip("dlib")
    (yunet,), (hog,) = (feroi.Reader(detector=name, threads=1).read(astronaut) for name in ("yunet", "hog"))
    assert yunet.score < 1 < hog.score
    assert yunet.expression == hog.expression == "happy"


def test_a_model_stays_loaded_until_its_file_changes(tmp_path):
    model = tmp_path / "own.onnx"
    shutil.copyfile(shipped_path("network/pretrained/ferplus.onnx"), model)
    blank = np.full((40, 40), 90, np.uint8)
    reader_module._kept_reader.cache_clear()
    for _ in range(2):
        assert feroi.analyze(blank, model=model) == []
    assert reader_module._kept_reader.cache_info().misses == 1
    os.utime(model, ns=(1, 1))
    feroi.analyze(blank, model=model)
    assert reader_module._kept_reader.cache_info().misses == 2


def test_what_people_import_is_listed():
    names = {"analyze", "Reader", "Reading", "PhotoReading", "UnreadableImage", "to_frame"}
    assert names <= set(dir(feroi))
    assert feroi.PhotoReading is Photo
    earlier = reading.Photo, reading.Reading, reading.Refused  # where they were before
    assert earlier == (Photo, feroi.Reading, Refused)
    assert all(getattr(feroi, name) is not None for name in feroi.__all__)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"abstain": "no"}, "abstain is True or False, got 'no'"),
        ({"only_biggest": 1}, "only_biggest is True or False, got 1"),
        ({"threads": -1}, "threads must be at least 1, got -1"),
        ({"model": ["default", "ferplus"]}, "as one text with commas between"),
        ({"model": ""}, "no model is named"),
    ],
)
def test_settings_of_another_kind_are_refused(settings, said):
    with pytest.raises((TypeError, ValueError), match=said):
        feroi.Reader(**settings)
