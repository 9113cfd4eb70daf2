from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from feroi.config import NETWORKS, network_from_dict, network_preset, to_dict
from feroi.network import backbone, model
from feroi.network.backbone import LEAST_WEIGHTS, Backbone, Bottleneck, pretrained_weights
from feroi.network.calibration import Calibration
from feroi.network.load import load_model
from feroi.network.model import count_weights, least_weights
from feroi.network.onnx_export import export_onnx
from feroi.network.torch_forward import torch_forward, untrained_network
from feroi.network.warm_start import begin_from
from feroi.network.weights import load_network, save_network

LARGE = NETWORKS["large-attention"]


def _faces(height=48, width=48):
    return torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(3))


def test_it_has_the_layers_that_were_published():
    published = Backbone(8)
    shapes = [tuple(layer.weight.shape) for layer in published.modules() if isinstance(layer, nn.Conv2d)]
    # stem, one block without widening, 15 of three convolutions, the last, and our three projections
    assert len(shapes) == 1 + 2 + 15 * 3 + 1 + 3
    # by hand, from the paper's table: of the first block of each stage the kernel and what it leads to
    firsts = [shapes[at][2:3] + shapes[at + 1][:1] for at in (1, 4, 10, 16, 25, 34, 46)]
    assert firsts == [(3, 16), (3, 24), (5, 40), (3, 80), (5, 112), (5, 192), (3, 320)]
    assert (
        sum(weights.numel() for weights in pretrained_weights(published)) == 4_652_008 - 1_281_000 - 2 * 288
    )  # without the classifier; one colour in place of three


def test_padding_is_as_tensorflow_has_it():
    # An even side, kernel 3, stride 2: nothing is padded on the left, one on the right.
    block = Bottleneck(1, 1, 3, 2, 1).eval()
    with torch.no_grad():
        for layer in block.modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.fill_(1)
    seen = block(torch.eye(4)[None, None])[0, 0]
    by_hand = torch.tensor(
        [[3.0, 0.0 + 1.0], [1.0, 2.0]]
    )  # ones of the diagonal in rows and columns 0-2 and 2-4
    torch.testing.assert_close(seen, by_hand, rtol=0.01, atol=0)


@pytest.mark.parametrize(("spacing", "locations"), [(6, 8), (8, 6), (4, 12)])
def test_the_map_is_as_fine_as_the_spacing_says(spacing, locations):
    config = replace(LARGE, spacing=spacing)
    look = untrained_network(config)(_faces())
    assert config.map_hw == look.attention.shape[1:] == (locations, locations)
    assert look.focus.shape == (2, config.channels)
    torch.testing.assert_close(look.attention.sum((1, 2)), torch.ones(2))


def test_faces_of_other_sizes_are_read():
    network = untrained_network(LARGE)
    for height, width in ((40, 73), (24, 24), (47, 31)):
        assert network(_faces(height, width)).attention.shape == (2, height // 6, width // 6)
    with pytest.raises(ValueError, match="at least 24 px a side, got 40x23"):
        network(_faces(23, 40))
    with pytest.raises(ValueError, match="at least 24 px a side, got 20x20"):
        replace(LARGE, input_hw=(20, 20))


def test_it_is_as_large_as_it_says():
    network = untrained_network(LARGE)
    weights = count_weights(network)
    assert LEAST_WEIGHTS < weights <= 4_500_000
    assert 0.9 * weights < least_weights(LARGE) <= weights


@pytest.mark.slow
def test_the_reach_is_how_far_a_location_sees():
    config = replace(LARGE, spacing=8)  # nothing is enlarged
    features = untrained_network(config).features.double()
    for module in list(features.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, nn.ReLU6):  # cuts nothing off, so that all is seen that can be
                setattr(module, name, nn.Identity())
    with torch.no_grad():
        for weights in features.parameters():
            weights.abs_()
    strip = torch.full((1, 1, 1024, 32), 0.8, dtype=torch.float64, requires_grad=True)
    found = features(strip)
    reach = []
    for location in range(60, 64):
        (slope,) = torch.autograd.grad(found[0, :, location].sum(), strip, retain_graph=True)
        rows = np.flatnonzero(slope[0, 0].any(1))
        reach += [8 * location - rows[0], rows[-1] - 8 * location - 7]
    assert max(reach) == config.reach_px
    assert LARGE.reach_px == pytest.approx(config.reach_px * 6 / 8, abs=1)


@pytest.fixture
def shallow(monkeypatch):
    """Each stage with one block, the second with two: the exporter takes a minute of processor for all 16."""
    for part in ("_NEAR", "_MIDDLE", "_FAR"):
        stages = [(min(number, 2 if channels == 24 else 1), *rest, channels)
                  for number, *rest, channels in getattr(backbone, part)]  # fmt: skip
        monkeypatch.setattr(backbone, part, tuple(stages))
    monkeypatch.setattr(model, "LEAST_WEIGHTS", LEAST_WEIGHTS * 2 // 5)


@pytest.mark.slow
def test_it_is_kept_and_exported_like_any_other(tmp_path, shallow):
    network = untrained_network(LARGE)
    calibration = Calibration(mirror=True, temperature=1.5)
    save_network(network, tmp_path / "large.safetensors", calibration)
    export_onnx(network, tmp_path / "large.onnx", calibration)
    again = load_network(tmp_path / "large.safetensors")
    assert again.config == LARGE
    for size in ((48, 48), (32, 57)):
        faces = _faces(*size).numpy()
        ours = calibration.forward(torch_forward(network))(faces)
        for theirs in (
            calibration.forward(torch_forward(again))(faces),
            load_model(tmp_path / "large.onnx").forward(faces),
        ):
            for one, other in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_it_begins_at_another_spacing_with_the_same_weights():
    source, network = untrained_network(replace(LARGE, spacing=4), 1), untrained_network(LARGE, 2)
    begin_from(network, source)
    ours, theirs = network.state_dict(), source.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    with pytest.raises(ValueError, match="the same head, backbone"):
        begin_from(untrained_network(network_preset("fine-attention")), source)


def test_older_files_describe_the_papers_convolutions():
    values = to_dict(NETWORKS["lateral-attention"])
    del values["backbone"], values["spacing"]
    assert network_from_dict(values) == NETWORKS["lateral-attention"]
    assert network_from_dict(to_dict(LARGE)) == LARGE
    for wrong in ({"backbone": "resnet"}, {"spacing": 9}, {"spacing": 0}, {"inputs": "mapped-patterns"}):
        with pytest.raises(ValueError, match=r"backbone|spacing"):
            replace(LARGE, **wrong)
