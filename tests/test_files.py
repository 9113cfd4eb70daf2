from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from feroi.files import (
    atomic_path,
    check_writable,
    display_name,
    name_path_in_errors,
    open_run,
    partial,
    write_text,
)
from support.room import little_room
from support.tables import growing

NOISE = np.random.default_rng(0).integers(0, 256, (300, 300), dtype=np.uint8)
WRITERS = {
    "a.txt": lambda path: path.write_text("long" * 50_000),
    "a.npy": lambda path: np.save(path, NOISE),
    "a.npz": lambda path: np.savez_compressed(path, noise=NOISE),
    "a.png": lambda path: Image.fromarray(NOISE).save(path),
    "a.jpg": lambda path: Image.fromarray(NOISE).save(path, quality=95),
    "a.safetensors": lambda path: save_file({"noise": torch.from_numpy(NOISE)}, path),
}


def test_nothing_is_left_of_a_file_whose_writing_failed(tmp_path):
    path = tmp_path / "new" / "file.txt"

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("full")

    with pytest.raises(RuntimeError, match="full"):
        fail()
    assert list(path.parent.iterdir()) == []
    write_text(path, "whole")
    assert path.read_text() == "whole"


def test_what_cannot_be_written_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"is a folder; give the name of a file$"):
        write_text(tmp_path, "text")
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "below.txt"
    with pytest.raises(OSError, match=r"below\.txt cannot be written: "):
        write_text(below, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_could_not_be_written_is_said_before_the_work(tmp_path):
    check_writable(None, tmp_path / "new" / "folder" / "file.txt", tmp_path / "file.txt")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"below\.txt cannot be written: .*file is a file$"):
        check_writable(tmp_path / "file" / "new" / "below.txt")
    with pytest.raises(IsADirectoryError, match="give the name of a file"):
        check_writable(tmp_path / "file", tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_closed_folder_is_said_to_be_one(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="is closed to you"):
        check_writable(tmp_path / "file.txt")


@pytest.mark.parametrize("name", WRITERS)
def test_without_room_the_file_is_named_and_its_earlier_content_stays(name, tmp_path):
    path = tmp_path / name
    write_text(path, "earlier")

    def write():
        with atomic_path(path) as temporary:
            WRITERS[name](temporary)

    with little_room(20_000), pytest.raises(OSError, match=f"{name} cannot be written: "):
        write()
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert path.read_text() == "earlier"


def test_a_full_disk_is_told_from_what_is_free_where_the_writer_does_not_say(tmp_path, monkeypatch):
    def fail():
        with name_path_in_errors(tmp_path / "file"):
            raise OSError("90000 requested and 20000 written")  # numpy's words

    for free, reason in ((1000, "no space left on device"), (10**9, "90000 requested and 20000 written")):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free))
        with pytest.raises(OSError, match=f"file cannot be written: {reason}$"):
            fail()


