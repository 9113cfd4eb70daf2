"""onnxruntime, which runs every network that reading needs: on which device, with how many threads."""

from __future__ import annotations

import multiprocessing
import os
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from feroi.shipped import shipped_path

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
DEVICES = tuple(_PROVIDERS)


class Compute(NamedTuple):
    """What networks run on.

    device: "cpu", or "cuda" for an NVIDIA graphics card, which needs the package onnxruntime-gpu.
    threads: how many of the processor's; if None, as many as this process has cores, and one in a process
        that another one started.
    """

    device: str = "cpu"
    threads: int | None = None

    def checked(self) -> Compute:
        """Itself. Raises ValueError for a device that does not exist or cannot be used here, and for threads
        below 1."""
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")
        if self.device not in _PROVIDERS:
            raise ValueError(f"unknown device {self.device!r}; choose one of {', '.join(DEVICES)}")
        if _PROVIDERS[self.device] not in load_onnxruntime().get_available_providers():
            raise ValueError(_no_device(self.device))
        return self


CPU = Compute()


def load_onnxruntime() -> Any:
    """The module onnxruntime, without the reports of use that its official builds make.

    Otherwise they keep an identity of the machine under the home folder, a file in the folder of temporary
    ones, and send what they gather to their maker. The environment variable ORT_DISABLE_TELEMETRY, where it
    is set, is left as it is; a program that imported onnxruntime before has decided for itself.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def open_session(model: bytes, compute: Compute = CPU) -> InferenceSession:
    """The network in the bytes of an ONNX file, ready to run.

    Raises ValueError as `Compute.checked`, and whatever onnxruntime raises for a network it cannot run.
    """
    onnxruntime, wanted = load_onnxruntime(), _PROVIDERS[compute.checked().device]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that wait for work would spin, and burn a core that the rest of a reading could use.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    shared = multiprocessing.parent_process() is not None  # one of several processes has no core of its own
    options.intra_op_num_threads = compute.threads or (1 if shared else usable_cores())
    session: InferenceSession = onnxruntime.InferenceSession(
        model,
        options,
        providers=list(dict.fromkeys([wanted, "CPUExecutionProvider"])),
        enable_fallback=False,  # it would try again and print to standard output
    )
    if wanted not in session.get_providers():  # its libraries are missing: onnxruntime goes on without
        raise ValueError(_no_device(compute.device))
    return session


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def shipped_session(name: str, compute: Compute = CPU) -> InferenceSession:
    """The shipped network `name`, as "photo/models/yunet.onnx"; opened once. Raises as `shipped_path`."""
    return open_session(shipped_path(name).read_bytes(), compute)


def _no_device(device: str) -> str:
    return (
        f"the device {device} cannot be used by the onnxruntime that is installed; it needs an NVIDIA "
        "graphics card and pip install onnxruntime-gpu in place of onnxruntime"
    )
