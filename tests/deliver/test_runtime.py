from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from feroi.config import HEADS, INPUTS, NetworkConfig
from feroi.deliver.export import export_onnx
from feroi.deliver.runtime import load_model
from feroi.network.calibration import Calibration
from feroi.network.forward import torch_forward, torch_score
from feroi.network.model import Network
from feroi.network.weights import load_calibration, load_network, save_network

FACES = np.random.default_rng(0).random((3, 1, 48, 48), dtype=np.float32)


def _agree(one, other):
    for name in ("logits", "attention", "focus"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_torch_and_onnx_agree(head, tmp_path):
    torch.manual_seed(0)
    network = Network(NetworkConfig(head, (48, 48), poolings=3, pipeline="wild"))
    export_onnx(network, tmp_path / "n.onnx")
    model = load_model(tmp_path / "n.onnx")
    assert model.config == network.config
    _agree(model.forward(FACES), torch_forward(network)(FACES))
    _agree(model.forward(FACES[:1]), torch_forward(network)(FACES[:1]))


@pytest.mark.slow
@pytest.mark.parametrize("inputs", INPUTS[1:])
def test_what_a_network_sees_travels_with_both_forms(inputs, tmp_path):
    torch.manual_seed(0)
    network = Network(NetworkConfig("attention", (32, 32), convolutions=(1, 1, 1, 1), inputs=inputs))
    calibration = Calibration(mirror=True)
    save_network(network, tmp_path / "n.safetensors", calibration)
    export_onnx(network, tmp_path / "n.onnx", calibration)
    seen = np.random.default_rng(0).integers(0, 256, (3, network.config.channels_in, 48, 40))
    faces = (seen / 255).astype(np.float32)
    raw = torch_forward(network)  # patterns are those of the mirrored face, not mirrored patterns
    expected = (raw(faces).logits + raw(np.ascontiguousarray(faces[..., ::-1])).logits) / 2
    for name in ("n.safetensors", "n.onnx"):
        model = load_model(tmp_path / name)
        assert model.config == network.config
        np.testing.assert_allclose(model.forward(faces).logits, expected, rtol=0, atol=1e-4)


def test_a_calibration_travels_with_both_forms(tmp_path):
    torch.manual_seed(0)
    network = Network(
        NetworkConfig("attention", (48, 48), poolings=2, convolutions=(1, 1, 2, 2), lateral=True)
    )
    calibration = Calibration(mirror=True, temperature=0.5, coverage=0.9, threshold=0.2)
    save_network(network, tmp_path / "n.safetensors", calibration)
    export_onnx(network, tmp_path / "n.onnx", load_calibration(tmp_path / "n.safetensors"))
    raw = torch_forward(network)
    mirrored = raw(np.ascontiguousarray(FACES[..., ::-1]))
    for name in ("n.safetensors", "n.onnx"):
        model = load_model(tmp_path / name)
        assert model.calibration == calibration
        look = model.forward(FACES)
        np.testing.assert_allclose(look.logits, raw(FACES).logits + mirrored.logits, rtol=0, atol=1e-4)
        expected = (raw(FACES).attention + mirrored.attention[..., ::-1]) / 2
        np.testing.assert_allclose(look.attention, expected, rtol=0, atol=1e-4)


def test_the_shipped_network_is_the_same_in_both_forms():
    shipped, torch_network = load_model("default"), load_network("default")
    forward = load_calibration("default").forward(torch_forward(torch_network))
    assert shipped.config == torch_network.config
    assert shipped.calibration == load_calibration("default")
    assert shipped.config.pipeline == "wild"
    _agree(shipped.forward(FACES), forward(FACES))
    wide = np.random.default_rng(1).random((1, 1, 80, 112), dtype=np.float32)
    _agree(shipped.forward(wide), forward(wide))
    np.testing.assert_allclose(shipped.score(wide), torch_score(torch_network)(wide), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "other"}, "format 'other'"),
        ({"expressions": '["happy"]'}, "orders its labels"),
        ({"network": "{}"}, "broken description"),
    ],
)
def test_odd_descriptions_are_refused(tmp_path, change, says):
    from importlib.resources import files

    model = onnx.load(str(files("feroi").joinpath("network/pretrained/default.onnx")))
    for entry in model.metadata_props:
        entry.value = change.get(entry.key, entry.value)
    onnx.save(model, tmp_path / "odd.onnx")
    with pytest.raises(ValueError, match=says):
        load_model(tmp_path / "odd.onnx")


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "n.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="not an ONNX model"):
        load_model(tmp_path / "n.onnx")
    with pytest.raises(FileNotFoundError, match="no model at"):
        load_model(tmp_path / "gone.onnx")
