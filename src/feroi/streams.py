"""Outputs that are no files: standard output, pipes, devices. They are written into, not replaced."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO, cast

_STANDARD_OUTPUT = 1
_NAMED = {"-": 1, "/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_NUMBERED = re.compile(r"/(?:dev|proc/(?:self|thread-self|[0-9]+))/fd/([0-9]+)")
_MOST_LINKS = 40

_kept: list[TextIO] = []
"""Standard output, while what is printed goes elsewhere."""


def is_stream(path: Path) -> bool:
    """Whether what is written to `path` goes into something that is there: `-`, which is standard output,
    a pipe, a device, or a link to one; not a file, nor a link to one."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_standard_output(path: Path) -> bool:
    """Whether `path` is what commands print to: `-`, /dev/stdout, or a link to that."""
    return _descriptor(path) == _STANDARD_OUTPUT


@contextmanager
def opened_stream(path: Path) -> Iterator[BinaryIO]:
    """What `is_stream`, to be written into; left open where it was open before.

    Raises OSError; that its reader is gone, when the block flushes what it writes.
    """
    number = _descriptor(path)
    if number == _STANDARD_OUTPUT:
        printed = _kept[-1] if _kept else sys.stdout
        if printed is None:  # closed before the command began
            raise OSError("standard output is closed")
        printed.flush()
        yield printed.buffer
        with suppress(BrokenPipeError):
            printed.flush()
        return
    file = path.open("wb") if number is None else os.fdopen(os.dup(number), "wb")
    try:
        yield cast(BinaryIO, file)
    finally:
        with suppress(BrokenPipeError):  # its reader is gone, and what it did not read with it
            file.close()


@contextmanager
def standard_output_kept() -> Iterator[None]:
    """Standard output is kept for `opened_stream`; what is printed in the block goes to standard error."""
    _kept.append(sys.stdout)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = _kept.pop()


def _descriptor(path: Path) -> int | None:
    """The number under which what `path` names is open in this process, if it names that."""
    for _ in range(_MOST_LINKS):
        text = os.fspath(path)
        if text in _NAMED:
            return _NAMED[text]
        found = _NUMBERED.fullmatch(text)
        if found and (text.startswith("/dev/") or _is_own(text)):
            return int(found[1])
        try:
            path = path.parent / path.readlink()
        except (OSError, ValueError):  # no link
            return None
    return None


def _is_own(text: str) -> bool:
    process = text.split("/")[2]
    return not process.isdecimal() or int(process) == os.getpid()
