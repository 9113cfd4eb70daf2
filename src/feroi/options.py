"""Arguments and options that several commands share, with the words that explain them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelArgument = Annotated[
    Path, typer.Argument(help="a run folder, a .safetensors or .onnx file, or 'default', the one shipped")
]
PipelineOption = Annotated[
    str | None, typer.Option(help="front, pose or wild, for a model that does not say it itself")
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
NetworkOption = Annotated[
    str,
    typer.Option(
        help="paper-attention, paper-attention-symmetric, paper-baseline, paper-gap; ours: "
        "attention-symmetric-renormalized, fine-attention, residual-attention, lateral-attention, "
        "wide-attention"
    ),
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
    float | None, typer.Option(help="validate on this share of the training images instead")
]
TeacherOption = Annotated[
    list[str], typer.Option(help="a model to learn from, for the recipe distilled; may be repeated")
]
