"""Networks from files, ready to read with: ONNX by onnxruntime, safetensors by torch."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig, network_from_dict
from feroi.look import FloatArray, Forward, Look
from feroi.vocabulary import EXPRESSIONS

DEFAULT = "default"
"""Names the shipped model wherever a model is asked for."""
FORMAT = "feroi-network-1"


class Model(NamedTuple):
    """A network that can read: what it is, and how to ask it."""

    config: NetworkConfig
    forward: Forward


def load_model(model: Path | str = DEFAULT, threads: int | None = None) -> Model:
    """The shipped network (`default`), an .onnx file, a .safetensors file or a run folder.

    ONNX files, the shipped one among them, need no torch.
    threads: how many onnxruntime may use; all cores if None.
    Raises FileNotFoundError, or ValueError saying what is wrong with the file.
    """
    if str(model) == DEFAULT:
        model = Path(str(files("feroi").joinpath("network/pretrained/default.onnx")))
    model = Path(model)
    if model.suffix == ".onnx":
        return _load_onnx(model, threads)
    from feroi.network.forward import torch_forward
    from feroi.network.weights import load_network

    network = load_network(model)
    return Model(network.config, torch_forward(network))


def _load_onnx(path: Path, threads: int | None) -> Model:
    import onnxruntime

    if not path.is_file():
        raise FileNotFoundError(f"no model at {path}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many kinds, some of them plain Exception
        raise ValueError(f"{path} is not an ONNX model that can be run: {error}") from None
    config = _described(path, session.get_modelmeta().custom_metadata_map)
    outputs = [output.name for output in session.get_outputs()]

    def forward(faces: NDArray[np.float32]) -> Look[FloatArray]:
        found = dict(zip(outputs, session.run(outputs, {"faces": faces}), strict=True))
        return Look(found["logits"], found.get("attention"), found["focus"])

    return Model(config, forward)


def _described(path: Path, metadata: dict[str, str]) -> NetworkConfig:
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is of format {metadata.get('format')!r}, this version reads {FORMAT!r}")
    try:
        expressions = json.loads(metadata["expressions"])
        config = network_from_dict(json.loads(metadata["network"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} has a broken description of its network: {error}") from error
    if expressions != list(EXPRESSIONS):
        raise ValueError(f"{path} orders its labels {expressions}, expected {list(EXPRESSIONS)}")
    return config
