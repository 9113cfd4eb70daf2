"""Folders on this machine, on disks machines share, or in object stores, behind one interface: pyarrow's."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any


def is_uri(place: str) -> bool:
    """Whether `place` is s3://..., gs://..., hdfs://... or file://..., not a path."""
    return "://" in place


def public(place: str) -> str:
    """A place as it may be told: without the name and password that may stand in a URI."""
    return re.sub(r"(?<=://)[^/@]*@", "", place)


def normal(place: str) -> str:
    """A place as it is always written: without a slash at its end, and a path without detours."""
    return place.rstrip("/") if is_uri(place) else os.path.normpath(place)


def is_within(inner: str, outer: str) -> bool:
    """Whether a place is another, or lies in it."""
    if is_uri(inner) != is_uri(outer):
        return False
    if is_uri(inner):
        (one, inside), (other, outside) = opened(inner), opened(outer)
        return bool(one == other) and f"{inside}/".startswith(f"{outside}/")
    return Path(inner).resolve().is_relative_to(Path(outer).resolve())


@lru_cache
def opened(place: str) -> tuple[Any, str]:
    """The pyarrow file system of a path or URI, and where on it the place is.

    Options of an object store stand in the URI, as in s3://bucket/faces?endpoint_override=localhost:9000.
    Raises ValueError for a URI that pyarrow does not know.
    """
    from pyarrow import fs

    try:
        if is_uri(place):
            system, path = fs.FileSystem.from_uri(place)
        else:
            system, path = fs.LocalFileSystem(), str(Path(place).absolute())
    except (OSError, ValueError) as error:
        raise ValueError(f"{public(place)} is no place pyarrow can read: {error}") from None
    return system, path.rstrip("/")


def _first_sentence(error: OSError) -> str:
    return str(error).split(". Detail", 1)[0].removeprefix(f"[Errno {error.errno}] ")


class Store:
    """A folder to write whole files to, by many machines at once.

    place: its path or URI, kept as `public` tells it. Files whose names begin with a dot are unfinished.
    """

    def __init__(self, place: str) -> None:
        self.place = public(place)
        self._system, self._path = opened(place)

    def make(self) -> None:
        """Make the folder, if it is not there. Raises OSError."""
        try:
            self._system.create_dir(self._path, recursive=True)
        except OSError as error:
            raise type(error)(
                f"{self.place} cannot be made: {_first_sentence(error)}; name a folder"
            ) from None

    def names(self) -> set[str]:
        """The names of the files in it."""
        from pyarrow.fs import FileSelector

        infos = self._system.get_file_info(FileSelector(self._path, allow_not_found=True))
        return {info.base_name for info in infos}

    def read(self, name: str) -> bytes | None:
        """What the file `name` holds; None if it is not there."""
        if not self.has(name):
            return None
        with self._system.open_input_stream(f"{self._path}/{name}", compression=None) as file:
            return bytes(file.read())

    def has(self, name: str) -> bool:
        """Whether there is a file `name`."""
        return bool(self._system.get_file_info(f"{self._path}/{name}").is_file)

    def open(self, name: str) -> Any:
        """The file `name`, to be read from anywhere in it."""
        return self._system.open_input_file(f"{self._path}/{name}")

    def put(self, local: Path, name: str) -> None:
        """Copy the file `local` to `name`, which appears whole or not at all."""
        unfinished = f"{self._path}/.{name}.{uuid.uuid4().hex}"
        with local.open("rb") as source, self._system.open_output_stream(unfinished) as target:
            shutil.copyfileobj(source, target, 1 << 20)
        self._system.move(unfinished, f"{self._path}/{name}")

    def clear(self) -> None:
        """Remove what writers that were killed left unfinished."""
        for name in self.names():
            if name.startswith("."):
                self._system.delete_file(f"{self._path}/{name}")
