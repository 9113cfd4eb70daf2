"""The server under load: latency, throughput and memory from 1 to 64 clients at once, on this machine alone.

python benchmarks/server.py --seconds 20

Starts `feroi serve` on a free port of 127.0.0.1 and asks it to read one of the shipped group photos. A client
asks, waits for the answer and asks again; one that is told to come again (503) waits as long as it is told.
Needs feroi[serve] and httpx2.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
import numpy as np
from PIL import Image

from feroi.data.groups import group_photos

CLIENTS = (1, 2, 4, 8, 16, 32, 64)
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


class Level(NamedTuple):
    """What some clients at once were answered. answered_s: latency of each photo that was read."""

    clients: int
    answered_s: list[float]
    statuses: Counter[int]
    wall_s: float
    cpu_s: float
    memory_mb: float


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--seconds", type=float, default=20, help="a level of clients is asked so long")
    arguments.add_argument("--workers", type=int, default=os.cpu_count())
    arguments.add_argument("--waiting", type=int, default=64, help="places beside those of the workers")
    arguments.add_argument("--faces", type=int, default=1, help="1: one face of the photo; 9: all of it")
    chosen = arguments.parse_args()
    photo = _photo(chosen.faces)
    with _server(chosen.workers, chosen.waiting) as (port, process):
        asyncio.run(_level(port, process, photo, 1, 2.0))  # what is loaded once is loaded
        print(f"{len(photo)} bytes a photo, {chosen.workers} workers; {_memory_mb(process):.0f} MB before")
        print("| clients | photos a second | median, s | p95, s | CPU, s a photo | read | 503 | MB |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for clients in CLIENTS:
            _print(asyncio.run(_level(port, process, photo, clients, chosen.seconds)))


def _photo(faces: int) -> bytes:
    """The first shipped group photo, or the surroundings of its first face, JPEG."""
    path, known = next(iter(group_photos().items()))
    if faces != 1:
        return path.read_bytes()
    x0, y0, x1, y1 = known[0].box_xyxy_px
    reach = x1 - x0
    buffer = io.BytesIO()
    Image.open(path).crop((x0 - reach, y0 - reach, x1 + reach, y1 + reach)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@contextmanager
def _server(workers: int, waiting: int) -> Iterator[tuple[int, int]]:
    """Port and process of a server that is up."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--workers", str(workers), "--waiting", str(waiting)]
    process = subprocess.Popen([sys.executable, "-m", "feroi.cli.app", "serve", *options])
    try:
        while True:
            try:
                httpx2.get(f"http://127.0.0.1:{port}/v1/health")
                break
            except httpx2.ConnectError:
                if process.poll() is not None:
                    raise SystemExit("the server did not start") from None
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


async def _level(port: int, process: int, photo: bytes, clients: int, seconds: float) -> Level:
    answered: list[float] = []
    statuses: Counter[int] = Counter()
    begun, cpu = time.perf_counter(), _cpu_s(process)

    async def ask(client: httpx2.AsyncClient) -> None:
        while time.perf_counter() - begun < seconds:
            start = time.perf_counter()
            answer = await client.post("/v1/read", content=photo, headers={"Content-Type": "image/jpeg"})
            statuses[answer.status_code] += 1
            if answer.status_code == 200:
                answered.append(time.perf_counter() - start)
            else:
                await asyncio.sleep(float(answer.headers.get("retry-after", 1)))

    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=120) as client:
        await asyncio.gather(*(ask(client) for _ in range(clients)))
    wall = time.perf_counter() - begun
    return Level(clients, answered, statuses, wall, _cpu_s(process) - cpu, _memory_mb(process))


def _print(level: Level) -> None:
    median, late = np.percentile(level.answered_s, (50, 95))
    read = len(level.answered_s)
    other = sum(level.statuses.values()) - read - level.statuses[503]
    speed, cpu = f"{read / level.wall_s:.2f} | {median:.2f} | {late:.2f}", f"{level.cpu_s / read:.2f}"
    counts = f"{read} | {level.statuses[503]} | {level.memory_mb:.0f} |" + f" {other} other" * bool(other)
    print(f"| {level.clients} | {speed} | {cpu} | {counts}", flush=True)


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_SECONDS


def _memory_mb(process: int) -> float:
    """What lies in memory of the process now."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
