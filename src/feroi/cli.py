"""The command table. Every command is a thin call to a function people can import."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feroi import __version__
from feroi.terminal import clear_errors, print_rejected, print_scores, say, training_voice

if TYPE_CHECKING:
    from feroi.data.samples import Samples

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

ModelArgument = Annotated[Path, typer.Argument(help="a .safetensors file or a run folder")]
DataOption = Annotated[str, typer.Option(help="folder or CSV file; 'embedded' is the set shipped")]
LayoutOption = Annotated[str, typer.Option(help="auto, rafd, sfew, fer2013, folder or table")]
SplitOption = Annotated[
    str | None,
    typer.Option(help="training, validation, test or all; validation, where the data has splits"),
]
NetworkOption = Annotated[
    str,
    typer.Option(
        help="paper-attention, paper-attention-symmetric, paper-baseline, paper-gap; ours: "
        "attention-symmetric-renormalized, fine-attention"
    ),
]
SizeOption = Annotated[str | None, typer.Option(help="input as WIDTHxHEIGHT px [paper: 112x144]")]
RecipeOption = Annotated[
    str,
    typer.Option(help="onecycle (ours), paper-front, paper-pose, paper-sfew, paper-sfew-fer2013"),
]
EpochsOption = Annotated[int | None, typer.Option(help="instead of the recipe's", min=1)]
SeedOption = Annotated[int, typer.Option(help="decides everything random", min=0)]
RunOption = Annotated[Path, typer.Option(help="folder to work in; an unfinished run is resumed")]


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    """Read facial expressions, and show which regions of the face made the decision."""
    if version:
        typer.echo(__version__)
        raise typer.Exit()


@app.command()
def train(
    data: DataOption,
    run: RunOption,
    network: NetworkOption = "paper-attention",
    size: SizeOption = None,
    recipe: RecipeOption = "onecycle",
    epochs: EpochsOption = None,
    batch_size: Annotated[int | None, typer.Option(help="instead of the recipe's")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="instead of the recipe's")] = None,
    fold: Annotated[int, typer.Option(help="fold 1..5 held out, where subjects are known")] = 1,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Train a network. Killed? The same command goes on where it was."""
    with clear_errors():
        from feroi.config import network_preset, recipe_preset
        from feroi.data.folds import divide
        from feroi.data.readers import read_dataset
        from feroi.training.run import train_run

        settings = recipe_preset(recipe, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate)
        config = network_preset(network, _size(size))
        division = divide(read_dataset(data, layout), seed, fold)
        with training_voice(settings.epochs) as voice:
            train_run(division, config, settings, run, seed, voice)
        say(f"weights, metrics and curves are in {run}")


@app.command()
def evaluate(
    model: ModelArgument,
    data: DataOption,
    json: Annotated[Path | None, typer.Option("--json", help="write the scores here")] = None,
    confusion: Annotated[Path | None, typer.Option(help="draw the confusion matrix here")] = None,
    split: SplitOption = None,
    twins: Annotated[
        bool, typer.Option("--twins", help="score also without exact twins of training images")
    ] = False,
    layout: LayoutOption = "auto",
) -> None:
    """Score a network on labelled faces: accuracy, macro-F1, recalls, confusion matrix."""
    with clear_errors():
        from feroi.data.readers import read_dataset
        from feroi.data.samples import TRAINING
        from feroi.evaluation.evaluate import evaluate as score_network
        from feroi.files import write_json
        from feroi.network.forward import torch_forward
        from feroi.network.weights import load_network
        from feroi.report.figures import draw_confusion

        network = load_network(model)
        samples = read_dataset(data, layout)
        trained_on = samples.split(TRAINING) if twins else None
        if trained_on is not None and not len(trained_on):
            raise ValueError("--twins compares with the training split, and the data set has none")
        chosen = _chosen(samples, split)
        result = score_network(torch_forward(network), network.config, chosen, trained_on)
        print_scores(result.scores)
        if result.without_twins:
            accuracy, n = result.without_twins.accuracy, result.without_twins.n
            say(f"without twins of training images: accuracy {100 * accuracy:.2f} %, {n} images")
        print_rejected(result.rejected)
        if json:
            write_json(json, result.to_json())
        if confusion:
            draw_confusion(result.scores, confusion)


@app.command()
def crossval(
    data: DataOption,
    run: RunOption,
    network: NetworkOption = "paper-attention",
    size: SizeOption = None,
    recipe: RecipeOption = "onecycle",
    epochs: EpochsOption = None,
    folds: Annotated[int, typer.Option(help="5 are the paper's where the data is RaFD's")] = 5,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Cross-validate with no subject on both sides. Resumes fold by fold."""
    with clear_errors():
        from feroi.config import network_preset, recipe_preset
        from feroi.data.readers import read_dataset
        from feroi.evaluation.crossval import in_percent
        from feroi.report.figures import draw_confusion
        from feroi.training.crossval import cross_validate_network

        settings = recipe_preset(recipe, epochs=epochs)
        config = network_preset(network, _size(size))
        samples = read_dataset(data, layout)
        with training_voice(settings.epochs) as voice:
            result = cross_validate_network(samples, config, settings, run, seed, folds, voice)
        print_scores(result.together)
        draw_confusion(result.together, run / "confusion.png")
        say(f"accuracy {in_percent(result.spread('accuracy'))} % over {folds} folds; see {run}")


@app.command()
def rois(
    models: Annotated[list[Path], typer.Argument(help="one or more models, drawn below each other")],
    data: DataOption,
    out: Annotated[Path, typer.Option(help="PNG file to draw")],
    by_pose: Annotated[bool, typer.Option("--by-pose", help="a block for each pose (Fig. 6)")] = False,
    split: SplitOption = None,
    layout: LayoutOption = "auto",
) -> None:
    """Draw the mean region of interest of each expression (Figs. 5 and 6)."""
    with clear_errors():
        from feroi.data.readers import read_dataset
        from feroi.report.rois import draw_network_rois

        draw_network_rois(models, _chosen(read_dataset(data, layout), split), out, by_pose)
        say(f"drawn: {out}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="folder of the report")] = Path("demo"),
) -> None:
    """Train on the embedded faces, score on unseen people, show where the network looked."""
    with clear_errors():
        from feroi.demo import EPOCHS, REPORT, run_demo

        with training_voice(EPOCHS) as voice:
            scores = run_demo(out, voice)
        print_scores(scores)
        say(f"report: {(out / REPORT).resolve()}")


def _size(text: str | None) -> tuple[int, int] | None:
    """Height and width from 'WIDTHxHEIGHT'."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ValueError(f"--size is WIDTHxHEIGHT in pixels, such as 112x144; got {text!r}")
    return int(match[2]), int(match[1])


def _chosen(samples: Samples, split: str | None) -> Samples:
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


if __name__ == "__main__":
    app()
