from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from feroi.config import NETWORKS, NetworkConfig
from feroi.network.description import describe
from feroi.network.load import load_model
from feroi.network.model import Network, count_weights, least_weights
from feroi.network.weights import load_network, load_tensors, save_network
from feroi.vocabulary import EXPRESSIONS


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network(NetworkConfig("attention", (48, 48), beta=2.0, batch_norm=True)).eval()


def test_a_network_survives_the_disk(network, tmp_path):
    save_network(network, tmp_path / "best.safetensors")
    for path in (tmp_path, tmp_path / "best.safetensors"):
        again = load_network(path)
        assert again.config == network.config
        assert not again.training
        faces = torch.rand(2, 1, 48, 48)
        for one, other in zip(network(faces), again(faces), strict=True):
            assert torch.equal(one, other)


def _file(path, model, tensors=None, **metadata):
    save_file({**model.state_dict(), **(tensors or {})}, path, {**describe(model.config), **metadata})
    return path


@pytest.mark.parametrize(
    ("tensors", "metadata", "says"),
    [
        ({}, {"format": "other"}, "format 'other'"),
        ({}, {"expressions": json.dumps(EXPRESSIONS[::-1])}, "orders its labels"),
        ({}, {"network": "{}"}, "broken description"),
        ({}, {"network": "[]"}, "broken description"),
        ({}, {"network": "{"}, "broken description"),
        ({}, {"format": "feroi-network-2"}, "format 'feroi-network-2', this version reads 'feroi-network-1'"),
        ({}, {"network": "[" * 5000}, "broken description"),
        ({"classifier.bias": torch.full((7,), torch.nan)}, {}, "not finite"),
        ({"classifier.bias": torch.full((7,), torch.inf)}, {}, "not finite"),
        ({"classifier.bias": torch.full((7,), 1e300, dtype=torch.float64)}, {}, "not finite"),  # as float32
        (
            {"classifier.bias": torch.zeros(7, dtype=torch.int64)},
            {},
            "holds torch.int64, expected torch.float32",
        ),
        ({"classifier.bias": torch.zeros(7, dtype=torch.complex64)}, {}, "holds torch.complex64"),
        ({"classifier.bias": torch.zeros(8)}, {}, "does not fit"),
        ({"spare": torch.zeros(1)}, {}, "does not fit"),
    ],
)
def test_odd_files_are_refused_with_a_reason(network, tmp_path, tensors, metadata, says):
    path = _file(tmp_path / "odd.safetensors", network, tensors, **metadata)
    with pytest.raises(ValueError, match=says):
        load_network(path)


def test_missing_weights_are_refused(network, tmp_path):
    tensors = network.state_dict()
    del tensors["classifier.bias"]
    save_file(tensors, tmp_path / "w.safetensors", describe(network.config))
    with pytest.raises(ValueError, match="classifier"):
        load_network(tmp_path / "w.safetensors")


def test_a_network_that_fills_any_memory_is_refused_before_it_is_made(network, tmp_path):
    vast = NetworkConfig("flatten", (2048, 2048), poolings=2, convolutions=(64,) * 4, width=64)
    path = _file(tmp_path / "vast.safetensors", network, network=describe(vast)["network"])
    # 7 x 128 x 64 channels x 512 x 512 locations are 15 thousand million already
    with pytest.raises(ValueError, match=r"a network of 65,964,867,584 weights or more, of which it holds"):
        load_network(path)


@pytest.mark.parametrize(
    "config", [*NETWORKS.values(), NetworkConfig("max", width=3, convolutions=(1, 2, 3, 4))]
)
def test_the_least_weights_are_nearly_all_of_them(config):
    weights = count_weights(Network(config), biases=False)
    assert 0.9 * weights < least_weights(config) <= weights


def _pickled(path):
    torch.save({"classifier.bias": torch.zeros(7)}, path)


def _objects(path):
    with path.open("wb") as file:
        np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.pth", "w.pkl", "w.npy"])
@pytest.mark.parametrize(
    "write", [_pickled, _objects, Path.touch, lambda path: path.write_bytes(b"no weights")]
)
def test_a_file_that_is_not_safetensors_is_refused(tmp_path, monkeypatch, name, write):
    write(tmp_path / name)
    monkeypatch.setattr(pickle, "load", pytest.fail)
    monkeypatch.setattr(pickle, "Unpickler", pytest.fail)
    for load in (load_network, load_model):
        with pytest.raises(ValueError, match=r"w\.\w+ is not a readable safetensors file"):
            load(tmp_path / name)


def test_a_missing_file_says_what_to_give(tmp_path):
    with pytest.raises(FileNotFoundError, match="feroi train"):
        load_network(tmp_path)


def test_a_failed_write_leaves_the_old_file(network, tmp_path, monkeypatch):
    path = tmp_path / "best.safetensors"
    save_network(network, path)
    before = path.read_bytes()

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("feroi.network.weights.save_file", broken)
    with pytest.raises(OSError, match="disk full"):
        save_network(network, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert load_tensors(path)[1]["format"] == "feroi-network-1"
