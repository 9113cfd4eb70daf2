from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from feroi.data import pixels
from feroi.data.pixels import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import Sample, Samples, fingerprint


def test_images_come_in_order_at_the_size_asked_for(expression_folders):
    samples = read_dataset(expression_folders)
    decoded = decode(samples, (24, 24))
    assert decoded.pixels.shape == (42, 24, 24)
    for row, image in zip(samples, decoded.pixels, strict=True):
        with Image.open(row.image) as file:
            assert (image == np.asarray(file)).all()
    assert decode(samples, (12, 10)).pixels.shape == (42, 12, 10)


def test_files_are_decoded_once(expression_folders, monkeypatch):
    samples = read_dataset(expression_folders)
    first = decode(samples, (24, 24)).pixels
    monkeypatch.setattr(pixels, "_decode_one", lambda *_: pytest.fail("decoded again"))
    assert (decode(samples, (24, 24)).pixels == first).all()


def test_a_changed_file_is_decoded_again(expression_folders):
    samples = read_dataset(expression_folders)
    decode(samples, (24, 24))
    Image.fromarray(np.zeros((24, 24), np.uint8)).save(samples[0].image)
    assert (decode(samples, (24, 24)).pixels[0] == 0).all()


def test_without_a_writable_cache_it_still_works(expression_folders, monkeypatch):
    blocker = expression_folders / "blocker"
    blocker.write_text("a file, where a folder would be needed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker))
    samples = read_dataset(expression_folders)
    assert len(decode(samples, (24, 24)).pixels) == 42


def test_nothing_readable_is_an_error(tmp_path):
    samples = Samples([Sample(tmp_path / "gone.png", "gone.png", "sad")])
    with pytest.raises(ValueError, match=r"not one of 1 images.*gone.png file not found"):
        decode(samples, (24, 24))


def test_fingerprint_follows_pixels_labels_and_subjects():
    image = np.zeros((1, 4, 4), np.uint8)

    def mark(image, expression, subject):
        return fingerprint(Samples([Sample(image[0], "a", expression, subject)]), image)

    brighter = mark(image + 1, "sad", "1")
    marks = {mark(image, "sad", "1"), brighter, mark(image, "happy", "1"), mark(image, "sad", "2")}
    assert len(marks) == 4
    assert mark(image, "sad", "1") in marks
