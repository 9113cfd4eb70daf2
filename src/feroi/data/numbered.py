"""Folders that bear the numbers of expressions, as RAF-DB and AffectNet have them."""

from __future__ import annotations

import warnings
from pathlib import Path

from feroi.data.folders import pictures_below, split_folders, subfolders
from feroi.data.samples import LayoutError, Sample, Samples
from feroi.files import display_name
from feroi.progress import Note
from feroi.vocabulary import AFFECTNET_CODES, IGNORED_EXPRESSIONS, RAF_DB_CODES

NUMBERED_LAYOUT = """\
RAF-DB (folders 1 to 7) or AffectNet (0 to 7): a folder a number, alone or within train, val, test, e.g.
    train/1/train_00001.jpg  test/7/test_0002.jpg"""

_ORDERS = {"RAF-DB": RAF_DB_CODES, "AffectNet": AFFECTNET_CODES}


def looks_numbered(root: Path) -> bool:
    """Whether `root`, or its folders of splits, hold folders named by numbers and no others."""
    return any(_numbers(parent) for parent, _ in _parents(root))


def read_numbered(root: Path, order: str | None = None) -> Samples:
    """The pictures in numbered folders; contempt is left out. Which number is what is told as a `Note`.

    order: "RAF-DB" or "AffectNet"; by default the one that has just these numbers.
    Raises LayoutError if that may be more than one, or none, or there is no picture.
    """
    order = order or _order_of(root)
    codes = _ORDERS[order]
    rows = []
    for parent, split in _parents(root):
        for number, folder in sorted(_numbers(parent).items()):
            if number not in codes:
                known = f"{order} has the numbers {min(codes)} to {max(codes)}"
                raise LayoutError(f"folder {folder}: {known}.\nExpected {NUMBERED_LAYOUT}")
            if codes[number] in IGNORED_EXPRESSIONS:
                continue
            attributes = {"source": order, **({"split": split} if split else {})}
            for path in pictures_below(folder):
                name = display_name(path.relative_to(root).as_posix())
                rows.append(Sample(path, name, codes[number], None, attributes))
    if not rows:
        raise LayoutError(f"no pictures in numbered folders below {root}.\nExpected {NUMBERED_LAYOUT}")
    told = f"{root}: folders are read as {order} numbers them: {_told(codes)}"
    warnings.warn(Note(told), stacklevel=2)
    return Samples(rows)


def _order_of(root: Path) -> str:
    numbers = {number for parent, _ in _parents(root) for number in _numbers(parent)}
    fitting = [name for name, codes in _ORDERS.items() if numbers == set(codes)]
    if len(fitting) == 1:
        return fitting[0]
    orders = [
        f"--layout {name.lower().replace('-', '')} for {name} ({_told(codes)})"
        for name, codes in _ORDERS.items()
    ]
    there = ", ".join(map(str, sorted(numbers)))
    raise LayoutError(
        f"{root} has folders {there}, which may stand for different expressions; "
        f"say which: {'; '.join(orders)}; or name the folders by expressions"
    )


def _told(codes: dict[int, str]) -> str:
    return ", ".join(f"{number} {expression}" for number, expression in codes.items())


def _parents(root: Path) -> list[tuple[Path, str]]:
    """The folders that hold numbered ones, and their splits."""
    return split_folders(root) or [(root, "")]


def _numbers(parent: Path) -> dict[int, Path]:
    folders = subfolders(parent)
    numbered = {int(path.name): path for path in folders if path.name.isascii() and path.name.isdecimal()}
    return numbered if len(numbered) == len(folders) else {}
