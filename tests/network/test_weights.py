from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from feroi.config import NetworkConfig
from feroi.network.description import describe
from feroi.network.model import Network
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
        ({"classifier.bias": torch.full((7,), torch.nan)}, {}, "not finite"),
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


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04\x95pickle"])
def test_a_file_that_is_not_safetensors_is_refused(tmp_path, content):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="not a readable safetensors"):
        load_network(tmp_path / "w.safetensors")


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
