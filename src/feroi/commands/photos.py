"""Commands that read photos."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from feroi.options import AbstainOption, LandmarksOption, PipelineOption
from feroi.terminal import clear_errors, heard, listed, print_rejected, progress_bar, say, say_counts


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
