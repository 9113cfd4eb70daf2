from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from feroi.cluster.shards import Shard, cut, fingerprint, photos_of
from feroi.photo.decode import EncodedPhoto, NoPhoto
from support.packed import write_table, write_tar


def test_a_source_is_cut_into_photos_then_archives_then_row_groups(folder, encoded):
    write_tar(folder / "a.tar", encoded)
    write_table(folder / "b.parquet", encoded, 4)  # six rows: groups of 4 and 2
    (folder / "notes.txt").write_text("no photo")
    shards = cut([str(folder)], photos_each=4)
    names = sorted(str(folder / name) for name in encoded)
    assert [tuple(shard)[:5] for shard in shards] == [
        (0, "photos", "", tuple(names[:4]), 0),
        (1, "photos", "", tuple(names[4:]), 0),
        (2, "tar", "", (str(folder / "a.tar"),), 0),
        (3, "parquet", "", (str(folder / "b.parquet"),), 0),
        (4, "parquet", "", (str(folder / "b.parquet"),), 1),
    ]
    assert [shard.part for shard in shards][:2] == ["part-0000000.parquet", "part-0000001.parquet"]


def test_a_uri_is_cut_as_the_folder_it_names(folder, encoded):
    write_tar(folder / "a.tar", encoded)
    plain, remote = cut([str(folder)], 4), cut([folder.as_uri()], 4)
    assert [shard.files for shard in remote] == [shard.files for shard in plain]
    photos = [photo for shard in remote for photo in photos_of(shard)]
    assert [photo.encoded for photo in photos[:6]] == [encoded[name] for name in sorted(encoded)]


def test_the_fingerprint_changes_with_any_file(folder):
    before = fingerprint(cut([str(folder)]))
    assert fingerprint(cut([str(folder)])) == before
    (folder / "new.png").touch()
    assert fingerprint(cut([str(folder)])) != before
    (folder / "new.png").unlink()
    assert fingerprint(cut([str(folder)])) == before
    (folder / "face0.png").write_bytes((folder / "grey.png").read_bytes())  # another photo of that name
    assert fingerprint(cut([str(folder)])) != before
    assert fingerprint(cut([folder.as_uri()])) != fingerprint(cut([str(folder)]))


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz")])
def test_archives_give_the_bytes_that_went_in_and_pass_over_the_rest(tmp_path, encoded, name, mode):
    packed = write_tar(tmp_path / name, {**encoded, "label.json": b"{}", ".hidden.png": b"x"}, mode)
    (shard,) = cut([str(packed)])
    assert list(photos_of(shard)) == [EncodedPhoto(f"{packed}/{name}", c) for name, c in encoded.items()]


def test_an_archive_cut_short_gives_what_is_whole_and_says_why_it_ends(tmp_path, encoded):
    packed = write_tar(tmp_path / "a.tar", encoded)
    content = packed.read_bytes()
    packed.write_bytes(content[: 512 + len(encoded["face0.png"]) + 600])
    (shard,) = cut([str(packed)])
    first, *_, last = photos_of(shard)
    assert first == EncodedPhoto(f"{packed}/face0.png", encoded["face0.png"])
    assert isinstance(last, NoPhoto)
    assert last.name == str(packed)
    assert "damaged archive" in last.reason


@pytest.mark.parametrize("content", [b"", b"no archive at all" * 100, gzip.compress(b"\0" * 100, mtime=0)])
def test_what_is_no_archive_is_one_damaged_thing(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    (shard,) = cut([str(tmp_path)])
    found = list(photos_of(shard))
    assert all(isinstance(each, NoPhoto) for each in found)
    assert len(found) <= 1


def test_links_and_devices_in_an_archive_are_told_and_names_that_climb_open_nothing(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            link = tarfile.TarInfo(f"link{kind.decode()}.png")
            link.type, link.linkname = kind, str(secret)
            tar.addfile(link)
        member = tarfile.TarInfo("../../climbs.png")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    (shard,) = cut([str(tmp_path / "a.tar")])
    *links, climbing = photos_of(shard)
    assert [(each.name, each.reason[:6]) for each in links] == [
        (f"{tmp_path}/a.tar/link{kind}.png", "a link") for kind in "216"
    ]
    assert climbing == EncodedPhoto(f"{tmp_path}/a.tar/../../climbs.png", b"abc")
    assert not (tmp_path.parent.parent / "climbs.png").exists()


def test_tables_give_each_row_group_with_names_from_their_paths(tmp_path, encoded):
    table = write_table(tmp_path / "a.parquet", encoded, 4)
    shards = cut([str(table)])
    found = [list(photos_of(shard)) for shard in shards]
    assert [len(each) for each in found] == [4, 2]
    assert [photo for each in found for photo in each] == [
        EncodedPhoto(f"{table}/{name}", content) for name, content in encoded.items()
    ]


def test_plain_bytes_in_a_table_are_named_by_their_rows_and_missing_ones_told(tmp_path):
    table = tmp_path / "a.parquet"
    images = pa.array([b"one", None, b"three"], pa.binary())
    parquet.write_table(pa.table({"image": images}), table, row_group_size=2)
    found = [photo for shard in cut([str(table)]) for photo in photos_of(shard)]
    assert found == [
        EncodedPhoto(f"{table}/row 0", b"one"),
        NoPhoto(f"{table}/row 1", "no picture in this row"),
        EncodedPhoto(f"{table}/row 2", b"three"),
    ]


def test_tables_without_images_or_damaged_say_so(tmp_path):
    parquet.write_table(pa.table({"pixels": ["1 2 3"]}), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and no more")
    other, broken = (list(photos_of(shard)) for shard in cut([str(tmp_path)]))
    assert other == [
        NoPhoto(
            str(tmp_path / "a.parquet"),
            "damaged table: no column 'image' of bytes, or of a structure with 'bytes'; there are pixels",
        )
    ]
    assert [each.name for each in broken] == [str(tmp_path / "b.parquet")]


def test_names_that_are_no_text_travel_as_they_are(tmp_path):
    name = os.fsdecode(b"\xff\n.png")
    (tmp_path / name).write_bytes(b"x")
    (shard,) = cut([str(tmp_path)])
    travelled = json.loads(json.dumps(shard))
    assert Shard(*travelled)._replace(files=tuple(travelled[3])) == shard
    assert list(photos_of(shard)) == [Path(tmp_path, name)]
