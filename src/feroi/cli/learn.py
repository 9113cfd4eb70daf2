"""Commands that train networks and measure them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feroi.cli.options import (
    BatchOption,
    DataOption,
    EpochsOption,
    HoldOutOption,
    LayoutOption,
    ModelArgument,
    NetworkOption,
    RateOption,
    RayOption,
    RecipeOption,
    RunOption,
    SeedOption,
    SetOption,
    SizeOption,
    SplitOption,
    StartOption,
    TeacherOption,
    TwinsOption,
    WorkersOption,
    file_option,
)
from feroi.cli.results import (
    chosen_names,
    chosen_settings,
    chosen_split,
    clear_errors,
    print_crossval,
    print_evaluation,
    say,
    size_hw,
    training_callbacks,
    training_split,
    warn_of_originals,
    warn_of_trained_on,
    warn_of_unprepared,
)

if TYPE_CHECKING:
    from feroi.data.samples import Samples
    from feroi.network.load import Model


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
    fold: Annotated[int, typer.Option(help="fold 1 to 5 that is held out, where subjects are known")] = 1,
    hold_out: HoldOutOption = None,
    teacher: TeacherOption = [],  # noqa: B006
    start: StartOption = None,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
    ray: RayOption = None,
    workers: WorkersOption = None,
) -> None:
    """Train a network on labelled faces.

    If interrupted, run the same command again to resume.
    """
    with clear_errors(resumes=True):
        from feroi.data.folds import divided
        from feroi.data.readers import read_dataset
        from feroi.training.run import train_run
        from feroi.training.workers import torchrun_workers

        config, recipe_config = chosen_settings(
            network, size, recipe, epochs, batch_size, learning_rate, settings
        )
        if ray is not None:
            from feroi.cluster.training import Job, train_on_ray

            warn_of_unprepared(read_dataset(data, layout))
            job = Job(data, layout, fold, hold_out, config, recipe_config, run, seed, teacher, start)
            with training_callbacks(recipe_config.epochs) as callbacks:
                train_on_ray(job, ray, workers, callbacks)
            say(f"weights, metrics and curves are in {run}")
            return
        if workers is not None:
            raise ValueError(
                f"--workers goes with --ray; without: torchrun --nproc-per-node {workers} -m -- feroi train"
            )
        with torchrun_workers() as team, training_callbacks(recipe_config.epochs, team.leads) as callbacks:
            with team.leader_first():
                samples = read_dataset(data, layout)
                division = divided(samples, seed, fold, hold_out)
                if team.leads:
                    warn_of_unprepared(samples)
            train_run(division, config, recipe_config, run, seed, callbacks, teacher, start, team)
            callbacks.say(f"weights, metrics and curves are in {run}")


def crossval(
    data: DataOption,
    run: RunOption,
    classifier: Annotated[
        str | None,
        typer.Option(
            help="in place of a network, an SVM on lbp, gabor, lpq, ds, phog-lpq, audn or patches; the first "
            "four also with depth, as lbp+fe-gem"
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="train an SVM on about N faces of each fold", min=1)
    ] = None,
    network: NetworkOption = "paper-attention",
    size: SizeOption = None,
    recipe: RecipeOption = "onecycle",
    epochs: EpochsOption = None,
    batch_size: BatchOption = None,
    learning_rate: RateOption = None,
    settings: SetOption = [],  # noqa: B006 (typer reads it, nobody writes)
    folds: Annotated[int, typer.Option(help="how many folds; RaFD in 5 is divided as in the paper")] = 5,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Cross-validate: train on some people, score on the others.

    If interrupted, run the same command again to resume.
    """
    with clear_errors(resumes=True):
        from feroi.data.readers import read_dataset
        from feroi.report.figures import draw_confusion

        training = [epochs, batch_size, learning_rate, settings or None]
        if classifier is None and limit is not None:
            raise ValueError("--limit is for a --classifier; a network learns from all faces of a fold")
        if classifier is not None:
            if any(each is not None for each in training):
                raise ValueError("an SVM has no epochs, batches, rate or --set; leave them out")
            from feroi.evaluation.baseline import validate_baseline
            from feroi.photo.geometry import FRAME_HW

            faces_hw = size_hw(size) or FRAME_HW
            samples = read_dataset(data, layout)
            warn_of_originals(samples)
            result = validate_baseline(samples, classifier, run, seed, folds, faces_hw, limit, say)
            draw_confusion(result.together, run / "confusion.png")
            return print_crossval(result, run)
        from feroi.training.crossval import cross_validate_network

        config, recipe_config = chosen_settings(
            network, size, recipe, epochs, batch_size, learning_rate, settings
        )
        samples = read_dataset(data, layout)
        if not warn_of_originals(samples):
            warn_of_unprepared(samples)
        with training_callbacks(recipe_config.epochs) as callbacks:
            result = cross_validate_network(samples, config, recipe_config, run, seed, folds, callbacks)
        draw_confusion(result.together, run / "confusion.png")
        print_crossval(result, run)


