"""What commands never overwrite: pictures, videos, what they read, and the rows of runs that were killed."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from feroi.cli.app import app
from support.videos import write_video

GREY = np.full((40, 40, 3), 90, np.uint8)


@pytest.fixture
def photos(tmp_path):
    for name in ("a.jpg", "b.jpg"):
        Image.fromarray(GREY).save(tmp_path / name)
    write_video(tmp_path / "v.mp4", [GREY] * 3)
    (tmp_path / "link.csv").symlink_to("b.jpg")
    return tmp_path


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("source", "option", "output"),
    [
        ("b.jpg", "--csv", "a.jpg"),  # feroi analyze --csv *.jpg
        ("a.jpg", "--report", "a.jpg"),
        ("v.mp4", "--csv", "v.mp4"),
        ("a.jpg", "--jsonl", "link.csv"),
        ("a.jpg", "--parquet", "b.jpg"),
    ],
)
def test_a_table_or_page_never_replaces_a_picture_or_video(photos, source, option, output):
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    result = _run("analyze", photos / source, option, photos / output)
    assert result.exit_code == 1
    assert f"{output} is a " in result.output
    assert "give another name" in result.output
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before


def test_an_earlier_table_is_replaced_as_ever(photos):
    (photos / "t.csv").write_text("old")
    assert _run("analyze", photos / "a.jpg", photos / "v.mp4", "--csv", photos / "t.csv").exit_code == 0
    with (photos / "t.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2


@pytest.mark.parametrize("command", [("explain", "--report"), ("explain", "--whole")])
def test_a_drawing_never_replaces_the_photo_it_is_made_from(photos, command):
    photo = photos / "a.png"
    Image.fromarray(GREY).save(photo)
    before = photo.read_bytes()
    result = _run(command[0], photo, command[1], photo)
    assert result.exit_code == 1
    assert "a.png is read, and would be replaced" in result.output
    assert photo.read_bytes() == before


def test_photos_do_not_replace_the_rows_of_an_unfinished_video(photos):
    table = photos / "k.csv"
    (photos / "k.csv.unfinished").mkdir()
    (photos / "k.csv.partial").write_text("rows")
    result = _run("analyze", photos / "a.jpg", "--csv", table)
    assert result.exit_code == 1
    assert "k.csv.unfinished belongs to a run that was not finished" in result.output
    assert (photos / "k.csv.partial").read_text() == "rows"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_a_pipe_among_videos_is_a_row_and_nobody_waits_for_it(photos):
    os.mkfifo(photos / "p.jpg")
    command = [sys.executable, "-m", "feroi", "analyze", photos, "--csv", photos / "t.csv"]
    subprocess.run([*command, "--overlay", photos / "drawn"], check=True, capture_output=True, timeout=100)
    with (photos / "t.csv").open() as file:
        status = {row["file"].rsplit("/")[-1]: row["status"] for row in csv.DictReader(file)}
    assert status["p.jpg"] == "not a file"
    assert set(status) == {"a.jpg", "b.jpg", "p.jpg", "v.mp4"}


def test_without_the_package_for_videos_photos_beside_one_are_read_and_drawn(photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    table = photos / "t.csv"
    result = _run("analyze", photos, "--csv", table, "--overlay", photos / "drawn")
    assert result.exit_code == 0, result.output
    with table.open() as file:
        status = {row["file"].rsplit("/")[-1]: row["status"] for row in csv.DictReader(file)}
    assert status["a.jpg"] == status["b.jpg"] == "no face"
    assert "feroi[video]" in status["v.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize("after_s", [0.05, 0.2])
def test_ctrl_c_while_loading_ends_without_a_traceback(after_s):
    child = subprocess.Popen(
        [sys.executable, "-m", "feroi", "analyze", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(after_s)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    # Before the first line of feroi Python itself may say it, and behind the last the command has ended.
    assert b"feroi/c" not in said
    assert child.returncode in (0, 1, 130, -signal.SIGINT)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such shell")
def test_a_closed_standard_output_is_an_error_in_words(photos):
    line = f'"{sys.executable}" -m feroi analyze "{photos / "a.jpg"}" --csv - >&-'
    ended = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 1
    assert "standard output is closed" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_jpeg_is_drawn_as_a_jpeg_and_others_as_png(tmp_path):
    for name in ("a.JPG", "b.png"):
        Image.fromarray(data.astronaut()).save(tmp_path / name)
    for more in ([], [write_video(tmp_path / "v.mp4", [GREY] * 3)]):
        drawn = tmp_path / f"drawn{len(more)}"
        result = _run("analyze", tmp_path / "a.JPG", tmp_path / "b.png", *more, "--overlay", drawn)
        assert result.exit_code == 0, result.output
        kinds = {path.name: Image.open(path).format for path in drawn.iterdir() if path.suffix != ".mp4"}
        assert kinds == {"00000-a.jpg": "JPEG", "00001-b.png": "PNG"}


@pytest.mark.parametrize("place", ["a.jpg", "-", os.devnull, "a.jpg/drawn"])
def test_a_place_that_is_no_folder_for_overlays_is_refused_before_the_work(photos, monkeypatch, place):
    monkeypatch.chdir(photos)
    result = _run("analyze", "a.jpg", "--overlay", place, "--csv", "t.csv")
    assert result.exit_code == 1
    assert f"error: {place} " in result.output
    assert not (photos / "t.csv").exists()
    assert not (photos / "-").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such shell")
@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("{feroi} analyze a.jpg --csv t.csv 2>&-", 0, ""),
        ("{feroi} analyze a.jpg --csv t.csv <&- >&- 2>&-", 0, ""),
        ("{feroi} analyze - <&-", 1, "no photos there"),
        ("{feroi} analyze a.jpg --csv /dev/fd/9", 1, "/dev/fd/9 cannot be written: bad file descriptor"),
        ("ln -s l.csv l.csv; {feroi} analyze a.jpg --csv l.csv", 1, "l.csv cannot be written: "),
        ("{feroi} analyze a.jpg >/dev/full", 1, "standard output: No space left on device"),
        ("{feroi} analyze a.jpg --csv t.csv >/dev/full", 0, "standard output cannot be written: No space"),
    ],
)
def test_streams_that_are_closed_or_full_cost_no_table(photos, line, status, said):
    if "/dev/full" in line and not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("there is no such device")
    line = line.format(feroi=f'"{sys.executable}" -m feroi')
    ended = subprocess.run(
        line, shell=True, cwd=photos, capture_output=True, text=True, timeout=100, check=False
    )
    assert ended.returncode == status, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    if status == 0:
        with (photos / "t.csv").open() as file:
            assert [row["status"] for row in csv.DictReader(file)] == ["no face"]
