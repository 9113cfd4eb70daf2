"""Settings of a network and of its training, and their named presets.

A preset called `paper-*` does what the paper says and nothing else; where the paper is silent the
value chosen here is marked so. Every other preset is ours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeVar

Head = Literal["flatten", "gap", "attention", "attention-symmetric", "attention-symmetric-renormalized"]
HEADS: tuple[Head, ...] = (
    "flatten",
    "gap",
    "attention",
    "attention-symmetric",
    "attention-symmetric-renormalized",
)
Pipeline = Literal["front", "pose", "wild"]
Schedule = Literal["constant", "onecycle"]
Precision = Literal["auto", "float32", "bfloat16"]

_Preset = TypeVar("_Preset")

PAPER_FRONT_HW = (144, 112)
PAPER_POSE_HW = (272, 272)
_PAPER_STORED_HW = {PAPER_FRONT_HW: (160, 125), PAPER_POSE_HW: (284, 284)}


@dataclass(frozen=True)
class NetworkConfig:
    """One network: ten convolutions and a head (section 3).

    input_hw: height and width of the input in pixels, at least 16 each.
    beta: sharpness of the attention's soft-max (Eq. 4); the paper uses 1.
    dropout: rate before the classifier, 0..1. The paper gives none. VGG's 0.5 starves the 128
        numbers of the focused feature: see docs/results.
    batch_norm: batch normalisation after each convolution. Never in a `paper-*` preset.
    last_pooling: whether the fourth max-pooling is there. Without it, never in a `paper-*` preset,
        the map has twice as many locations in each direction.
    pipeline: how the faces it learned from were prepared, a name of `photo.prepare`; None if
        nobody said.
    """

    head: Head = "attention"
    input_hw: tuple[int, int] = PAPER_FRONT_HW
    beta: float = 1.0
    dropout: float = 0.2
    batch_norm: bool = False
    last_pooling: bool = True
    pipeline: Pipeline | None = None

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ValueError(f"unknown head {self.head!r}; choose one of {', '.join(HEADS)}")
        if len(self.input_hw) != 2 or min(self.input_hw) < 16:
            raise ValueError(
                f"input_hw is (height, width), each at least 16 px (four 2x2 poolings); got {self.input_hw}"
            )
        if not self.beta > 0:
            raise ValueError(f"beta must be above 0, got {self.beta}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a rate in [0, 1), got {self.dropout}")

    @property
    def stride(self) -> int:
        """Input pixels per location of the map, in each direction."""
        return 16 if self.last_pooling else 8

    @property
    def stored_hw(self) -> tuple[int, int]:
        """Height and width images are decoded to, in pixels, before a patch is cut from them.

        125x160 and 284x284 for the paper's inputs (section 4.2); other inputs get the same
        margin as the first, a ninth.
        """
        height, width = self.input_hw
        return _PAPER_STORED_HW.get(self.input_hw, (round(height * 10 / 9), round(width * 10 / 9)))


@dataclass(frozen=True)
class RecipeConfig:
    """How a network is trained: cross entropy and Adam (section 4.3), and what the paper leaves open.

    learning_rate: the constant rate, or the peak of the one-cycle schedule.
    precision: arithmetic of the network's forward pass; "auto" is bfloat16 where the processor
        has it and float32 elsewhere.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    schedule: Schedule = "constant"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"epochs must be at least 1, got {self.epochs}")
        if self.batch_size < 2:
            raise ValueError(f"batch_size must be at least 2, got {self.batch_size}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if self.schedule not in ("constant", "onecycle"):
            raise ValueError(f"schedule is constant or onecycle, got {self.schedule!r}")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise ValueError(f"precision is auto, float32 or bfloat16, got {self.precision!r}")


NETWORKS: dict[str, NetworkConfig] = {
    "paper-baseline": NetworkConfig("flatten"),
    "paper-gap": NetworkConfig("gap"),
    "paper-attention": NetworkConfig("attention"),
    "paper-attention-symmetric": NetworkConfig("attention-symmetric"),
    "attention-symmetric-renormalized": NetworkConfig("attention-symmetric-renormalized"),
    "fine-attention": NetworkConfig("attention", batch_norm=True, last_pooling=False),
}

RECIPES: dict[str, RecipeConfig] = {
    # Epochs are the paper's; it names neither batch size nor learning rate (Adam's default here).
    "paper-front": RecipeConfig(epochs=10_000),
    "paper-pose": RecipeConfig(epochs=130),
    "paper-sfew": RecipeConfig(epochs=10_000),
    "paper-sfew-fer2013": RecipeConfig(epochs=300),
    # Ours: the one people will want.
    "onecycle": RecipeConfig(epochs=30, schedule="onecycle", precision="auto"),
}


def network_preset(name: str, input_hw: tuple[int, int] | None = None) -> NetworkConfig:
    """The network called `name`, at the paper's 112x144 (width x height) or at `input_hw`.

    Raises ValueError for an unknown name.
    """
    config = _named(NETWORKS, name, "network")
    return config if input_hw is None else replace(config, input_hw=input_hw)


def recipe_preset(name: str, **changes: Any) -> RecipeConfig:
    """The recipe called `name`, with the fields in `changes` replaced (None keeps the preset's)."""
    config = _named(RECIPES, name, "recipe")
    return replace(config, **{key: value for key, value in changes.items() if value is not None})


def _named(presets: dict[str, _Preset], name: str, kind: str) -> _Preset:
    if name not in presets:
        raise ValueError(f"unknown {kind} {name!r}; choose one of {', '.join(presets)}")
    return presets[name]


def to_dict(config: NetworkConfig | RecipeConfig) -> dict[str, Any]:
    """The fields of a configuration as JSON-ready values."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(config).items()}


def network_from_dict(values: dict[str, Any]) -> NetworkConfig:
    """The inverse of `to_dict` for a network. Raises ValueError on unknown or missing fields."""
    names = {field.name for field in fields(NetworkConfig)}
    if set(values) != names:
        odd = sorted(set(values) ^ names)
        raise ValueError(f"network configuration has unknown or missing fields: {', '.join(odd)}")
    return NetworkConfig(**{**values, "input_hw": tuple(values["input_hw"])})
