"""Hold a reader to what it owes to files from strangers, on files that a coverage-guided fuzzer makes up.

    python fuzz/run.py images --seconds 600

READER is one of READERS in readers.py. Needs atheris (pip install atheris) beside feroi[dev]. A reader
that raises anything but its documented error, or takes more than 5 s or more than 3 GB, is a find: the
smallest input is kept in fuzz/found/READER, one for each place in the code, and the run goes on. Copy it to
tests/corpus/READER when the reader is mended.

Branches are those of Python. FFmpeg's are not seen, so for videos each kind of line it would log counts as one.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
SECONDS_AN_INPUT, MEGABYTES = 5, 3000
KINDS_OF_LINES = 4000


def main() -> None:
    """Fuzz until the time is up, beginning anew when an input has killed the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--once", action="store_true", help="do not begin anew")
    asked = parser.parse_args()
    if asked.once:
        fuzz(asked.reader, asked.seconds)
        return
    ends, runs, covered, killed = time.monotonic() + asked.seconds, 0, 0, 0
    while (left := round(ends - time.monotonic())) > 0:
        again = [sys.executable, __file__, asked.reader, "--once", "--seconds", str(left)]
        done = subprocess.run(again, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        said = re.findall(r"^#(\d+)\s.*?cov: (\d+)", done.stderr, re.MULTILINE)
        runs += int(said[-1][0]) if said else 0
        covered = max([covered, *(int(each[1]) for each in said)])
        if done.returncode:
            killed += 1
            print(done.stderr[-3000:])
        if not said:
            sys.exit(f"nothing was run:\n{done.stderr[-3000:]}")
    print(f"{asked.reader}: {runs} inputs in {asked.seconds} s, {covered} branches reached, {killed} kills")


def fuzz(name: str, seconds: int) -> None:
    """One process of the fuzzer; a Python error does not end it."""
    import atheris

    with atheris.instrument_imports(include=["feroi", "PIL", "json", "csv"]):
        sys.path.insert(0, str(HERE))
        readers = import_module("readers")
    corpus, found = HERE / "found" / name / "corpus", HERE / "found" / name
    corpus.mkdir(parents=True, exist_ok=True)
    kept = HERE.parent / "tests" / "corpus" / name
    for seed in [*readers.seeds(name), *(path.read_bytes() for path in kept.glob("*"))]:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    seen: Counter[str] = Counter()
    heard = _ffmpeg_heard() if name == "videos" else nullcontext
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"

        def try_one(content: bytes) -> None:
            try:
                with heard():
                    readers.check(name, content, Path(scratch, "there"))
            except Exception as error:
                _keep(error, content, found, seen)

        flags = [f"-max_total_time={seconds}", f"-timeout={SECONDS_AN_INPUT}", f"-rss_limit_mb={MEGABYTES}",
                 f"-artifact_prefix={found}/", "-max_len=12288", "-len_control=0"]  # fmt: skip
        atheris.Setup([sys.argv[0], *flags, str(corpus)], try_one)
        atheris.Fuzz()


def _ffmpeg_heard() -> Callable[[], AbstractContextManager[None]]:
    """A block in which each kind of line that FFmpeg logs is reported as a branch that was reached."""
    import atheris
    import av.logging

    av.logging.set_level(av.logging.VERBOSE)
    av.logging.set_skip_repeated(False)
    av.logging.set_level = lambda level: None  # the reader would silence it
    free = iter([atheris._reserve_counter() for _ in range(KINDS_OF_LINES)])
    branches: dict[str, int | None] = {}

    @contextmanager
    def heard() -> Iterator[None]:
        with av.logging.Capture() as lines:
            yield
        for _, part, text in lines:
            kind = re.sub(r"\W|\d|0x\w+", "", f"{part} {text}")[:60]
            if kind not in branches:
                branches[kind] = next(free, None)
            if branches[kind] is not None:
                atheris._trace_branch(branches[kind])

    return heard


def _keep(error: Exception, content: bytes, found: Path, seen: Counter[str]) -> None:
    """Keep the smallest input for each place in the code that an error came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "feroi" in frame.filename or "readers" in frame.filename]
    place = f"{type(error).__name__}-{Path(ours[-1].filename).stem}-{ours[-1].lineno}"
    smallest = found / place
    if not smallest.exists() or smallest.stat().st_size > len(content):
        smallest.write_bytes(content)
    seen[place] += 1
    if seen[place] == 1:
        print(f"find: {place}: {error!r:.300}", flush=True)


if __name__ == "__main__":
    main()
