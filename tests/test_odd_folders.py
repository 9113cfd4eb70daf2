"""Folders as strangers make them: links, odd names, what is no file, and a great many files."""

from __future__ import annotations

import csv
import os
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from feroi.cli.app import app
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import LayoutError
from feroi.files import display_name
from feroi.photo.decode import NoPhoto, UnreadableImage, read_photo
from feroi.photo.sources import photo_files
from feroi.photo.video import is_video

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such files cannot be")

BLANK = Image.fromarray(np.full((20, 20), 90, np.uint8))


def _statuses(*arguments, **more):
    result = CliRunner().invoke(app, ["analyze", *arguments, "--csv", "table.csv"], **more)
    assert result.exit_code == 0, result.output
    with Path("table.csv").open(encoding="utf-8") as file:
        return {row["file"]: row["status"] for row in csv.DictReader(file)}


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    BLANK.save(outside / "a.png")
    (inside / "file.png").symlink_to(outside / "a.png")
    (inside / "folder").symlink_to(outside)
    (inside / "round").symlink_to(inside)
    (inside / "itself.png").symlink_to("itself.png")
    (inside / "gone.png").symlink_to("nowhere.png")
    names = [path.name for path in photo_files([str(inside)])]
    assert names == ["file.png", "gone.png", "itself.png"]
    assert read_photo(inside / "file.png").shape == (20, 20, 3)
    for name, reason in (("gone.png", "file not found"), ("itself.png", "Too many levels of symbolic links")):
        with pytest.raises(UnreadableImage, match=reason):
            read_photo(inside / name)


def test_data_sets_with_links_in_a_circle_end(tmp_path):
    (tmp_path / "angry").mkdir()
    BLANK.save(tmp_path / "angry" / "a.png")
    (tmp_path / "happy").symlink_to(tmp_path)
    (tmp_path / "angry" / "round").symlink_to(tmp_path)
    assert [row.name for row in read_dataset(tmp_path, "folder")] == ["angry/a.png"]
    with pytest.raises(LayoutError, match="no RaFD images"):
        read_dataset(tmp_path, "rafd")


def test_names_no_spreadsheet_runs_and_no_page_takes_for_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["=cmd|' calc'!A1.png", "+1.png", "-rf.png", "@SUM(1).png", "<script>alert(1)<.png", "\t=1.png"]
    for name in names:
        BLANK.save(name)
    told = _statuses("-", "--report", "page.html", input="\n".join(names) + "\n")
    assert [name[0] for name in told] == [".", ".", ".", ".", "<", "\\"]
    assert [Path(name) for name in told][:5] == [Path(name) for name in names[:5]]  # the same files still
    assert set(told.values()) == {"no face"}
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;.png" in page


def test_a_text_that_is_no_path_is_left_as_it_is():
    assert (display_name(Path("=1.png")), display_name("=1.png"), display_name(Path("a/=1.png"))) == (
        "./=1.png",
        "=1.png",
        "a/=1.png",
    )


def test_names_that_cannot_be_are_files_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    BLANK.save("a.png")
    long = "b" * 300 + ".png"
    told = _statuses("-", input=f"a.png\n{long}\nc.png\0d.png\n")
    assert told["a.png"] == "no face"
    assert told[long] == "the file cannot be read: File name too long"
    assert told["c.png\\x00d.png"] == "file not found"
    assert not is_video(Path(long))
    assert not is_video(Path("c\0d"))


def test_what_vanishes_between_listing_and_reading_is_a_row(tmp_path):
    for name in ("angry", "happy"):
        (tmp_path / name).mkdir()
        BLANK.save(tmp_path / name / "a.png")
    os.mkfifo(tmp_path / "angry" / "pipe.png")
    (tmp_path / "angry" / "folder.png").mkdir()
    BLANK.save(tmp_path / "angry" / "gone.png")
    samples = read_dataset(tmp_path)
    (tmp_path / "angry" / "gone.png").unlink()
    decoded = decode(samples, (16, 16))
    assert [row.name for row in decoded.samples] == ["angry/a.png", "happy/a.png"]
    assert dict(decoded.rejected) == {
        "angry/folder.png": "a folder, not a picture",
        "angry/gone.png": "file not found",
        "angry/pipe.png": "not a file",
    }


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "b/../../a.png", "a\0.png", ""])
def test_tables_name_files_below_their_own_folder(tmp_path, name):
    (tmp_path / "samples.csv").write_text(f"file,expression\n{name},sad\n")
    with pytest.raises(LayoutError, match=r"line 2: .* is no file below the table's own folder"):
        read_dataset(tmp_path)


@pytest.mark.slow
def test_a_hundred_thousand_files_are_listed_in_seconds(tmp_path):
    for folder in range(10):  # a file has 65,000 names at most
        (tmp_path / str(folder)).mkdir()
        BLANK.save(tmp_path / str(folder) / "00000.png")
        for number in range(1, 10_000):
            os.link(tmp_path / str(folder) / "00000.png", tmp_path / str(folder) / f"{number:05d}.png")
    tracemalloc.start()
    start = time.process_time()
    files = list(photo_files([str(tmp_path)]))
    seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(files) == 100_000
    assert files == sorted(files)
    assert seconds < 30
    assert peak < 150e6


def test_folders_nested_too_deeply_are_told_of(tmp_path, monkeypatch):
    def too_deep(*_, **__):
        yield str(tmp_path), [], ["a.jpg"]
        raise RecursionError  # as from 1,000 folders in each other, which are slow to make and to remove

    (tmp_path / "a.jpg").touch()
    monkeypatch.setattr(os, "walk", too_deep)
    deep = "some of the folders in it are nested too deeply to be read"
    assert list(photo_files([str(tmp_path)])) == [tmp_path / "a.jpg", NoPhoto(tmp_path, deep)]
    with pytest.raises(LayoutError, match="nested too deeply; move the pictures further up"):
        read_dataset(tmp_path)
