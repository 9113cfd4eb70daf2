"""Which reader a path wants."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from feroi.data import ferplus, folders, numbered, rafd, tables
from feroi.data.samples import LayoutError, Samples
from feroi.data.sheets import csv_columns
from feroi.photo.kinds import HEAD_BYTES, other_kind

EMBEDDED = "embedded"
EMBEDDED_FOLDERS = {
    EMBEDDED: "frontal",
    "embedded-wild": "frontal-wild",
    "embedded-poses": "poses",
    "embedded-poses-wild": "poses-wild",
}
"""What stands for the faces shipped with the package wherever a data set is asked for."""

TABLE = "samples.csv"
PREPARATION = "preparation.json"
"""Says what `data.prepare` is making in a folder; the table follows when all is done."""


def _read_fer2013(path: Path) -> Samples:
    file = path if path.is_file() else tables.fer2013_csv_in(path)
    return folders.read_fer2013_folders(path) if file is None else tables.read_fer2013_csv(file)


def _read_table(path: Path) -> Samples:
    return tables.read_table(_csv_in(path, TABLE))


def _csv_in(path: Path, name: str) -> Path:
    file = path / name if path.is_dir() else path
    if not file.is_file():
        raise LayoutError(f"{file} does not exist.\nExpected {tables.TABLE_LAYOUT}")
    return file


Reader = Callable[[Path], Samples]

_READERS: dict[str, Reader] = {
    "rafd": rafd.read_rafd,
    "sfew": folders.read_sfew,
    "fer2013": _read_fer2013,
    "ferplus": ferplus.read_ferplus,
    "fer2013+votes": ferplus.read_both,
    "rafdb": partial(numbered.read_numbered, order="RAF-DB"),
    "affectnet": partial(numbered.read_numbered, order="AffectNet"),
    "folder": folders.read_folder,
    "table": _read_table,
}
_NUMBERED = "numbered"  # RAF-DB or AffectNet, by which numbers there are
_RECOGNISED_BY: dict[str, Callable[[Path], bool]] = {}
"""How "auto" tells the layouts that were registered."""


def register_layout(name: str, reader: Reader, recognised_by: Callable[[Path], bool] | None = None) -> None:
    """Let `layout` be `name` in `read_dataset`, for data sets laid out in a way of their own.

    reader: the folder or file to its samples; raises LayoutError, showing the layout, if it holds none.
    recognised_by: whether a folder is laid out so, for "auto", which asks it before the layouts below;
        without it, the name has to be given.
    Raises ValueError for a name that is taken.
    """
    if name in layouts():
        raise ValueError(f"there is a layout {name!r} already; choose another name")
    _READERS[name] = reader
    if recognised_by is not None:
        _RECOGNISED_BY[name] = recognised_by


def layouts() -> tuple[str, ...]:
    """Every name `layout` may have."""
    return ("auto", *_READERS)


def read_dataset(path: Path | str, layout: str = "auto") -> Samples:
    """The samples of a data set.

    path: a folder, a CSV file, or one of EMBEDDED_FOLDERS for faces shipped with the package.
    layout: one of `layouts`; "auto" tells by file and folder names.
    Raises LayoutError showing the layout expected.
    """
    path = dataset_path(path)
    if not path.exists():
        shipped = ", ".join(EMBEDDED_FOLDERS)
        raise LayoutError(f"{path} does not exist; give a folder, a CSV file or faces shipped: {shipped}")
    if layout not in layouts():
        raise LayoutError(f"unknown layout {layout!r}; choose one of {', '.join(layouts())}")
    try:
        _check_open(path)
        _check_unpacked(path)
        path, found = _detect(path) if layout == "auto" else (path, layout)
        return numbered.read_numbered(path) if found == _NUMBERED else _READERS[found](path)
    except RecursionError:
        raise LayoutError(
            f"folders in {path!s:.1000} are nested too deeply; move the pictures further up"
        ) from None


def _check_open(root: Path) -> None:
    """Raises LayoutError for a folder below `root` that may not be opened; its pictures would be missing."""
    closed: list[OSError] = []
    for _, below, _ in os.walk(root, onerror=closed.append):
        below[:] = [name for name in below if not name.startswith(".")]
    refused = next((error.filename for error in closed if isinstance(error, PermissionError)), None)
    if refused is not None:
        raise LayoutError(f"no permission to read the folder {refused}; open it, or move it out of {root}")


def _check_unpacked(path: Path) -> None:
    """Raises LayoutError for a file that is an archive; nothing in it is read."""
    if path.is_file():
        with path.open("rb") as file:
            other = other_kind(file.read(HEAD_BYTES))
        if other is not None and "unpack" in other:
            raise LayoutError(f"{path} is {other}")


def dataset_path(path: Path | str) -> Path:
    """`path`, or the folder it names in EMBEDDED_FOLDERS."""
    return embedded_folder(str(path)) if str(path) in EMBEDDED_FOLDERS else Path(path)


def embedded_folder(name: str = EMBEDDED) -> Path:
    """Where the package keeps the rendered faces it ships as `name`, one of EMBEDDED_FOLDERS."""
    return Path(__file__).parent / "embedded" / EMBEDDED_FOLDERS[name]


def _detect(path: Path) -> tuple[Path, str]:
    """How the data set is laid out, and where: within a folder that holds nothing but another it is there."""
    if path.is_file():
        columns = csv_columns(path)
        if "pixels" in columns:
            return path, "fer2013"
        if "file" in columns:
            return path, "table"
    elif (path / TABLE).is_file():
        return path, "table"
    elif (path / PREPARATION).is_file():
        raise LayoutError(f"{path} is not prepared to its end; give feroi prepare the same command again")
    elif registered := [name for name, recognises in _RECOGNISED_BY.items() if recognises(path)]:
        return path, registered[0]
    elif tables.fer2013_csv_in(path) is not None:
        return path, "fer2013"
    elif rafd.looks_like_rafd(path):  # before the folders: its names say more
        return path, "rafd"
    elif numbered.looks_numbered(path):  # before SFEW and FER-2013, whose folders may be within its splits
        return path, _NUMBERED
    elif folders.looks_like_sfew(path):
        return path, "sfew"
    elif folders.looks_like_fer2013_folders(path):
        return path, "fer2013"
    elif folders.looks_like_folder(path):
        return path, "folder"
    elif len(inner := folders.subfolders(path)) == 1:
        return _detect(inner[0])
    known = (
        rafd.LAYOUT,
        folders.SFEW_LAYOUT,
        tables.FER2013_CSV_LAYOUT,
        folders.FER2013_FOLDER_LAYOUT,
        ferplus.FER_PLUS_LAYOUT,
        numbered.NUMBERED_LAYOUT,
        folders.FOLDER_LAYOUT,
        tables.TABLE_LAYOUT,
    )
    raise LayoutError(f"{path} has none of the layouts known:\n- " + "\n- ".join(known))
