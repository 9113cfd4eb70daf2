"""Networks on disk: one safetensors file holding weights, configuration and label order."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from feroi.config import NetworkConfig
from feroi.files import atomic_path
from feroi.network.calibration import UNCALIBRATED, Calibration, read_calibration, write_calibration
from feroi.network.description import describe, described, model_file
from feroi.network.model import Network, least_weights

OPTIMIZER_PREFIX, UNAVERAGED_PREFIX = "optimizer.", "unaveraged."
CHECKPOINT_PREFIXES = (OPTIMIZER_PREFIX, UNAVERAGED_PREFIX)
"""Tensors of a checkpoint that are not the network's."""


def save_network(network: Network, path: Path, calibration: Calibration = UNCALIBRATED) -> None:
    """Write weights, configuration and calibration to `path`, whole or not at all."""
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_tensors(tensors, describe(network.config) | write_calibration(calibration), path)


def save_tensors(tensors: dict[str, Tensor], metadata: dict[str, str], path: Path) -> None:
    """Write a safetensors file, whole or not at all."""
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata)


def load_network(path: Path | str) -> Network:
    """Read a network, in evaluation mode: a weights file, the best of a run folder, or "default",
    the one shipped.

    Raises FileNotFoundError, or ValueError saying what is wrong with the file: ONNX, not safetensors,
    another format or label order, missing or misshapen weights, values that are not finite.
    """
    path = model_file(path, ".safetensors")
    if path.suffix == ".onnx":
        raise ValueError(
            f"{path} can only be read with; this needs the weights: a .safetensors file or run folder"
        )
    tensors, metadata = load_tensors(path)
    config = described(path, metadata)
    weights = {n: value for n, value in tensors.items() if not n.startswith(CHECKPOINT_PREFIXES)}
    _check_size(config, weights, path)
    network = Network(config)
    for name, value in network.state_dict().items():
        if name in weights:
            _check_numbers(weights[name], value, f"{path}: {name}")
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{path} does not fit its own description: {error!s:.1000}") from error
    return network.eval()


def _check_size(config: NetworkConfig, weights: dict[str, Tensor], path: Path) -> None:
    """Raises ValueError if a file describes more weights than it holds: its network may fill any memory."""
    described_weights = least_weights(config)
    held = sum(value.numel() for value in weights.values())
    if held < described_weights:
        raise ValueError(
            f"{path} does not fit its own description: a network of {described_weights:,} weights or more, "
            f"of which it holds {held:,}"
        )


def _check_numbers(value: Tensor, like: Tensor, where: str) -> None:
    if value.is_floating_point() != like.is_floating_point() or value.is_complex():
        raise ValueError(f"{where} holds {value.dtype}, expected {like.dtype}")
    if not torch.isfinite(value.float()).all():
        raise ValueError(f"{where} holds values that are not finite")


def load_calibration(path: Path | str) -> Calibration:
    """The calibration in the file that `load_network` would read. Raises what that raises."""
    file = model_file(path, ".safetensors")
    return read_calibration(file, load_tensors(file)[1])


def weights_sha256(path: Path | str) -> str:
    """Of the file that `load_network` would read, in hexadecimal."""
    return hashlib.sha256(model_file(path, ".safetensors").read_bytes()).hexdigest()


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file. Raises ValueError if it is not one."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in list(file.keys())}, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a readable safetensors file: {error!s:.300}") from error
