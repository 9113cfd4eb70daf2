"""An hour of good and bad requests, more at once than the server has places: memory, lost and wrong answers.

python benchmarks/soak.py --minutes 60 --out soak

Starts `feroi serve` on a free port of 127.0.0.1. Clients draw requests from a seeded mix (see
`soak_requests.py`), hold what is answered against what the local command says of the same photo, and go on;
one that is told to come again (503) waits as long as it is told. Every 10 s the server's memory, threads and
open files are looked at. Writes soak.png and samples.jsonl; needs feroi[serve]. Exit status 1 if an answer
was lost or wrong, or the server reported a fault of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from soak_requests import Mix, Piece, Request

# A client gives up after so long, and its answer counts as lost: the server may take 60 s for each of the
# four photos of a batch, after 60 s for receiving it.
_ANSWER_S = 330.0
_SAMPLE_S = 10.0
_WARM_UP = 0.25  # share of the time after which memory is to stay as it is

RIGHT, BUSY, LATE, WRONG, LOST, LEFT = "right", "busy", "late", "wrong", "lost", "went away"
OUTCOMES = (RIGHT, BUSY, LATE, WRONG, LOST, LEFT)
"""right: as expected. busy: 503. late: 408 or 504, or an entry of a batch that says so, for want of processor
time on either side. lost: no whole answer."""


class Answer(NamedTuple):
    """status: 0 if the connection ended before a whole answer. retry_s: when to come again."""

    status: int
    retry_s: float
    body: bytes


class Count:
    """What came of the requests, kind by kind."""

    def __init__(self) -> None:
        self.of: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.total: Counter[str] = Counter()
        self.notes: list[str] = []

    def add(self, request: Request, answer: Answer | None) -> None:
        outcome = _outcome(request, answer)
        self.of[request.kind][outcome] += 1
        self.total[outcome] += 1
        if outcome in (WRONG, LOST):
            assert answer is not None
            self.notes.append(f"{request.kind}: {outcome}, {answer.status} {answer.body[:300]!r}")
            print(self.notes[-1], flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--clients", type=int, default=30, help="at once; the server has 18 places")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument(
        "--out", type=Path, default=Path("soak"), help="folder for the samples and the picture"
    )
    chosen = arguments.parse_args()
    mix, count = Mix(chosen.out / "photos"), Count()
    log = chosen.out / "server.log"
    samples = asyncio.run(_soak(mix, count, chosen, log))
    faults = log.read_text().splitlines()[1:]  # the first line says where it answers
    _print(count, samples, faults)
    _draw(samples, chosen.out / "soak.png")
    raise SystemExit(1 if count.total[WRONG] or count.total[LOST] or faults else 0)


async def _soak(mix: Mix, count: Count, chosen: argparse.Namespace, log: Path) -> list[dict[str, Any]]:
    async with _server(log) as (port, process):
        end = time.monotonic() + 60 * chosen.minutes
        sampling = asyncio.create_task(_sample(process, count, end, chosen.out / "samples.jsonl"))
        clients = (
            _client(mix, Random(f"{chosen.seed} {n}"), port, count, end) for n in range(chosen.clients)
        )
        await asyncio.gather(*clients)
        samples = await sampling
        left = await _answer(port, ((0.0, b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),))
        print(f"afterwards: {left.body.decode()}")
        last = mix.first()
        count.add(last, await _answer(port, last.pieces))
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}; see {log}")
    return samples


@asynccontextmanager
async def _server(log: Path) -> AsyncIterator[tuple[int, subprocess.Popen[bytes]]]:
    """Port and process of a server that is up."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "feroi.cli.app", "serve", "--port", str(port), "--workers", "2"]
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(f"the server did not start; see {log}") from None
                await asyncio.sleep(0.2)
        yield port, process
    finally:
        process.terminate()
        process.wait(60)


async def _client(mix: Mix, rng: Random, port: int, count: Count, end: float) -> None:
    while time.monotonic() < end:
        request = mix.draw(rng)
        if request.hangs_up_s is not None:
            await _leave(port, request)
            count.add(request, None)
            continue
        answer = await _answer(port, request.pieces)
        count.add(request, answer)
        await asyncio.sleep(answer.retry_s or rng.uniform(0, 0.2))


