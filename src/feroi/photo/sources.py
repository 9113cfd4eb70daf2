"""Which files people mean."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from feroi.photo.pixels import is_image_name


def photo_files(sources: Iterable[str]) -> Iterator[Path]:
    """The files meant by paths, folders (searched to the bottom, in the order of names) and globs.

    What is neither is passed on as it is, so that a missing file is reported like any other that
    cannot be read. Within folders, files whose names are no pictures' and links to folders are passed over.
    """
    for source in sources:
        path = Path(source)
        if path.is_dir():
            yield from _below(path)
        elif not path.exists() and glob.has_magic(source):
            # a pattern may be absolute, which Path.glob refuses
            yield from map(Path, sorted(glob.glob(source, recursive=True)))  # noqa: PTH207
        else:
            yield path


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names) if is_image_name(Path(name)))
