"""The command table. Every command is a thin call to a function people can import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from feroi import __version__
from feroi.options import (
    AbstainOption,
    BatchOption,
    DataOption,
    EpochsOption,
    LandmarksOption,
    LayoutOption,
    ModelArgument,
    NetworkOption,
    PipelineOption,
    RateOption,
    RecipeOption,
    RunOption,
    SeedOption,
    SetOption,
    SizeOption,
    SplitOption,
)
from feroi.terminal import (
    chosen_settings,
    chosen_split,
    clear_errors,
    heard,
    listed,
    print_rejected,
    print_scores,
    progress_bar,
    say,
    say_counts,
    size_hw,
    training_voice,
    warn_of_trained_on,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


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
    batch_size: BatchOption = None,
    learning_rate: RateOption = None,
    settings: SetOption = [],  # noqa: B006 (typer reads it, nobody writes)
    fold: Annotated[int, typer.Option(help="fold 1..5 held out, where subjects are known")] = 1,
    hold_out: Annotated[
        float | None, typer.Option(help="validate on this share of the training images instead")
    ] = None,
    teacher: Annotated[
        list[str], typer.Option(help="a model to learn from, for the recipe distilled; may be repeated")
    ] = [],  # noqa: B006 (typer reads it, nobody writes)
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Train a network. Killed? The same command goes on where it was."""
    with clear_errors():
        from feroi.data.folds import divide
        from feroi.data.holdout import held_out
        from feroi.data.readers import read_dataset
        from feroi.training.run import train_run

        config, how = chosen_settings(network, size, recipe, epochs, batch_size, learning_rate, settings)
        division = divide(read_dataset(data, layout), seed, fold)
        if hold_out is not None:
            division = held_out(division.training, hold_out, config.stored_hw)
        with training_voice(how.epochs) as voice:
            train_run(division, config, how, run, seed, voice, teacher)
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
        from feroi.deliver.runtime import load_model
        from feroi.evaluation.evaluate import evaluate as score_network
        from feroi.files import write_json
        from feroi.report.figures import draw_confusion

        network = load_model(model)
        samples = read_dataset(data, layout)
        trained_on = samples.split(TRAINING) if twins else None
        if trained_on is not None and not len(trained_on):
            raise ValueError("--twins compares with the training split, and the data set has none")
        chosen = chosen_split(samples, split)
        warn_of_trained_on(model, network.config, chosen)
        result = score_network(network.forward, network.config, chosen, trained_on)
        print_scores(result.scores)
        if twins and not result.without_twins:
            say("every image has a twin among the training images; no score without them")
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
    batch_size: BatchOption = None,
    learning_rate: RateOption = None,
    settings: SetOption = [],  # noqa: B006 (typer reads it, nobody writes)
    folds: Annotated[int, typer.Option(help="5 are the paper's where the data is RaFD's")] = 5,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Cross-validate with no subject on both sides. Resumes fold by fold."""
    with clear_errors():
        from feroi.data.readers import read_dataset
        from feroi.evaluation.crossval import in_percent
        from feroi.report.figures import draw_confusion
        from feroi.training.crossval import cross_validate_network

        config, how = chosen_settings(network, size, recipe, epochs, batch_size, learning_rate, settings)
        samples = read_dataset(data, layout)
        with training_voice(how.epochs) as voice:
            result = cross_validate_network(samples, config, how, run, seed, folds, voice)
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
        from feroi.deliver.runtime import load_model
        from feroi.report.rois import draw_network_rois

        loaded = [(path, load_model(path)) for path in models]
        networks = [(path.stem, model.config, model.forward) for path, model in loaded]
        draw_network_rois(networks, chosen_split(read_dataset(data, layout), split), out, by_pose)
        say(f"drawn: {out}")


@app.command()
def agreement(
    model: ModelArgument,
    data: DataOption,
    json: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
    out: Annotated[Path | None, typer.Option(help="draw faces, truth, attention and controls here")] = None,
    split: SplitOption = None,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Measure whether the attention lies where Action Units move the face, against controls."""
    with clear_errors():
        from feroi.data.readers import read_dataset
        from feroi.deliver.runtime import load_model, untrained
        from feroi.evaluation.agreement import measure_agreement
        from feroi.files import write_json
        from feroi.terminal import print_agreement

        network = load_model(model)
        chosen = chosen_split(read_dataset(data, layout), split)
        control = untrained(network.config)
        warn_of_trained_on(model, network.config, chosen)
        result = measure_agreement(network.forward, network.config, chosen, control, seed)
        if json:
            write_json(json, result.to_json())
        print_agreement(result)
        if control is None:
            say("no control by an untrained network: that needs pip install 'feroi[train]'")
        print_rejected(result.rejected)
        if out:
            from feroi.report.agreement import draw_agreement

            draw_agreement(result, out)
            say(f"drawn: {out}")


