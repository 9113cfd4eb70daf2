"""Starting from nothing, each time in a fresh process: import, first reading, memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from rounds import Row, print_table

from feroi.data.groups import group_photos

TARGETS = {"import feroi, s": 0.15, "first reading, s": 1.0, "peak memory, MB": 300.0}

# The peak that getrusage gives a child is not below what its parent held when it started it, so the
# kernel's own mark is read where there is one.
CHILD = """
import time
start = time.perf_counter()
import feroi
imported = time.perf_counter()
faces = feroi.analyze({photo!r})
read = time.perf_counter()
import json, pathlib, resource
status = pathlib.Path("/proc/self/status")
if status.exists():
    peak_kb = next(int(s.split()[1]) for s in status.read_text().splitlines() if s.startswith("VmHWM"))
else:
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([imported - start, read - start, peak_kb / 1000]))
"""


def measure_start(rounds: int) -> list[Row]:
    rows: list[Row] = []
    for name, photo in _photos().items():
        runs = np.array([_run(photo) for _ in range(rounds)])
        for (what, target), values in zip(TARGETS.items(), runs.T, strict=True):
            low, median, high = np.percentile(values, [25, 50, 75])
            rows.append(
                {
                    "photo": name,
                    "what": what,
                    "median": round(median, 3),
                    "quartiles": f"{low:.3f}–{high:.3f}",
                    "target": target,
                    "met": "yes" if median <= target else "no",
                }
            )
    print_table("Start, each in a fresh process", rows)
    return rows


def _photos() -> dict[str, Path]:
    """A shipped group photo; the astronaut too if scikit-image is there."""
    first = next(iter(group_photos()))
    photos = {first.name: first}
    try:
        from skimage import data
    except ModuleNotFoundError:
        return photos
    return photos | {"astronaut": Path(data.__file__).with_name("astronaut.png")}


def _run(photo: Path) -> list[float]:
    command = [sys.executable, "-c", CHILD.format(photo=str(photo))]
    values: list[float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return values
