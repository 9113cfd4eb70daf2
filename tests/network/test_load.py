from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from feroi.config import HEADS, INPUTS, NetworkConfig
from feroi.network import onnx_check as graph
from feroi.network.calibration import Calibration
from feroi.network.load import load_model
from feroi.network.model import Network
from feroi.network.onnx_export import export_onnx
from feroi.network.torch_forward import torch_forward, torch_score
from feroi.network.weights import load_calibration, load_network, save_network
from support.strangers import readers

SHALLOW = (1, 1, 1, 1)
"""One convolution a block: the exporter takes seconds for all of them."""
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
    network = Network(NetworkConfig(head, (48, 48), poolings=3, convolutions=SHALLOW, pipeline="wild"))
    export_onnx(network, tmp_path / "n.onnx")
    model = load_model(tmp_path / "n.onnx")
    assert model.config == network.config
    _agree(model.forward(FACES), torch_forward(network)(FACES))
    _agree(model.forward(FACES[:1]), torch_forward(network)(FACES[:1]))


@pytest.mark.slow
@pytest.mark.parametrize("inputs", INPUTS[1:])
def test_what_a_network_sees_travels_with_both_forms(inputs, tmp_path):
    torch.manual_seed(0)
    network = Network(NetworkConfig("attention", (32, 32), convolutions=SHALLOW, inputs=inputs))
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
    network = Network(NetworkConfig("attention", (48, 48), poolings=2, convolutions=SHALLOW, lateral=True))
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
        # what the locations say, added up, is what the logits are above their mean; the biases are 0
        above = look.logits - look.logits.mean(1, keepdims=True)
        np.testing.assert_allclose(look.evidence.sum((2, 3)), above, rtol=0, atol=1e-4)


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


def _elsewhere(model):
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../../../etc/passwd")


def _elsewhere_in_an_operator(model):
    constant = onnx.helper.make_node(
        "Constant", [], ["spare"], value=onnx.helper.make_tensor("t", 1, [1], [0.0])
    )
    constant.attribute[0].t.external_data.add(key="location", value="beside")
    model.graph.node.append(constant)


def _not_a_number(model):
    name = model.graph.initializer[0].name
    values = np.full(onnx.numpy_helper.to_array(model.graph.initializer[0]).shape, np.nan, np.float32)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(values, name))


def _loop(model):
    inner = onnx.helper.make_graph([], "inner", [], [])
    model.graph.node.append(onnx.helper.make_node("Loop", ["", ""], [], body=inner))


def _own_operator(model):
    model.graph.node[0].domain = "com.strangers"
    model.opset_import.append(onnx.helper.make_opsetid("com.strangers", 1))


def _eight_answers(model):
    weight = onnx.numpy_helper.from_array(np.ones((8, 1), np.float32), "w")
    model.graph.initializer[0].CopyFrom(weight)
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 8


def _no_map(model):
    del model.graph.output[1]


def _overflow(model):
    values = np.full((7, 1), 3e38, np.float32)
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(values, "w"))
    model.graph.node[0].op_type = "ReduceSum"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_elsewhere, "it keeps weights in another file"),
        (_elsewhere_in_an_operator, "it keeps weights in another file"),
        (_not_a_number, "it holds weights that are not finite"),
        (_loop, "its operator 'Loop' runs a graph of its own"),
        (_own_operator, "not an ONNX model that can be run"),
        (_eight_answers, r"its logits have the shape \(1, 8\), expected \(1, 7\)"),
        (_no_map, "a network of the head attention has a map"),
        (_overflow, "its logits are not finite numbers"),
    ],
)
def test_what_a_stranger_may_put_into_a_model_is_refused(tmp_path, spoil, says):
    model = onnx.load_model_from_string(readers.tiny_onnx())
    onnx.save(model, tmp_path / "n.onnx")
    assert load_model(tmp_path / "n.onnx").forward(FACES).logits.shape == (3, 7)
    spoil(model)
    (tmp_path / "n.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=says):
        load_model(tmp_path / "n.onnx")


def test_nothing_but_the_reason_is_said_of_texts_that_are_none(tmp_path, capfd):
    (tmp_path / "n.onnx").write_bytes(readers.tiny_onnx().replace(b"logits", b"log\xa8ts"))
    with pytest.raises(ValueError, match=r"n\.onnx is not an ONNX model that can be run"):
        load_model(tmp_path / "n.onnx")
    assert capfd.readouterr() == ("", "")


def test_a_graph_is_read_as_onnx_reads_it():
    model = onnx.load_model_from_string(readers.tiny_onnx())
    fields = list(graph._fields(memoryview(model.SerializeToString())))
    assert [number for number, _ in fields] == [field.number for field, value in _each(model)]
    (main,) = [bytes(value) for number, value in fields if number == 7]
    assert main == model.graph.SerializeToString()


def _each(model):
    for field, value in model.ListFields():
        repeated = value if not isinstance(value, (int, str)) and hasattr(value, "append") else [value]
        yield from ((field, one) for one in repeated)


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "n.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="not an ONNX model"):
        load_model(tmp_path / "n.onnx")
    with pytest.raises(FileNotFoundError, match=r"no model at .*; give default, ferplus, fer2013, a"):
        load_model(tmp_path / "gone.onnx")
