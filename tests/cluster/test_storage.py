from __future__ import annotations

import pytest

from feroi.cluster.storage import Store, is_uri, opened, public


def test_passwords_in_a_uri_are_not_told():
    assert public("s3://key:secret@faces/in?scheme=http") == "s3://faces/in?scheme=http"
    assert public("s3://faces/a@b") == "s3://faces/a@b"
    assert public("/home/a@b") == "/home/a@b"
    with pytest.raises(ValueError, match="ftp://faces is no place"):
        opened("ftp://key:secret@faces")


def test_paths_and_uris_name_the_same_files(tmp_path):
    (tmp_path / "file").write_bytes(b"there")
    assert not is_uri(str(tmp_path))
    assert is_uri(tmp_path.as_uri())
    for place in (str(tmp_path), tmp_path.as_uri()):
        store = Store(place)
        assert store.names() == {"file"}
        assert store.read("file") == b"there"
        assert store.read("nothing") is None


def test_a_file_is_put_whole_over_another_and_leftovers_are_cleared(tmp_path):
    store = Store(str(tmp_path / "new" / "folder"))
    store.make()
    (tmp_path / "local").write_bytes(b"two")
    (tmp_path / "new" / "folder" / "file").write_bytes(b"one")
    (tmp_path / "new" / "folder" / ".file.torn").write_bytes(b"t")
    store.put(tmp_path / "local", "file")
    store.clear()
    assert store.names() == {"file"}
    assert store.read("file") == b"two"


def test_a_put_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    (tmp_path / "file").write_bytes(b"one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("feroi.cluster.storage.shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        store.put(tmp_path / "file", "file")
    assert store.read("file") == b"one"
