"""Tables as they grow, and what is left of them when a run is stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feroi.analysis.tables import Tables
from feroi.network.load import Model
from feroi.reading import analyze_photos
from feroi.report.tables import COLUMNS, rows
from support.network import CONFIG, ONE, forward
from support.room import little_room
from support.tables import table_writer


def test_tables_have_a_row_for_everything(files, tmp_path):
    found = list(analyze_photos(files, Model(CONFIG, forward), ONE))
    paths = [tmp_path / name for name in ("t.csv", "t.jsonl", "t.parquet")]
    with table_writer(*paths) as write:
        for photo in found:
            write(rows(photo))
    lines = [json.loads(line) for line in paths[1].read_text().splitlines()]
    assert [line["status"] for line in lines] == ["empty file", "ok", "no face", "file not found"]
    assert lines[1]["expression"] == "happy"
    assert lines[1]["x1"] == pytest.approx(found[1].faces[0].box_xyxy_px[2], abs=0.05)
    assert lines[1]["happy"] == pytest.approx(lines[1]["confidence"])
    assert lines[0]["expression"] is None
    assert paths[0].read_text().splitlines()[0] == ",".join(COLUMNS)
    from pyarrow import parquet

    assert parquet.read_table(paths[2]).to_pylist() == lines


def test_a_killed_run_keeps_the_rows_it_wrote(tmp_path):
    path = tmp_path / "t.csv"
    run = table_writer(path, None, tmp_path / "t.parquet")
    run.__enter__()([dict.fromkeys(COLUMNS, None) | {"file": "a", "status": "no face"}])
    run.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert len((tmp_path / "t.csv.partial").read_text().splitlines()) == 2
    assert not path.exists()
    assert not (tmp_path / "t.parquet").exists()
    table = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "t.parquet.partial")
    assert table.column("file").to_pylist() == ["a"]


def test_an_earlier_table_stays_until_the_new_one_is_whole(tmp_path):
    path, row = tmp_path / "t.csv", dict.fromkeys(COLUMNS, None) | {"file": "a", "status": "no face"}
    path.write_text("earlier")
    with little_room(500), pytest.raises(OSError, match=r"t\.csv cannot be written: file too large"):
        _write_rows(path, [row] * 100)
    assert path.read_text() == "earlier"
    _write_rows(path, [row])
    assert len(path.read_text().splitlines()) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]


def _write_rows(path, rows):
    with table_writer(path, None, None) as write:
        write(rows)


@pytest.mark.parametrize(
    ("option", "name"),
    [("csv", "faces.xlsx"), ("csv", "FACES.JSONL"), ("jsonl", "a.csv"), ("parquet", "a.csv")],
)
def test_a_name_that_promises_another_format_is_refused(option, name):
    with pytest.raises(ValueError, match=rf"--{option} writes .*{name} promises .* end it in \.{option}"):
        Tables(**{option: Path(name)}).checked()


@pytest.mark.parametrize("name", ["faces.csv", "faces.txt", "faces", "faces.tsv", "/dev/stdout", "-"])
def test_other_names_are_taken(name):
    assert Tables(csv=Path(name)).checked().csv == Path(name)
