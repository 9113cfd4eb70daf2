"""Commands on a disk that is full, or may only be read: what they say, and what is left of earlier results.

python benchmarks/full_disk.py --out full (as root: it mounts a small file system in memory at full/disk)

Each command is run with room for a drawn share of what it writes: it must end with a status other than 0
and one line that names a file and says why, leave whole whatever has a name of its own, and, given room, end
as if nothing had been; run once more on a full disk, it must leave what is there. Then the same where nothing
may be written at all. Prints a table of what was said. Exit status 1 if anything was otherwise. Needs what
`commands.py` needs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from commands import Job, differing, half, long_commands, run

_DISK_BYTES = 64_000_000
_SHARES = (0.0, 0.6)
_SAYS = {
    "full": r"cannot be written: no space left on device|No space left on device: ",
    "closed": r"closed to you|Read-only file system",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--out", type=Path, default=Path("full"))
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--jobs", help="names with commas; all if left out")
    arguments.add_argument("--facekit", type=Path, help="ICT-FaceKit, without which `synth` is left out")
    chosen = arguments.parse_args()
    out = chosen.out.absolute()
    os.environ["XDG_CACHE_HOME"] = str(out / "cache")
    jobs = long_commands(out / "given", chosen.facekit) | short_commands(out / "given")
    names = chosen.jobs.split(",") if chosen.jobs else list(jobs)
    faults: list[str] = []
    print("| command | disk | said |\n| --- | --- | --- |")
    with _disk(out / "disk") as disk:
        for name in names:
            faults += _try(name, jobs[name], out / name, disk, Random(f"{chosen.seed} {name}"))
    print("\n".join(faults))
    raise SystemExit(1 if faults else 0)


def short_commands(given: Path) -> dict[str, Job]:
    """Commands that are done at once, each writing one result or a few."""
    photos, faces = given / "photos", given / "faces"
    one = str(next((given / "photos").rglob("*.png")))
    return {
        "evaluate": lambda f: ["evaluate", "default", f"--data={photos}", f"--json={f / 'scores.json'}"],
        "calibrate": lambda f: ["calibrate", "default", f"--data={faces}", f"--out={f / 'c.safetensors'}"],
        "export": lambda f: ["export", "default", f"--out={f / 'model.onnx'}"],
        "publish": lambda f: ["export", "default", f"--folder={f}"],
        "rois": lambda f: ["evaluate", "default", f"--data={photos}", f"--rois={f / 'rois.png'}"],
        "agreement": lambda f: [
            "agreement",
            "default",
            "--data=embedded",
            "--split=fold1",
            f"--json={f / 'a.json'}",
        ],
        "explain": lambda f: ["explain", one, "--methods=attention", f"--report={f / 'explained.html'}"],
        "group": lambda f: ["explain", one, f"--whole={f / 'group.png'}"],
    }


def _try(name: str, job: Job, out: Path, disk: Path, rng: Random) -> list[str]:
    """Every fault of a command, in words."""
    log, folder, unbroken = out / "log", disk / name, out / "unbroken"
    status, _ = run(job(unbroken), log)
    if status:
        return [f"{name} fails without any disturbance; see {log}"]
    needed = sum(path.stat().st_size for path in unbroken.rglob("*") if path.is_file())
    faults = []
    for share in _SHARES:
        room = int(needed * share * rng.uniform(0.8, 1))
        with _ballast(disk, room):
            faults += _fails(f"{name} with {100 * share:.0f} %", job, folder, log, "full")
        status, _ = run(job(folder), log)
        faults += [f"{name} does not go on when there is room; see {log}"] if status else []
        faults += differing(unbroken, folder)
        before = _content(folder)
        with _ballast(disk, 0):
            faults += _fails(f"{name} again", job, folder, log, "full", may_succeed=True)
        faults += _lost(before, folder)
        shutil.rmtree(folder)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    faults += _fails(name, job, folder, log, "closed")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    return faults


def _fails(name: str, job: Job, folder: Path, log: Path, why: str, may_succeed: bool = False) -> list[str]:
    """What is wrong with how a command fails that cannot write.

    may_succeed: all that it writes is there already.
    """
    log.unlink(missing_ok=True)
    status, _ = run(job(folder), log)
    if not status and may_succeed:
        return []
    lines = [line for line in log.read_text().splitlines() if line.startswith("error: ")]
    said = " / ".join(lines) or "nothing"
    print(f"| {name} | {why} | {said} |", flush=True)
    faults = [f"{each} is half" for each in half(folder)]
    if (
        not status
        or len(lines) != 1
        or not re.search(_SAYS[why], lines[0])
        or str(folder.name) not in lines[0]
    ):
        faults.append(f"{name}, {why}: status {status}, and it says: {said}; {log.read_text()[-2000:]}")
    return faults


def _content(folder: Path) -> dict[Path, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _lost(before: dict[Path, str], folder: Path) -> list[str]:
    now = _content(folder)
    return [f"{path} is no longer what it was" for path, mark in before.items() if now.get(path) != mark]


@contextmanager
def _ballast(disk: Path, room: int) -> Iterator[None]:
    """Leave so many bytes free on `disk`."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(disk).free - room, 1))
    yield
    ballast.unlink()


@contextmanager
def _disk(path: Path) -> Iterator[Path]:
    path.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


if __name__ == "__main__":
    main()
