"""A folder of every kind of file people have, read as they would: one row each, and nothing lost."""

from __future__ import annotations

import csv
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

from feroi.cli.app import app
from feroi.report.tables import COLUMNS

READ = {
    *("alpha.png", "animated.gif", "animated.webp", "cmyk.jpg", "exif.jpg", "grey.png"),
    *("plain.jpg", "sixteen.png", "deep/ünder/plain.png"),
}
LEFT_OUT = {
    "cut.jpg": "damaged picture",
    "huge.png": "too many pixels",
    # a header alone: with feroi[heif] that is damaged, without it nothing is known of it
    "phone.heic": "damaged picture" if find_spec("pillow_heif") else "HEIF pictures are not read",
    "text.jpg": "not a picture",
    "wall.png": "no face",
    "one.png": "no face",
    "zero.jpg": "empty file",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    (root / "deep" / "ünder").mkdir(parents=True)
    photo = Image.fromarray(data.astronaut()).crop((120, 20, 340, 240))
    photo.save(root / "deep" / "ünder" / "plain.png")
    photo.save(root / "plain.jpg", quality=92)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    photo.rotate(90, expand=True).save(root / "exif.jpg", exif=exif, quality=92)
    photo.convert("CMYK").save(root / "cmyk.jpg", quality=92)
    photo.convert("L").save(root / "grey.png")
    Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257).save(root / "sixteen.png")
    photo.convert("RGBA").save(root / "alpha.png")
    blank = Image.new("RGB", photo.size, "white")
    photo.save(root / "animated.gif", save_all=True, append_images=[blank])
    photo.save(root / "animated.webp", save_all=True, append_images=[blank])
    whole = (root / "plain.jpg").read_bytes()
    (root / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (20_000, 10_001)).save(root / "huge.png")
    Image.new("RGB", (200, 100), "grey").save(root / "wall.png")
    Image.new("RGB", (1, 1)).save(root / "one.png")
    (root / "zero.jpg").touch()
    (root / "text.jpg").write_text("no picture")
    (root / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (root / "notes.txt").write_text("passed over, its name is no picture's")
    return root


def _analyze(*arguments, **more):
    result = CliRunner().invoke(app, ["analyze", *map(str, arguments)], **more)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.slow
def test_a_folder_of_every_kind_of_file(folder, tmp_path):
    result = _analyze(
        folder, "--csv", tmp_path / "t.csv", "--jsonl", tmp_path / "t.jsonl", "--overlay", tmp_path / "o",
        "--report", tmp_path / "r.html",
    )  # fmt: skip
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = {row["file"].removeprefix(f"{folder}/"): row for row in csv.DictReader(file)}
    assert set(rows) == READ | set(LEFT_OUT)
    for name in READ:
        assert (rows[name]["status"], rows[name]["expression"]) == ("ok", "happy"), name
        assert abs(float(rows[name]["x0"]) - float(rows["plain.jpg"]["x0"])) < 6  # all of them upright
        assert abs(float(rows[name]["y0"]) - float(rows["plain.jpg"]["y0"])) < 6
    for name, status in LEFT_OUT.items():
        assert rows[name]["status"].startswith(status)
        assert not rows[name]["expression"]
    assert (
        f"{len(READ)} faces read in {len(rows)} photos; 0 found and not read, 2 without a face, 5 unreadable"
        in result.output
    )
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert [list(line) for line in lines] == [list(COLUMNS)] * len(rows)
    assert len(list((tmp_path / "o").iterdir())) == len(READ)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert all(name in page for name in rows)
    assert "http" not in page  # nothing is fetched from anywhere


def test_names_come_from_standard_input(folder, tmp_path):
    names = f"{folder}/zero.jpg\r\n\n{folder}/w*.png\n{folder}/gone.jpg\n"
    _analyze("-", "--csv", tmp_path / "t.csv", input=names)
    with (tmp_path / "t.csv").open() as file:
        statuses = [row["status"] for row in csv.DictReader(file)]
    assert statuses == ["empty file", "no face", "file not found"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere such names cannot be")
def test_names_that_are_no_text_are_written_escaped(tmp_path):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    face = Image.fromarray(data.astronaut()).crop((120, 20, 340, 240))
    for name in (b"a\nb.png", b"lat\xff.jpg", "ü.jpg".encode()):
        face.save(photos / os.fsdecode(name))
    os.mkfifo(photos / "pipe.jpg")
    shown = ["a\\nb.png", "lat\\xff.jpg", "pipe.jpg", "ü.jpg"]
    files = [out / f"t.{kind}" for kind in ("csv", "jsonl", "parquet", "html")]
    options = ("--csv", files[0], "--jsonl", files[1], "--parquet", files[2], "--report", files[3])
    names = b"\n".join(sorted(os.fsencode(path) for path in photos.iterdir() if "\n" not in path.name))
    result = _analyze(photos, *options, "--overlay", out / "drawn")
    lines = result.stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [f"{photos}/{name}" for name in shown]
    with files[0].open(encoding="utf-8") as file:
        rows = [(Path(row["file"]).name, row["status"]) for row in csv.DictReader(file)]
    assert rows == [(name, "not a file" if name == "pipe.jpg" else "ok") for name in shown]
    objects = map(json.loads, files[1].read_text(encoding="utf-8").splitlines())
    assert [Path(row["file"]).name for row in objects] == shown
    table = pyarrow.read_table(files[2]).to_pylist()
    assert [Path(row["file"]).name for row in table] == shown
    assert all(name in files[3].read_text(encoding="utf-8") for name in shown)
    drawn = sorted(path.name for path in (out / "drawn").iterdir())
    assert drawn == ["00000-a\\nb.png", "00001-lat\\xff.jpg", "00003-ü.jpg"]
    assert _analyze("-", input=names).stdout.splitlines()[1:] == lines[1:]
