"""Writing files so that a killed run never leaves half of one."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from feroi.streams import is_standard_output, is_stream, opened_stream

if sys.platform != "win32":
    import fcntl


def display_name(name: Path | str) -> str:
    """A file's name as people are shown it: bytes that are no UTF-8, ends of lines, and backslashes where
    they part no folders, as escapes, so that no two names are shown alike; and marks that turn text round.

    Any text file and any table takes it, on one line; other names are left as they are. A path begins with ./
    if spreadsheets would take it for a formula, or commands for an option.
    """
    encoded = os.fsencode(name) if os.sep == "\\" else os.fsencode(name).replace(b"\\", rb"\\")
    text = encoded.decode("utf-8", "backslashreplace")
    if isinstance(name, Path) and text.startswith(_FORMULAS):
        text = f"./{text}"
    return "".join(
        letter.encode("unicode_escape").decode() if _is_misleading(letter) else letter for letter in text
    )


def display_text(text: str) -> str:
    """Text of several lines with names in it that nobody has made displayable: control characters, and marks
    that turn text round, as escapes."""
    return "".join(
        letter.encode("unicode_escape").decode()
        if letter not in "\n\t" and _is_misleading(letter)
        else letter
        for letter in text
    )


_FORMULAS = ("=", "+", "-", "@")
_BREAKING = frozenset({"Cc", "Zl", "Zp"})  # control characters, separators of lines and paragraphs
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def _is_misleading(letter: str) -> bool:
    return unicodedata.category(letter) in _BREAKING or unicodedata.bidirectional(letter) in _TURNING


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it when the block ends well and removed otherwise.

    If `path` is a link, that is what it leads to. What is no file (`streams.is_stream`) is written into, once
    the block has ended well. Its content is on the disk before it has its name, so that a failure of power
    leaves no empty file either. What killed processes left in the folder is removed by the next one that
    writes there.
    Raises OSError naming `path` if nothing can be written there, or there is no space for it.
    """
    check_writable(path)
    if is_stream(path):
        with _through(path) as temporary:
            yield temporary
        return
    path = _behind_links(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent.resolve())
        handle, temporary = _temporary(path)
    except OSError as error:
        raise type(error)(f"{path} cannot be written: {error.strerror or error}") from error
    try:
        with name_path_in_errors(path):
            yield temporary
            temporary.chmod(0o666 & ~_umask())  # mkstemp makes private files
            sync(temporary)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def name_path_in_errors(path: Path) -> Iterator[None]:
    """Raises OSError naming `path` for what fails in the block because there is no space left to write it,
    or it is a stream that is not open.

    Writers say so in many ways, and few of them say of which file.
    """
    try:
        yield
    except Exception as error:
        reason = _why_unwritable(error, path)
        if reason is None:
            raise
        raise OSError(f"{path} cannot be written: {reason}") from error


def sync(path: Path) -> None:
    """Wait until what the file `path` holds is on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def partial(path: Path) -> Path:
    """Where a file that is not done grows."""
    return beside(_behind_links(path), ".partial")


def beside(path: Path, ending: str) -> Path:
    """`path` with `ending` behind its name, which is cut where file systems would not take it."""
    return path.with_name(f"{cut_name(path.name, ending)}{ending}")


def cut_name(name: str, *others: str) -> str:
    """As much of `name` as makes a file's name together with `others`."""
    room = _LONGEST_NAME - sum(len(os.fsencode(other)) for other in others)
    return os.fsencode(name)[:room].decode("utf-8", "ignore") if len(os.fsencode(name)) > room else name


def open_locked(path: Path) -> BinaryIO:
    """The file `path`, made if it is not there, to be changed by this process alone until it is closed.

    Raises BlockingIOError if another one has it. Where there are no locks, as on Windows, nobody is kept out.
    """
    while True:
        file = open(path, "r+b", opener=_made_if_missing)  # noqa: SIM115 (closed by the caller)
        try:
            free = _lock(file.fileno())
        except OSError:
            return file
        if not free:
            file.close()
            raise BlockingIOError(
                f"{path} is being written by another run; wait until that is done, or give another name"
            )
        with suppress(OSError):  # it may have been moved to its name just before it was locked
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()


def _made_if_missing(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)


def check_writable(*paths: Path | None) -> None:
    """Say before long work what would fail after it: raises OSError for a path no file can be written to,
    ValueError for one that is named twice.

    None, for a file that is not wanted, passes.
    """
    wanted = [path for path in paths if path is not None]
    if sum(map(is_standard_output, wanted)) > 1:
        raise ValueError("standard output takes one output alone; give the others names")
    files = [path for path in wanted if not is_stream(path)]
    places = [os.path.realpath(path) for path in files]
    for path, place in zip(files, places, strict=True):
        if places.count(place) > 1:
            raise ValueError(f"{path} is given for two outputs; give each a name of its own")
        _check_file(path)


def check_folder(path: Path) -> None:
    """Raises OSError if no files can be put into the folder `path`, made if it is not there."""
    if is_stream(path):
        raise NotADirectoryError(f"{path} is no folder; give the name of one")
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path} is a file; give the name of a folder")
    _check_open(path, [path, *path.absolute().parents])


