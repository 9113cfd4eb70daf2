"""Shipped models are the files that were listed, and no others are used."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

import feroi
from feroi import shipped
from feroi.network.description import SHIPPED
from feroi.network.load import load_model
from feroi.shipped import SUMS, shipped_path

MODEL_FOLDERS = ("network/pretrained", "photo/models")

PACKAGE = Path(feroi.__file__).parent


@pytest.mark.parametrize("folder", MODEL_FOLDERS)
def test_the_lists_are_those_of_the_files(folder):
    listed = dict(line.split("  ")[::-1] for line in (PACKAGE / folder / SUMS).read_text().splitlines())
    there = [
        path
        for path in (PACKAGE / folder).iterdir()
        if path.suffix in (".onnx", ".safetensors", ".npz", ".svm")
    ]
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in there}
    assert listed == sums, "a model was replaced: run tools/sums.sh"


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The package's models in a folder of their own."""
    for folder in MODEL_FOLDERS:
        shutil.copytree(PACKAGE / folder, tmp_path / folder)
    monkeypatch.setattr(shipped, "files", lambda package: tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: b"", lambda b: b[:999] + b"x" + b[1000:]])
def test_a_damaged_model_is_named_with_the_remedy(copied, name, spoil):
    path = copied / "network" / "pretrained" / f"{name}.onnx"
    assert load_model(name).config.pipeline == "wild"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"{name}\.onnx is damaged: .* install feroi again with pip"):
        load_model(name)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name}\.onnx is missing, .* install feroi again"):
        load_model(name)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"0  default.onnx\n"])
def test_a_model_that_is_not_listed_is_not_used(copied, content):
    sums = copied / "network" / "pretrained" / SUMS
    sums.unlink() if content is None else sums.write_bytes(content)
    with pytest.raises(ValueError, match=r"default\.safetensors is damaged"):
        shipped_path("network/pretrained/default.safetensors")


def test_detectors_and_landmarks_are_checked_too(copied):
    for name in ("yunet.onnx", "face-mesh.onnx", "blendshapes.onnx", "hog.svm"):
        path = copied / "photo" / "models" / name
        assert shipped_path(f"photo/models/{name}") == path
        path.write_bytes(path.read_bytes()[1:])
        with pytest.raises(ValueError, match="is damaged"):
            shipped_path(f"photo/models/{name}")
