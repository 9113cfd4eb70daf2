from __future__ import annotations

import os

import pytest

from feroi.files import atomic_path, check_writable, write_text


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
