from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from feroi.data import decoded as pixels
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import Sample, Samples, fingerprint
from support.room import little_room


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


@pytest.mark.parametrize("damage", [b"", b"no array", "half", "fewer images"])
def test_a_damaged_array_in_the_cache_is_made_anew(expression_folders, damage):
    samples = read_dataset(expression_folders)
    first = np.array(decode(samples, (24, 24)).pixels)
    (kept,) = pixels.cache_folder().glob("*.npy")
    whole = kept.read_bytes()
    if damage == "fewer images":
        np.save(kept, first[1:])
    else:
        kept.write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
    assert (decode(samples, (24, 24)).pixels == first).all()
    assert kept.read_bytes() == whole


@pytest.mark.parametrize("damage", ["", "[]", '{"1": "no', '{"one": ""}', "3"])
def test_damaged_reasons_in_the_cache_are_made_anew(expression_folders, damage):
    samples = read_dataset(expression_folders)
    first = np.array(decode(samples, (24, 24)).pixels)
    (kept,) = pixels.cache_folder().glob("*.json")
    kept.write_text(damage)
    assert (decode(samples, (24, 24)).pixels == first).all()
    assert kept.read_text() == "{}"


def test_an_image_that_vanishes_once_decoded_is_not_missed(expression_folders):
    samples = read_dataset(expression_folders)
    first = decode(samples, (24, 24)).pixels
    samples[0].image.unlink()
    assert first[0].shape == (24, 24)  # what was decoded is whole
    again = decode(samples, (24, 24))
    assert [item.reason for item in again.rejected] == ["file not found"]
    assert len(again.samples) == 41


def test_a_full_disk_costs_the_cache_alone(expression_folders):
    samples = read_dataset(expression_folders)
    with little_room(2000):
        assert len(decode(samples, (24, 24)).pixels) == 42
    assert not list(pixels.cache_folder().glob("*"))


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


def test_the_cache_keeps_pixels_with_their_samples_whatever_they_are_called(tmp_path):
    """The same files, named from another root, with the first of them broken."""
    folder = tmp_path / "rafd" / "front"
    folder.mkdir(parents=True)
    for level, emotion in enumerate(("angry", "happy", "sad")):
        name = f"Rafd090_01_Caucasian_female_{emotion}_frontal.png"
        Image.fromarray(np.full((24, 24), 50 * (level + 1), np.uint8)).save(folder / name)
    (folder / "Rafd090_01_Caucasian_female_angry_frontal.png").write_bytes(b"")
    for root in (tmp_path / "rafd", folder, folder):
        decoded = decode(read_dataset(root), (24, 24))
        assert [row.expression for row in decoded.samples] == ["happy", "sad"]
        assert [int(image[0, 0]) for image in decoded.pixels] == [100, 150]
        assert [item.reason for item in decoded.rejected] == ["empty file"]


def test_what_may_be_gone_next_time_is_not_remembered(expression_folders):
    samples = read_dataset(expression_folders)
    content = samples[3].image.read_bytes()
    samples[3].image.unlink()
    assert len(decode(samples, (24, 24)).rejected) == 1
    samples[3].image.write_bytes(content)
    assert decode(samples, (24, 24)).rejected == []


def test_marks_tell_images_apart():
    images = np.zeros((3, 4, 4), np.uint8)
    images[2, 1, 1] = 1
    marks = pixels.image_marks(images)
    assert marks[0] == marks[1] != marks[2]
