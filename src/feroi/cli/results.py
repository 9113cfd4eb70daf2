"""What commands say to the person at the terminal: progress, tables, and clear errors."""

from __future__ import annotations

import codecs
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from feroi.cli.screen import clear_errors as clear_errors
from feroi.cli.screen import console, tell, tell_table
from feroi.cli.screen import say as say

if TYPE_CHECKING:
    from feroi.analysis.run import Counts
    from feroi.config import NetworkConfig
    from feroi.data.decoded import Rejected
    from feroi.data.prepare import Prepared
    from feroi.data.samples import Samples
    from feroi.evaluation.calibration import Certainty
    from feroi.evaluation.crossval import CrossValidation
    from feroi.evaluation.evaluate import Evaluation
    from feroi.evaluation.metrics import Scores
    from feroi.photo.decode import EncodedPhoto, NoPhoto
    from feroi.recipe import RecipeConfig
    from feroi.training.callbacks import Callbacks

    Photograph = Path | EncodedPhoto | NoPhoto
_LONG_S = 600  # what takes longer is said after the first epoch


@contextmanager
def training_callbacks(epochs: int, shown: bool = True) -> Iterator[Callbacks]:
    """Progress of one training: a bar over its steps, and one line per epoch; nothing if not `shown`."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from feroi.training.callbacks import SILENT, Callbacks

    if not shown:
        yield SILENT
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("training", total=None)

        def on_step(epoch: int, step: int, steps: int) -> None:
            done = (epoch - 1) * steps + step - 1
            bars.update(task, completed=done, total=epochs * steps, description=f"epoch {epoch}/{epochs}")

        estimated = False

        def on_epoch(row: dict[str, Any]) -> None:
            nonlocal estimated
            say(
                f"epoch {row['epoch']}/{epochs}  loss {row['loss']:.3f}  "
                f"training {100 * row['accuracy']:.1f} %  "
                f"validation {100 * row['validation_accuracy']:.1f} %  "
                f"{row['images_per_s']:.0f} images/s  {row['seconds']:.0f} s"
            )
            left_s = (epochs - row["epoch"]) * row["seconds"]
            if not estimated and left_s > _LONG_S:
                say(f"at this pace the other epochs take {timedelta(seconds=round(left_s, -2))} (h:mm:ss)")
            estimated = True

        yield Callbacks(say, on_step, on_epoch)


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


def chosen_split(samples: Samples, split: str | None, hold_out: float | None = None) -> Samples:
    """The split a person asked for, `all`, what `train --fold N` holds out (`foldN`), or by default the
    validation split where there is one; with `hold_out`, what `train --hold-out` of that share holds out."""
    from feroi.data.folds import PAPER_FOLDS, divide, held_out
    from feroi.data.samples import SPLITS, VALIDATION

    if hold_out is not None:
        if split is not None:
            raise ValueError("--hold-out takes the place of --split; give one of them")
        return held_out(samples, hold_out).validation
    folds = [f"fold{number}" for number in range(1, PAPER_FOLDS + 1)]
    if split in folds:
        return divide(samples, seed=0, fold=folds.index(split) + 1).validation
    if split not in (None, "all", *SPLITS):
        raise ValueError(f"--split is {', '.join(SPLITS)}, {folds[0]} to {folds[-1]}, or all; got {split!r}")
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


def training_split(samples: Samples) -> Samples:
    """The training split, to look for twins in. Raises ValueError if there is none."""
    from feroi.data.samples import TRAINING

    split = samples.split(TRAINING)
    if not len(split):
        raise ValueError("--twins compares with the training split, and the data set has none")
    return split


def chosen_photos(names: Sequence[str]) -> list[Photograph]:
    """The photos a person named; "-" alone stands for standard input, a list or a picture.

    Raises ValueError if there are none.
    """
    from feroi.photo.sources import photo_files

    if list(names) == ["-"]:
        head, names = _standard_input()
        if head is not None:
            return [head]
    files: list[Photograph] = list(photo_files(names))
    if not files:
        raise ValueError("no photos there; give picture files, folders that hold some, or - for a list")
    return files


def _standard_input() -> tuple[EncodedPhoto | None, Sequence[str]]:
    """The picture that standard input holds, or the names it lists. Raises ValueError for a video."""
    from feroi.photo.decode import EncodedPhoto
    from feroi.photo.kinds import HEAD_BYTES, kind_of

    content = sys.stdin.buffer
    head = content.read(HEAD_BYTES)
    kind = kind_of(head)
    if kind == "video":
        raise ValueError("standard input holds a video; videos are read from files, so give its name")
    if kind is not None:
        return EncodedPhoto("standard input", head + content.read()), ()
    return None, list(listed(io.BytesIO(head + content.read())))


def listed(lines: Iterable[bytes]) -> Iterator[str]:
    """Names from a list, one per line or, as `find -print0` writes them, one before each NUL.

    An empty line is no name; it would stand for the folder one is in.

    A list in UTF-16, as PowerShell writes it, begins with a mark that says so.
    """
    text = b"".join(lines)
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if text.startswith(mark):
            text = text.decode(encoding, "replace").encode()
    text = text.removeprefix(codecs.BOM_UTF8)
    end = b"\0" if text.endswith(b"\0") else b"\n"
    return (os.fsdecode(line.rstrip(b"\r")) for line in text.split(end) if line.strip())


def warn_of_trained_on(model: Path, config: NetworkConfig, samples: Samples) -> None:
    """Say so if some of `samples` are known to have been trained or calibrated on."""
    from feroi.evaluation.evaluate import count_calibrated_on, count_trained_on

    for how, count in (("trained", count_trained_on), ("calibrated", count_calibrated_on)):
        if known := count(model, config, samples):
            say(f"beware: {known} of these {len(samples)} images were {how} on; the figures flatter")


def warn_of_unprepared(samples: Samples, learned_from: str | None = None) -> None:
    """Say so if nothing tells how the faces were cropped and aligned.

    learned_from: the pipeline of the network that is to read them; None for one that is to learn from them.
    """
    from feroi.data.samples import pipeline_of

    if pipeline_of(samples) is not None:
        return
    unknown = "beware: nothing says how these faces were cropped and aligned"
    if learned_from is not None:
        return say(f"{unknown}; the network learned from those of {learned_from}, and reads others less well")
    command = "folder PHOTOS FACES"
    if set(samples.attribute("source")) == {"RaFD"}:  # rendered faces bear its names
        command = f"rafd-{'front' if set(samples.attribute('pose')) == {'090'} else 'pose'} DATA FACES"
    say(
        f"{unknown}, so the network will not read photos unless --pipeline names it. "
        f"Better prepare the faces first: feroi prepare {command}"
    )


def warn_of_originals(samples: Samples) -> bool:
    """Say so if RaFD's photos are given uncut, since networks learn from faces; whether it was said."""
    from feroi.data.prepare import RAFD_HW
    from feroi.photo.decode import UnreadableImage, read_intensity

    first = samples[0]
    with suppress(UnreadableImage):
        if (
            first.attributes.get("source") == "RaFD"
            and isinstance(first.image, Path)
            and read_intensity(first.image).shape == RAFD_HW
        ):
            say("beware: these are RaFD's whole photos; first cut the faces out, by feroi prepare rafd-front")
            return True
    return False


