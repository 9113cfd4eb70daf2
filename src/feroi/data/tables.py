"""Data sets that are one CSV file: FER-2013's, whose pixels are text, and a table of one's own."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feroi.data.samples import SPLITS, TEST, TRAINING, VALIDATION, LayoutError, Sample, Samples
from feroi.vocabulary import FER2013_CODES, IGNORED_EXPRESSIONS, expression_named

FER2013_CSV_LAYOUT = """\
FER-2013 as CSV (fer2013.csv): a header and one image a row, 48x48 grey values as text, e.g.
    emotion,pixels,Usage
    0,70 80 82 ... 106 109 82,Training"""
TABLE_LAYOUT = """\
a table (samples.csv) of file names relative to its folder; further columns become attributes
(`split` may be training, validation or test), e.g.
    file,expression,subject,gender
    faces/001.png,happy,s01,female"""

_FER2013_SIDE = 48
_FER2013_SPLITS = {"Training": TRAINING, "PublicTest": VALIDATION, "PrivateTest": TEST}


def read_fer2013_csv(path: Path) -> Samples:
    """FER-2013 from its CSV, named as row numbers within each split (`Training_00000`).

    Raises LayoutError naming the first row that is not an image.
    """
    rows = []
    counts = dict.fromkeys(_FER2013_SPLITS, 0)
    with _csv_rows(path, ("emotion", "pixels"), FER2013_CSV_LAYOUT) as reader:
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            usage = row.get("usage") or "Training"
            if usage not in _FER2013_SPLITS:
                raise LayoutError(f"{where}: unknown Usage {usage!r}.\nExpected {FER2013_CSV_LAYOUT}")
            if row["emotion"] not in map(str, range(len(FER2013_CODES))):
                raise LayoutError(
                    f"{where}: emotion is 0 to 6, got {row['emotion']!r}.\nExpected {FER2013_CSV_LAYOUT}"
                )
            attributes = {"source": "FER-2013", "split": _FER2013_SPLITS[usage], "pipeline": "wild"}
            name = f"{usage}_{counts[usage]:05d}"
            counts[usage] += 1
            expression = FER2013_CODES[int(row["emotion"])]
            image = _fer2013_image(row["pixels"], where)
            rows.append(Sample(image, name, expression, None, attributes))
    if not rows:
        raise LayoutError(f"{path} has no rows.\nExpected {FER2013_CSV_LAYOUT}")
    return Samples(rows)


def read_table(path: Path) -> Samples:
    """Samples from a CSV of file names, see TABLE_LAYOUT. Contempt is left out.

    Raises LayoutError naming the first row at fault.
    """
    rows = []
    with _csv_rows(path, ("file", "expression"), TABLE_LAYOUT) as reader:
        for row in reader:
            row = {key: value.strip() for key, value in row.items() if key and value}
            row = dict.fromkeys(("file", "expression"), "") | row
            if row["expression"].lower() in IGNORED_EXPRESSIONS:
                continue
            try:
                expression = expression_named(row["expression"])
            except ValueError as error:
                raise LayoutError(f"{path}, line {reader.line_num}: {error}") from None
            attributes = {"source": path.parent.name}
            for key, value in row.items():
                if key not in ("file", "expression", "subject"):
                    attributes[key] = value
            if attributes.get("split", TRAINING) not in SPLITS:
                raise LayoutError(
                    f"{path}, line {reader.line_num}: split is {', '.join(SPLITS)}, "
                    f"got {attributes['split']!r}"
                )
            _check_below(row["file"], f"{path}, line {reader.line_num}")
            file, subject = path.parent / row["file"], row.get("subject") or None
            rows.append(Sample(file, row["file"], expression, subject, attributes))
    if not rows:
        raise LayoutError(f"{path} has no rows.\nExpected {TABLE_LAYOUT}")
    return Samples(rows)


def csv_columns(path: Path) -> list[str]:
    """The header of a CSV file, or nothing if it has none."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        try:
            return next(csv.reader(file), [])
        except csv.Error:  # a line longer than any header
            return []


@contextmanager
def _csv_rows(path: Path, columns: tuple[str, ...], layout: str) -> Iterator[csv.DictReader[str]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.DictReader(file, restval="")
        try:
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            missing = [name for name in columns if name not in reader.fieldnames]
            if missing:
                raise LayoutError(f"{path} has no column {', '.join(missing)}.\nExpected {layout}")
            yield reader
        except csv.Error as error:
            raise LayoutError(f"{path}, line {reader.line_num}: {error}") from None


def _check_below(name: str, where: str) -> None:
    """Raises LayoutError for a file not below the table's folder: tables come from strangers, too."""
    path = Path(name)
    if not path.name or path.anchor or ".." in path.parts or "\0" in name:
        raise LayoutError(
            f"{where}: {name!r} is no file below the table's own folder; put samples.csv above all pictures, "
            f"with names relative to it"
        )


def _fer2013_image(text: str, where: str) -> NDArray[np.uint8]:
    try:
        values = bytes(map(int, text.split()))
    except (ValueError, OverflowError):
        raise LayoutError(f"{where}: pixels are not whole numbers of 0 to 255") from None
    if len(values) != _FER2013_SIDE**2:
        raise LayoutError(f"{where}: expected {_FER2013_SIDE**2} pixels, got {len(values)}")
    return np.frombuffer(values, dtype=np.uint8).reshape(_FER2013_SIDE, _FER2013_SIDE)