def _check_file(path: Path) -> None:
    if path.is_symlink():
        try:
            path.stat()
        except FileNotFoundError:  # it will be there
            pass
        except OSError as error:  # links that lead round
            raise OSError(f"{path} cannot be written: {error.strerror}") from None
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file")
    _check_open(path, _behind_links(path).absolute().parents)


def _check_open(path: Path, folders: Iterable[Path]) -> None:
    """Raises OSError if the first of `folders` that is there may not be written into."""
    there = next(folder for folder in folders if folder.exists())
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


@contextmanager
def open_run(path: Path, description: dict[str, Any], keys: Iterable[str]) -> Iterator[dict[str, Any] | None]:
    """The run whose description is kept in the file `path`, for this process alone while the block lasts.

    Gives what the file held before, or None where the run is new and it was written now.
    keys: those of the description in which a run may not differ from the one that was begun.
    Raises ValueError if it differs in one of them, or if the file is damaged or its folder is a file;
    BlockingIOError if another process is at it.
    """
    folder = path.parent
    if folder.is_file():
        raise ValueError(f"{folder} is a file; give a folder for the run")
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / f"{_PREFIX}lock"
    try:
        held = open_locked(lock)
    except BlockingIOError:
        raise BlockingIOError(
            f"another run is at work in {folder}; wait until that is done, or choose another folder"
        ) from None
    with held:
        try:
            earlier = _checked_run(path, description, keys)
            if earlier is None:
                write_json(path, description)
            yield earlier
        finally:
            with suppress(OSError):  # where an open file cannot be removed, or the folder is gone
                lock.unlink()


def _checked_run(path: Path, description: dict[str, Any], keys: Iterable[str]) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        there = json_object(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); choose another folder") from None
    differing = [key for key in keys if there.get(key) != description.get(key)]
    if differing:
        changes = [
            change for key in differing for change in _changes(key, there.get(key), description.get(key))
        ]
        raise ValueError(
            f"{path.parent} holds a run that differs in {'; '.join(changes)}. Choose another folder, or "
            f"delete this one"
        )
    return there


def _changes(key: str, old: Any, new: Any) -> list[str]:
    """How `old` differs from `new`; of what has fields, in which of them."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [_change(key, old, new)]
    differing = (name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name))
    return [f"{key} {_change(name, old.get(name), new.get(name))}" for name in differing]


def _change(name: str, old: Any, new: Any) -> str:
    return name if isinstance(new, dict) else f"{name} ({_short(old)} -> {_short(new)})"


def _short(value: Any) -> str:
    return repr(value) if len(repr(value)) <= _TOLD else f"{repr(value)[: _TOLD - 1]}…"


_TOLD = 60  # characters of a setting in a message
_PREFIX = ".feroi-"  # of temporary names, which are short enough beside the longest name there can be
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF)
_FULL_BYTES = 100_000
_LONGEST_NAME = 255  # bytes, on nearly all file systems


@contextmanager
def _through(stream: Path) -> Iterator[Path]:
    """A temporary path whose content goes into `stream` when the block ends well."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder, "output").with_suffix(stream.suffix)
        yield temporary
        with name_path_in_errors(stream), opened_stream(stream) as file, temporary.open("rb") as content:
            shutil.copyfileobj(content, file)
            file.flush()


def _behind_links(path: Path) -> Path:
    """What `path` leads to, if it is a link; it need not be there."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _temporary(path: Path) -> tuple[int | None, Path]:
    """A new file beside `path`, and a handle whose lock says that somebody is at it; None without locks."""
    while True:
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=path.suffix, dir=path.parent)
        try:
            if _lock(handle) and Path(name).exists():
                return handle, Path(name)
        except OSError:
            os.close(handle)
            return None, Path(name)
        os.close(handle)  # another process took it for a leftover before it was locked


@cache
def _sweep(folder: Path) -> None:
    """Remove what killed processes left in `folder`, once in the life of this one."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError), left.open("r+b") as file:  # somebody else's, or swept by another already
            if _lock(file.fileno()):
                left.unlink()


def _lock(handle: int) -> bool:
    """Take the lock of a file, which ends with this process; False if another has it.

    Raises OSError where there are no locks.
    """
    if sys.platform == "win32":
        raise OSError("this system has no such locks")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _why_unwritable(error: Exception, path: Path) -> str | None:
    """For want of what, space or an open stream, `error` says it cannot write; None if of other things."""
    code = getattr(error, "errno", None)
    if code is None and isinstance(error, OSError) and "requested and" in str(error):
        # numpy only counts what it has written, not why it is less
        full = shutil.disk_usage(path.parent).free < _FULL_BYTES
        return os.strerror(errno.ENOSPC).lower() if full else str(error)
    reasons = [os.strerror(each) for each in _UNWRITABLE if each == code or os.strerror(each) in str(error)]
    return reasons[0].lower() if reasons else None


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
