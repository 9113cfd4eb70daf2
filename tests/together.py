"""Several processes that work together, as torchrun starts them, each calling the same function."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any


def together(number: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `work(workers, *arguments)` returns in each of so many processes, by rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_one, args=(rank, number, port, results, work, arguments), daemon=True)
        for rank in range(number)
    ]
    for process in processes:
        process.start()
    by_rank = dict(results.get(timeout=100) for _ in processes)
    for process in processes:
        process.join()
    return [by_rank[rank] for rank in range(number)]


def _one(
    rank: int, number: int, port: int, results: Any, work: Callable[..., Any], arguments: Sequence[Any]
) -> None:
    from feroi.training.workers import torchrun_workers

    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(number),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    result: Any = None
    try:
        with torchrun_workers() as workers:
            result = work(workers, *arguments)
    except Exception as error:
        result = error
    results.put((rank, result))
