"""The network: ten convolutions, one of the heads, seven logits."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from feroi.config import CHANNELS, HEADS, REGISTERED_HEADS, NetworkConfig
from feroi.network import attention
from feroi.network.backbone import LEAST_WEIGHTS
from feroi.network.features import build_features
from feroi.network.patterns import MappedPatterns
from feroi.outputs import NetworkOutput
from feroi.vocabulary import EXPRESSIONS

INTENSITY_MEAN, INTENSITY_STD = 0.5, 0.25
"""Whatever is seen (0..1), intensities first, is shifted and scaled by these before the first convolution."""

_MAPS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "attention": attention.softmax_map,
    "attention-symmetric": attention.symmetric_map,
    "attention-symmetric-renormalized": attention.symmetric_map_renormalized,
}


class Network(nn.Module):
    """Faces (N, C, H, W) in 0..1, C = `config.channels_in`, to a `NetworkOutput`.

    `max`, `gap` and the attention heads take any input of at least 16 x 16 px (section 4.6). `flatten`
    and `stacked-max` take `config.input_hw` alone and raise ValueError on anything else.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.seen = MappedPatterns(config.pattern_px) if config.inputs == "mapped-patterns" else nn.Identity()
        self.features = build_features(config)
        channels = config.channels
        self.score = attention.Score(channels, bounded=config.bounded) if config.head in _MAPS else None
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(channels * math.prod(config.feature_hw), len(EXPRESSIONS))
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, faces: Tensor) -> NetworkOutput[Tensor]:
        return self.head(self.locations(faces))

    def locations(self, faces: Tensor) -> Tensor:
        """A0, the features of each location: faces in 0..1 to (N, channels, H // stride, W // stride)."""
        self._check(faces)
        return cast(Tensor, self.features((self.seen(faces) - INTENSITY_MEAN) / INTENSITY_STD))

    def head(self, a0: Tensor) -> NetworkOutput[Tensor]:
        """What the head makes of the features (N, C, H, W) of `locations`."""
        # The head is cheap and its soft-max wants precision: always float32.
        with torch.autocast(a0.device.type, enabled=False):
            a0 = a0.to(self.classifier.weight.dtype)
            if not self.config.weighs_locations:
                weights, focused = None, self._without_a_map(a0)
            elif self.score is None:
                weights = attention.uniform_map(a0[:, 0])
                focused = attention.focus(a0, weights)
            else:
                weights = _MAPS[self.config.head](self.score(a0), self.config.beta)
                focused = attention.focus(a0, weights)
            logits = self.classifier(self.dropout(focused))
            evidence = None
            if weights is not None and not self.training:
                evidence = attention.evidence(a0, weights, self.classifier.weight)
        return NetworkOutput(logits, weights, focused, evidence)

    def _without_a_map(self, a0: Tensor) -> Tensor:
        """The features (N, C, H, W) for the classifier, (N, C·h·w): all, or the maxima of Table 7."""
        if self.config.head == "max":
            return a0.amax((2, 3))
        for _ in range(self.config.stacked_poolings):
            a0 = nn.functional.max_pool2d(a0, 2)
        return a0.flatten(1)

    def _check(self, faces: Tensor) -> None:
        channels = self.config.channels_in
        if faces.ndim != 4 or faces.shape[1] != channels:
            raise ValueError(
                f"faces must be (N, {channels}, H, W) for a network that sees {self.config.inputs}, "
                f"got {tuple(faces.shape)}"
            )
        height, width = faces.shape[2:]
        least = self.config.smallest_px
        if min(height, width) < least:
            raise ValueError(f"faces must be at least {least} px a side, got {width}x{height}")
        if not self.config.takes_any_size and (height, width) != tuple(self.config.input_hw):
            expected_h, expected_w = self.config.input_hw
            raise ValueError(
                f"the {self.config.head} head connects every location of a {expected_w}x{expected_h} "
                f"input to its classifier and cannot read {width}x{height}; resize the faces, or use a gap "
                f"or attention network, which take any size"
            )


def register_attention(name: str, weights_of: Callable[[Tensor, float], Tensor]) -> None:
    """Let `NetworkConfig.head` be `name`: an attention head that weighs locations by `weights_of`.

    name: begins with "attention-". A model file stores it, so whoever reads the file registers it first.
    weights_of: the scores A2 (N, H, W) of Eq. 3 and beta to the weights B (N, H, W) of Eq. 1, not negative.
    Raises ValueError for a name that is taken or begins otherwise.
    """
    if not name.startswith("attention-"):
        raise ValueError(f"the name of an attention head begins with 'attention-', got {name!r}")
    if name in (*HEADS, *REGISTERED_HEADS):
        raise ValueError(f"there is a head {name!r} already; choose another name")
    _MAPS[name] = weights_of
    REGISTERED_HEADS.append(name)


def least_weights(config: NetworkConfig) -> int:
    """How many weights a network of `config` has at least, told without making it: those of its 3x3
    convolutions but the first, and of its classifier."""
    if config.backbone != "paper":
        return LEAST_WEIGHTS + len(EXPRESSIONS) * config.channels * math.prod(config.feature_hw)
    channels = [config.width * each for each in CHANNELS]
    within = sum(9 * (n - 1) * each**2 for n, each in zip(config.convolutions, channels, strict=True))
    between = sum(9 * before * after for before, after in pairwise(channels))
    return within + between + len(EXPRESSIONS) * channels[-1] * math.prod(config.feature_hw)


def count_weights(network: nn.Module, biases: bool = True) -> int:
    """Number of trainable values; without `biases`, the matrices and kernels alone, as the paper counts."""
    return sum(p.numel() for p in network.parameters() if biases or p.ndim > 1)
