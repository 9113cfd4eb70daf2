"""The network: ten convolutions, one of the heads, seven logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from feroi.config import CHANNELS, HEADS, REGISTERED_HEADS, NetworkConfig
from feroi.look import Look
from feroi.network import attention
from feroi.network.features import build_features
from feroi.vocabulary import EXPRESSIONS

INTENSITY_MEAN, INTENSITY_STD = 0.5, 0.25
"""Intensities (0..1) are shifted and scaled by these before the first convolution."""

_MAPS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "attention": attention.softmax_map,
    "attention-symmetric": attention.symmetric_map,
    "attention-symmetric-renormalized": attention.symmetric_map_renormalized,
}


class Network(nn.Module):
    """Faces (N, 1, H, W), intensities in 0..1, to a `Look`.

    `gap` and the attention heads take any input of at least 16 x 16 px (section 4.6). `flatten`
    takes `config.input_hw` alone and raises ValueError on anything else.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.features = build_features(config)
        channels = CHANNELS[-1] * config.width
        self.score = attention.Score(channels, bounded=config.bounded) if config.head in _MAPS else None
        self.dropout = nn.Dropout(config.dropout)
        height, width = (side // config.stride for side in config.input_hw)
        width_in = channels * height * width if config.head == "flatten" else channels
        self.classifier = nn.Linear(width_in, len(EXPRESSIONS))
        nn.init.xavier_uniform_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, faces: Tensor) -> Look[Tensor]:
        return self.head(self.locations(faces))

    def locations(self, faces: Tensor) -> Tensor:
        """A0, the features of each location: (N, 1, H, W) in 0..1 to (N, C, H // stride, W // stride)."""
        self._check(faces)
        return cast(Tensor, self.features((faces - INTENSITY_MEAN) / INTENSITY_STD))

    def head(self, a0: Tensor) -> Look[Tensor]:
        """What the head makes of the features (N, C, H, W) of `locations`."""
        # The head is cheap and its soft-max wants precision: always float32.
        with torch.autocast(a0.device.type, enabled=False):
            a0 = a0.to(self.classifier.weight.dtype)
            if self.config.head == "flatten":
                weights, focused = None, a0.flatten(1)
            elif self.score is None:
                weights = attention.uniform_map(a0[:, 0])
                focused = attention.focus(a0, weights)
            else:
                weights = _MAPS[self.config.head](self.score(a0), self.config.beta)
                focused = attention.focus(a0, weights)
            logits = self.classifier(self.dropout(focused))
        return Look(logits, weights, focused)

    def _check(self, faces: Tensor) -> None:
        if faces.ndim != 4 or faces.shape[1] != 1:
            raise ValueError(f"faces must be (N, 1, H, W), got {tuple(faces.shape)}")
        height, width = faces.shape[2:]
        if min(height, width) < 16:
            raise ValueError(f"faces must be at least 16 px a side, got {width}x{height}")
        if self.config.head == "flatten" and (height, width) != tuple(self.config.input_hw):
            expected_h, expected_w = self.config.input_hw
            raise ValueError(
                f"the flatten head connects every location of a {expected_w}x{expected_h} input to "
                f"its classifier and cannot read {width}x{height}; resize the faces, or use a gap "
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


def count_weights(network: nn.Module, biases: bool = True) -> int:
    """Number of trainable values; without `biases`, the matrices and kernels alone, as the paper counts."""
    return sum(p.numel() for p in network.parameters() if biases or p.ndim > 1)
