"""The journal of an unfinished run, also of one that was killed while it was ending."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from feroi.analysis.journal import Journal


class Killed(Exception):
    """What stands for a kill; nothing catches it."""


def test_a_journal_cuts_files_back_to_its_note(tmp_path):
    path = tmp_path / "file"
    journal = Journal(tmp_path / "j", {"a": 1})
    file = journal.open(path)
    file.write(b"one")
    journal.note({"n": 1})
    file.write(b"two")
    journal.__exit__(Killed, Killed(), None)
    assert (tmp_path / "file.partial").read_bytes() == b"onetwo"
    with Journal(tmp_path / "j", {"a": 1}) as journal:
        assert journal.state == {"n": 1}
        journal.open(path).write(b"2")
    assert path.read_bytes() == b"one2"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def _written(tmp_path):
    journal = Journal(tmp_path / "j", {})
    for name in "ab":
        journal.open(tmp_path / name).write(b"" if journal.state else b"new")
    journal.note("done")
    return journal


@pytest.mark.parametrize("step", range(5))
def test_a_journal_killed_at_its_end_ends_when_it_is_asked_again(tmp_path, monkeypatch, step):
    """Killed before one of two files is moved, or before or while the folder goes."""
    (tmp_path / "a").write_text("earlier")
    journal, done = _written(tmp_path), []

    def dying(real):
        def die(*arguments, **options):
            if len(done) == step:
                raise Killed
            done.append(real)
            return real(*arguments, **options)

        return die

    with monkeypatch.context() as patched:
        for owner, name in ((Path, "replace"), (Path, "rename"), (shutil, "rmtree")):
            patched.setattr(owner, name, dying(getattr(owner, name)))
        with pytest.raises(Killed):
            journal.__exit__(None, None)
    assert (tmp_path / "a").read_text() == ("new" if step else "earlier")
    with _written(tmp_path):
        pass
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"a": "new", "b": "new"}
