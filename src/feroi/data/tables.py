"""Data sets that are one CSV file: FER-2013's, whose pixels are text, and a table of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feroi.data.samples import (
    SPLITS,
    TEST,
    TRAINING,
    VALIDATION,
    Broken,
    LayoutError,
    Sample,
    Samples,
    split_named,
)
from feroi.data.sheets import sheet_rows
from feroi.vocabulary import EXPRESSIONS, FER2013_CODES, IGNORED_EXPRESSIONS, expression_named

FER2013_CSV_LAYOUT = """\
FER-2013 as CSV (fer2013.csv, icml_face_data.csv): a header, one image a row, 48x48 grey values as text:
    emotion,pixels,Usage
    0,70 80 82 ... 106 109 82,Training"""
TABLE_LAYOUT = """\
a table (samples.csv) of file names relative to its folder; further columns become attributes
(`split` may be training, validation or test), e.g.
    file,expression,subject,gender
    faces/001.png,happy,s01,female"""

FER2013_FILES = ("fer2013.csv", "icml_face_data.csv")
_FER2013_SIDE = 48
_TOLD = 40  # characters of what stands in a cell
_NOBODYS = EXPRESSIONS[0]
"""Stands where a row is left out for want of an expression."""
_USAGES = {TRAINING: "Training", VALIDATION: "PublicTest", TEST: "PrivateTest"}
_BETWEEN_PIXELS = str.maketrans("[],", "   ")  # of lists as some programs write them


def read_fer2013_csv(path: Path) -> Samples:
    """FER-2013 from its CSV, named as row numbers within each split (`Training_00000`).

    emotion: 0 to 6, or a word. Usage: in any case, or another word for a split (`samples.split_named`).
    A row without an image, or of another emotion or Usage, is a sample with a `Broken` one.
    Raises LayoutError naming the first of them if they are half of the rows or more, or if the emotions go
    from 1 to 7, which would all be read for others.
    """
    rows: list[Sample] = []
    counts = dict.fromkeys(_USAGES, 0)
    codes = set()
    for line, row in sheet_rows(path, ("emotion", "pixels"), FER2013_CSV_LAYOUT):
        image = _fer2013_image(row["pixels"], line)
        usage = row.get("usage") or "Training"
        split = split_named(usage)
        if split is None:
            image = Broken(f"line {line}: unknown Usage {usage[:_TOLD]!r}")
        codes.add(row["emotion"])
        expression = _fer2013_expression(row["emotion"])
        if expression is None:
            image = Broken(f"line {line}: emotion is 0 to 6, got {row['emotion'][:_TOLD]!r}")
        split = split or TRAINING
        attributes = {"source": "FER-2013", "split": split, "pipeline": "wild"}
        name = f"{_USAGES[split]}_{counts[split]:05d}"
        counts[split] += 1
        rows.append(Sample(image, name, expression or _NOBODYS, None, attributes))
    if not rows:
        raise LayoutError(f"{path} has no rows.\nExpected {FER2013_CSV_LAYOUT}")
    if "7" in codes and "0" not in codes:
        raise LayoutError(f"{path}: emotion is 0 to 6, and here 1 to 7.\nExpected {FER2013_CSV_LAYOUT}")
    _check_mostly_whole(rows, path, FER2013_CSV_LAYOUT)
    return Samples(rows)


def _fer2013_expression(text: str) -> str | None:
    code = text.removesuffix(".0")  # pandas writes numbers so where one is missing
    if code in map(str, range(len(FER2013_CODES))):
        return FER2013_CODES[int(code)]
    try:
        return expression_named(text)
    except ValueError:
        return None


def _check_mostly_whole(rows: list[Sample], path: Path, layout: str) -> None:
    """Raises LayoutError, with the reason of the first, if half of the rows or more are broken."""
    broken = [row.image for row in rows if isinstance(row.image, Broken)]
    if 2 * len(broken) >= len(rows):
        what = "has no image" if len(broken) == len(rows) else f"has {len(broken)} rows at fault"
        raise LayoutError(f"{path} {what}: {broken[0]}.\nExpected {layout}")


def fer2013_csv_in(folder: Path) -> Path | None:
    """FER-2013's file in a folder, by either of the names that Kaggle gives it, in any case; or None."""
    files = {path.name.lower(): path for path in folder.iterdir() if path.is_file()}
    return next((files[name] for name in FER2013_FILES if name in files), None)


def read_table(path: Path) -> Samples:
    """Samples from a CSV of file names, see TABLE_LAYOUT. Contempt is left out.

    A row of an unknown expression, or of none, is a sample with a `Broken` image. Raises LayoutError naming
    the first of them if they are half of the rows or more, or a row of an unknown split or of a file that
    may lie anywhere.
    """
    rows: list[Sample] = []
    for line, cells in sheet_rows(path, ("file", "expression"), TABLE_LAYOUT):
        where = f"{path}, line {line}"
        row = dict.fromkeys(("file", "expression"), "") | {
            key: value for key, value in cells.items() if key and value
        }
        if row["expression"].lower() in IGNORED_EXPRESSIONS:
            continue
        image: Path | Broken = path.parent / row["file"]
        try:
            expression = expression_named(row["expression"])
        except ValueError as error:
            image, expression = Broken(f"line {line}: {error}"), _NOBODYS
        attributes = {"source": path.parent.name}
        for key, value in row.items():
            if key not in ("file", "expression", "subject"):
                attributes[key] = value
        if "split" in attributes:
            split = split_named(attributes["split"])
            if split is None:
                raise LayoutError(f"{where}: split is {', '.join(SPLITS)}, got {attributes['split']!r:.60}")
            attributes["split"] = split
        _check_below(row["file"], where)
        rows.append(Sample(image, row["file"], expression, row.get("subject"), attributes))
    if not rows:
        raise LayoutError(f"{path} has no rows.\nExpected {TABLE_LAYOUT}")
    _check_mostly_whole(rows, path, TABLE_LAYOUT)
    return Samples(rows)


def _check_below(name: str, where: str) -> None:
    """Raises LayoutError for a file not below the table's folder: tables come from strangers, too."""
    path = Path(name)
    if not path.name or path.anchor or ".." in path.parts or "\0" in name:
        raise LayoutError(
            f"{where}: {name!r:.200} is no file below the table's own folder; put samples.csv above all "
            f"pictures, with names relative to it"
        )


def _fer2013_image(text: str, line: int) -> NDArray[np.uint8] | Broken:
    try:
        values = bytes(map(int, text.translate(_BETWEEN_PIXELS).split()))
    except (ValueError, OverflowError):
        return Broken(f"line {line}: pixels are not whole numbers of 0 to 255")
    if len(values) != _FER2013_SIDE**2:
        return Broken(f"line {line}: expected {_FER2013_SIDE**2} pixels, got {len(values)}")
    return np.frombuffer(values, dtype=np.uint8).reshape(_FER2013_SIDE, _FER2013_SIDE)
