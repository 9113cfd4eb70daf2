"""Arguments and options that several commands share, with the words that explain them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from feroi.cli.screen import file_name
from feroi.config import NETWORKS, PIPELINES
from feroi.network.description import SHIPPED
from feroi.recipe import RECIPES


def file_option(text: str, *names: str) -> Any:
    """An option that names a file to write. text: its help. names: its own, if not that of its parameter."""
    return typer.Option(*names, help=text, parser=file_name, metavar="<path>")


def _paper_first(names: Iterable[str]) -> str:
    """Names of presets: the paper's, then ours."""
    papers = [name for name in names if name.startswith("paper-")]
    ours = [name for name in names if not name.startswith("paper-")]
    return f"{', '.join(papers)}; ours: {', '.join(ours)}"


_PIPELINES = f"how faces are cropped and aligned: {', '.join(PIPELINES[:-1])} or {PIPELINES[-1]}"
_MODEL_HELP = (
    f"run folder, .safetensors or .onnx file, or one of the shipped {', '.join(SHIPPED)}; several with "
    "commas between are a committee, and so is the .json file that calibrate makes of one"
)

ModelArgument = Annotated[
    Path,
    typer.Argument(help=_MODEL_HELP),
]
ReadingModelOption = Annotated[
    Path,
    typer.Option("--model", help=_MODEL_HELP),
]
PhotosArgument = Annotated[
    list[str], typer.Argument(help="files, folders, globs; - reads their names from standard input")
]
EveryOption = Annotated[int, typer.Option(help="videos: read one frame of every N", min=1)]
FpsOption = Annotated[float | None, typer.Option(help="videos: read at most N frames per second")]
SmoothOption = Annotated[
    float | None,
    typer.Option(help="videos: also average probabilities over about N seconds, in columns of their own"),
]
RestOption = Annotated[
    float | None,
    typer.Option(
        help="videos: learn each person's resting face from their first N seconds, and compare with it in "
        "columns of their own"
    ),
]
EventsOption = Annotated[
    Path | None,
    typer.Option(
        help="videos: write a CSV table to this file, one row for each time a person shows an expression: "
        "when it begins, is strongest, and is gone"
    ),
]
SearchOption = Annotated[
    float,
    typer.Option(help="videos: seconds between searches for new faces; those known are followed", min=0),
]
RayReadingOption = Annotated[
    str | None,
    typer.Option(
        help="read on the Ray cluster at this address (auto, HOST:PORT, or local for this machine): PHOTOS "
        "are then folders, tar archives, Parquet tables or URIs, and last the folder or URI to write to",
        metavar="ADDRESS",
    ),
]
CameraOption = Annotated[
    str | None, typer.Option(help="read what this camera shows, by its number or name, in place of files")
]
SecondsOption = Annotated[
    float | None, typer.Option(help="camera: stop after N seconds; otherwise with Ctrl-C", min=0)
]
DetectorOption = Annotated[
    str,
    typer.Option(
        help="face detector: yunet; hog (the paper's; needs the extra dlib); or none, if each picture is "
        "already cropped to one face"
    ),
]
DeviceOption = Annotated[str, typer.Option(help="cpu, or cuda, which needs the package onnxruntime-gpu")]
BiggestOption = Annotated[
    bool, typer.Option("--biggest", help="read only the biggest face of each photo (takes no value)")
]
MethodsOption = Annotated[
    str,
    typer.Option(
        help="with commas between: evidence and attention (built in), saliency, deconvnet, simplify, "
        "grad-cam, rise, integrated-gradients, occlusion, random and centre (controls)"
    ),
]
ClassImagesOption = Annotated[
    Path | None, file_option("draw to this file what the network takes for each expression")
]
PipelineOption = Annotated[
    str | None,
    typer.Option(help=f"{_PIPELINES}, for a model that does not say it"),
]
FolderPipelineOption = Annotated[
    str | None,
    typer.Option(help=f"{_PIPELINES}, for KIND folder", show_default="wild"),
]
LandmarksOption = Annotated[
    str, typer.Option(help="face-mesh, or dlib-68 (research only; of the extra dlib68)")
]
BoxOption = Annotated[
    str | None,
    typer.Option(
        help="the box cut from each of RaFD's photos for RaFD-POSE, in px; ours, the paper gives none",
        metavar="LEFT,TOP,RIGHT,BOTTOM",
        show_default="56.5,150,624.5,718",
    ),
]
AbstainOption = Annotated[
    bool,
    typer.Option(
        "--abstain",
        help="leave faces unread that are too small, too blurred or turned too far (takes no value)",
    ),
]
DataOption = Annotated[
    str,
    typer.Option(
        help="labelled faces, a folder or CSV file; shipped: embedded, embedded-wild, embedded-poses, "
        "embedded-poses-wild"
    ),
]
LayoutOption = Annotated[
    str,
    typer.Option(
        help="how the data is laid out: auto detects it from file names; rafd, sfew, fer2013, ferplus, "
        "fer2013+votes, rafdb, affectnet, folder, table"
    ),
]
SplitOption = Annotated[
    str | None,
    typer.Option(
        help="the faces to take: training, validation, test, all, or fold1 to fold5, which `train --fold` "
        "holds out (of seed 0); if left out, validation where the data has splits, else all"
    ),
]
TwinsOption = Annotated[
    bool,
    typer.Option(
        "--twins", help="score also without images that are twins of training images, pixel for pixel"
    ),
]
NetworkOption = Annotated[
    str,
    typer.Option(help=_paper_first(NETWORKS)),
]
NetworksOption = Annotated[
    str | None,
    typer.Option(help="such as paper-gap,fine-attention,lbp; else the paper's own; models for table1"),
]
OtherRecipeOption = Annotated[
    str | None, typer.Option(help="such as onecycle (ours); else the paper's own of each data set")
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        help="size of the input as WIDTHxHEIGHT px, if not the network's own; the paper's is 112x144"
    ),
]
RecipeOption = Annotated[
    str,
    typer.Option(help=_paper_first(RECIPES)),
]
EpochsOption = Annotated[int | None, typer.Option(help="how many epochs, if not the recipe's", min=1)]
SeedOption = Annotated[int, typer.Option(help="decides everything that is random", min=0, max=2**31)]
BatchOption = Annotated[int | None, typer.Option(help="images a step, if not the recipe's")]
RateOption = Annotated[float | None, typer.Option(help="peak learning rate, if not the recipe's")]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="change any other setting of network or recipe, as beta=4 or guidance=0.5; may be repeated",
    ),
]
RunOption = Annotated[Path, typer.Option(help="folder of the run; an unfinished one goes on")]
HoldOutOption = Annotated[
    float | None,
    typer.Option(help="hold out this share of the training images, 0 to 1, the same ones in every command"),
]
TeacherOption = Annotated[
    list[str],
    typer.Option(help="a network whose answers are learned too, for the recipe distilled; may be repeated"),
]
StartOption = Annotated[
    str | None,
    typer.Option(help="a network to begin from, as default, of the same design or narrower"),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        help="share the work on a Ray cluster: its address, auto for the one this machine is in, or local",
        metavar="ADDRESS",
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option(help="processes at work", min=1, show_default="one a core")
]
