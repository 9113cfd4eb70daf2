"""The ten convolutions every head stands on (rows 1–15 of Tables 2 and 3)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from feroi.config import BLOCKS

CHANNELS = BLOCKS[-1][1]


class Residual(nn.Sequential):
    """Layers whose output is added to their input."""

    def forward(self, features: Tensor) -> Tensor:
        return features + cast(Tensor, super().forward(features))  # type: ignore[no-untyped-call]


def build_features(batch_norm: bool = False, residual: bool = False, poolings: int = 4) -> nn.Sequential:
    """Map (N, 1, H, W) to (N, 128, H // 2^poolings, W // 2^poolings).

    3x3 convolutions, padding 1, each followed by ReLU (the paper names no activation; VGG's is
    meant) and, only with `batch_norm`, by batch normalisation before it. Weights are drawn from He's normal
    distribution, biases are zero: with PyTorch's default the signal dies over ten layers.
    residual, poolings: as in `NetworkConfig`.
    """
    layers: list[nn.Module] = []
    channels_in = 1
    for block, (convolutions, channels) in enumerate(BLOCKS, 1):
        for _ in range(convolutions):
            step: list[nn.Module] = [nn.Conv2d(channels_in, channels, 3, padding=1)]
            if batch_norm:
                step.append(nn.BatchNorm2d(channels))
            step.append(nn.ReLU(inplace=True))
            layers += [Residual(*step)] if residual and channels_in == channels else step
            channels_in = channels
        if block <= poolings:
            layers.append(nn.MaxPool2d(2))
    features = nn.Sequential(*layers)
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    return features