def chosen_settings(
    network: str,
    size: str | None,
    recipe: str,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    settings: list[str],
) -> tuple[NetworkConfig, RecipeConfig]:
    """The presets a person named, with whatever else was asked for."""
    from feroi.config import network_preset
    from feroi.recipe import recipe_preset
    from feroi.settings import with_settings

    return with_settings(
        network_preset(network, input_hw=size_hw(size)),
        recipe_preset(recipe, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate),
        settings,
    )


def chosen_names(names: str | None) -> list[str]:
    """Names from a list with commas; none from None."""
    return names.split(",") if names else []


def size_hw(text: str | None) -> tuple[int, int] | None:
    """Height and width from 'WIDTHxHEIGHT'."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]+)[xX]([0-9]+)", text)
    if match is None:
        raise ValueError(f"--size is WIDTHxHEIGHT in pixels, such as 112x144; got {text!r}")
    return int(match[2]), int(match[1])


def box_xyxy_px(text: str | None) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom from 'LEFT,TOP,RIGHT,BOTTOM'."""
    if text is None:
        return None
    try:
        x0, y0, x1, y1 = map(float, text.split(","))
    except ValueError:
        raise ValueError(
            f"--box is LEFT,TOP,RIGHT,BOTTOM in pixels, such as 56.5,150,624.5,718; got {text!r}"
        ) from None
    return x0, y0, x1, y1


