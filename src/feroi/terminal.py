"""What commands say to the person at the terminal: progress, tables, and clear errors."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from feroi.data.pixels import Rejected
    from feroi.data.samples import Samples
    from feroi.evaluation.metrics import Scores
    from feroi.reading import Photo
    from feroi.training.voice import Voice

console = Console(stderr=True, highlight=False)

_EXTRAS = {"pyarrow": "tables", "onnx": "export", "onnxscript": "export", "face_recognition_models": "dlib68"}


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn expected errors into one clear message and exit status 1."""
    # Idle threads must not spin: with two cores they would take the one the work runs on.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("feroi"):
            raise
        extra = _EXTRAS.get(str(error.name).split(".")[0], "train")
        _fail(f"this needs {error.name}; pip install 'feroi[{extra}]'")
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("stopped; a run that was begun goes on when the same command is given again")


@contextmanager
def training_voice(epochs: int) -> Iterator[Voice]:
    """Progress of one training: a bar over its steps, and a line an epoch."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from feroi.training.voice import Voice

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("training", total=None)

        def on_step(epoch: int, step: int, steps: int) -> None:
            done = (epoch - 1) * steps + step - 1
            bars.update(task, completed=done, total=epochs * steps, description=f"epoch {epoch}/{epochs}")

        def on_epoch(row: dict[str, Any]) -> None:
            say(
                f"epoch {row['epoch']}/{epochs}  loss {row['loss']:.3f}  "
                f"training {100 * row['accuracy']:.1f} %  "
                f"validation {100 * row['validation_accuracy']:.1f} %  "
                f"{row['images_per_s']:.0f} images/s  {row['seconds']:.0f} s"
            )

        yield Voice(say, on_step, on_epoch)


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar to be told how many of how many are done; drawn only on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(description, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def print_photo(photo: Photo) -> None:
    """A line a face on standard output; for a photo without one, why."""
    if not photo.faces:
        typer.echo(f"{photo.name}  {photo.status}")
    for face in photo.faces:
        x0, y0, x1, y1 = (round(value) for value in face.box_xyxy_px)
        line = f"{photo.name}  {face.expression:8} {100 * face.confidence:3.0f} %  box {x0},{y0},{x1},{y1}"
        if face.regions:
            most = max(face.regions, key=lambda name: face.regions[name])
            line += f"  looked most at {most} ({100 * face.regions[most]:.0f} %)"
        typer.echo(line)


def say(line: str) -> None:
    """A line for people, on standard error."""
    console.print(line, markup=False, soft_wrap=True)


def print_scores(scores: Scores) -> None:
    """Accuracy, macro-F1, and each expression's recall beside its row of the confusion matrix."""
    labels = list(scores.per_class_recall)
    typer.echo(
        f"accuracy {100 * scores.accuracy:.2f} %, macro-F1 {scores.macro_f1:.3f}, {scores.n} images; "
        f"rows as labelled, columns as read:"
    )
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("")
    for label in labels:
        table.add_column(label, justify="right")
    table.add_column("recall", justify="right")
    for label, row in zip(labels, scores.confusion, strict=True):
        recall = scores.per_class_recall[label]
        table.add_row(label, *map(str, row), "–" if recall is None else f"{100 * recall:.1f} %")
    Console(highlight=False).print(table)


def print_rejected(rejected: list[Rejected], what: str = "images could not be read") -> None:
    """How many images were left out, and the first few."""
    if rejected:
        say(f"{len(rejected)} {what} and were left out:")
        for item in rejected[:5]:
            say(f"  {item.name}: {item.reason}")


def size_hw(text: str | None) -> tuple[int, int] | None:
    """Height and width from 'WIDTHxHEIGHT'."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]+)[xX]([0-9]+)", text)
    if match is None:
        raise ValueError(f"--size is WIDTHxHEIGHT in pixels, such as 112x144; got {text!r}")
    return int(match[2]), int(match[1])


def chosen_split(samples: Samples, split: str | None) -> Samples:
    """The samples of a split as asked for: by default `validation` where there is one, else all."""
    from feroi.data.samples import SPLITS, VALIDATION

    if split not in (None, "all", *SPLITS):
        raise ValueError(f"--split is {', '.join(SPLITS)} or all; got {split!r}")
    has_splits = any(samples.attribute("split"))
    if split is None and has_splits and len(samples.split(VALIDATION)):
        split = VALIDATION
        say(f"reading the split {VALIDATION}; --split chooses another")
    if split in (None, "all"):
        return samples
    chosen = samples.split(str(split))
    if not len(chosen):
        raise ValueError(f"the data set has no split {split!r}; leave --split out to read all of it")
    return chosen


def _fail(message: str) -> None:
    console.print(f"error: {message}", style="red", markup=False, soft_wrap=True)
    raise typer.Exit(1) from None
