"""Outputs that are no files: written into, never replaced; and one run a file."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from feroi.analysis.run import Outputs
from feroi.cli.app import app
from feroi.files import (
    atomic_path,
    beside,
    check_writable,
    cut_name,
    open_locked,
    partial,
    write_text,
)
from feroi.report.tables import COLUMNS
from feroi.streams import is_standard_output, is_stream
from support.tables import growing, table_writer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such outputs have other names")

HOG = ("--detector", "hog")
ROW = dict.fromkeys(COLUMNS, None) | {"file": "a.jpg", "status": "no face"}


@pytest.fixture
def blank(tmp_path):
    path = tmp_path / "blank.png"
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(path)
    return path


def _feroi(*arguments, **more):
    """The command in a process of its own, whose standard output is a true one."""
    command = [sys.executable, "-m", "feroi", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, **more)


def _rows(text):
    return [row["status"] for row in csv.DictReader(io.StringIO(text))]


def test_what_is_a_stream(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("to_pipe").symlink_to("pipe")
    Path("out").symlink_to("/proc/self/fd/1")
    Path("further").symlink_to("out")
    Path("round").symlink_to("round")
    Path("gone").symlink_to("nowhere")
    Path("file").write_text("")
    Path("link").symlink_to("file")
    streams = [
        "-",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/fd/7",
        "/dev/null",
        "pipe",
        "to_pipe",
        "out",
        "further",
    ]
    assert [name for name in streams if not is_stream(Path(name))] == []
    files = ["file", "link", "gone", "round", "new", "/proc/1/fd/1x", "a\0b"]
    assert [name for name in files if is_stream(Path(name))] == []
    standard = [name for name in (*streams, *files) if is_standard_output(Path(name))]
    assert standard == ["-", "/dev/stdout", "out", "further"]


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "out"])
def test_a_table_on_standard_output_is_alone_there(blank, tmp_path, name):
    (tmp_path / "out").symlink_to("/proc/self/fd/1")
    result = _feroi("analyze", blank, "--csv", name, *HOG, cwd=tmp_path)
    assert (result.returncode, _rows(result.stdout)) == (0, ["no face"])
    assert "no face" in result.stderr.splitlines()[1]  # what people read is there
    assert {path.name for path in tmp_path.iterdir()} == {"blank.png", "out"}


def test_a_table_is_written_on_behind_what_standard_output_holds(blank, tmp_path):
    with (tmp_path / "kept.csv").open("w") as file:
        file.write("before\n")
        file.flush()
        command = [sys.executable, "-m", "feroi", "analyze", str(blank), "--csv", "/dev/stdout", *HOG]
        subprocess.run(command, check=True, stdout=file, stderr=subprocess.DEVNULL)
    first, *table = (tmp_path / "kept.csv").read_text().splitlines(keepends=True)
    assert (first, _rows("".join(table))) == ("before\n", ["no face"])


def test_pipes_and_devices_are_written_into(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with table_writer(pipe, Path("/dev/null"), None) as write:
        write([ROW])
    reader.join(10)
    assert _rows(read[0]) == ["no face"]
    assert pipe.is_fifo()
    assert Path("/dev/null").is_char_device()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_an_open_file_is_written_into_by_its_number(tmp_path):
    read, write = os.pipe()
    write_text(Path(f"/dev/fd/{write}"), "text")
    os.close(write)
    with os.fdopen(read) as file:
        assert file.read() == "text"


def test_links_are_written_through(tmp_path):
    real, link, new = tmp_path / "far" / "real.csv", tmp_path / "link.csv", tmp_path / "new.csv"
    real.parent.mkdir()
    real.write_text("earlier")
    link.symlink_to("far/real.csv")
    new.symlink_to("far/new.csv")
    assert partial(link) == real.with_name("real.csv.partial")
    with growing(link) as file:
        file.write(b"grown")
        assert real.read_text() == "earlier"
    assert (real.read_text(), link.is_symlink()) == ("grown", True)
    with atomic_path(link) as temporary:
        assert temporary.parent == real.parent
        temporary.write_text("whole")
    assert (real.read_text(), link.is_symlink()) == ("whole", True)
    write_text(new, "made")
    assert (tmp_path / "far" / "new.csv").read_text() == "made"


def test_who_closes_the_pipe_does_not_lose_the_table(blank, tmp_path):
    """What is printed has no reader any more from the first line on."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "feroi", "analyze", *[str(blank)] * 3, *HOG]
    for options, status in (["--csv", "t.csv"], 0), ([], 141):
        done = subprocess.run([*command, *options], check=False, stdout=write, stderr=-1, cwd=tmp_path)
        assert done.returncode == status, done.stderr
        assert b"Traceback" not in done.stderr
        assert b"BrokenPipe" not in done.stderr
    os.close(write)
    assert _rows((tmp_path / "t.csv").read_text()) == ["no face"] * 3


