"""What every command says on the screen, and how it ends, by an error or stopped."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from feroi.files import check_writable, display_name, display_text, partial
from feroi.photo.kinds import HEAD_BYTES, kind_of
from feroi.progress import Note
from feroi.streams import is_standard_output, is_stream, standard_output_kept

console = Console(stderr=True, highlight=False)

_EXTRAS = {
    "av": "video",
    "captum": "explain",
    "huggingface_hub": "hub",
    "fastapi": "serve",
    "fastapi_offline": "serve",
    "multipart": "serve",
    "python_multipart": "serve",
    "uvicorn": "serve",
    "dlib": "dlib",
    "face_recognition_models": "dlib68",
    "numba": "synthetic",
    "onnx": "export",
    "onnxscript": "export",
    "pyarrow": "tables",
    "ray": "scale",
}
_WITH_TORCH = ("train", "explain", "hub", "scale")
_CPU_TORCH = "https://download.pytorch.org/whl/cpu"
_STOPPED = "stopped"
_TWICE_S = 1.0
"""A second signal to stop that comes sooner is the first one again."""
RESUMES = "stopped; the same command resumes"
_PRINTED = "standard output"
_OUTPUTS: list[bool] = []
"""For each command under way, whether it writes more than what is on the screen."""


class Stopped(KeyboardInterrupt):
    """The process was told to end by a signal other than that of Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def clear_errors(*outputs: Path | None, resumes: bool = False, extra: str = "train") -> Iterator[None]:
    """Turn expected errors into one clear message and exit status 1; 130 and the like if the command is
    stopped.

    outputs: the files that the command writes, None for those not wanted. That they can be written is checked
    first. If one of them is standard output, whatever else is printed goes to standard error.
    resumes: whether the same command resumes.
    extra: what to install for a package that is missing, if it is not of another extra.
    """
    # Idle threads must not spin: with two cores they would take the one the work runs on.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    wanted = [path for path in outputs if path is not None]
    _OUTPUTS.append(bool(wanted) or resumes)
    try:
        check_writable(*wanted)
        with (
            standard_output_kept() if any(map(is_standard_output, wanted)) else nullcontext(),
            warnings.catch_warnings(),
        ):
            _say_notes()
            yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("feroi"):
            raise
        package = str(error.name).split(".")[0]
        needed = _EXTRAS.get(package, extra)
        brings_torch = needed in _WITH_TORCH and find_spec("torch") is None
        small = f" (first pip install torch --index-url {_CPU_TORCH}, or it brings several GB)"
        _fail(f"this needs {error.name}; pip install 'feroi[{needed}]'{small if brings_torch else ''}")
    except OSError as error:
        if _is_closed_pipe(error):  # whoever read the output has enough of it
            _print_nothing_more()
            raise typer.Exit(128 + getattr(signal, "SIGPIPE", 13)) from None
        # the system's own words come with a number, and the file behind them
        of_the_system = isinstance(error.filename, str | Path) and error.strerror
        _fail(f"{display_name(error.filename)}: {error.strerror}" if of_the_system else str(error))
    except (ValueError, RuntimeError, MemoryError) as error:
        _fail(str(error))
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        _fail(str(stop) or (RESUMES if resumes else _STOPPED), 128 + number)
    finally:
        _OUTPUTS.pop()


def file_name(text: str) -> Path:
    """The name of a file to write, as it was given; ends the command if it is that of a folder.

    A path no longer tells the two apart: it loses the slash behind a folder.
    """
    if text and os.path.basename(text) in ("", ".", ".."):  # noqa: PTH119 (see above)
        _fail(f"{display_name(text)} is the name of a folder; give the name of a file")
    return Path(text)


