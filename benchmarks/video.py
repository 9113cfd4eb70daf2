"""How long videos take, where the time goes, and that memory does not grow with their length.

    OMP_NUM_THREADS=1 python benchmarks/video.py time
    OMP_NUM_THREADS=1 python benchmarks/video.py memory --minutes 2 20

Videos are made from the shipped group photos, a window moving over them. `time` writes a table and a page,
then also an overlay; the processor time of a stage is that of the thread that does it, and what threads of the
detector and of FFmpeg add stands under the rest. `memory` reads each video in a fresh process with every output
and gives its peak resident memory.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import av
import numpy as np
from PIL import Image

from feroi import video as video
from feroi.analysis import run as run
from feroi.analysis import tables as tables
from feroi.analysis.run import Counts, Outputs, Readers, write_analysis
from feroi.analysis.tables import Tables
from feroi.data.groups import group_photos
from feroi.photo import tracks
from feroi.photo.video import Pace
from feroi.reader import Reader
from feroi.video import VideoOptions

WINDOWS = {
    "1 face, 480x400": (
        400,
        480,
        lambda n: (130 + 30 * math.sin(n / 15), 140 + 20 * math.cos(n / 11)),
        "library",
    ),
    "3 faces, 640x480": (
        480,
        640,
        lambda n: (80 + 60 * math.sin(n / 15), 150 + 10 * math.cos(n / 11)),
        "garden",
    ),
    "9 faces, 1280x720": (
        720,
        1280,
        lambda n: (140 + 30 * math.sin(n / 15), 170 + 5 * math.cos(n / 11)),
        "garden",
    ),
}
SMALL = (240, 320, lambda n: (240 + 40 * math.sin(n / 30), 200 + 20 * math.cos(n / 40)), "library")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("time", "memory", "one"))
    parser.add_argument("--minutes", type=float, nargs="+", default=[2, 20])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--video", type=Path)
    chosen = parser.parse_args()
    if chosen.what == "one":
        read_everything(chosen.video)
        return
    with tempfile.TemporaryDirectory() as folder:
        if chosen.what == "time":
            for name, window in WINDOWS.items():
                spend(name, write(Path(folder) / "video.mp4", window, 25, chosen.seconds), chosen.seconds)
            return
        for minutes in chosen.minutes:
            path = write(Path(folder) / f"{minutes:g}.mp4", SMALL, 10, 60 * minutes)
            command = [sys.executable, __file__, "one", "--video", str(path)]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            print(f"| {minutes:g} | {found} |", flush=True)


def write(path: Path, window: Any, fps: int, seconds: float) -> Path:
    """A window moving over a group photo, in H.264."""
    height, width, corner, name = window
    photo = next(path for path in group_photos() if path.stem == name)
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for number in range(round(fps * seconds)):
            x, y = map(round, corner(25 * number / fps))
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(pixels[y : y + height, x : x + width]), format="rgb24"
            )
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def spend(name: str, path: Path, seconds: float) -> None:
    """Processor time of each stage in ms a frame, and of all a second of video, without and with an overlay."""
    spent: dict[str, float] = defaultdict(float)
    calls: dict[str, int] = defaultdict(int)

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            start = time.thread_time()
            result = function(*arguments, **named)
            spent[stage] += time.thread_time() - start
            calls[stage] += 1
            return result

        return call

    def timed_frames(*arguments: Any) -> Iterator[Any]:
        frames, take = real_frames(*arguments), timed("decode", next)
        while (frame := take(frames, None)) is not None:
            yield frame

    reader, real_frames, real_read = Reader(threads=1), video.video_frames, video.read_found
    reader.read(next(iter(group_photos())))  # so that models are loaded
    with ExitStack() as stack:
        for place, attribute, stage in (
            (video, "detect", "detect"), (video, "locate", "landmarks"), (video, "prepared", "prepare"),
            (tracks, "_small", "compare"), (reader, "forward", "network"), (run, "video_rows", "write"),
            (tables, "as_csv", "write"),
        ):  # fmt: skip
            function = getattr(place, attribute)
            stack.enter_context(patch.object(place, attribute, timed(stage, function)))
        stack.enter_context(patch.object(video, "video_frames", timed_frames))
        read_all = timed("network and regions", lambda *given: list(real_read(*given)))
        stack.enter_context(patch.object(video, "read_found", read_all))
        counts, plain, wall = work(path, reader, None)
    spent["regions"] = spent.pop("network and regions") - spent["network"]
    shares = dict(spent)
    shares["the rest"] = plain - sum(spent.values())
    with tempfile.TemporaryDirectory() as folder:
        _, drawn, _ = work(path, reader, Path(folder))
    stages = ", ".join(f"{stage} {1000 * value / counts.frames:.1f}" for stage, value in shares.items())
    print(
        f"{name}: {counts.frames} frames, {counts.faces} faces, {calls['detect']} searches\n"
        f"  ms a frame: {stages}\n"
        f"  processor s a second of video: {plain / seconds:.2f}, with overlay {drawn / seconds:.2f}; "
        f"wall {wall / seconds:.2f}",
        flush=True,
    )


def work(path: Path, reader: Reader, overlays: Path | None) -> tuple[Counts, float, float]:
    """What was found, and the seconds of processor and wall that reading and writing took."""
    readers = Readers(
        reader.read_many,
        lambda path, begun: reader.video_parts(path, VideoOptions(), begun),
    )
    with tempfile.TemporaryDirectory() as folder:
        outputs = Outputs(Tables(Path(folder) / "t.csv"), overlays, Path(folder) / "page.html")
        start = time.process_time(), time.monotonic()
        counts = write_analysis([path], readers, outputs, {})
        return counts, time.process_time() - start[0], time.monotonic() - start[1]


def read_everything(path: Path) -> None:
    reader, settings = Reader(), VideoOptions(Pace(fps=1), search_s=5.0, smooth_s=1.0)
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        tables = Tables(here / "t.csv", here / "t.jsonl", here / "t.parquet")
        outputs = Outputs(tables, here / "drawn", here / "page.html", smoothed=True)
        readers = Readers(
            reader.read_many,
            lambda path, begun: reader.video_parts(path, settings, begun),
        )
        counts = write_analysis([path], readers, outputs, {})
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{counts.frames} | {counts.faces} | {peak_mb:.0f} | {time.process_time() - start:.0f}")


if __name__ == "__main__":
    main()
