"""Where a network computes and with how many bits."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from feroi.recipe import Precision


class Arithmetic(NamedTuple):
    """A device and a number format; weights stay float32 either way."""

    device: torch.device
    bfloat16: bool

    @property
    def description(self) -> str:
        """In words, for people."""
        where = "the graphics card" if self.device.type == "cuda" else "the processor"
        numbers = ("bfloat16" if self.bfloat16 else "float32") + ", channels-last"
        return f"{numbers} on {where}, {torch.get_num_threads()} threads"

    def place(self, network: nn.Module) -> None:
        """Move a network there, in the memory layout that is fastest."""
        network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def send(self, faces: Tensor) -> Tensor:
        """Move faces (N, C, H, W) likewise."""
        return faces.to(self.device, memory_format=torch.channels_last)

    def autocast(self) -> AbstractContextManager[object]:
        """The context a forward pass runs in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)


def choose_arithmetic(precision: Precision) -> Arithmetic:
    """The first graphics card, else the processor; for "auto", bfloat16 where the hardware has it."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bfloat16 = precision == "bfloat16" or (precision == "auto" and _has_bfloat16(device))
    return Arithmetic(device, bfloat16)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