def spare_pictures(*outputs: Path | None) -> None:
    """Raises ValueError if a table or page is to be written over a picture or video: the name of a photo went
    where the name of an output was due."""
    for path in outputs:
        if path is not None and path.is_file() and not is_stream(path):
            with path.open("rb") as file:
                kind = kind_of(file.read(HEAD_BYTES))
            if kind is not None:
                what = "video" if kind == "video" else "picture"
                raise ValueError(
                    f"{display_name(path)} is a {what}, and would be replaced; give another name"
                )


def spare_inputs(output: Path, inputs: Iterable[object]) -> None:
    """Raises ValueError if `output` is one of the files that are read."""
    if not output.exists():
        return
    for path in inputs:
        if isinstance(path, Path) and path.exists() and path.samefile(output):
            raise ValueError(f"{display_name(output)} is read, and would be replaced; give another name")


@contextmanager
def kept_when_stopped(*outputs: Path | None, resumes: bool) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the block alike, and the message says where what was read so far is, or
    that the same command resumes."""
    try:
        with ends_when_stopped():
            yield
    except KeyboardInterrupt as stop:
        files = [partial(path) for path in outputs if path is not None and not is_stream(path)]
        there = ", ".join(str(path) for path in files if path.exists())
        kept = f"{_STOPPED}; what was read until then is in {there}" if there else _STOPPED
        stop.args = (RESUMES if resumes else kept,)
        raise


@contextmanager
def ends_when_stopped() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the block alike.

    A second one is ignored at once, since some programs pass on what the terminal sends, too; later it ends
    the process as it stands.
    """
    stopped_s: list[float] = []

    def end(number: int, _: FrameType | None) -> None:
        if not stopped_s:
            stopped_s.append(time.monotonic())
            raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)
        if time.monotonic() - stopped_s[0] > _TWICE_S:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    with signals_handled(end) as before:
        try:
            yield
        finally:
            if stopped_s:
                before.clear()  # a second one is to find this handler until the last word is said


@contextmanager
def signals_handled(
    handler: Callable[[int, FrameType | None], None],
) -> Iterator[dict[int, Any]]:
    """SIGINT, SIGTERM and SIGHUP are given to `handler` in the block, unless somebody else handles them.

    Gives the handlers before, which are in force again after the block; those taken out are not.
    """
    before: dict[int, Any] = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            with suppress(ValueError):  # signals go to the main thread alone
                before[number] = signal.signal(number, handler)
    try:
        yield before
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _say_notes() -> None:
    show = warnings.showwarning

    def say_or_show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, Note):
            say(str(message))
        else:
            show(message, category, *where, **more)

    warnings.showwarning = say_or_show
    warnings.simplefilter("always", Note)


def say(line: str) -> None:
    """A line for people, on standard error."""
    console.print(display_text(line), markup=False, soft_wrap=True)


def tell(line: str) -> None:
    """A line of what was found, on standard output.

    If that takes no more, a command that writes files goes on without it, and any other ends.
    """
    try:
        typer.echo(line)
    except OSError as error:
        closed = _is_closed_pipe(error)
        if not _goes_on_unheard():
            _print_nothing_more()
            raise error if closed else OSError(error.errno, error.strerror, _PRINTED) from None
        if not closed:
            say(f"{_PRINTED} cannot be written: {error.strerror}; the files that were asked for can")
        _print_nothing_more()


def tell_table(table: Table, least_width: int = 0) -> None:
    """A table of what was found, as `tell`."""
    _Screen(highlight=False, width=max(least_width, Console().width)).print(table)


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        if not _goes_on_unheard():
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        _print_nothing_more()


def any_encoding() -> None:
    """Have letters that the terminal's encoding lacks printed as escapes; they would end the command else."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _goes_on_unheard() -> bool:
    return any(_OUTPUTS)


def _is_closed_pipe(error: OSError) -> bool:
    # Windows calls it an invalid argument
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)


def _print_nothing_more() -> None:
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, status: int = 1) -> NoReturn:
    console.print(f"error: {display_text(message)}", style="red", markup=False, soft_wrap=True)
    raise typer.Exit(status) from None
