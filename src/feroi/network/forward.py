"""A torch network as the plain function evaluators take."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from feroi.look import FloatArray, Forward, Look
from feroi.network.model import Network


def torch_forward(network: Network) -> Forward:
    """`network` as a function of arrays, in float32 and evaluation mode."""
    network.eval()

    @torch.inference_mode()
    def forward(faces: NDArray[np.float32]) -> Look[FloatArray]:
        look = network(torch.from_numpy(faces))
        attention = None if look.attention is None else look.attention.numpy()
        return Look(look.logits.numpy(), attention, look.focus.numpy())

    return forward
