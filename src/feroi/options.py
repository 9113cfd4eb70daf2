"""Arguments and options that several commands share, with the words that explain them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelArgument = Annotated[
    Path, typer.Argument(help="run folder, .safetensors or .onnx file; 'default' and 'ferplus' are shipped")
]
ReadingModelOption = Annotated[Path, typer.Option("--model", help="as for evaluate")]
PhotosArgument = Annotated[
    list[str], typer.Argument(help="files, folders, globs; - reads names from standard input")
]
EveryOption = Annotated[int, typer.Option(help="films: read each so many frames", min=1)]
FpsOption = Annotated[float | None, typer.Option(help="films: read at most so many frames a second")]
SmoothOption = Annotated[
    float | None,
    typer.Option(help="films: average probabilities over about so many seconds, in columns of their own"),
]
SearchOption = Annotated[
    float, typer.Option(help="films: seconds between searches for new faces; those known are followed", min=0)
]
CameraOption = Annotated[
    str | None, typer.Option(help="read what this camera shows, by its number or name, in place of files")
]
SecondsOption = Annotated[
    float | None, typer.Option(help="camera: stop after so many; else by Ctrl-C", min=0)
]
DetectorOption = Annotated[str, typer.Option(help="both, cnn or hog (the paper's)")]
BiggestOption = Annotated[bool, typer.Option("--biggest", help="the biggest face of each photo only")]
MethodsOption = Annotated[
    str,
    typer.Option(
        help="with commas between: attention (the built-in map), saliency, deconvnet, simplify, grad-cam, "
        "integrated-gradients, occlusion, random and centre (controls)"
    ),
]
ClassImagesOption = Annotated[
    Path | None, typer.Option(help="draw here what the network takes for each expression")
]
PipelineOption = Annotated[
    str | None, typer.Option(help="front, pose or wild, for a model that does not say it itself")
]
FolderPipelineOption = Annotated[
    str | None, typer.Option(help="front, pose or wild, for KIND folder", show_default="wild")
]
LandmarksOption = Annotated[str, typer.Option(help="compact, or dlib-68 of feroi[dlib68] (research only)")]
AbstainOption = Annotated[
    bool, typer.Option("--abstain", help="leave faces too small, blurred or turned too far unread")
]
DataOption = Annotated[
    str, typer.Option(help="folder or CSV file; embedded (-wild, -poses, -poses-wild) is shipped")
]
LayoutOption = Annotated[str, typer.Option(help="auto, rafd, sfew, fer2013, ferplus, folder or table")]
SplitOption = Annotated[
    str | None,
    typer.Option(
        help="training, validation, test, all, or fold1 to fold5, what `train --fold` holds out (of seed 0); "
        "validation, where the data has splits"
    ),
]
TwinsOption = Annotated[
    bool, typer.Option("--twins", help="score also without exact twins of training images")
]
NetworkOption = Annotated[
    str,
    typer.Option(
        help="paper-attention, paper-attention-symmetric, paper-baseline, paper-gap; ours: "
        "attention-symmetric-renormalized, fine-attention, residual-attention, lateral-attention, "
        "wide-attention"
    ),
]
NetworksOption = Annotated[
    str | None,
    typer.Option(help="such as paper-gap,fine-attention,lbp; else the paper's own; models for table1"),
]
OtherRecipeOption = Annotated[
    str | None, typer.Option(help="such as onecycle (ours); else the paper's own of each data set")
]
SizeOption = Annotated[str | None, typer.Option(help="input as WIDTHxHEIGHT px [paper: 112x144]")]
RecipeOption = Annotated[
    str,
    typer.Option(
        help="onecycle, wild, distilled (ours); paper-front, paper-pose, paper-sfew, paper-sfew-fer2013"
    ),
]
EpochsOption = Annotated[int | None, typer.Option(help="instead of the recipe's", min=1)]
SeedOption = Annotated[int, typer.Option(help="decides everything random", min=0, max=2**31)]
BatchOption = Annotated[int | None, typer.Option(help="instead of the recipe's")]
RateOption = Annotated[float | None, typer.Option(help="instead of the recipe's")]
SetOption = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="any other setting of network or recipe, as beta=4 or guidance=0.5; may be repeated",
    ),
]
RunOption = Annotated[Path, typer.Option(help="folder to work in; an unfinished run is resumed")]
HoldOutOption = Annotated[
    float | None, typer.Option(help="take this share of the training images, told by their pixels")
]
TeacherOption = Annotated[
    list[str], typer.Option(help="a model to learn from, for the recipe distilled; may be repeated")
]
StartOption = Annotated[
    str | None,
    typer.Option(help="a model to begin from, of the same design or narrower, in place of random weights"),
]
WorkersOption = Annotated[
    int | None, typer.Option(help="processes at work", min=1, show_default="one a core")
]
