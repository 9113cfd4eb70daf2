"""Writing files so that a killed run never leaves half of one."""

from __future__ import annotations

import json
import os
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def shown(name: Path | str) -> str:
    """A file's name as people are shown it: bytes that are no UTF-8, and ends of lines, as escapes.

    Any text file and any table takes it, on one line; other names are left as they are. A path begins with ./
    if spreadsheets would take it for a formula, or commands for an option.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    if isinstance(name, Path) and text.startswith(_FORMULAS):
        text = f"./{text}"
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in _BREAKING else letter
        for letter in text
    )


_FORMULAS = ("=", "+", "-", "@")
_BREAKING = frozenset({"Cc", "Zl", "Zp"})  # control characters, separators of lines and paragraphs


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it when the block ends well and removed otherwise.

    Raises OSError naming `path` if nothing can be written there.
    """
    check_writable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise type(error)(f"{path} cannot be written: {error.strerror or error}") from error
    os.close(handle)
    try:
        yield Path(name)
        Path(name).chmod(0o666 & ~_umask())  # mkstemp makes private files
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_writable(*paths: Path | None) -> None:
    """Say before long work what would fail after it: raises OSError for a path no file can be written to.

    None, for a file that is not wanted, passes.
    """
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder; give the name of a file")
        there = next(folder for folder in path.absolute().parents if folder.exists())
        if not there.is_dir():
            raise NotADirectoryError(f"{path} cannot be written: {there} is a file")
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(f"{path} cannot be written: {there} is closed to you")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all. NaN is refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def json_object(text: str | bytes) -> dict[str, Any]:
    """The object that JSON text holds. Raises ValueError for anything else, such as what is nested deeply."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"an object in braces is expected, got {type(value).__name__}")
    return value


def claim(path: Path, description: dict[str, Any], keys: Iterable[str]) -> dict[str, Any] | None:
    """Keep the configuration of a run in the file `path`; what it held before, or None where the run is new.

    Raises ValueError if it holds one that differs in one of `keys`, or is damaged.
    """
    if not path.exists():
        write_json(path, description)
        return None
    try:
        there = json_object(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); choose another folder") from None
    differing = [key for key in keys if there.get(key) != description.get(key)]
    if differing:
        raise ValueError(
            f"{path.parent} holds a run that differs in {', '.join(differing)} (see {path}); "
            f"choose another folder, or delete this one"
        )
    return there


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
