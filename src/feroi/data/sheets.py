"""Tables as text: with commas, semicolons, tabs or bars, in UTF-8, 16 or 32, as spreadsheets write them."""

from __future__ import annotations

import codecs
import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from feroi.data.samples import LayoutError

_SEPARATORS = ",;\t|"
_STATED = re.compile(r"sep=(.)\s*")  # Excel's first line, if there is one
_HEAD_BYTES = 4096


def sheet_rows(path: Path, columns: tuple[str, ...], layout: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table behind its header, each with its line: from names of columns, in small letters, to
    cells, without spaces around either. Empty lines are passed over, and what a row lacks is empty.

    Raises LayoutError, showing `layout`, if one of `columns` is missing; or naming a line that is none.
    """
    names = csv_columns(path)
    missing = sorted(name for name in columns if name.lower() not in names)
    if missing:
        raise LayoutError(f"{path} has no column {', '.join(missing)}.\nExpected {layout}")
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    stated, separator = _first_line(path)
    with path.open(newline="", encoding=_encoding(path), errors="replace") as file:
        if stated:
            file.readline()
        reader = csv.reader(file, delimiter=separator, skipinitialspace=True)
        next(reader, None)
        try:
            for cells in reader:
                if cells:
                    row = dict.fromkeys(names, "") | dict(zip(names, map(str.strip, cells), strict=False))
                    yield reader.line_num + stated, row
        except csv.Error as error:
            raise LayoutError(f"{path}, line {reader.line_num + stated}: {error}") from None


def csv_columns(path: Path) -> list[str]:
    """The names of the columns of a table, in small letters; none if the file has no header."""
    stated, separator = _first_line(path)
    with path.open(newline="", encoding=_encoding(path), errors="replace") as file:
        if stated:
            file.readline()
        try:
            header = next(csv.reader(file, delimiter=separator, skipinitialspace=True), [])
        except csv.Error:  # a line longer than any header
            return []
    return [name.strip().lower() for name in header]


def _first_line(path: Path) -> tuple[bool, str]:
    """Whether the first line states what separates columns, and what does."""
    with path.open(newline="", encoding=_encoding(path), errors="replace") as file:
        line = file.readline(_HEAD_BYTES)
    stated = _STATED.fullmatch(line)
    if stated:
        return True, stated[1]
    return False, max(_SEPARATORS, key=line.count)


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # the first begins as that of UTF-16
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head and head.count(b"\0") > len(head) // 4:  # without the mark; every other byte of such a text is 0
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    return "utf-8-sig"
