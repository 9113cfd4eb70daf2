"""Commands that run what the paper compares its networks with."""

from __future__ import annotations

from typing import Annotated

import typer

from feroi.cli.options import DataOption, LayoutOption, RunOption, SeedOption
from feroi.cli.results import clear_errors, print_scores, say, size_hw


def baseline(
    name: Annotated[
        str,
        typer.Argument(
            help="lbp, gabor, lpq, ds, phog-lpq; the first four with depth, as lbp+fe-gem; audn, patches",
            metavar="NAME",
        ),
    ],
    data: DataOption,
    run: RunOption,
    size: Annotated[
        str | None, typer.Option(help="faces as WIDTHxHEIGHT px", show_default="125x160, the paper's")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="learn from about so many faces of a fold, drawn at random", min=1)
    ] = None,
    folds: Annotated[int, typer.Option(help="how many folds, where the data has no splits of its own")] = 5,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Cross-validate classical features with an SVM, on the same folds.

    Killed, the same command goes on with the next fold.
    """
    with clear_errors(goes_on=True):
        from feroi.data.readers import read_dataset
        from feroi.evaluation.baseline import validate_baseline
        from feroi.evaluation.crossval import in_percent
        from feroi.photo.geometry import FRAME_HW
        from feroi.report.figures import draw_confusion

        samples = read_dataset(data, layout)
        faces_hw = size_hw(size) or FRAME_HW
        result = validate_baseline(samples, name, run, seed, folds, faces_hw, limit, say)
        print_scores(result.together)
        draw_confusion(result.together, run / "confusion.png")
        over = f"over {len(result.folds)} folds" if len(result.folds) > 1 else "on one validation set"
        say(f"accuracy {in_percent(result.spread('accuracy'))} % {over}; see {run}")
