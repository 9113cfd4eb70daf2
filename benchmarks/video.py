"""How long films take, where the time goes, and that memory does not grow with their length.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/video.py time
    OMP_NUM_THREADS=1 python benchmarks/video.py memory --minutes 2 20

Films are made from the shipped group photos, a window moving over them. `time` gives processor seconds of the thread
that does the work, so run it on one core, where there are no others. `memory` reads each film in a fresh process with
every output and gives its peak resident memory.
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
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from feroi import film, reading
from feroi.data.groups import group_photos
from feroi.film import FilmSettings
from feroi.photo import tracks
from feroi.photo.video import Pace
from feroi.reader import Reader
from feroi.report import films
from feroi.report.analysis import Tables
from feroi.report.films import Outputs, Readers, write_films

WINDOWS = {
    "1 face, 640x480": (
        480,
        640,
        lambda n: (140 + 60 * math.sin(n / 15), 240 + 20 * math.cos(n / 11)),
        "library",
    ),
    "3 faces, 640x480": (
        480,
        640,
        lambda n: (120 + 110 * math.sin(n / 15), 150 + 10 * math.cos(n / 11)),
        "garden",
    ),
    "5 faces, 1280x720": (
        720,
        1280,
        lambda n: (140 + 100 * math.sin(n / 15), 160 + 10 * math.cos(n / 11)),
        "garden",
    ),
}
SMALL = (240, 320, lambda n: (240 + 40 * math.sin(n / 30), 200 + 20 * math.cos(n / 40)), "library")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("time", "memory", "one"))
    parser.add_argument("--minutes", type=float, nargs="+", default=[2, 20])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--film", type=Path)
    chosen = parser.parse_args()
    if chosen.what == "one":
        read_everything(chosen.film)
        return
    with tempfile.TemporaryDirectory() as folder:
        if chosen.what == "time":
            for name, window in WINDOWS.items():
                spend(name, write(Path(folder) / "film.mp4", window, 25, chosen.seconds), chosen.seconds)
            return
        for minutes in chosen.minutes:
            path = write(Path(folder) / f"{minutes:g}.mp4", SMALL, 10, 60 * minutes)
            command = [sys.executable, __file__, "one", "--film", str(path)]
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
    """Processor time by stage, in ms a frame, and of all together in seconds a second of film."""
    spent: dict[str, float] = defaultdict(float)

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            start = time.thread_time()
            result = function(*arguments, **named)
            spent[stage] += time.thread_time() - start
            return result

        return call

    def timed_frames(*arguments: Any) -> Iterator[Any]:
        frames = real_frames(*arguments)
        while (frame := timed("decode", next)(frames, None)) is not None:
            yield frame

    reader = Reader(threads=1)
    reader.read(next(iter(group_photos())))  # so that models are loaded
    real = film.film_frames, film.detect, film.landmarks, film.prepared, tracks.prepare, reader.forward
    real_frames = real[0]
    film.film_frames, film.detect = timed_frames, timed("detect", film.detect)
    film.landmarks, film.prepared = timed("landmarks", film.landmarks), timed("prepare", film.prepared)
    tracks.prepare = timed("compare", tracks.prepare)
    reader.forward = timed("network", reader.forward)
    faces = frames = 0

    def parts(path: Path, begun: Any) -> Iterator[Any]:
        nonlocal faces, frames
        for part in reader.film_parts(path, FilmSettings(), begun):
            faces += sum(len(photo.faces) for photo in part.frames)
            frames += len(part.frames)
            yield part

    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        films.film_rows, films.as_csv = timed("table", films.film_rows), timed("table", films.as_csv)
        films.FilmDrawer.add = timed("overlay", films.FilmDrawer.add)  # type: ignore[method-assign]
        films.Timelines.add = timed("timeline", films.Timelines.add)  # type: ignore[method-assign]
        start = time.process_time(), time.monotonic()
        outputs = Outputs(Tables(here / "t.csv"), here / "drawn", here / "page.html")
        write_films([path], Readers(parts, lambda path: next(reader.read_many([path]))), outputs, {})
        total, wall = time.process_time() - start[0], time.monotonic() - start[1]
    film.film_frames, film.detect, film.landmarks, film.prepared, tracks.prepare, reader.forward = real
    for module, function in (
        (films, "film_rows"),
        (films, "as_csv"),
        (films.FilmDrawer, "add"),
        (films.Timelines, "add"),
    ):
        setattr(module, function, getattr(module, function).__closure__[0].cell_contents)
    spent["the rest"] = total - sum(spent.values())
    columns = " | ".join(f"{stage} {1000 * value / frames:.1f}" for stage, value in spent.items())
    print(f"{name}: {frames} frames, {faces / frames:.2f} faces a frame; ms a frame: {columns}")
    print(
        f"  processor {total / seconds:.2f} s a second of film, without overlay {(total - spent['overlay']) / seconds:.2f}; wall {wall:.0f} s",
        flush=True,
    )


def read_everything(path: Path) -> None:
    reader, settings = Reader(), FilmSettings(Pace(fps=1), search_s=5.0, smooth_s=1.0)
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        tables = Tables(here / "t.csv", here / "t.jsonl", here / "t.parquet")
        outputs = Outputs(tables, here / "drawn", here / "page.html", smoothed=True)
        readers = Readers(
            lambda path, begun: reader.film_parts(path, settings, begun), reading.analyze_photos
        )
        counts = write_films([path], readers, outputs, {})
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{counts.frames} | {counts.faces} | {peak_mb:.0f} | {time.process_time() - start:.0f}")


if __name__ == "__main__":
    main()