def evaluate(
    model: ModelArgument,
    data: DataOption,
    json: Annotated[Path | None, file_option("write the scores to this JSON file", "--json")] = None,
    confusion: Annotated[Path | None, file_option("draw the confusion matrix to this PNG file")] = None,
    reliability: Annotated[
        Path | None, file_option("draw to this PNG file how far probabilities can be relied on")
    ] = None,
    split: SplitOption = None,
    hold_out: HoldOutOption = None,
    twins: TwinsOption = False,
    groups: Annotated[
        str | None, typer.Option(help="compare groups by these attributes, as gender,ethnicity,pose,gaze")
    ] = None,
    corruptions: Annotated[
        Path | None, file_option("make the faces worse in many ways, and draw here what is left")
    ] = None,
    rois: Annotated[
        Path | None, file_option("draw to this PNG file where the network looks, for each expression")
    ] = None,
    by_pose: Annotated[bool, typer.Option("--by-pose", help="--rois by pose, as Fig. 6")] = False,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Score a network on labelled faces.

    Accuracy, macro-F1, recall of each expression, confusion matrix, and what the probabilities are worth;
    also of groups of people or pictures, and of worse faces.
    """
    with clear_errors(json, confusion, reliability, corruptions, rois):
        from feroi.data.readers import read_dataset
        from feroi.evaluation.evaluate import evaluate as score_network
        from feroi.evaluation.groups import check_attributes
        from feroi.files import write_json
        from feroi.network.load import load_model
        from feroi.report.figures import draw_confusion, draw_reliability

        if by_pose and not rois:
            raise ValueError("--by-pose says how --rois are drawn; give --rois FILE too")
        network = load_model(model)
        samples = read_dataset(data, layout)
        trained_on = training_split(samples) if twins else None
        chosen = chosen_split(samples, split, hold_out)
        if network.config.pipeline is not None:
            warn_of_unprepared(chosen, network.config.pipeline)
        check_attributes(chosen, chosen_names(groups))
        if warning := network.calibration.warning():
            say(f"beware: {warning}")
        warn_of_trained_on(model, network.config, chosen)
        result = score_network(network.forward, network.config, chosen, trained_on, network.calibration)
        print_evaluation(result, twins)
        scores = result.to_json()
        if groups:
            scores |= _compare_groups(network, chosen, chosen_names(groups), seed)
        if corruptions:
            scores |= _make_worse(network, chosen, corruptions, seed)
        if json:
            write_json(json, scores)
        if confusion:
            draw_confusion(result.scores, confusion)
        if reliability:
            draw_reliability(result.certainty, reliability)
        if rois:
            from feroi.report.rois import draw_network_rois

            draw_network_rois([(Path(model).stem, network.config, network.forward)], chosen, rois, by_pose)


def _compare_groups(network: Model, samples: Samples, names: list[str], seed: int) -> dict[str, Any]:
    from feroi.cli.tables import print_groups
    from feroi.evaluation.evaluate import read
    from feroi.evaluation.groups import measure_groups

    readings = read(network.forward, network.config, samples)
    attributes = measure_groups(readings.logits, readings.samples, names, seed)
    print_groups(attributes)
    return {"groups": [each.to_json() for each in attributes]}


def _make_worse(network: Model, samples: Samples, figure: Path, seed: int) -> dict[str, Any]:
    from feroi.cli.tables import print_robustness
    from feroi.evaluation.robustness import measure_robustness
    from feroi.report.evaluations import draw_robustness

    result = measure_robustness(network.forward, network.config, samples, network.calibration, seed)
    print_robustness(result)
    draw_robustness(result, figure)
    say(f"drawn: {figure}")
    return {"robustness": result.to_json()}


def calibrate(
    model: ModelArgument,
    data: DataOption,
    out: Annotated[Path, file_option(".safetensors file to write; .json for a committee")],
    hold_out: HoldOutOption = None,
    coverage: Annotated[
        float, typer.Option(help="share of faces, 0 to 1, whose expression shall be among the likely ones")
    ] = 0.9,
    mirror: Annotated[bool, typer.Option(help="read each face's mirror image too, and average")] = True,
    elsewhere: Annotated[
        int,
        typer.Option(help="use also N worse, differently framed variants of each face", min=0, max=100),
    ] = 0,
    split: SplitOption = None,
    layout: LayoutOption = "auto",
    also_layout: Annotated[
        str | None, typer.Option(help="a second layout of DATA, whose labels count as well: ferplus")
    ] = None,
) -> None:
    """Make 80 % mean right about four times in five.

    Give faces that the network was not trained on. Its answers stay the same, except that each face's mirror
    image is read too. The file written holds the network with its calibration. The members of a committee are
    also weighed, by how well each reads these faces.
    """
    with clear_errors(out):
        from feroi.data.readers import read_dataset
        from feroi.data.samples import Sample, Samples
        from feroi.network.description import is_committee
        from feroi.network.load import load_model
        from feroi.training.calibrate import calibrate_committee, calibrate_network
        from feroi.training.callbacks import Callbacks

        several = is_committee(model)
        if several and not mirror:
            raise ValueError("each member of a committee says itself whether it reads mirror images")
        faces: list[Sample] = []
        for name in [layout] if also_layout is None else [layout, also_layout]:
            faces += chosen_split(read_dataset(data, name), split, hold_out)
        chosen = Samples(faces)
        pipeline = load_model(model).config.pipeline
        if pipeline is not None:
            warn_of_unprepared(chosen, pipeline)
        if several:
            calibrate_committee(model, chosen, coverage, out, Callbacks(say), elsewhere)
        else:
            calibrate_network(model, chosen, mirror, coverage, out, Callbacks(say), elsewhere)


def agreement(
    model: ModelArgument,
    data: DataOption,
    json: Annotated[Path | None, file_option("write the figures to this JSON file", "--json")] = None,
    out: Annotated[
        Path | None, file_option("draw faces, truth, attention and controls to this PNG file")
    ] = None,
    map_: Annotated[
        str, typer.Option("--map", help="attention, or roi, the region of interest that people are shown")
    ] = "attention",
    split: SplitOption = None,
    layout: LayoutOption = "auto",
    seed: SeedOption = 0,
) -> None:
    """Measure whether a network looks where Action Units move the face."""
    with clear_errors(json, out):
        from feroi.cli.tables import print_agreement
        from feroi.data.readers import read_dataset
        from feroi.evaluation.agreement import measure_agreement
        from feroi.files import write_json
        from feroi.network.load import load_model, untrained

        network = load_model(model)
        chosen = chosen_split(read_dataset(data, layout), split)
        control = untrained(network.config)
        warn_of_trained_on(model, network.config, chosen)
        result = measure_agreement(network.forward, network.config, chosen, control, seed, map_)
        if json:
            write_json(json, result.to_json())
        print_agreement(result)
        if out:
            from feroi.report.evaluations import draw_agreement

            draw_agreement(result, out)
            say(f"drawn: {out}")


def export(
    model: ModelArgument,
    out: Annotated[Path | None, file_option(".onnx file to write")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="folder to write for the Hugging Face hub: weights, ONNX, model card")
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(help="upload --folder to this repository of the hub", metavar="USER/NAME"),
    ] = None,
    public: Annotated[bool, typer.Option(help="let all see a repository that is made for it")] = False,
) -> None:
    """Write a network as ONNX, or as the Hugging Face hub expects it.

    ONNX files are read without torch.
    """
    with clear_errors(out):
        if (out is None) == (folder is None) or (push and folder is None):
            raise ValueError("give --out FILE.onnx, or --folder DIR, which --push uploads")
        if out:
            if out.suffix.lower() != ".onnx":
                raise ValueError(f"{out}: ONNX is written into a file whose name ends in .onnx")
            from feroi.network.onnx_export import export_onnx
            from feroi.network.weights import load_calibration, load_network

            export_onnx(load_network(model), out, load_calibration(model))
            return say(f"written: {out}")
        from feroi.network.hub import push_to_hub, save_pretrained

        assert folder is not None
        save_pretrained(model, folder)
        say(f"written: {folder}; read with it by --model {folder}, or feroi.Reader.from_pretrained")
        if push:
            say(f"uploaded: {push_to_hub(folder, push, public)}")
