"""Runs that are stopped keep what they have read, and promise no more than they hold."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image
from skimage import data

from support.videos import write_video

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_keeps_every_photo_it_has_read(tmp_path, number, status):
    Image.fromarray(data.astronaut()).save(tmp_path / "face.png")
    table, parquet, page = tmp_path / "t.csv", tmp_path / "t.parquet", tmp_path / "page.html"
    command = [sys.executable, "-m", "feroi", "analyze", "--detector", "hog"]
    command += ["--csv", table, "--parquet", parquet, "--report", page, *[tmp_path / "face.png"] * 500]
    run = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    grown = tmp_path / "t.csv.partial"
    end = time.monotonic() + 60
    while not (grown.exists() and grown.read_text().count("\n") > 2) and time.monotonic() < end:
        time.sleep(0.05)
    run.send_signal(number)
    printed, said = run.communicate(timeout=60)
    assert run.returncode == status, said
    with grown.open() as file:
        rows = list(csv.DictReader(file))
    assert 2 <= len(rows) < 500
    assert {row["status"] for row in rows} == {"ok"}
    assert len(printed.splitlines()) - 1 in (len(rows), len(rows) + 1)
    read = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "t.parquet.partial")
    assert read.num_rows in (len(rows), len(rows) - 1)
    assert (tmp_path / "page.html.partial").read_text().count('class="photo"') >= 1
    assert f"stopped; what was read until then is in {grown}" in said
    assert "resumes" not in said
    assert not table.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_over_a_video_that_is_stopped_twice_at_once_says_that_it_goes_on(tmp_path, number):
    face = data.astronaut()[20:276, 100:356]
    film = write_video(tmp_path / "v.mkv", [face] * 600)
    table = tmp_path / "t.csv"
    command = [sys.executable, "-m", "feroi", "analyze", str(film), "--csv", str(table)]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not (tmp_path / "t.csv.partial").exists() and time.monotonic() < end:
        time.sleep(0.05)
    for _ in range(2):
        run.send_signal(number)
        time.sleep(0.05)
    _, said = run.communicate(timeout=60)
    assert said.strip() == "error: stopped; the same command resumes"
    assert run.returncode == 128 + number
    again = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=100, check=False)
    assert again.returncode == 0, again.stderr
    with table.open() as file:
        assert [row["frame"] for row in csv.DictReader(file)] == [*map(str, range(600))]