@app.command()
def analyze(
    photos: Annotated[
        list[str], typer.Argument(help="files, folders, globs; - reads names from standard input")
    ],
    model: Annotated[Path, typer.Option(help="as for evaluate")] = Path("default"),
    csv: Annotated[Path | None, typer.Option("--csv", help="write a table, a row a face")] = None,
    jsonl: Annotated[Path | None, typer.Option("--jsonl", help="the same as JSON lines")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", help="the same as Parquet")] = None,
    overlay: Annotated[Path | None, typer.Option(help="folder for photos with readings drawn on")] = None,
    report: Annotated[Path | None, typer.Option(help="write one HTML page to look at or send")] = None,
    detector: Annotated[str, typer.Option(help="both, cnn or hog (the paper's)")] = "both",
    biggest: Annotated[bool, typer.Option("--biggest", help="the biggest face of each photo only")] = False,
    pipeline: PipelineOption = None,
    landmarks: LandmarksOption = "compact",
    abstain: AbstainOption = False,
) -> None:
    """Find every face in photos, read it, and show where the network looked."""
    with clear_errors():
        from feroi.photo.sources import photo_files
        from feroi.reader import Reader
        from feroi.report.analysis import Tables, write_analysis

        names = listed(sys.stdin.buffer) if photos == ["-"] else photos
        files = list(photo_files(names))
        if not files:
            raise ValueError("no photos there; give picture files, folders that hold some, or - for a list")
        reader = Reader(model, detector, biggest, pipeline, landmarks=landmarks, abstain=abstain)
        tables = Tables(csv, jsonl, parquet)
        with progress_bar("reading") as on_progress:
            found = heard(reader.read_many(files), files, on_progress)
            counts = write_analysis(found, str(model), tables, overlay, report)
        say_counts(counts)


@app.command()
def export(
    model: ModelArgument,
    out: Annotated[Path, typer.Option(help=".onnx file to write")],
) -> None:
    """Write a trained network as ONNX, to be read without torch."""
    with clear_errors():
        from feroi.deliver.export import export_onnx
        from feroi.network.weights import load_network

        export_onnx(load_network(model), out)
        say(f"written: {out}")


@app.command()
def prepare(
    kind: Annotated[str, typer.Argument(help="rafd-front, rafd-pose, sfew or folder", metavar="KIND")],
    src: Annotated[Path, typer.Argument(help="the photos: a folder, or a table", metavar="SRC")],
    dst: Annotated[Path, typer.Argument(help="folder of the prepared faces", metavar="DST")],
    pipeline: Annotated[
        str | None, typer.Option(help="front, pose or wild, for KIND folder", show_default="wild")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="processes at work", min=1, show_default="one a core")
    ] = None,
) -> None:
    """Cut the faces out of a data set of photos (section 4.2). Killed? The same command goes on."""
    with clear_errors():
        from feroi.data.prepare import REJECTED, prepare_dataset

        with progress_bar("preparing") as on_progress:
            result = prepare_dataset(src, dst, kind, pipeline, workers, on_progress)
        print_rejected(result.rejected, "photos could not be prepared")
        if result.rejected:
            say(f"all of them: {dst / REJECTED}")
        say(f"{len(result.samples)} prepared faces are in {dst}, {result.made} of them new")


