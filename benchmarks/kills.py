"""Kill long commands with SIGKILL at random moments, give the same command again, and compare the ends.

python benchmarks/kills.py --kills 30 --out kills [--jobs train,prepare,...] [--facekit DIR]

Every job is run twice undisturbed. Then it is run again and again, its whole process group killed at a
moment drawn uniformly from the processor time of an undisturbed run, until it is done; done before it was
killed often enough, it begins anew in another folder. After every kill, whatever has a name of its own must
be whole; at the end, every file must be that of the undisturbed run, byte by byte but for what
`commands.differing` lets pass. Prints a table. Exit status 1 if anything differs, is left over, or is half.
Needs what `commands.py` needs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
from pathlib import Path
from random import Random
from typing import NamedTuple

from commands import Job, differing, half, long_commands, run


class Found(NamedTuple):
    """What came of one job.

    whole_s: processor time undisturbed. runs: carried to their end. leftovers: temporary files found right
    after kills, one that is met again counted again. faults: what was wrong, in words.
    """

    name: str
    whole_s: float
    kills: int
    runs: int
    leftovers: int
    faults: list[str]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--kills", type=int, default=30, help="of each job")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--out", type=Path, default=Path("kills"))
    arguments.add_argument("--jobs", help="names with commas; all if left out")
    arguments.add_argument("--facekit", type=Path, help="ICT-FaceKit, without which `synth` is left out")
    chosen = arguments.parse_args()
    os.environ["XDG_CACHE_HOME"] = str(chosen.out.absolute() / "cache")
    jobs = long_commands(chosen.out.absolute() / "given", chosen.facekit)
    names = chosen.jobs.split(",") if chosen.jobs else list(jobs)
    faults = []
    print("| command | processor seconds, undisturbed | kills | runs to the end | leftovers met | faults |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in names:
        rng = Random(f"{chosen.seed} {name}")
        found = _try(name, jobs[name], chosen.out.absolute() / name, chosen.kills, rng)
        faults += found.faults
        row = (name, f"{found.whole_s:.0f}", found.kills, found.runs, found.leftovers, len(found.faults))
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    print("\n".join(faults))
    raise SystemExit(1 if faults else 0)


def _try(name: str, job: Job, out: Path, kills: int, rng: Random) -> Found:
    unbroken = out / "unbroken"
    _run(job, unbroken)  # fills the caches
    whole_s = _run(job, out / "again")
    assert whole_s is not None
    faults = differing(unbroken, out / "again")
    killed = runs = leftovers = 0
    while killed < kills:
        broken = out / f"broken-{runs}"
        while _run(job, broken, rng.uniform(0, whole_s) if killed < kills else None) is None:
            killed += 1
            leftovers += len(list(broken.rglob(".feroi-*")))
            faults += [f"{each} is half after kill {killed}" for each in half(broken)]
        runs += 1
        faults += differing(unbroken, broken)
        shutil.rmtree(broken)
    return Found(name, whole_s, killed, runs, leftovers, faults)


def _run(job: Job, folder: Path, kill_after_s: float | None = None) -> float | None:
    """Processor seconds of the command; None if it was killed. Raises SystemExit if it failed."""
    log = folder.parent / "log"
    status, spent_s = run(job(folder), log, kill_after_s)
    if status == -signal.SIGKILL:
        return None
    if status:
        raise SystemExit(f"{' '.join(job(folder))} failed; see {log}")
    return spent_s


if __name__ == "__main__":
    main()
