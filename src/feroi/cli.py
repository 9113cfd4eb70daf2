"""The command table. Every command is a thin call to a function people can import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feroi import __version__
from feroi.options import (
    BatchOption,
    BiggestOption,
    ClassImagesOption,
    DataOption,
    DetectorOption,
    EpochsOption,
    FolderPipelineOption,
    HoldOutOption,
    LandmarksOption,
    LayoutOption,
    MethodsOption,
    ModelArgument,
    NetworkOption,
    NetworksOption,
    OtherRecipeOption,
    PhotosArgument,
    PipelineOption,
    RateOption,
    ReadingModelOption,
    RecipeOption,
    RunOption,
    SeedOption,
    SetOption,
    SizeOption,
    SplitOption,
    TeacherOption,
    TwinsOption,
    WorkersOption,
)
from feroi.terminal import (
    chosen_names,
    chosen_photos,
    chosen_settings,
    chosen_split,
    clear_errors,
    heard,
    print_crossval,
    print_evaluation,
    print_prepared,
    print_scores,
    progress_bar,
    say,
    say_counts,
    say_faces,
    size_hw,
    training_split,
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
    hold_out: HoldOutOption = None,
    teacher: TeacherOption = [],  # noqa: B006
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
    twins: TwinsOption = False,
    layout: LayoutOption = "auto",
) -> None:
    """Score a network on labelled faces: accuracy, macro-F1, recalls, confusion matrix."""
    with clear_errors():
        from feroi.data.readers import read_dataset
        from feroi.deliver.runtime import load_model
        from feroi.evaluation.evaluate import evaluate as score_network
        from feroi.files import write_json
        from feroi.report.figures import draw_confusion

        network = load_model(model)
        samples = read_dataset(data, layout)
        trained_on = training_split(samples) if twins else None
        chosen = chosen_split(samples, split)
        warn_of_trained_on(model, network.config, chosen)
        result = score_network(network.forward, network.config, chosen, trained_on)
        print_evaluation(result, twins)
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
        from feroi.report.figures import draw_confusion
        from feroi.training.crossval import cross_validate_network

        config, how = chosen_settings(network, size, recipe, epochs, batch_size, learning_rate, settings)
        samples = read_dataset(data, layout)
        with training_voice(how.epochs) as voice:
            result = cross_validate_network(samples, config, how, run, seed, folds, voice)
        draw_confusion(result.together, run / "confusion.png")
        print_crossval(result, run)


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
        if out:
            from feroi.report.agreement import draw_agreement

            draw_agreement(result, out)
            say(f"drawn: {out}")


@app.command()
def analyze(
    photos: PhotosArgument,
    model: ReadingModelOption = Path("default"),
    csv: Annotated[Path | None, typer.Option("--csv", help="write a table, a row a face")] = None,
    jsonl: Annotated[Path | None, typer.Option("--jsonl", help="the same as JSON lines")] = None,
    parquet: Annotated[Path | None, typer.Option("--parquet", help="the same as Parquet")] = None,
    overlay: Annotated[Path | None, typer.Option(help="folder for photos with readings drawn on")] = None,
    report: Annotated[Path | None, typer.Option(help="write one HTML page to look at or send")] = None,
    detector: DetectorOption = "both",
    biggest: BiggestOption = False,
    pipeline: PipelineOption = None,
    landmarks: LandmarksOption = "compact",
) -> None:
    """Find every face in photos, read it, and show where the network looked."""
    with clear_errors():
        from feroi.reader import Reader
        from feroi.report.analysis import Tables, write_analysis

        files = chosen_photos(photos)
        reader = Reader(model, detector, biggest, pipeline, landmarks=landmarks)
        tables = Tables(csv, jsonl, parquet)
        with progress_bar("reading") as on_progress:
            found = heard(reader.read_many(files), files, on_progress)
            counts = write_analysis(found, str(model), tables, overlay, report)
        say_counts(counts)


@app.command()
def explain(
    photos: PhotosArgument = [],  # noqa: B006
    model: ReadingModelOption = Path("default"),
    methods: MethodsOption = "attention,saliency,deconvnet,simplify,grad-cam,integrated-gradients,occlusion",
    report: Annotated[Path | None, typer.Option(help="page (.html) or picture to write")] = None,
    class_images: ClassImagesOption = None,
    detector: DetectorOption = "both",
    biggest: BiggestOption = False,
    pipeline: PipelineOption = None,
    landmarks: LandmarksOption = "compact",
) -> None:
    """Show where each face's expression was seen, by several methods side by side."""
    with clear_errors():
        from feroi.explain.class_images import class_images as images_of
        from feroi.explain.methods import chosen_methods, locators
        from feroi.network.weights import load_network
        from feroi.reader import Reader
        from feroi.report.explanations import draw_class_images, write_explanations

        names, network = chosen_methods(methods), load_network(model)
        if (report is None) != (not photos) or not (report or class_images):
            raise ValueError("give photos and a --report to write, or --class-images, or all three")
        if class_images:
            draw_class_images(*images_of(network), class_images)
            say(f"drawn: {class_images}")
        if report:
            files = chosen_photos(photos)
            reader = Reader(model, detector, biggest, pipeline, landmarks=landmarks)
            with progress_bar("explaining") as on_progress:
                found = heard(reader.read_many(files), files, on_progress)
                faces = write_explanations(found, locators(names, network), str(model), report)
            say(f"{faces} faces by {len(names)} methods: {report}")


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
    pipeline: FolderPipelineOption = None,
    workers: WorkersOption = None,
) -> None:
    """Cut the faces out of a data set of photos (section 4.2). Killed? The same command goes on."""
    with clear_errors():
        from feroi.data.prepare import prepare_dataset

        with progress_bar("preparing") as on_progress:
            result = prepare_dataset(src, dst, kind, pipeline, workers, on_progress)
        print_prepared(result, dst)


@app.command()
def group(
    photos: Annotated[list[Path], typer.Argument(help="photos of one face or many, a column each")],
    out: Annotated[Path, typer.Option(help="PNG file to draw")],
    model: ReadingModelOption = Path("default"),
) -> None:
    """Draw where a network looks in whole photos, and that in their faces alone (Fig. 7)."""
    with clear_errors():
        from feroi.deliver.runtime import load_model
        from feroi.report.groups import draw_group_photos

        reader = load_model(model)
        draw_group_photos(photos, reader.score, reader.config, out, say_faces)
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
        with progress_bar("rendering") as bar:
            made = write_dataset(
                out, facekit, subjects, chosen, gazes.split(","), size, difficulty, seed, workers, crop, bar
            )
        say(f"{made} pictures in {out}, with landmarks, Action Units and movement in {out / 'truth'}")


@app.command()
def reproduce(
    target: Annotated[
        str, typer.Argument(help="table1, table5, table6, fig5, fig6 or fig7", metavar="TARGET")
    ],
    data: Annotated[list[Path], typer.Option(help="RaFD (or rendered), SFEW, FER-2013; one or more")],
    out: Annotated[Path, typer.Option(help="folder of the result and its runs")],
    networks: NetworksOption = None,
    recipe: OtherRecipeOption = None,
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
        ears = Ears(training_voice, progress_bar, say_faces)
        typer.echo(make(target, data, out, plan, ears, chosen_names(networks), photo or [], workers))
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
