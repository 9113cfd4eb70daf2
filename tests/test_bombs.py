"""What small files made to take much cost: a row each, in bounded memory and time."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feroi.photo.decode import read_photo
from feroi.photo.video import UnreadableVideo, duration_s, video_frames
from support.bombs import SIDE, bombs, jpeg
from support.videos import write_video

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="peaks of memory are told otherwise elsewhere"
)

_RUN = """
import resource, sys
sys.argv[0] = "feroi"
from feroi.cli.app import app
try:
    app()
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000, file=sys.stderr)
"""


def _feroi(*arguments):
    """The peak of memory, in MB, and CPU time, in s, of a command."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    after = os.times()
    assert done.returncode == 0, done.stderr
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return int(done.stderr.rsplit("peak ", 1)[1]), seconds


def _reasons(table, column):
    with table.open(encoding="utf-8") as file:
        return {Path(row["file"]).name: row[column] for row in csv.DictReader(file)}


@pytest.mark.slow
def test_bombs_are_rows_of_the_table_of_readings(tmp_path):
    (tmp_path / "quiet").mkdir()
    Image.new("L", (16, 16)).save(tmp_path / "quiet" / "a.png")
    usual_mb, usual_s = _feroi("analyze", tmp_path / "quiet", "--csv", tmp_path / "quiet.csv")
    (tmp_path / "bombs").mkdir()
    for name, (content, _) in bombs().items():
        (tmp_path / "bombs" / name).write_bytes(content)
        assert len(content) < 4_000_000
    peak_mb, seconds = _feroi("analyze", tmp_path / "bombs", "--csv", tmp_path / "table.csv")
    told = _reasons(tmp_path / "table.csv", "status")
    assert set(told) == set(bombs())
    for name, (_, reason) in bombs().items():
        assert told[name].startswith(reason or "no face"), name
    assert peak_mb < usual_mb + 150
    assert seconds < usual_s + 20


@pytest.mark.slow
def test_bombs_are_left_out_of_training(tmp_path):
    data = tmp_path / "data"
    for level, name in enumerate(("angry", "happy")):
        (data / name).mkdir(parents=True)
        for number in range(10):
            Image.new("L", (24, 24), 50 * level + number).save(data / name / f"{number}.png")
    for name, (content, _) in bombs().items():
        (data / "angry" / name).write_bytes(content)
    _feroi(
        "train", "--data", data, "--run", tmp_path / "run", "--network", "paper-gap", "--size", "16x16",
        "--epochs", 1, "--batch-size", 4,
    )  # fmt: skip
    told = _reasons(tmp_path / "run" / "rejected.csv", "reason")
    expected = {name: reason for name, (_, reason) in bombs().items() if reason is not None}
    assert set(told) == set(expected)
    assert all(told[name].startswith(reason) for name, reason in expected.items())


@pytest.mark.slow
def test_a_jpeg_of_as_many_scans_as_are_read_takes_seconds(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(SIDE, 100))
    start = time.process_time()
    assert read_photo(tmp_path / "a.jpg").shape == (SIDE, SIDE, 3)
    assert time.process_time() - start < 20


def test_scans_are_counted_in_the_picture_alone(tmp_path):
    Image.new("RGB", (40, 40), "teal").save(tmp_path / "a.jpg", progressive=True)
    whole = (tmp_path / "a.jpg").read_bytes()
    comment = b"\xff\xfe" + (1002).to_bytes(2, "big") + b"\xff\xda" * 500
    (tmp_path / "a.jpg").write_bytes(
        whole[:2] + comment + whole[2:] + b"\xff\xda" * 500
    )  # as of motion photos
    assert read_photo(tmp_path / "a.jpg").shape == (40, 40, 3)


def test_pixels_of_videos_cannot_be_widened_without_end(tmp_path):
    frames = [np.full((260, 800, 3), 90, np.uint8)] * 2
    path = write_video(tmp_path / "a.mkv", frames, codec="mpeg4", sample_aspect_ratio=200)
    with pytest.raises(UnreadableVideo, match=r"too many pixels: 160000 x 260 a frame with square ones"):
        list(video_frames(path))


def test_frames_larger_than_any_video_are_not_decoded(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mkv", [np.full((32, 48, 3), 90, np.uint8)] * 2)
    monkeypatch.setattr("feroi.photo.video._MOST_PIXELS", 48 * 32 - 1)
    with pytest.raises(UnreadableVideo, match="too many pixels: 48 x 32 a frame"):
        list(video_frames(path))


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nvideo.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile video.ts\n",
    ],
)
def test_a_list_of_other_files_is_no_video(tmp_path, text):
    write_video(tmp_path / "video.ts", [np.full((32, 48, 3), 90, np.uint8)] * 4)
    (tmp_path / "list.mp4").write_text(text)
    with pytest.raises(UnreadableVideo, match="no video that can be read"):
        list(video_frames(tmp_path / "list.mp4"))


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "video.mp4", [np.full((32, 48, 3), 90, np.uint8)] * 3)
    for name in ("http:video.mp4", "concat:video.mp4|video.mp4", "-video.mp4"):
        (tmp_path / "video.mp4").rename(name)
        assert len(list(video_frames(Path(name)))) == 3
        assert duration_s(Path(name)) is not None
        Path(name).rename("video.mp4")
