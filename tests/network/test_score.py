from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from feroi.config import NetworkConfig
from feroi.network.load import load_model
from feroi.network.model import Network
from feroi.network.onnx_export import export_onnx
from feroi.network.weights import save_network

CONFIG = NetworkConfig("attention", input_hw=(48, 48), beta=3.0, pipeline="wild")


def _network(config):
    torch.manual_seed(0)
    return Network(config).eval()


def _faces():
    return np.random.default_rng(0).random((2, 1, 80, 112), dtype=np.float32)


def test_the_score_is_what_the_attention_comes_from(tmp_path):
    save_network(_network(CONFIG), tmp_path / "n.safetensors")
    model = load_model(tmp_path / "n.safetensors")
    score, attention = model.score(_faces()), model.forward(_faces()).attention
    assert score.shape == attention.shape == (2, 5, 7)
    assert np.abs(score).max() <= 1
    # Eq. 4 by hand
    powers = np.exp(3.0 * score)
    np.testing.assert_allclose(attention, powers / powers.sum((1, 2), keepdims=True), rtol=1e-5)


@pytest.mark.slow
def test_onnx_gives_the_same_score_in_one_pass_over_the_features(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    network = _network(replace(CONFIG, convolutions=(1, 1, 1, 1)))
    export_onnx(network, tmp_path / "n.onnx")
    save_network(network, tmp_path / "n.safetensors")
    expected = load_model(tmp_path / "n.safetensors").score(_faces())
    np.testing.assert_allclose(load_model(tmp_path / "n.onnx").score(_faces()), expected, atol=1e-5)
    nodes = onnx.load(tmp_path / "n.onnx").graph.node
    assert sum(node.op_type == "Conv" for node in nodes) == 4


@pytest.mark.parametrize("head", ["flatten", "max", "gap"])
def test_heads_without_attention_have_no_score(head, tmp_path):
    save_network(_network(replace(CONFIG, head=head)), tmp_path / "n.safetensors")
    assert load_model(tmp_path / "n.safetensors").score is None
