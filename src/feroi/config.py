"""Settings of a network, and their named presets; those of its training are in `recipe`.

A preset called `paper-*` does what the paper says and nothing else; where the paper is silent the
value chosen here is marked so. Every other preset is ours.
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Head = Literal[
    "flatten",
    "stacked-max",
    "max",
    "gap",
    "attention",
    "attention-symmetric",
    "attention-symmetric-renormalized",
]
HEADS: tuple[Head, ...] = get_args(Head)
Pipeline = Literal["front", "pose", "wild"]
PIPELINES: tuple[Pipeline, ...] = get_args(Pipeline)
Inputs = Literal["intensity", "intensity+depth", "mapped-patterns"]
INPUTS: tuple[Inputs, ...] = get_args(Inputs)
Backbone = Literal["paper", "efficientnet-lite0"]
BACKBONES: tuple[Backbone, ...] = get_args(Backbone)

REGISTERED_HEADS: list[str] = []
"""Heads that do not come with the package: see `network.model.register_attention`."""

_Preset = TypeVar("_Preset")

_SMALLEST_SIDE, _LARGEST_SIDE = 16, 2048
_SMALLEST_STACKED = 4
_LARGEST_PATTERN = 16

PAPER_FRONT_HW = (144, 112)
PAPER_POSE_HW = (272, 272)
CONVOLUTIONS, CHANNELS = (3, 3, 2, 2), (16, 32, 64, 128)
"""3x3 convolutions and their channels in each block of the network; a 2x2 max-pooling closes every block."""

BACKBONE_CHANNELS = 256
BACKBONE_STRIDE = 8
"""Of EfficientNet-Lite0: channels of the map that attention sees, and px of the enlarged face a location."""
_BACKBONE_REACH_PX = 473
"""How far a location of that map sees beyond its own square, in px of the enlarged face."""

_PAPER_STORED_HW = {PAPER_FRONT_HW: (160, 125), PAPER_POSE_HW: (284, 284)}


@dataclass(frozen=True)
class NetworkConfig:
    """One network: ten convolutions and a head (section 3).

    head: what is made of the last map (Table 7). `flatten` keeps every location; `stacked-max` (ours) those
        left by further 2x2 max-poolings, until the shorter side has 2 or 3; `max` (ours) the largest value of
        each channel; `gap` its mean; the attention heads its mean under a learned map.
    input_hw: height and width of the input in pixels, at least 16 each.
    beta: sharpness of the attention's soft-max (Eq. 4); the paper uses 1.
    dropout: rate before the classifier, 0..1. The paper gives none. VGG's 0.5 starves the 128
        numbers of the focused feature: see docs/results.
    batch_norm: batch normalisation after each convolution. Never in a `paper-*` preset.
    residual: whether a convolution that keeps the number of channels adds its input to its output
        (He et al. 2016), at no weight. Never in a `paper-*` preset.
    poolings: how many of the blocks a 2x2 max-pooling closes, 2 to 4, from the first on. The paper has
        4; with each one fewer, the map has twice as many locations in each direction.
    bounded: whether Eq. 3 ends in its tanh. With it, and beta 1, no location weighs more than e^2
        times another. Never left out in a `paper-*` preset.
    convolutions: how many 3x3 convolutions each of the four blocks has; the paper's are 3, 3, 2, 2.
    width: how many times as many channels each block has as in the paper.
    lateral: whether the last block stands behind a pooling of its own and is enlarged again and added to
        a projection of the map before that pooling (Lin et al. 2017): the map stays as fine as
        `poolings` says at a fraction of the multiplications. Never in a `paper-*` preset.
    margin: whether images are kept a ninth larger than the input, for patches to be cut from. Always in
        a `paper-*` preset; without it the network sees the whole image.
    inputs: what the network sees of a face. The paper's see its intensity. "intensity+depth" adds an
        estimated depth (`baselines.depth`), which the paper names as a next step; "mapped-patterns" sees
        local binary patterns in place of intensities (`network.patterns`), after Levi and Hassner 2015.
    pattern_px: radius of mapped patterns, 1 to 16; it says nothing to other inputs.
    pipeline: how the faces it learned from were prepared, a name of `photo.prepare`; None if
        nobody said.
    backbone: what finds the features: the paper's convolutions, which the settings above describe, or those
        of EfficientNet-Lite0 (`network.backbone`), to which batch_norm, residual, poolings, convolutions,
        width and lateral say nothing.
    spacing: with EfficientNet-Lite0, input pixels per location of the map, 8 at most. Its own are 8, so a
        face is enlarged until they are: to 64 px from 48 for 6.
    """

    head: Head = "attention"
    input_hw: tuple[int, int] = PAPER_FRONT_HW
    beta: float = 1.0
    dropout: float = 0.2
    batch_norm: bool = False
    residual: bool = False
    poolings: int = 4
    bounded: bool = True
    convolutions: tuple[int, ...] = CONVOLUTIONS
    width: int = 1
    lateral: bool = False
    margin: bool = True
    inputs: Inputs = "intensity"
    pattern_px: int = 1
    pipeline: Pipeline | None = None
    backbone: Backbone = "paper"
    spacing: int = 6

    def __post_init__(self) -> None:
        if self.head not in (*HEADS, *REGISTERED_HEADS):
            known = ", ".join((*HEADS, *REGISTERED_HEADS))
            raise ValueError(f"unknown head {self.head!r}; choose one of {known}")
        height, width = self.input_hw
        if min(height, width) < _SMALLEST_SIDE or max(height, width) > _LARGEST_SIDE:
            raise ValueError(
                f"the input is {_SMALLEST_SIDE} to {_LARGEST_SIDE} px a side (four 2x2 poolings), "
                f"got {width}x{height}"
            )
        if not 0 < self.beta < math.inf:
            raise ValueError(f"beta must be above 0, got {self.beta}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a rate in [0, 1), got {self.dropout}")
        if self.poolings not in (2, 3, 4):
            raise ValueError(f"poolings must be 2, 3 or 4, got {self.poolings}")
        if len(self.convolutions) != len(CHANNELS) or not all(1 <= n <= 64 for n in self.convolutions):
            raise ValueError(f"convolutions are four numbers of 1 to 64, got {self.convolutions}")
        if not 1 <= self.width <= 64:
            raise ValueError(f"width must be 1 to 64, got {self.width}")
        if self.lateral and self.poolings == 4:
            raise ValueError("with lateral, no pooling closes the last block: poolings must be 2 or 3, got 4")
        if self.inputs not in INPUTS:
            raise ValueError(f"unknown inputs {self.inputs!r}; choose one of {', '.join(INPUTS)}")
        if not 1 <= self.pattern_px <= _LARGEST_PATTERN:
            raise ValueError(f"pattern_px must be 1 to {_LARGEST_PATTERN}, got {self.pattern_px}")
        if self.pipeline not in (None, *PIPELINES):
            raise ValueError(f"unknown pipeline {self.pipeline!r}; choose one of {', '.join(PIPELINES)}")
        if self.backbone not in BACKBONES:
            raise ValueError(f"unknown backbone {self.backbone!r}; choose one of {', '.join(BACKBONES)}")
        if self.backbone != "paper" and self.inputs != "intensity":
            raise ValueError(f"the backbone {self.backbone} sees the intensity alone, not {self.inputs}")
        if not 1 <= self.spacing <= BACKBONE_STRIDE:
            raise ValueError(f"spacing must be 1 to {BACKBONE_STRIDE}, got {self.spacing}")
        if min(height, width) < self.smallest_px:
            raise ValueError(
                f"with a spacing of {self.spacing} the input is at least {self.smallest_px} px a side, "
                f"got {width}x{height}"
            )
        if self.head == "stacked-max" and min(self.map_hw) < _SMALLEST_STACKED:
            rows, columns = self.map_hw
            raise ValueError(
                f"stacked-max needs a map of at least {_SMALLEST_STACKED} locations a side, got "
                f"{columns}x{rows}; take inputs of {_SMALLEST_STACKED * self.stride} px or more"
            )

    @property
    def takes_any_size(self) -> bool:
        """Whether the network reads faces of any size, not of `input_hw` alone."""
        return self.head not in ("flatten", "stacked-max")

    @property
    def weighs_locations(self) -> bool:
        """Whether there is a map of how much each location counts."""
        return self.head == "gap" or self.head.startswith("attention")

    @property
    def map_hw(self) -> tuple[int, int]:
        """Rows and columns of the last map, of an input of `input_hw`."""
        return self.input_hw[0] // self.stride, self.input_hw[1] // self.stride

    @property
    def stacked_poolings(self) -> int:
        """How many 2x2 max-poolings the head stacks on the last map; none but with `stacked-max`."""
        return min(self.map_hw).bit_length() - 2 if self.head == "stacked-max" else 0

    @property
    def feature_hw(self) -> tuple[int, int]:
        """Rows and columns of what the classifier is given, of an input of `input_hw`; 1x1 if they are
        aggregated into one vector."""
        if self.takes_any_size:
            return 1, 1
        return self.map_hw[0] >> self.stacked_poolings, self.map_hw[1] >> self.stacked_poolings

    @property
    def channels_in(self) -> int:
        """Channels a face comes in: its intensity, and its depth where the network sees it. Patterns are made
        of the intensity inside the network."""
        return 2 if self.inputs == "intensity+depth" else 1

    @property
    def channels(self) -> int:
        """Channels of the last map."""
        return CHANNELS[-1] * self.width if self.backbone == "paper" else BACKBONE_CHANNELS

    @property
    def stride(self) -> int:
        """Input pixels per location of the map, in each direction."""
        return 1 << self.poolings if self.backbone == "paper" else self.spacing

    @property
    def grain_px(self) -> int:
        """Side of the squares of input pixels that the coarsest features stand for: the stride, twice that
        with `lateral`, four times in EfficientNet-Lite0."""
        return self.stride << (2 if self.backbone != "paper" else int(self.lateral))

    @property
    def smallest_px(self) -> int:
        """How many pixels a side a face has at least."""
        return _SMALLEST_SIDE if self.backbone == "paper" else max(_SMALLEST_SIDE, self.grain_px)

    @property
    def reach_px(self) -> int:
        """How far a location of the map sees beyond its own stride x stride px, on each side.

        A 3x3 convolution sees one of its pixels further, and those are 1, 2, 4, 8 px wide from block to
        block, as far as there are poolings between. With `lateral`, what a location gets of the last
        block is seen from a square as large as two of its own. A mapped pattern is seen as far as its radius.
        """
        if self.backbone != "paper":
            return math.ceil(_BACKBONE_REACH_PX * self.spacing / BACKBONE_STRIDE)
        coarsest = self.poolings + self.lateral
        seen = sum(n << min(block, coarsest) for block, n in enumerate(self.convolutions))
        around = self.pattern_px if self.inputs == "mapped-patterns" else 0
        return seen + self.grain_px - self.stride + around

    @property
    def stored_hw(self) -> tuple[int, int]:
        """Height and width images are decoded to, in pixels, before a patch is cut from them.

        125x160 and 284x284 for the paper's inputs (section 4.2); other inputs get the same
        margin as the first, a ninth. The input's own without `margin`.
        """
        if not self.margin:
            return self.input_hw
        height, width = self.input_hw
        return _PAPER_STORED_HW.get(self.input_hw, (round(height * 10 / 9), round(width * 10 / 9)))


_RESIDUAL = NetworkConfig(
    "attention",
    input_hw=(48, 48),
    batch_norm=True,
    residual=True,
    poolings=2,
    bounded=False,
    margin=False,
)
_LATERAL = replace(_RESIDUAL, convolutions=(2, 2, 4, 2), lateral=True)
_LARGE = NetworkConfig(
    "attention", (48, 48), dropout=0.3, bounded=False, margin=False, backbone="efficientnet-lite0"
)

# The geometry of the paper's two networks with a sixteenth and a quarter of their pixels: a map of 17x17
# locations that see .38 of the picture (the paper's .30), and of 9x7 that see .71 of its width (.73).
_SMALL_POSE = NetworkConfig(input_hw=(68, 68), poolings=2, convolutions=(1, 1, 1, 1))
_SMALL_FRONT = NetworkConfig(input_hw=(72, 56), poolings=3, convolutions=(2, 1, 1, 1))
_SMALL_HEADS: dict[str, Head] = {
    "baseline": "flatten",
    "gap": "gap",
    "attention": "attention",
    "attention-symmetric": "attention-symmetric",
}

NETWORKS: dict[str, NetworkConfig] = {
    "paper-baseline": NetworkConfig("flatten"),
    "paper-gap": NetworkConfig("gap"),
    "paper-attention": NetworkConfig("attention"),
    "paper-attention-symmetric": NetworkConfig("attention-symmetric"),
    "stacked-max": NetworkConfig("stacked-max"),
    "global-max": NetworkConfig("max"),
    "attention-symmetric-renormalized": NetworkConfig("attention-symmetric-renormalized"),
    "fine-attention": NetworkConfig("attention", batch_norm=True, poolings=3),
    "residual-attention": _RESIDUAL,
    "lateral-attention": _LATERAL,
    "wide-attention": replace(_LATERAL, convolutions=(2, 2, 3, 2), width=2),
    "large-attention": _LARGE,
    **{f"small-pose-{name}": replace(_SMALL_POSE, head=head) for name, head in _SMALL_HEADS.items()},
    **{f"small-front-{name}": replace(_SMALL_FRONT, head=head) for name, head in _SMALL_HEADS.items()},
}


def check_intensity(config: NetworkConfig, what: str) -> None:
    """Raises ValueError, saying `what` cannot be done, for a network that sees other than the intensity."""
    if config.inputs != "intensity":
        raise ValueError(
            f"{what} needs a network that sees the intensity alone, and this one sees {config.inputs}"
        )


def network_preset(name: str, **changes: Any) -> NetworkConfig:
    """The network called `name`, with the fields in `changes` replaced (None keeps the preset's).

    Raises ValueError for an unknown name.
    """
    config = named(NETWORKS, name, "network")
    return replace(config, **{key: value for key, value in changes.items() if value is not None})


def named(presets: dict[str, _Preset], name: str, kind: str) -> _Preset:
    """The preset called `name`. Raises ValueError, which calls it a `kind`, for an unknown one."""
    if name not in presets:
        raise ValueError(f"unknown {kind} {name!r}; choose one of {', '.join(presets)}")
    return presets[name]


_ADDED = {"convolutions", "width", "lateral", "inputs", "pattern_px", "backbone", "spacing"}


def to_dict(config: DataclassInstance) -> dict[str, Any]:
    """The fields of a configuration as JSON-ready values."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(config).items()}


def network_from_dict(values: dict[str, Any]) -> NetworkConfig:
    """The inverse of `to_dict` for a network. Raises ValueError on unknown fields and on missing ones,
    but for those that older files do not know, which describe the paper's."""
    names = {field.name for field in fields(NetworkConfig)}
    odd = sorted((set(values) - names) | (names - set(values) - _ADDED))
    if odd:
        raise ValueError(f"network configuration has unknown or missing fields: {', '.join(odd)}")
    read: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    for field in fields(NetworkConfig):
        if field.name in read:
            read[field.name] = _as_meant(field.name, read[field.name], field.default)
    return NetworkConfig(**read)


def _as_meant(name: str, value: Any, like: Any) -> Any:
    """A value from a file in the type of the default `like`. Raises ValueError for one of another type."""
    if isinstance(like, float) and type(value) is int:
        return float(min(value, sys.maxsize))
    same = type(value) is type(like) or (like is None and isinstance(value, str))
    if isinstance(like, tuple):
        same = same and all(type(number) is int for number in value)
        same = same and (name != "input_hw" or len(value) == len(like))
    if not same:
        raise ValueError(f"{name} is a value such as {like!r}, got {value!r:.60}")
    return value
