"""Commands that make faces, and the paper's tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feroi.cli.options import (
    BatchOption,
    BoxOption,
    EpochsOption,
    LandmarksOption,
    NetworksOption,
    OtherRecipeOption,
    SeedOption,
    SetOption,
    SizeOption,
)
from feroi.cli.results import (
    box_xyxy_px,
    chosen_names,
    clear_errors,
    print_scores,
    progress_bar,
    say,
    say_faces,
    size_hw,
    training_callbacks,
)


def synth(
    out: Annotated[Path, typer.Argument(help="folder of the data set", metavar="OUT")],
    facekit: Annotated[Path, typer.Option(help="folder of the 3D face model, a clone of ICT-FaceKit")],
    subjects: Annotated[int, typer.Option(help="how many people, at most RaFD's 67", min=1, max=67)] = 67,
    angles: Annotated[
        str | None, typer.Option(help="of 0,45,90,135,180 degrees, all if left out; 90 is frontal")
    ] = None,
    gazes: Annotated[
        str, typer.Option(help="of left,frontal,right, with commas between")
    ] = "left,frontal,right",
    size: Annotated[int, typer.Option(help="px a side, with --crop pose", min=32)] = 284,
    crop: Annotated[str, typer.Option(help="pose (the whole head) or front (aligned, 125x160 px)")] = "pose",
    difficulty: Annotated[
        str,
        typer.Option(
            help="clean (a studio), varied (people differ), wild (any light, weak expressions) or "
            "turned (also heads)"
        ),
    ] = "clean",
    jitter: Annotated[
        float,
        typer.Option(help="how far heads lie from their place, as a share of the picture", min=0, max=0.2),
    ] = 0.0,
    seed: SeedOption = 0,
    workers: Annotated[int, typer.Option(help="processes at work", min=1)] = 2,
) -> None:
    """Render faces whose expression and Action Units are known.

    They bear the names of RaFD's files. If interrupted, run the same command again to resume.
    """
    with clear_errors(resumes=True):
        from feroi.synthetic.dataset import write_dataset

        chosen = None if angles is None else [int(angle) for angle in angles.split(",")]
        with progress_bar("rendering") as on_progress:
            made = write_dataset(
                out,
                facekit,
                subjects,
                chosen,
                gazes.split(","),
                size,
                difficulty,
                seed,
                workers,
                crop,
                jitter,
                on_progress,
            )
        say(f"{made} pictures in {out}, with landmarks, Action Units and movement in {out / 'truth'}")


def reproduce(
    target: Annotated[
        str, typer.Argument(help="table1, table5, table6, table7, fig5, fig6 or fig7", metavar="TARGET")
    ],
    data: Annotated[list[Path], typer.Option(help="RaFD (or rendered), SFEW, FER-2013; one or more")],
    out: Annotated[Path, typer.Option(help="folder of the result and its runs")],
    networks: NetworksOption = None,
    recipe: OtherRecipeOption = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    size: SizeOption = None,
    settings: SetOption = [],  # noqa: B006 (typer reads it, nobody writes)
    folds: Annotated[int | None, typer.Option(help="run only the first N of the five folds")] = None,
    photo: Annotated[list[Path] | None, typer.Option(help="a group photo for fig7; one or more")] = None,
    seed: SeedOption = 0,
    workers: Annotated[int | None, typer.Option(help="processes that prepare photos", min=1)] = None,
    landmarks: LandmarksOption = "face-mesh",
    box: BoxOption = None,
) -> None:
    """Make a table or figure of the paper, beside its own numbers.

    If interrupted, run the same command again to resume.
    """
    with clear_errors(resumes=True, extra="explain" if target == "table1" else "train"):
        from feroi.paper.reproduce import ReproduceCallbacks, make
        from feroi.paper.runs import Plan

        plan = Plan(recipe, epochs, batch_size, size_hw(size), folds, seed, tuple(settings))
        callbacks = ReproduceCallbacks(training_callbacks, progress_bar, say_faces)
        typer.echo(
            make(
                target,
                data,
                out,
                plan,
                callbacks,
                chosen_names(networks),
                photo or [],
                workers,
                landmarks,
                box_xyxy_px(box),
            )
        )
        say(f"result and runs are in {out}")


def demo(
    out: Annotated[Path, typer.Option(help="folder of the report")] = Path("demo"),
) -> None:
    """Read photos, train on shipped faces, show where it looked.

    Takes a minute or two; scores are of people the network has not seen.
    """
    with clear_errors():
        from feroi.paper.demo import EPOCHS, REPORT, run_demo

        with training_callbacks(EPOCHS) as callbacks:
            scores = run_demo(out, callbacks)
        print_scores(scores)
        say(f"report: {(out / REPORT).resolve()}")