def say_counts(counts: Counts) -> None:
    """What was found in a run over photos. Raises ValueError if not one of them could be read."""
    faces, photos = number_of(counts.faces, "face"), number_of(counts.sources, "photo")
    say(
        f"{faces} read in {photos}; {counts.refused} found and not read, "
        f"{counts.faceless} without a face, {counts.unreadable} unreadable"
    )
    if counts.unreadable == counts.sources:
        raise ValueError("not a single photo could be read; the table says why")


def say_faces(photo: Path, faces: int) -> None:
    """How many faces a group photo shows."""
    say(f"{photo}: {number_of(faces, 'face')}")


def number_of(count: int, what: str, many: str | None = None) -> str:
    """A count with its noun; many: its plural, if that is not made with an s."""
    return f"{count} {what if count == 1 else many or what + 's'}"


def print_scores(scores: Scores) -> None:
    """Accuracy, macro-F1, and each expression's recall beside its row of the confusion matrix."""
    labels = list(scores.per_class_recall)
    tell(
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
    tell_table(table)


def print_certainty(certainty: Certainty) -> None:
    """What the probabilities are worth, in a line or two."""
    say(
        f"probabilities: expected calibration error {certainty.calibration_error:.3f}, "
        f"cross entropy {certainty.cross_entropy:.3f}; "
        f"{100 * certainty.selected_accuracy:.1f} % right among the surest 80 %"
    )
    sets = certainty.sets
    if sets is not None:
        say(
            f"the right expression is among the likely ones for {100 * sets.covered:.1f} % "
            f"(promised {100 * sets.coverage:.0f} %), {sets.size:.2f} of them on average"
        )


def print_evaluation(result: Evaluation, twins: bool) -> None:
    """The scores, those without twins of training images where they were asked for, and what was left out."""
    print_scores(result.scores)
    print_certainty(result.certainty)
    if twins and not result.without_twins:
        say("every image has a twin among the training images; no score without them")
    if result.without_twins:
        accuracy, n = result.without_twins.accuracy, result.without_twins.n
        say(f"without twins of training images: accuracy {100 * accuracy:.2f} %, {n} images")
    print_rejected(result.rejected)


def print_crossval(result: CrossValidation, run: Path) -> None:
    """The scores of all folds together, and the spread of their accuracies."""
    from feroi.evaluation.crossval import in_percent

    print_scores(result.together)
    accuracy = in_percent(result.spread("accuracy"))
    over = f"over {len(result.folds)} folds" if len(result.folds) > 1 else "on one validation set"
    say(f"accuracy {accuracy} % {over}; see {run}")


def print_prepared(result: Prepared, folder: Path) -> None:
    """How many faces were prepared, and which photos were not."""
    from feroi.data.prepare import REJECTED

    print_rejected(result.rejected, "photos could not be prepared")
    if result.rejected:
        say(f"all of them: {folder / REJECTED}")
    say(f"{len(result.samples)} prepared faces are in {folder}, {result.made} of them new")


def print_rejected(rejected: list[Rejected], what: str = "images could not be read") -> None:
    """How many images were left out, and the first few."""
    if rejected:
        say(f"{len(rejected)} {what} and were left out:")
        for item in rejected[:5]:
            say(f"  {item.name}: {item.reason}")
