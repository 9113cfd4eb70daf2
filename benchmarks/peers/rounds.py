"""Contenders timed in turn, tables, and packages that may be missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

ROUND_S = 0.2
"""A contender is called in each round until so many seconds are over, at least once."""
REST_S = 0.02
"""Between contenders: threads that wait for more work by spinning have given up by then."""

Row = dict[str, Any]


class Timing(NamedTuple):
    """Milliseconds a call: the median of the rounds, and the quartiles below and above it."""

    median_ms: float
    low_ms: float
    high_ms: float

    def __str__(self) -> str:
        return f"{self.median_ms:.3g} ({self.low_ms:.3g}–{self.high_ms:.3g})"


def interleave(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Time every contender once a round. Each must have been called before: first calls are slow."""
    elapsed: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        # Forth and back, so that none always follows the same one.
        for name in list(contenders)[:: 1 if number % 2 else -1]:
            time.sleep(REST_S)
            elapsed[name].append(_ms_a_call(contenders[name]))
    return {name: spread(values) for name, values in elapsed.items()}


def spread(values: Sequence[float]) -> Timing:
    low, median, high = np.percentile(values, [25, 50, 75])
    return Timing(float(median), float(low), float(high))


def _ms_a_call(call: Callable[[], object]) -> float:
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < ROUND_S:
        call()
        calls += 1
    return 1000 * elapsed / calls


def print_table(title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Rows of equal keys as Markdown."""
    print(f"\n{title}\n")
    if not rows:
        print("nothing to show")
        return
    print("| " + " | ".join(rows[0]) + " |")
    print("|---" * len(rows[0]) + "|")
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)


def installed(contender: str, *modules: str, install: str) -> bool:
    """Whether all `modules` are there; if not, say what is skipped and what would install it."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        print(f"{contender} skipped, {', '.join(missing)} not installed; {install}", flush=True)
    return not missing
