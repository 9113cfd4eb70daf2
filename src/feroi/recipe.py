"""Settings of a training, and their named presets.

A preset called `paper-*` does what the paper says and nothing else; where the paper is silent the
value chosen here is marked so. Every other preset is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from feroi.config import named

Schedule = Literal["constant", "onecycle"]
Augmentation = Literal["patches", "affine", "degraded", "elsewhere"]
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class RecipeConfig:
    """How a network is trained: cross entropy and Adam (section 4.3), and what the paper leaves open.

    learning_rate: the constant rate, or the peak of the one-cycle schedule.
    precision: arithmetic of the network's forward pass; "auto" is bfloat16 where the processor
        has it and float32 elsewhere.

    What follows is never in a `paper-*` preset.
    augmentation: "patches" cuts and mirrors at random, as the paper; "affine" also turns, scales,
        shifts, relights and erases; "degraded" then adds noise and JPEG; "elsewhere" frames more loosely and
        adds small and blurred faces too (`training.augment`).
    weight_decay: decoupled from the gradient (AdamW, Loshchilov and Hutter 2019), per unit of
        learning rate.
    label_smoothing: share of the target spread evenly over all expressions.
    averaging: decay per step of the exponential moving average of the weights, which is what is
        validated and saved; 0 for none.
    guidance: weight of the term 1 - cosine of attention and the truth map of the labelled expression
        (`explain.truth`), as Belharbi et al. 2024 guide theirs; 0 for none.
    distillation: share of the target that a trained network, the teacher, says of the image (Hinton et al.
        2015), the label the rest; 0 for none.
    cuts: how many variants of each image (`augmentation`) are made once, for the teacher to answer each of
        them (Beyer et al. 2022) and for the epochs to go round in; 0 to vary images anew in every epoch,
        under the teacher's answer to the image as it is.
    balance: an image is drawn as often as the frequency of its expressions to the power of minus this says; 0
        for once an epoch.
    head_rate: how many times as fast as the pretrained backbone all else learns.
    need: weight of what teaches the network to need where it looks (`training.need`); 0 for none.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    schedule: Schedule = "constant"
    precision: Precision = "float32"
    augmentation: Augmentation = "patches"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    averaging: float = 0.0
    guidance: float = 0.0
    distillation: float = 0.0
    cuts: int = 0
    balance: float = 0.0
    head_rate: float = 1.0
    need: float = 0.0

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {self.epochs}")
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2, got {self.batch_size}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if self.schedule not in ("constant", "onecycle"):
            raise ValueError(f"schedule is constant or onecycle, got {self.schedule!r}")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"precision is auto, float32 or bfloat16, got {self.precision!r}")
        if self.augmentation not in get_args(Augmentation):
            known = ", ".join(get_args(Augmentation))
            raise ValueError(f"augmentation is one of {known}, got {self.augmentation!r}")
        if not 0 <= self.cuts <= 1000:
            raise ValueError(f"cuts must be 0 to 1000, got {self.cuts}")
        if self.cuts and not self.distillation:
            raise ValueError("cuts are for a teacher to answer, and distillation is 0")
        if not 0 < self.head_rate < math.inf:
            raise ValueError(f"head_rate must be above 0, got {self.head_rate}")
        for name, limit in (
            ("weight_decay", math.inf),
            ("guidance", math.inf),
            ("label_smoothing", 1),
            ("averaging", 1),
            ("distillation", 1),
            ("balance", 1),
            ("need", math.inf),
        ):
            if not 0 <= getattr(self, name) < limit:
                raise ValueError(f"{name} must be at least 0 and below {limit}, got {getattr(self, name)}")


_WILD = RecipeConfig(
    epochs=75,
    batch_size=128,
    learning_rate=3e-3,
    schedule="onecycle",
    precision="auto",
    augmentation="affine",
    weight_decay=0.01,
    label_smoothing=0.1,
    averaging=0.999,
    guidance=0.5,
)

_ELSEWHERE = replace(
    _WILD,
    epochs=8,
    learning_rate=1e-3,
    augmentation="elsewhere",
    label_smoothing=0.0,
    averaging=0.995,
    guidance=0.0,
    distillation=0.5,
    balance=0.5,
)

_LARGE = replace(
    _ELSEWHERE,
    epochs=20,
    batch_size=256,
    learning_rate=1.2e-3,
    weight_decay=0.02,
    averaging=0.996,
    distillation=0.0,
    head_rate=4.0,
)

_TAUGHT = replace(
    _ELSEWHERE,
    epochs=64,
    batch_size=256,
    learning_rate=4e-3,
    averaging=0.998,
    distillation=0.7,
    cuts=16,
)

RECIPES: dict[str, RecipeConfig] = {
    # Epochs are the paper's; it names neither batch size nor learning rate (Adam's default here).
    "paper-front": RecipeConfig(epochs=10_000),
    "paper-pose": RecipeConfig(epochs=130),
    "paper-sfew": RecipeConfig(epochs=10_000),
    "paper-sfew-fer2013": RecipeConfig(epochs=300),
    # Ours: the one people will want.
    "onecycle": RecipeConfig(epochs=30, schedule="onecycle", precision="auto"),
    # Ours: for tens of thousands of faces in the wild.
    "wild": _WILD,
    # Ours: the same with a teacher, whose answers are soft as they are.
    "distilled": replace(_WILD, label_smoothing=0.0, distillation=0.5),
    # Ours: a trained network taught again, on faces that cameras and files have spoiled.
    "hardened": replace(
        _WILD,
        epochs=45,
        learning_rate=1e-3,
        augmentation="degraded",
        label_smoothing=0.0,
        distillation=0.5,
    ),
    # Ours: a trained network taught again, for photographs from elsewhere.
    "elsewhere": _ELSEWHERE,
    # Ours: and then to need what it looks at.
    "needed": replace(_ELSEWHERE, epochs=2, learning_rate=5e-4, averaging=0.99, need=1.0),
    # Ours: a backbone that ImageNet taught, taught expressions.
    "large": _LARGE,
    # Ours: and then to need what it looks at.
    "large-needed": replace(_LARGE, epochs=3, learning_rate=3e-4, averaging=0.99, need=1.0),
    # Ours: and what FER-2013 calls them.
    "large-labels": replace(_LARGE, epochs=5, learning_rate=4e-4, averaging=0.99),
    # Ours: a small network taught by larger ones.
    "taught": _TAUGHT,
    # Ours: and then to need what it looks at.
    "taught-needed": replace(_TAUGHT, epochs=16, learning_rate=1.5e-3, averaging=0.997, need=1.0),
}


def recipe_preset(name: str, **changes: Any) -> RecipeConfig:
    """The recipe called `name`, with the fields in `changes` replaced (None keeps the preset's)."""
    config = named(RECIPES, name, "recipe")
    return replace(config, **{key: value for key, value in changes.items() if value is not None})
