"""EfficientNet-Lite0 without its classifier (Tan and Le 2019), in the place of the paper's convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from feroi.config import BACKBONE_CHANNELS, BACKBONE_STRIDE

LEAST_WEIGHTS = 3_700_000
"""A little less than it has."""
_STEM, _LAST = 32, 1280
_NEAR = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40))
_MIDDLE = ((3, 3, 2, 6, 80), (3, 5, 1, 6, 112))
_FAR = ((4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
"""Blocks, side of the kernel, stride of the first block, expansion, channels."""
_EPS = 1e-3  # of batch normalisation, as it was trained


class Bottleneck(nn.Module):
    """Channels widened, seen through one kernel each, and narrowed again; added to the input if it fits."""

    def __init__(self, channels_in: int, channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels_in * expansion
        layers = [] if expansion == 1 else [*_convolution(channels_in, wide), nn.ReLU6(inplace=True)]
        layers += [*_convolution(wide, wide, kernel, stride, wide), nn.ReLU6(inplace=True)]
        self.layers = nn.Sequential(*layers, *_convolution(wide, channels))
        self.adds = stride == 1 and channels_in == channels

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.layers(features)
        return features + found if self.adds else found


class Backbone(nn.Module):
    """Faces (N, 1, H, W), shifted and scaled, to (N, 256, H // spacing, W // spacing).

    A face is enlarged until `spacing` of its pixels are 8. What is found at an eighth of that, at a sixteenth
    and at a 32nd is projected, and the coarser enlarged and added to the finer (Lin et al. 2017).
    """

    def __init__(self, spacing: int) -> None:
        super().__init__()
        self.spacing = spacing
        stem = [*_convolution(1, _STEM, 3, 2), nn.ReLU6(inplace=True)]
        near, near_channels = _stages(_NEAR, _STEM)
        middle, middle_channels = _stages(_MIDDLE, near_channels)
        far, far_channels = _stages(_FAR, middle_channels)
        self.near = nn.Sequential(*stem, *near)
        self.middle = nn.Sequential(*middle)
        self.far = nn.Sequential(*far, *_convolution(far_channels, _LAST), nn.ReLU6(inplace=True))
        self.project_near = nn.Sequential(*_convolution(near_channels, BACKBONE_CHANNELS))
        self.project_middle = nn.Sequential(*_convolution(middle_channels, BACKBONE_CHANNELS))
        self.project_far = nn.Sequential(*_convolution(_LAST, BACKBONE_CHANNELS))

    def forward(self, faces: Tensor) -> Tensor:
        height, width = (side * BACKBONE_STRIDE // self.spacing for side in faces.shape[-2:])
        near = self.near(_enlarged(faces, (height, width)))
        middle = self.middle(near)
        found = self.project_far(self.far(middle))
        for features, project in ((middle, self.project_middle), (near, self.project_near)):
            found = project(features) + _enlarged(found, features.shape[-2:])
        return torch.relu(found)


def _enlarged(features: Tensor, size_hw: tuple[int, ...]) -> Tensor:
    return nn.functional.interpolate(features, size_hw, mode="bilinear", align_corners=False)


def pretrained_weights(features: nn.Module) -> list[nn.Parameter]:
    """The weights of `features` that ImageNet taught; all of those of the paper's convolutions."""
    parts = [features]
    if isinstance(features, Backbone):
        parts = [features.near, features.middle, features.far]
    return [weights for part in parts for weights in part.parameters()]


def _stages(
    stages: tuple[tuple[int, int, int, int, int], ...], channels_in: int
) -> tuple[list[nn.Module], int]:
    blocks: list[nn.Module] = []
    for number, kernel, stride, expansion, channels in stages:
        for block in range(number):
            blocks.append(Bottleneck(channels_in, channels, kernel, 1 if block else stride, expansion))
            channels_in = channels
    return blocks, channels_in


def _convolution(
    channels_in: int, channels: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution and its batch normalisation; padded as TensorFlow does, more on the right and below."""
    padding = (kernel - stride) // 2
    odd = (kernel - stride) % 2
    convolution = nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out")
    before: list[nn.Module] = [nn.ZeroPad2d((0, odd, 0, odd))] if odd else []
    return [*before, convolution, nn.BatchNorm2d(channels, eps=_EPS)]
