"""Commands that read photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feroi.cli.options import (
    AbstainOption,
    BiggestOption,
    BoxOption,
    CameraOption,
    ClassImagesOption,
    DetectorOption,
    DeviceOption,
    EventsOption,
    EveryOption,
    FolderPipelineOption,
    FpsOption,
    LandmarksOption,
    MethodsOption,
    PhotosArgument,
    PipelineOption,
    RayReadingOption,
    ReadingModelOption,
    RestOption,
    SearchOption,
    SecondsOption,
    SmoothOption,
    WorkersOption,
    file_option,
)
from feroi.cli.results import (
    box_xyxy_px,
    chosen_photos,
    number_of,
    print_prepared,
    progress_bar,
    say_counts,
    say_faces,
)
from feroi.cli.screen import clear_errors, say, spare_inputs, spare_pictures
from feroi.cli.tables import printed_as_read
from feroi.cli.videos import read_camera, read_files

if TYPE_CHECKING:
    from feroi.reading import ReadingOptions


def analyze(
    photos: PhotosArgument = [],  # noqa: B006
    model: ReadingModelOption = Path("default"),
    csv: Annotated[Path | None, file_option("write a table to this file, one row per face", "--csv")] = None,
    jsonl: Annotated[Path | None, file_option("the same as JSON lines", "--jsonl")] = None,
    parquet: Annotated[Path | None, file_option("the same as Parquet", "--parquet")] = None,
    events: EventsOption = None,
    overlay: Annotated[Path | None, typer.Option(help="folder for copies with readings drawn on")] = None,
    report: Annotated[Path | None, file_option("write one HTML page, to look at or send")] = None,
    detector: DetectorOption = "yunet",
    biggest: BiggestOption = False,
    pipeline: PipelineOption = None,
    landmarks: LandmarksOption = "face-mesh",
    abstain: AbstainOption = False,
    device: DeviceOption = "cpu",
    every: EveryOption = 1,
    fps: FpsOption = None,
    smooth: SmoothOption = None,
    rest: RestOption = None,
    search: SearchOption = 1.0,
    camera: CameraOption = None,
    seconds: SecondsOption = None,
    ray: RayReadingOption = None,
) -> None:
    """Read every face in photos and videos; show what decided.

    Videos give one row per face per frame. If interrupted, run the same command again to resume.
    """
    with clear_errors(csv, jsonl, parquet, events, report, resumes=ray is not None):
        from feroi.analysis.run import Outputs, is_video_file
        from feroi.analysis.tables import Tables
        from feroi.files import check_folder
        from feroi.inference import Compute
        from feroi.photo.video import Pace
        from feroi.reader import reader_with
        from feroi.reading import ReadingOptions
        from feroi.video import VideoOptions

        spare_pictures(csv, jsonl, parquet, events, report)
        if overlay is not None:
            check_folder(overlay)
        options = ReadingOptions(detector, biggest, pipeline, landmarks, abstain, Compute(device))
        if ray is not None:
            if csv or jsonl or parquet or events or overlay or report or camera is not None:
                raise ValueError("--ray writes a folder of Parquet and no other table, picture or page")
            return read_on_cluster(ray, photos, model, options)
        if bool(photos) == (camera is not None):
            raise ValueError("give either photos or videos to read, or a --camera")
        video = VideoOptions(Pace(every, fps), search, smooth, rest).checked()
        files = chosen_photos(photos) if photos else []
        if events and photos and not any(map(is_video_file, files)):
            raise ValueError("--events tells when people of videos show expressions, and no video was given")
        if photos and (rest or smooth or fps) and not any(map(is_video_file, files)):
            raise ValueError("--rest, --smooth and --fps are for videos, and no video was given")
        reader = reader_with(model, options)
        if warning := reader.model.calibration.warning():
            say(f"beware: {warning}")
        tables = Tables(csv, jsonl, parquet, events).checked()
        outputs = Outputs(tables, overlay, report, smooth is not None, rest is not None)
        if camera is not None:
            read_camera(camera, reader, video, outputs, str(model), seconds)
        else:
            read_files(files, reader, video, outputs, str(model))


def explain(
    photos: PhotosArgument = [],  # noqa: B006
    model: ReadingModelOption = Path("default"),
    methods: MethodsOption = "evidence,attention,saliency,deconvnet,grad-cam,integrated-gradients,occlusion",
    report: Annotated[Path | None, file_option("page (.html) or picture (.png) to write")] = None,
    class_images: ClassImagesOption = None,
    whole: Annotated[
        Path | None,
        file_option("draw to this PNG file where the network looks in whole photos, as Fig. 7"),
    ] = None,
    detector: DetectorOption = "yunet",
    biggest: BiggestOption = False,
    pipeline: PipelineOption = None,
    landmarks: LandmarksOption = "face-mesh",
) -> None:
    """Compare methods that say where an expression was seen."""
    with clear_errors(report, class_images, whole, extra="train" if whole else "explain"):
        if whole:
            return _draw_whole([Path(photo) for photo in photos], model, whole, report or class_images)
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
            spare_inputs(report, files)
            reader = Reader(model, detector, biggest, pipeline, landmarks=landmarks)
            with progress_bar("explaining") as on_progress:
                photos_read = printed_as_read(reader.read_many(files), files, on_progress)
                faces = write_explanations(photos_read, locators(names, network), str(model), report)
            say(f"{number_of(faces, 'face')} by {number_of(len(names), 'method')}: {report}")


def _draw_whole(photos: list[Path], model: Path, out: Path, other: Path | None) -> None:
    """Whole group photos, a column each."""
    from feroi.network.description import is_committee
    from feroi.network.load import load_model
    from feroi.report.rois import draw_group_photos

    if is_committee(model):
        raise ValueError(f"--whole shows where one network looks, and {model} is a committee of several")
    if other is not None or not photos:
        raise ValueError("give photos and --whole alone, or a --report or --class-images")
    spare_inputs(out, photos)
    network = load_model(model)
    draw_group_photos(photos, network.score, network.config, out, say_faces)
    say(f"drawn: {out}")


def prepare(
    kind: Annotated[
        str, typer.Argument(help="rafd-front, rafd-pose, sfew, or folder for any other", metavar="KIND")
    ],
    src: Annotated[
        Path, typer.Argument(help="the photos: a folder, or a table that names them", metavar="SRC")
    ],
    dst: Annotated[Path, typer.Argument(help="folder to write the faces to", metavar="DST")],
    pipeline: FolderPipelineOption = None,
    workers: WorkersOption = None,
    landmarks: LandmarksOption = "face-mesh",
    box: BoxOption = None,
) -> None:
    """Cut the faces out of labelled photos, ready to learn from.

    As section 4.2 of the paper does. If interrupted, run the same command again to resume.
    """
    with clear_errors(resumes=True):
        from feroi.data.prepare import prepare_dataset

        with progress_bar("preparing") as on_progress:
            result = prepare_dataset(
                src, dst, kind, pipeline, workers, on_progress, landmarks, box_xyxy_px(box)
            )
        print_prepared(result, dst)


def read_on_cluster(address: str, places: Sequence[str], model: Path, options: ReadingOptions) -> None:
    """Read all places but the last, and write to that. Raises as `cluster.readings.analyze_on_cluster`."""
    from feroi.cluster.readings import analyze_on_cluster
    from feroi.cluster.storage import public

    if len(places) < 2:
        raise ValueError("with --ray, give what to read and then where to write: SRC... DST")
    *sources, destination = places
    with progress_bar("reading shards") as on_progress:
        counts = analyze_on_cluster(sources, destination, address, model, options, on_progress=on_progress)
    say(f"the readings are in {public(destination)}, in parts that are one table together")
    say_counts(counts)
