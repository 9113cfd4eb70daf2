"""The ten convolutions every head stands on (rows 1–15 of Tables 2 and 3)."""

from __future__ import annotations

from torch import nn

BLOCKS = ((3, 16), (3, 32), (2, 64), (2, 128))
"""(convolutions, channels) of each block; a 2x2 max-pooling closes every block."""

CHANNELS = BLOCKS[-1][1]


def build_features(batch_norm: bool = False, last_pooling: bool = True) -> nn.Sequential:
    """Map (N, 1, H, W) to (N, 128, H//16, W//16), or H//8, W//8 without `last_pooling`.

    3x3 convolutions, padding 1, each followed by ReLU (the paper names no activation; VGG's is
    meant) and, only with `batch_norm`, by batch normalisation before it. Weights are drawn from He's normal
    distribution, biases are zero: with PyTorch's default the signal dies over ten layers.
    """
    layers: list[nn.Module] = []
    channels_in = 1
    for block, (convolutions, channels) in enumerate(BLOCKS, 1):
        for _ in range(convolutions):
            layers.append(nn.Conv2d(channels_in, channels, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU(inplace=True))
            channels_in = channels
        if last_pooling or block < len(BLOCKS):
            layers.append(nn.MaxPool2d(2))
    features = nn.Sequential(*layers)
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
    return features
