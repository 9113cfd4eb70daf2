"""Which files people mean."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from feroi.photo.decode import NO_PERMISSION_FOLDER, NoPhoto, is_image_name
from feroi.photo.handed import photo_named
from feroi.photo.video import SHARED_SUFFIXES, VIDEO_SUFFIXES, is_video


def photo_files(sources: Iterable[str]) -> Iterator[Path | NoPhoto]:
    """The files meant by paths, folders (searched to the bottom, in the order of names) and globs.

    What is neither is passed on as it is, so that a missing file is reported like any other that cannot be
    read; so is a glob that nothing fits, a folder that may not be opened, and an address. Within
    folders, files whose names are no pictures' or videos', hidden folders and links to folders are passed
    over; links to files are followed, wherever they lead. A name that videos share with texts (.ts, .mts) is
    a video's if the file holds one.
    """
    for source in sources:
        path = Path(source)
        if os.path.isdir(source):  # noqa: PTH112 (pathlib raises for names that are too long)
            yield from _below(path)
        elif not os.path.exists(source) and glob.has_magic(source):  # noqa: PTH110
            yield from _matching(source)
        else:
            yield photo_named(source)


def _matching(pattern: str) -> Iterator[Path | NoPhoto]:
    # a pattern may be absolute, which Path.glob refuses
    found = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    if not found:
        named = photo_named(pattern)
        yield NoPhoto(named, "nothing fits this pattern") if isinstance(named, Path) else named
    for path in found:
        if not path.is_dir():
            yield path
        elif "**" not in pattern:  # which finds by itself what lies in folders
            yield from _below(path)


def _below(folder: Path) -> Iterator[Path | NoPhoto]:
    closed: list[OSError] = []
    try:
        for root, folders, names in os.walk(folder, onerror=closed.append):
            yield from _closed(closed)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield from (Path(root, name) for name in sorted(names) if _is_meant(Path(root, name)))
    except RecursionError:
        yield NoPhoto(folder, "some of the folders in it are nested too deeply to be read")
    yield from _closed(closed)


def _closed(errors: list[OSError]) -> Iterator[NoPhoto]:
    """A row for each folder that could not be listed; none for one that was removed meanwhile."""
    while errors:
        error = errors.pop(0)
        if isinstance(error, PermissionError):
            yield NoPhoto(Path(error.filename), NO_PERMISSION_FOLDER)
        elif not isinstance(error, FileNotFoundError):
            yield NoPhoto(Path(error.filename), f"the folder cannot be read: {error.strerror}")


def _is_meant(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in SHARED_SUFFIXES:
        return is_video(path)
    return is_image_name(path) or (suffix in VIDEO_SUFFIXES and not path.name.startswith("."))
