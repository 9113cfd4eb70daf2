"""Several processes that work together, as torchrun starts them, and what tests let them do.

In a module of its own, since a process that is started finds functions by the names of their modules.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from typer.testing import CliRunner

from feroi.cli.app import app
from feroi.config import NetworkConfig
from feroi.data.batches import Labelled
from feroi.network.weights import load_tensors
from feroi.recipe import RecipeConfig
from feroi.training.callbacks import Callbacks
from feroi.training.loop import LAST_WEIGHTS, train
from feroi.training.precision import Arithmetic
from feroi.training.sync_layers import see_whole_batches
from feroi.training.workers import ALONE, Workers, torchrun_workers

PAPER = NetworkConfig("attention", (16, 16), dropout=0.0)
RESIDUAL = NetworkConfig(
    "attention", (16, 16), dropout=0.3, batch_norm=True, residual=True, poolings=2, bounded=False
)
PLAIN = RecipeConfig(epochs=3, batch_size=9, learning_rate=1e-3)
WILD = replace(
    PLAIN, schedule="onecycle", augmentation="affine", weight_decay=0.01, label_smoothing=0.1,
    averaging=0.9, guidance=0.5,
)  # fmt: skip
CASES = {"paper": (PAPER, PLAIN), "residual": (RESIDUAL, WILD)}


PROCESSES: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
"""Starts processes that were never part of this one, and have torch at once: they are forked from a process
that imported what takes a training ten seconds."""
if sys.platform != "win32":
    PROCESSES.set_forkserver_preload(["feroi.training.run", "feroi.report.figures", "torch._dynamo"])


def told(*words: object) -> tuple[int, str]:
    """The exit status of the command of these words, in this process, and all it printed."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


def together(number: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `work(*arguments)` returns in each of so many processes, by rank; errors are raised."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = PROCESSES.Queue()
    processes = [
        PROCESSES.Process(target=_one, args=(rank, number, port, results, work, arguments), daemon=True)
        for rank in range(number)
    ]
    for process in processes:
        process.start()
    by_rank: dict[int, Any] = {}
    while len(by_rank) < number:
        try:
            by_rank |= [results.get(timeout=1)]
        except queue.Empty:
            assert all(process.exitcode in (None, 0) for process in processes), "a process has crashed"
    for result in by_rank.values():
        if isinstance(result, Exception):
            raise result
    return [by_rank[rank] for rank in range(number)]


def _one(
    rank: int, number: int, port: int, results: Any, work: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(number),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    result: Any
    try:
        result = work(*arguments)
    except Exception as error:
        result = error
    results.put((rank, result))


def data(n: int = 29, seed: int = 0, truths: bool = False) -> Labelled:
    """Images whose brightness is their label, some of them with a truth. 29 in batches of 9 leave 2."""
    labels = np.arange(n) % 7
    rng = np.random.default_rng(seed)
    noise, where = rng.integers(0, 20, (n, 18, 18)), rng.integers(0, 256, (n, 18, 18))
    where[labels == 0] = 0
    pixels = (30 * labels[:, None, None] + noise).astype(np.uint8)
    return Labelled(pixels, labels, where.astype(np.uint8) if truths else None)


@contextmanager
def in_double_precision() -> Iterator[None]:
    """float64 in place of float32, so that rounding is out of the way of what is compared."""
    torch.set_default_dtype(torch.float64)
    try:
        with patch.object(Arithmetic, "send", lambda self, faces: faces.double()):
            yield
    finally:
        torch.set_default_dtype(torch.float32)


def trained(run: Path, case: str, workers: Workers = ALONE, callbacks: Callbacks | None = None) -> Any:
    """Train a case into the folder `run`: metrics, and the checkpoint's tensors by name."""
    network, recipe = CASES[case]
    training = data(truths=bool(recipe.guidance))
    history = train(network, recipe, training, data(16, 1), run, 3, callbacks or Callbacks(), workers=workers)
    with workers.leader_first():  # which writes the checkpoint
        tensors, _ = load_tensors(run / LAST_WEIGHTS)
    return history, {name: value.numpy() for name, value in tensors.items()}


def everything(folder: Path) -> dict[str, Any]:
    """What the tests look at; in one go, since it takes long to start processes."""
    found: dict[str, Any] = {}
    with torchrun_workers() as workers:
        with in_double_precision():
            for case in CASES:
                found[case] = trained(folder / case, case, workers)
            found["resumed"] = trained(folder / "killed", "residual", workers)
            found["normalized"] = [normalized(workers, n) for n in (7, 2)]
            found["dropped"] = dropped(workers)
        found["single"] = trained(folder / "single", "paper", workers)
        found["total"] = workers.total(10.5 * workers.rank, 1)
        found["second"] = second(workers, folder / "first.txt")
        found["refused"] = refused(workers)
    return found


def batch(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n, 5, 4, 3) and gradients as large, the same ones everywhere."""
    generator = torch.Generator().manual_seed(n)
    return tuple(torch.randn(n, 5, 4, 3, generator=generator, dtype=torch.float64) * 3 + 2 for _ in range(2))  # type: ignore[return-value]


def normalized(workers: Workers, n: int) -> dict[str, Any]:
    """Batch normalisation of this worker's rows of `n`."""
    layers = nn.Sequential(normalization())
    if workers.number > 1:
        see_whole_batches(layers)
    features, gradients = (values[workers.rows(n)] for values in batch(n))
    features.requires_grad_()
    out = layers(features)
    out.backward(gradients)
    assert features.grad is not None
    parameters = {name: value.grad for name, value in layers.named_parameters()}
    tensors = {"out": out.detach(), "back": features.grad, **parameters, **dict(layers.named_buffers())}
    return {name: value.numpy() for name, value in tensors.items() if value is not None}


def normalization() -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(5).double()
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-1, 2, 5))
        layer.bias.copy_(torch.linspace(3, 0, 5))
    return layer


def dropped(workers: Workers) -> Any:
    """Dropout of this worker's rows of 8."""
    layers = nn.Sequential(nn.Dropout(0.4))
    if workers.number > 1:
        see_whole_batches(layers)
    torch.manual_seed(5)
    return layers(torch.ones(8, 6)[workers.rows(8)]).numpy()


def second(workers: Workers, file: Path) -> str:
    """Whether the others find what the leader wrote."""
    with workers.leader_first():
        if workers.leads:
            file.write_text("written")
        return file.read_text()


def refused(workers: Workers) -> list[str]:
    """What is said of workers that differ, and of a leader that fails."""
    said = []
    try:
        workers.check_alike({"seed": 0, "versions": workers.rank // 2})
    except ValueError as error:
        said.append(str(error))
    try:
        with workers.leader_first():
            if workers.leads:
                raise OSError("disk full")
            said.append("went on")
    except (OSError, RuntimeError) as error:
        said.append(str(error))
    return said