async def _leave(port: int, request: Request) -> None:
    """Ask, and go without an answer; every other time by a reset."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(OSError):  # refused, and cut, while it was still sent
        await _send(writer, request.pieces)
    await asyncio.sleep(request.hangs_up_s or 0)
    if request.hangs_up_s and request.hangs_up_s % 0.2 < 0.1:
        writer.transport.abort()
    writer.close()


async def _answer(port: int, pieces: tuple[Piece, ...]) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(_send(writer, pieces))
    try:
        async with asyncio.timeout(_ANSWER_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            # uvicorn's own answers, as to what is no HTTP, end with the connection
            length = int(fields.get("content-length", -1))
            body = await (reader.readexactly(length) if length >= 0 else reader.read())
            return Answer(int(head.split()[1]), float(fields.get("retry-after", 0)), body)
    except (OSError, EOFError, TimeoutError) as error:
        return Answer(0, 0, repr(error).encode())
    finally:
        sending.cancel()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await sending
        writer.close()


async def _send(writer: asyncio.StreamWriter, pieces: tuple[Piece, ...]) -> None:
    for wait, content in pieces:
        await asyncio.sleep(wait)
        for at in range(0, len(content), 500_000):
            writer.write(content[at : at + 500_000])
            await writer.drain()


def _outcome(request: Request, answer: Answer | None) -> str:
    if answer is None or (request.may_be_cut and not answer.status):
        return LEFT if answer is None else RIGHT
    if not answer.status:
        return LOST
    if answer.status == 503 and request.takes_place:
        return BUSY
    if (answer.status == 504 and 200 in request.statuses) or b"not read within" in answer.body:
        return LATE
    if answer.status not in request.statuses:
        return LATE if answer.status == 408 and request.takes_place else WRONG
    return RIGHT if answer.status != 200 or request.check(answer.body) else WRONG


async def _sample(
    process: subprocess.Popen[bytes], count: Count, end: float, path: Path
) -> list[dict[str, Any]]:
    """Every 10 s until `end`: memory, threads, open files, and what was answered so far; also to `path`."""
    samples, begun = [], time.monotonic()
    path.unlink(missing_ok=True)
    while (now := time.monotonic()) < end and process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        sample = {
            "minutes": (now - begun) / 60,
            "memory_mb": int(status.partition("VmRSS:")[2].split()[0]) / 1024,
            "threads": int(status.partition("Threads:")[2].split()[0]),
            "files": len(list(Path(f"/proc/{process.pid}/fd").iterdir())),
            **{outcome: count.total[outcome] for outcome in OUTCOMES},
        }
        samples.append(sample)
        with path.open("a") as file:
            file.write(json.dumps(sample) + "\n")
        if len(samples) % 6 == 1:
            print(" ".join(f"{name} {value:.4g}" for name, value in sample.items()), flush=True)
        await asyncio.sleep(_SAMPLE_S)
    return samples


def _print(count: Count, samples: list[dict[str, Any]], faults: list[str]) -> None:
    print(f"| asked | {' | '.join(OUTCOMES)} |\n| --- |{' ---: |' * len(OUTCOMES)}")
    for kind, found in sorted(count.of.items()):
        print(f"| {kind} | {' | '.join(str(found[outcome]) for outcome in OUTCOMES)} |")
    print(f"| all | {' | '.join(str(count.total[outcome]) for outcome in OUTCOMES)} |")
    minutes, memory = _column(samples, "minutes"), _column(samples, "memory_mb")
    settled = minutes >= _WARM_UP * minutes[-1]
    slope = np.polyfit(minutes[settled] / 60, memory[settled], 1)[0]
    print(f"memory: {memory[0]:.0f} MB before, {memory.max():.0f} at most, {memory[-1]:.0f} at the end;")
    print(f"{slope:+.1f} MB an hour after the first {minutes[settled][0]:.0f} minutes;")
    halves = [half.mean() for half in np.array_split(memory[settled], 3)]
    print(f"means of the three thirds of that time: {', '.join(f'{mean:.0f}' for mean in halves)} MB;")
    for name in ("threads", "files"):
        after = _column(samples, name)[settled]
        print(f"{name}: {after.min():.0f} to {after.max():.0f}")
    print(f"the server reported {len(faults)} lines of faults of its own")


def _column(samples: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([sample[name] for sample in samples], dtype=float)


def _draw(samples: list[dict[str, Any]], path: Path) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    minutes = _column(samples, "minutes")
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 5), sharex=True, layout="constrained")
    above.plot(minutes, _column(samples, "memory_mb"), color="black", linewidth=1)
    above.set(ylabel="memory of the server, MB", ylim=(0, None))
    for outcome, colour in (
        (RIGHT, "tab:green"),
        (BUSY, "tab:orange"),
        (LATE, "tab:red"),
        (LEFT, "tab:grey"),
    ):
        rate = np.diff(_column(samples, outcome)) / np.maximum(np.diff(minutes), 1e-9)
        below.plot(minutes[1:], rate, label=outcome, color=colour, linewidth=1)
    below.set(xlabel="minutes", ylabel="requests a minute", ylim=(0, None))
    below.legend(ncols=4, loc="upper right", frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
