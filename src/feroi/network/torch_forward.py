"""A torch network as the plain functions evaluators take."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.network.model import Network
from feroi.outputs import FloatArray, Forward, NetworkOutput, ScoreMap


def torch_forward(network: Network) -> Forward:
    """`network`, where it lies, as a function of arrays, in float32 and evaluation mode."""
    network.eval()
    device = next(network.parameters()).device

    @torch.inference_mode()
    def forward(faces: NDArray[np.float32]) -> NetworkOutput[FloatArray]:
        look = network(torch.from_numpy(faces).to(device))
        return NetworkOutput(*(None if values is None else values.cpu().numpy() for values in look))

    return forward


def untrained_network(config: NetworkConfig, seed: int = 0) -> Network:
    """A network of `config` as it is before it learns anything, in evaluation mode, for a control."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(config).eval()


def untrained_forward(config: NetworkConfig, seed: int = 0) -> Forward:
    """As `untrained_network`, as a function of arrays."""
    return torch_forward(untrained_network(config, seed))


def torch_score(network: Network) -> ScoreMap | None:
    """The attention's score of `network` as a function of arrays; None for heads that have none."""
    network.eval()
    score = network.score
    if score is None:
        return None

    @torch.inference_mode()
    def score_map(faces: NDArray[np.float32]) -> FloatArray:
        found: FloatArray = score(network.locations(torch.from_numpy(faces))).numpy()
        return found

    return score_map
