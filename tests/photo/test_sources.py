from __future__ import annotations

from pathlib import Path

import pytest

from feroi.photo.decode import NoPhoto
from feroi.photo.sources import photo_files


@pytest.fixture
def folder(tmp_path):
    odd = ("notes.txt", ".hidden.jpg", ".git/e.jpg")
    for name in ("b.jpg", "a.PNG", "deep/er/c.png", "deep/d.jpg", *odd):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def _names(folder, *sources):
    return [path.relative_to(folder).as_posix() for path in photo_files(map(str, sources))]


def test_a_folder_is_searched_to_the_bottom_in_order(folder):
    assert _names(folder, folder) == ["a.PNG", "b.jpg", "deep/d.jpg", "deep/er/c.png"]


def test_globs_are_widened(folder):
    assert _names(folder, folder / "*.jpg") == ["b.jpg"]
    assert _names(folder, folder / "**" / "*.png") == ["deep/er/c.png"]


def test_a_file_is_taken_at_its_word(folder):
    assert _names(folder, folder / "notes.txt", folder / "gone.jpg") == ["notes.txt", "gone.jpg"]


def test_a_file_whose_name_looks_like_a_glob(folder):
    odd = folder / "party [1].jpg"
    odd.touch()
    assert list(photo_files([str(odd)])) == [Path(odd)]


def test_a_glob_may_mean_folders(folder):
    assert _names(folder, folder / "d*") == ["deep/d.jpg", "deep/er/c.png"]
    assert _names(folder, folder / "deep" / "**") == ["deep/d.jpg", "deep/er/c.png"]


def test_a_glob_that_nothing_fits_is_not_lost(folder):
    (none,) = photo_files([str(folder / "*.webp")])
    assert none == NoPhoto(folder / "*.webp", "nothing fits this pattern")