@app.command()
def group(
    photos: Annotated[list[Path], typer.Argument(help="photos of one face or many, a column each")],
    out: Annotated[Path, typer.Option(help="PNG file to draw")],
    model: Annotated[
        str, typer.Option(help="an .onnx or .safetensors file or a run folder; 'default' is the one shipped")
    ] = "default",
) -> None:
    """Draw where a network looks in whole photos, and that in their faces alone (Fig. 7)."""
    with clear_errors():
        from feroi.deliver.runtime import load_model
        from feroi.report.groups import draw_group_photos

        def on_photo(path: Path, faces: int) -> None:
            say(f"{path}: {faces} face{'s' * (faces != 1)}")

        reader = load_model(model)
        draw_group_photos(photos, reader.score, reader.config, out, on_photo)
        say(f"drawn: {out}")


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="folder of the data set", metavar="OUT")],
    facekit: Annotated[Path, typer.Option(help="a clone of ICT-FaceKit; holds FaceXModel/")],
    subjects: Annotated[int, typer.Option(help="people, at most RaFD's 67", min=1, max=67)] = 67,
    angles: Annotated[str | None, typer.Option(help="such as 0,45,90,135,180 (all); 90 is frontal")] = None,
    gazes: Annotated[str, typer.Option(help="of left,frontal,right")] = "left,frontal,right",
    size: Annotated[int, typer.Option(help="px a side of whole heads", min=32)] = 284,
    crop: Annotated[str, typer.Option(help="pose (whole head) or front (aligned, 125x160)")] = "pose",
    difficulty: Annotated[str, typer.Option(help="clean, wild or turned")] = "clean",
    seed: SeedOption = 0,
    workers: Annotated[int, typer.Option(help="processes at work", min=1)] = 2,
) -> None:
    """Render faces with known Action Units, named as RaFD's files are. Killed? It goes on."""
    with clear_errors():
        from feroi.synthetic.dataset import write_dataset

        chosen = None if angles is None else [int(angle) for angle in angles.split(",")]
        with progress_bar("rendering") as on_progress:
            looks = gazes.split(",")
            made = write_dataset(
                out, facekit, subjects, chosen, looks, size, difficulty, seed, workers, crop, on_progress
            )
        say(f"{made} pictures in {out}, with landmarks, Action Units and movement in {out / 'truth'}")


@app.command()
def reproduce(
    target: Annotated[
        str, typer.Argument(help="table5, table6, fig5, fig6 or fig7 of the paper", metavar="TARGET")
    ],
    data: Annotated[list[Path], typer.Option(help="RaFD (or rendered), SFEW, FER-2013; one or more")],
    out: Annotated[Path, typer.Option(help="folder of the result and its runs")],
    networks: Annotated[
        str | None, typer.Option(help="such as paper-gap,fine-attention; else the paper's own")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="such as onecycle (ours); else the paper's own of each data set")
    ] = None,
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    size: SizeOption = None,
    folds: Annotated[int | None, typer.Option(help="only the first so many of the five")] = None,
    photo: Annotated[list[Path] | None, typer.Option(help="a group photo for fig7; one or more")] = None,
    seed: SeedOption = 0,
    workers: Annotated[int | None, typer.Option(help="processes that prepare photos", min=1)] = None,
) -> None:
    """Make a table or figure of the paper anew, beside its own numbers. Killed? It goes on."""
    with clear_errors():
        from feroi.reproduce.reproduce import Ears, make
        from feroi.reproduce.runs import Plan

        plan = Plan(recipe, epochs, batch_size, size_hw(size), folds, seed)
        names = networks.split(",") if networks else []
        ears = Ears(training_voice, progress_bar, lambda path, faces: say(f"{path}: {faces} faces"))
        typer.echo(make(target, data, out, plan, ears, names, photo or [], workers))
        say(f"result and runs are in {out}")


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


if __name__ == "__main__":
    app()
