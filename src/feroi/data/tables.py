"""Data sets that are one CSV file: FER-2013's, whose pixels are text, and a table of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feroi.data.samples import SPLITS, TEST, TRAINING, VALIDATION, Broken, LayoutError, Sample, Samples
from feroi.data.sheets import sheet_rows
from feroi.vocabulary import FER2013_CODES, IGNORED_EXPRESSIONS, expression_named

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
_FER2013_SPLITS = {"Training": TRAINING, "PublicTest": VALIDATION, "PrivateTest": TEST}


def read_fer2013_csv(path: Path) -> Samples:
    """FER-2013 from its CSV, named as row numbers within each split (`Training_00000`).

    A row whose pixels are no image is a sample with a `Broken` one. Raises LayoutError if all are, or naming
    the first row of another emotion or Usage.
    """
    rows: list[Sample] = []
    counts = dict.fromkeys(_FER2013_SPLITS, 0)
    for line, row in sheet_rows(path, ("emotion", "pixels"), FER2013_CSV_LAYOUT):
        where = f"{path}, line {line}"
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
        rows.append(Sample(_fer2013_image(row["pixels"], line), name, expression, None, attributes))
    if not rows:
        raise LayoutError(f"{path} has no rows.\nExpected {FER2013_CSV_LAYOUT}")
    if all(isinstance(row.image, Broken) for row in rows):
        raise LayoutError(f"{path} has no image: {rows[0].image}.\nExpected {FER2013_CSV_LAYOUT}")
    return Samples(rows)


def fer2013_csv_in(folder: Path) -> Path | None:
    """FER-2013's file in a folder, under either of the names that Kaggle gives it; None if there is none."""
    return next((folder / name for name in FER2013_FILES if (folder / name).is_file()), None)


def read_table(path: Path) -> Samples:
    """Samples from a CSV of file names, see TABLE_LAYOUT. Contempt is left out.

    Raises LayoutError naming the first row at fault.
    """
    rows = []
    for line, cells in sheet_rows(path, ("file", "expression"), TABLE_LAYOUT):
        where = f"{path}, line {line}"
        row = dict.fromkeys(("file", "expression"), "") | {
            key: value for key, value in cells.items() if key and value
        }
        if row["expression"].lower() in IGNORED_EXPRESSIONS:
            continue
        try:
            expression = expression_named(row["expression"])
        except ValueError as error:
            raise LayoutError(f"{where}: {error}") from None
        attributes = {"source": path.parent.name}
        for key, value in row.items():
            if key not in ("file", "expression", "subject"):
                attributes[key] = value
        if attributes.get("split", TRAINING) not in SPLITS:
            raise LayoutError(f"{where}: split is {', '.join(SPLITS)}, got {attributes['split']!r}")
        _check_below(row["file"], where)
        rows.append(
            Sample(path.parent / row["file"], row["file"], expression, row.get("subject"), attributes)
        )
    if not rows:
        raise LayoutError(f"{path} has no rows.\nExpected {TABLE_LAYOUT}")
    return Samples(rows)


def _check_below(name: str, where: str) -> None:
    """Raises LayoutError for a file not below the table's folder: tables come from strangers, too."""
    path = Path(name)
    if not path.name or path.anchor or ".." in path.parts or "\0" in name:
        raise LayoutError(
            f"{where}: {name!r} is no file below the table's own folder; put samples.csv above all pictures, "
            f"with names relative to it"
        )


def _fer2013_image(text: str, line: int) -> NDArray[np.uint8] | Broken:
    try:
        values = bytes(map(int, text.split()))
    except (ValueError, OverflowError):
        return Broken(f"line {line}: pixels are not whole numbers of 0 to 255")
    if len(values) != _FER2013_SIDE**2:
        return Broken(f"line {line}: expected {_FER2013_SIDE**2} pixels, got {len(values)}")
    return np.frombuffer(values, dtype=np.uint8).reshape(_FER2013_SIDE, _FER2013_SIDE)