def test_a_table_nobody_reads_ends_and_another_goes_on(tmp_path):
    read, write = os.pipe()
    os.close(read)
    stream, table = Path(f"/dev/fd/{write}"), tmp_path / "t.jsonl"
    with pytest.raises(BrokenPipeError), table_writer(stream, None, None):
        pytest.fail("its header has no reader")
    lines = tmp_path / "t.csv"
    with table_writer(lines, stream, None) as rows:
        rows([ROW])
        rows([ROW])
    assert _rows(lines.read_text()) == ["no face"] * 2
    with table_writer(None, table, None) as rows:
        rows([ROW])
    os.close(write)
    assert len(table.read_text().splitlines()) == 1


_HOLDS = """
import sys
from pathlib import Path
from feroi.analysis.journal import forgotten
with forgotten() as journal:
    file = journal.open(Path(sys.argv[1]))
    file.write(b"of the first")
    file.flush()
    print("begun", flush=True)
    sys.stdin.read()
"""


def test_the_second_run_on_a_table_is_refused_and_the_first_is_whole(blank, tmp_path):
    table = tmp_path / "t.csv"
    first = subprocess.Popen([sys.executable, "-c", _HOLDS, table], stdin=-1, stdout=-1)
    assert first.stdout.readline() == b"begun\n"
    second = _feroi("analyze", blank, "--csv", table, *HOG)
    assert second.returncode == 1
    assert "is being written by another run; wait until that is done, or give another name" in second.stderr
    first.communicate(b"")
    assert table.read_bytes() == b"of the first"
    assert _feroi("analyze", blank, "--csv", table, *HOG).returncode == 0
    assert _rows(table.read_text()) == ["no face"]


def test_a_file_moved_away_while_it_was_waited_for_is_not_the_one_locked(tmp_path, monkeypatch):
    """Between opening and locking the other run ends, and gives the file its name."""
    path, real = tmp_path / "t.partial", open_locked.__globals__["_lock"]
    path.write_text("of the first")

    def lock(handle):
        if path.exists() and path.read_text():
            path.rename(tmp_path / "t")
        return real(handle)

    monkeypatch.setitem(open_locked.__globals__, "_lock", lock)
    with open_locked(path) as file:
        assert file.read() == b""
        file.write(b"of the second")
    assert (tmp_path / "t").read_text() == "of the first"
    assert path.read_text() == "of the second"


def test_two_outputs_of_one_name_are_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("a.csv")
    for paths in (("a.csv", "./a.csv"), ("a.csv", "link")):
        with pytest.raises(ValueError, match="is given for two outputs"):
            check_writable(*map(Path, paths))
    with pytest.raises(ValueError, match="standard output takes one output alone"):
        check_writable(Path("-"), Path("/dev/stdout"))
    check_writable(Path("a.csv"), None, Path("b.csv"), Path("/dev/null"), Path("/dev/null"))


def test_names_are_cut_to_what_file_systems_take(tmp_path):
    assert cut_name("short", ".png") == "short"
    for letter in "xü사😀":
        name = cut_name(letter * 255, "00000-", ".png")
        assert 255 - 4 - 10 < len(name.encode()) + 10 <= 255
        assert set(name) == {letter}
    long = tmp_path / f"{'x' * 251}.csv"
    assert len(beside(long, ".partial").name) == 255
    with table_writer(long, None, None) as write:
        write([ROW])
    assert _rows(long.read_text()) == ["no face"]
    assert Outputs(overlays=long).unfinished.name.endswith("x.unfinished")


def test_a_long_name_is_drawn_under_a_shorter_one(tmp_path, monkeypatch):
    from skimage import data

    monkeypatch.chdir(tmp_path)
    face = Image.fromarray(data.astronaut()).crop((120, 20, 340, 240))
    for name in ("a.png", f"{'사' * 83}xx.png", "z.png"):
        face.save(name)
    result = CliRunner().invoke(app, ["analyze", ".", "--detector", "hog", "--overlay", "drawn"])
    assert result.exit_code == 0, result.output
    drawn = sorted(path.name for path in Path("drawn").iterdir())
    assert drawn == ["00000-a.png", "00001-z.png", f"00002-{'사' * 81}.png"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_names_outside_the_terminals_encoding_do_not_end_the_run(tmp_path, encoding):
    names = ["a.png", "사진.png", "z.png"]
    for name in names:
        Image.fromarray(np.full((40, 40), 90, np.uint8)).save(tmp_path / name)
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    result = _feroi("analyze", ".", "--csv", "t.csv", *HOG, cwd=tmp_path, env=environment, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        assert sorted(row["file"] for row in csv.DictReader(file)) == sorted(names)
    shown = "사진.png" if encoding == "utf-8" else "\\uc0ac\\uc9c4.png"
    assert any(line.startswith(shown) for line in result.stdout.splitlines())


def test_names_that_windows_cannot_have_are_changed_there_alone(monkeypatch):
    from types import SimpleNamespace

    from feroi.analysis import run as analysis

    shown = 'a\\u202egpj: "x"?.exe.jpg'  # as `files.shown` tells a name with a mark that turns text round
    assert analysis.overlay_name(3, shown, ".png") == '00003-a\\u202egpj: "x"?.exe.png'
    monkeypatch.setattr(analysis, "os", SimpleNamespace(name="nt"))
    assert analysis.overlay_name(3, shown, ".png") == "00003-a_u202egpj_ _x__.exe.png"
    assert analysis.overlay_name(0, "con.jpg", ".png") == "00000-con.png"  # not reserved any more
