"""The convolutions every head stands on: the paper's ten (rows 1–15 of Tables 2 and 3), or a backbone."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from feroi.config import CHANNELS, NetworkConfig
from feroi.network.backbone import Backbone
from feroi.network.patterns import MAPPED_CHANNELS


class Residual(nn.Sequential):
    """Layers whose output is added to their input."""

    def forward(self, features: Tensor) -> Tensor:
        return features + cast(Tensor, super().forward(features))  # type: ignore[no-untyped-call]


class Lateral(nn.Module):
    """`inner` sees the features through a 2x2 max-pooling; what it finds is enlarged and added to their
    projection (Lin et al. 2017)."""

    def __init__(self, inner: nn.Module, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.pooling = nn.MaxPool2d(2, ceil_mode=True)  # an odd row or column is no pair and still counts
        self.inner = inner
        self.project = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        found = self.inner(self.pooling(features))
        coarse = nn.functional.interpolate(found, scale_factor=2.0, mode="nearest")
        height, width = features.shape[-2:]
        return cast(Tensor, self.project(features) + coarse[..., :height, :width])


def build_features(config: NetworkConfig) -> nn.Module:
    """Map (N, C0, H, W) to (N, `config.channels`, H // stride, W // stride). C0 is 1 for the intensity; with
    depth 2, and 3 for mapped patterns.

    3x3 convolutions, padding 1, each followed by ReLU (the paper names no activation; VGG's is
    meant) and, only with `batch_norm`, by batch normalisation before it. Weights are drawn from He's normal
    distribution, biases are zero: with PyTorch's default the signal dies over ten layers.
    For the settings see `NetworkConfig`.
    """
    if config.backbone != "paper":
        return Backbone(config.spacing)
    layers: list[nn.Module] = []
    channels_in = MAPPED_CHANNELS if config.inputs == "mapped-patterns" else config.channels_in
    for block, (convolutions, channels) in enumerate(zip(config.convolutions, CHANNELS, strict=True), 1):
        channels *= config.width
        found = _block(config, convolutions, channels_in, channels)
        if config.lateral and block == len(CHANNELS):
            found = [Lateral(nn.Sequential(*found), channels_in, channels)]
        layers += found
        if block <= config.poolings:
            layers.append(nn.MaxPool2d(2))
        channels_in = channels
    features = nn.Sequential(*layers)
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    return features


def _block(config: NetworkConfig, convolutions: int, channels_in: int, channels: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        step: list[nn.Module] = [nn.Conv2d(channels_in, channels, 3, padding=1)]
        if config.batch_norm:
            step.append(nn.BatchNorm2d(channels))
        step.append(nn.ReLU(inplace=True))
        layers += [Residual(*step)] if config.residual and channels_in == channels else step
        channels_in = channels
    return layers
