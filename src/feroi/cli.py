"""The command table. Every command is a thin call to a function people can import."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from feroi import __version__

app = typer.Typer(
    help="Read facial expressions, and show which regions of the face made the decision.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True)

DataOption = Annotated[
    str, typer.Option("--data", help="folder or CSV file; 'embedded' is the set that ships")
]
LayoutOption = Annotated[str, typer.Option(help="auto, rafd, sfew, fer2013, folder or table")]
NetworkOption = Annotated[
    str, typer.Option("--network", help="paper-attention, paper-baseline, paper-gap, ...")
]
SizeOption = Annotated[
    str | None, typer.Option(help="input of the network as WxH px; the paper's 112x144 if left out")
]
RecipeOption = Annotated[
    str, typer.Option("--recipe", help="onecycle, paper-front, paper-pose, paper-sfew, ...")
]
EpochsOption = Annotated[int | None, typer.Option(help="instead of the recipe's")]
SeedOption = Annotated[int, typer.Option(help="decides everything random")]


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False,
) -> None:
    """Read facial expressions, and show which regions of the face made the decision."""
    if version:
        typer.echo(__version__)
        raise typer.Exit()


@app.command()
def train(
    data: DataOption,
    run: Annotated[Path, typer.Option(help="folder of this run; an unfinished one is resumed")],
    network: NetworkOption = "paper-attention",
    size: SizeOption = None,
    recipe: RecipeOption = "onecycle",
    epochs: EpochsOption = None,
    batch_size: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="instead of the recipe's")] = None,
    fold: Annotated[int, typer.Option(help="fold 1..5 held out, for data with subjects")] = 1,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Train a network; killed runs resume."""
    with _clear_errors():
        from feroi.config import network_preset, recipe_preset
        from feroi.data.folds import divide
        from feroi.data.readers import read_dataset
        from feroi.training.run import train_run

        settings = recipe_preset(
            recipe, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate
        )
        config = network_preset(network, _size(size))
        division = divide(read_dataset(data, layout), seed, fold)
        with _training_bars(settings.epochs) as bars:
            train_run(division, config, settings, run, seed, console.print, *bars)
        console.print(f"weights, metrics and curves are in {run}")


def _size(text: str | None) -> tuple[int, int] | None:
    """Height and width from 'WxH'."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ValueError(f"--size is WIDTHxHEIGHT in pixels, such as 112x144; got {text!r}")
    return int(match[2]), int(match[1])


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn expected errors into one clear message and exit status 1."""
    # Idle threads must not spin: with two cores they would take the one the work runs on.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("feroi"):
            raise
        console.print(
            f"error: this command needs {error.name}; pip install 'feroi[train]'", style="red"
        )
        raise typer.Exit(1) from None
    except (ValueError, OSError, RuntimeError) as error:
        console.print(f"error: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None


@contextmanager
def _training_bars(epochs: int) -> Iterator[tuple[Any, Any]]:
    """Progress of one training: a bar over the steps of the epoch, and a line an epoch."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        task = bars.add_task("training", total=None)

        def on_step(epoch: int, step: int, steps: int) -> None:
            done = (epoch - 1) * steps + step - 1
            bars.update(
                task, completed=done, total=epochs * steps, description=f"epoch {epoch}/{epochs}"
            )

        def on_epoch(row: dict[str, Any]) -> None:
            console.print(
                f"epoch {row['epoch']}/{epochs}  loss {row['loss']:.3f}  "
                f"training {100 * row['accuracy']:.1f} %  "
                f"validation {100 * row['validation_accuracy']:.1f} %  "
                f"{row['images_per_s']:.0f} images/s  {row['seconds']:.0f} s",
                highlight=False,
            )

        yield on_step, on_epoch
