"""Networks from files, ready to read with: ONNX by onnxruntime, safetensors by torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.inference import CPU, Compute, open_session
from feroi.network.calibration import UNCALIBRATED, Calibration, read_calibration
from feroi.network.committee import committee_of, mean_forward, shared_config
from feroi.network.description import DEFAULT, described, is_committee, model_file
from feroi.network.onnx_check import check_graph
from feroi.outputs import FloatArray, Forward, NetworkOutput, ScoreMap
from feroi.vocabulary import EXPRESSIONS


class Model(NamedTuple):
    """A network that can read: what it is, and how to ask it.

    forward: answers as `calibration` makes them.
    score: the attention's score before its soft-max; None for heads that have none, and for a committee.
    """

    config: NetworkConfig
    forward: Forward
    score: ScoreMap | None = None
    calibration: Calibration = UNCALIBRATED


def load_model(model: Path | str = DEFAULT, compute: Compute = CPU) -> Model:
    """The shipped network (`default`), an .onnx file, a .safetensors file or a run folder; or a committee of
    several, as "default,ferplus" or the .json file of one (`network.committee`).

    ONNX files, the shipped one among them, need no torch.
    compute: what onnxruntime runs on; torch, for a .safetensors file, on the processor.
    Raises FileNotFoundError, or ValueError saying what is wrong with the file or the device, or in what the
    members of a committee differ.
    """
    if is_committee(model):
        return _load_committee(model, compute)
    file = model_file(model, ".onnx")
    if file.suffix == ".onnx":
        return _load_onnx(file, compute.checked())
    from feroi.network.torch_forward import torch_forward, torch_score
    from feroi.network.weights import load_calibration, load_network

    network, calibration = load_network(file), load_calibration(file)
    forward = calibration.forward(torch_forward(network))
    return Model(network.config, forward, torch_score(network), calibration)


def _load_committee(model: Path | str, compute: Compute) -> Model:
    committee = committee_of(model)
    members = [load_model(each, compute) for each in committee.members]
    config = shared_config(dict(zip(committee.members, (member.config for member in members), strict=True)))
    forward = mean_forward([member.forward for member in members], committee.weights)
    return Model(config, committee.calibration.forward(forward), None, committee.calibration)


def untrained(config: NetworkConfig) -> Forward | None:
    """A network of `config` that has learned nothing, for a control; None where torch is not installed."""
    if find_spec("torch") is None:
        return None
    from feroi.network.torch_forward import untrained_forward

    return untrained_forward(config)


def _probe_shape(config: NetworkConfig) -> tuple[int, int, int, int]:
    height, width = (32, 48) if config.takes_any_size else config.input_hw
    return 1, config.channels_in, height, width


def _check_answers(look: NetworkOutput[FloatArray], config: NetworkConfig) -> None:
    """Raises ValueError unless a network of `config` could give this answer to a face of `_probe_shape`."""
    height, width = (side // config.stride for side in _probe_shape(config)[2:])
    expected = {
        "logits": (1, len(EXPRESSIONS)),
        "attention": (1, height, width),
        "evidence": (1, len(EXPRESSIONS), height, width),
    }
    if (look.attention is None) == config.weighs_locations:
        raise ValueError(
            f"a network of the head {config.head} has {'a' if config.weighs_locations else 'no'} map"
        )
    for name, values in look._asdict().items():
        if values is not None and np.shape(values) != expected.get(name, (1, np.size(values))):
            raise ValueError(f"its {name} have the shape {np.shape(values)}, expected {expected[name]}")
        if values is not None and not np.isfinite(values).all():
            raise ValueError(f"its {name} are not finite numbers")


def _load_onnx(path: Path, compute: Compute) -> Model:
    content = path.read_bytes()
    try:
        check_graph(content)
        session = open_session(content, compute)
        metadata = session.get_modelmeta().custom_metadata_map
        outputs = [output.name for output in session.get_outputs()]
    except Exception as error:  # onnxruntime raises many kinds, some of them plain Exception
        raise ValueError(f"{path} is not an ONNX model that can be run: {error!s:.300}") from None
    config, calibration = described(path, metadata), read_calibration(path, metadata)

    def forward(faces: NDArray[np.float32]) -> NetworkOutput[FloatArray]:
        found = dict(zip(outputs, session.run(outputs, {"faces": faces}), strict=True))
        return NetworkOutput(found["logits"], found.get("attention"), found["focus"], found.get("evidence"))

    def score_map(faces: NDArray[np.float32]) -> FloatArray:
        (found,) = session.run(["score"], {"faces": faces})
        return np.asarray(found)

    score = score_map if "score" in outputs else None
    try:
        _check_answers(forward(np.full(_probe_shape(config), 0.5, np.float32)), config)
    except Exception as error:
        raise ValueError(f"{path} does not fit its own description: {error!s:.300}") from None
    return Model(config, calibration.forward(forward), score, calibration)