def test_what_has_nothing_to_do_with_room_is_raised_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="other"), atomic_path(tmp_path / "file"):
        (tmp_path / "other").read_text()
    with (
        pytest.raises(OSError, match=r"file cannot be written: no space left on device$"),
        atomic_path(tmp_path / "file"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_content_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, events = tmp_path / "file", []
    real_sync, real_replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: (events.append(os.fstat(handle).st_size), real_sync(handle))
    )
    monkeypatch.setattr(Path, "replace", lambda *paths: (events.append("named"), real_replace(*paths)))
    write_text(path, "12345")
    assert events == [5, "named"]


def test_what_grows_leaves_what_was_there_until_it_is_whole(tmp_path):
    path = tmp_path / "table"
    path.write_text("earlier")

    def stop():
        with growing(path) as grown:
            grown.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert (path.read_text(), partial(path).read_text()) == ("earlier", "half")
    with growing(path) as grown:
        grown.write(b"whole")
    assert path.read_text() == "whole"
    assert not partial(path).exists()


_DIES = """
import os, signal, sys
from pathlib import Path
from feroi.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("earlier")
    child = subprocess.run([sys.executable, "-c", _DIES, path], check=False)
    assert child.returncode == -signal.SIGKILL
    (left,) = set(tmp_path.iterdir()) - {path}
    assert (path.read_text(), left.read_text()) == ("earlier", "half")
    write_text(tmp_path / "another.txt", "text")
    assert {each.name for each in tmp_path.iterdir()} == {"file.txt", "another.txt"}


def test_what_another_process_is_at_is_left_to_it(tmp_path):
    (tmp_path / ".feroi-at-work.txt").write_text("half")
    (tmp_path / ".hidden").write_text("somebody's own")
    with (tmp_path / ".feroi-at-work.txt").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_text(tmp_path / "file", "text")
    assert {each.name for each in tmp_path.iterdir()} == {".feroi-at-work.txt", ".hidden", "file"}


_WRITES = """
import sys
from pathlib import Path
from feroi import files
for number in range(30):
    files._sweep.cache_clear()  # as if each file was a process's first
    files.write_text(Path(sys.argv[1]) / f"{sys.argv[2]}-{number}", "text")
"""


def test_processes_that_begin_at_once_do_not_sweep_each_other_away(tmp_path):
    children = [subprocess.Popen([sys.executable, "-c", _WRITES, tmp_path, name]) for name in "abc"]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert len(list(tmp_path.iterdir())) == 90


@pytest.mark.skipif(os.sep != "/", reason="a backslash parts folders here")
def test_no_two_names_are_shown_alike_and_none_turns_the_text_round():
    assert [display_name(Path(name)) for name in ("a\nb.jpg", "a\\nb.jpg")] == ["a\\nb.jpg", "a\\\\nb.jpg"]
    assert display_name(Path("a\u202egpj.exe")) == "a\\u202egpj.exe"
    assert (
        display_name(Path("ü\u200dא.jpg")) == "ü\u200dא.jpg"
    )  # joiners and letters from the right are names


def test_a_run_goes_on_where_it_is_the_same_and_for_one_process_alone(tmp_path):
    path, asked = tmp_path / "run" / "run.json", {"seed": 1, "data": "a", "version": "1"}
    with open_run(path, asked, ["seed", "data"]) as earlier:
        assert earlier is None
        assert json.loads(path.read_text()) == asked
        with pytest.raises(BlockingIOError, match="another run is at work in"), open_run(path, asked, asked):
            pass
    assert [each.name for each in path.parent.iterdir()] == ["run.json"]
    with open_run(path, asked | {"version": "2"}, ["seed", "data"]) as earlier:
        assert earlier == asked
    assert json.loads(path.read_text()) == asked  # as it began
    differs = r"differs in seed \(1 -> 2\); data \('a' -> 'b'\). Choose another"
    with pytest.raises(ValueError, match=differs), open_run(path, {"seed": 2, "data": "b"}, ["seed", "data"]):
        pass
    path.write_text(json.dumps({"recipe": {"epochs": 3, "rate": 1}, "data": {"training": {"sha256": "a"}}}))
    changed = {"recipe": {"epochs": 4, "rate": 1}, "data": {"training": {"sha256": "b"}}}
    differs = r"differs in recipe epochs \(3 -> 4\); data training\. Choose"  # of what lies deeper, no more
    with pytest.raises(ValueError, match=differs), open_run(path, changed, changed):
        pass
    assert [each.name for each in path.parent.iterdir()] == ["run.json"]
    path.write_text("[")
    with pytest.raises(ValueError, match="is damaged"), open_run(path, asked, ["seed"]):
        pass
    with (
        pytest.raises(ValueError, match="is a file; give a folder"),
        open_run(path / "x.json", asked, ["seed"]),
    ):
        pass


def test_a_run_that_was_killed_can_be_opened_again(tmp_path):
    path = tmp_path / "run.json"
    code = (
        "import os, sys; from pathlib import Path; from feroi.files import open_run\n"
        "with open_run(Path(sys.argv[1]), {'seed': 1}, ['seed']): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == 9
    with open_run(path, {"seed": 1}, ["seed"]) as earlier:
        assert earlier == {"seed": 1}
