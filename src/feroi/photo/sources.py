"""Which files people mean."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from feroi.photo.pixels import is_image_name
from feroi.photo.video import VIDEO_SUFFIXES


def photo_files(sources: Iterable[str]) -> Iterator[Path]:
    """The files meant by paths, folders (searched to the bottom, in the order of names) and globs.

    What is neither, or a glob that nothing fits, is passed on as it is, so that a missing file is
    reported like any other that cannot be read. Within folders, files whose names are no pictures' or
    films', and links to folders, are passed over; links to files are followed, wherever they lead.
    """
    for source in sources:
        path = Path(source)
        if os.path.isdir(source):  # noqa: PTH112 (pathlib raises for names that are too long)
            yield from _below(path)
        elif not os.path.exists(source) and glob.has_magic(source):  # noqa: PTH110
            yield from _matching(source)
        else:
            yield path


def _matching(pattern: str) -> Iterator[Path]:
    # a pattern may be absolute, which Path.glob refuses
    found = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    for path in found or [Path(pattern)]:
        if not path.is_dir():
            yield path
        elif "**" not in pattern:  # which finds by itself what lies in folders
            yield from _below(path)


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names) if _is_meant(Path(name)))


def _is_meant(path: Path) -> bool:
    is_film = path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
    return is_film or is_image_name(path)
