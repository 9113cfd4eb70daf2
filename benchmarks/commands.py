"""Long commands of feroi, to be run small in processes of their own, and what they leave behind compared.

Commands run in children forked from this process, which has loaded all libraries: so they begin at once.
Needs Linux, and feroi[all].
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image

import feroi
import feroi.network.onnx_export
import feroi.paper.reproduce
import feroi.reader
import feroi.report.figures
import feroi.training.crossval
from feroi.analysis import run as run
from feroi.cli.app import app
from feroi.data.groups import group_photos
from feroi.network.weights import load_tensors

_TINY = ("--network=paper-gap", "--size=16x16", "--recipe=onecycle", "--batch-size=8")
_TIMES = ("seconds", "images_per_s", "processor_seconds", "seconds_per_epoch")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
run._NOTE_EVERY_S = 0.5  # in place of 20 s: how far a video is must be noted in runs that are short

Job = Callable[[Path], list[str]]
"""The words of a command that writes to a folder, which may not exist yet."""


def long_commands(given: Path, facekit: Path | None) -> dict[str, Job]:
    """Commands by name, which read what is put into `given`; `synth` only with a `facekit`."""
    photos, video = _photos(given / "photos"), _video(given / "video.mp4")

    def analyze(source: Path, folder: Path) -> list[str]:
        tables = [f"--{kind}={folder / f't.{kind}'}" for kind in ("csv", "jsonl", "parquet")]
        pictures = f"--overlay={folder / 'drawn'}", f"--report={folder / 'r.html'}"
        return ["analyze", str(source), *tables, *pictures]

    data = f"--data={_faces(given / 'faces')}"
    jobs: dict[str, Job] = {
        "train": lambda f: ["train", data, *_TINY, "--epochs=8", f"--run={f}"],
        "crossval": lambda f: ["crossval", data, *_TINY, "--epochs=2", f"--run={f}"],
        "baseline": lambda f: ["crossval", "--classifier=lbp", data, f"--run={f}"],
        "reproduce": lambda f: [
            *("reproduce", "table5", data, "--networks=paper-gap", *_TINY[1:]),
            *("--epochs=1", "--folds=2", f"--out={f}"),
        ],
        "prepare": lambda f: ["prepare", "folder", str(photos), str(f), "--workers=1"],
        "analyze-video": partial(analyze, video),
        "analyze-photos": partial(analyze, photos),
    }
    if facekit is not None:
        few = ("--subjects=1", "--angles=90", "--gazes=frontal", "--size=142", "--workers=1")
        jobs["synth"] = lambda f: ["synth", str(f), f"--facekit={facekit}", *few]
    return jobs


def run(words: list[str], log: Path, kill_after_s: float | None = None) -> tuple[int, float]:
    """Exit status of a command, -9 if it was killed after so many processor seconds, and how many it took."""
    log.parent.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if not child:
        _be_command(words, log)
    spent_s = 0.0
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        spent_s = _processor_s(child)
        if kill_after_s is not None and spent_s >= kill_after_s:
            os.killpg(child, signal.SIGKILL)
            kill_after_s = None
        time.sleep(0.005)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), spent_s


def _be_command(words: list[str], log: Path) -> None:
    """Become the command, in a process group of its own, and end with it."""
    os.setsid()
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    torch.set_num_threads(1)
    status: Any = 1
    try:
        app(words)
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def _processor_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def differing(unbroken: Path, broken: Path) -> list[str]:
    """In words, which files are not those of the unbroken run, or are not of it at all."""
    one, other = (
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        for folder in (unbroken, broken)
    )
    faults = [f"{broken / path} is missing" for path in one - other]
    faults += [f"{broken / path} is left over" for path in other - one]
    unlike = [path for path in sorted(one & other) if not _same(unbroken / path, broken / path)]
    return faults + [f"{broken / path} differs" for path in unlike]


def _same(one: Path, other: Path) -> bool:
    """Whether two files say the same: byte by byte, but for times, and for what follows in the code."""
    if one.suffix == ".mp4":  # drawn in other pieces, and so compressed differently
        return _times_s(one) == _times_s(other)
    if one.suffix == ".safetensors":  # its library puts the metadata in any order
        (tensors, told), (others, others_told) = load_tensors(one), load_tensors(other)
        alike = all(torch.equal(tensors[name], others[name]) for name in tensors)
        return told == others_told and tensors.keys() == others.keys() and alike
    if one.name == "table5.md":  # its last column is seconds an epoch
        return _rows(one) == _rows(other)
    if one.name == "explained.html":  # below each map is the time it took
        one_page, other_page = (re.sub("<span>[^<]*</span>", "", each.read_text()) for each in (one, other))
        return one_page == other_page
    if one.suffix in (".json", ".jsonl"):
        return list(_told(one)) == list(_told(other))
    return one.read_bytes() == other.read_bytes()


def _told(path: Path) -> Iterator[Any]:
    """The values in JSON, or lines of JSON, without times."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: cleaned(each) for key, each in value.items() if key not in _TIMES}
        return [cleaned(each) for each in value] if isinstance(value, list) else value

    text = path.read_text()
    return (cleaned(json.loads(each)) for each in (text.splitlines() if path.suffix == ".jsonl" else [text]))


def _rows(table: Path) -> list[str]:
    return [line.rpartition(" | ")[0] or line for line in table.read_text().splitlines()]


def _times_s(video: Path) -> list[float]:
    with av.open(str(video)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def half(folder: Path) -> list[Path]:
    """Files under a name of their own that cannot be read; what is told to be unfinished may be."""
    readers: dict[str, Callable[[Path], Any]] = {
        ".json": lambda path: json.loads(path.read_text()),
        ".png": lambda path: Image.open(path).load(),
        ".jpg": lambda path: Image.open(path).load(),
        ".npz": lambda path: [np.load(path)[key] for key in np.load(path).files],
        ".parquet": pq.read_table,
        ".safetensors": load_tensors,
        ".mp4": _times_s,
        ".csv": lambda path: next(csv.reader(path.read_text().splitlines())),
        ".html": lambda path: path.read_text().index("</html>"),
    }
    broken = []
    for path in folder.rglob("*"):
        named = not any(part.startswith(".") or part.endswith(".unfinished") for part in path.parts)
        if path.is_file() and named and path.suffix in readers:
            try:
                readers[path.suffix](path)
            except Exception:  # whatever it is
                broken.append(path)
    return broken


def _faces(folder: Path) -> Path:
    """Thirty-five of the shipped faces, of five people, under RaFD's names."""
    folder.mkdir(parents=True, exist_ok=True)
    shipped = _shipped()
    people = sorted({path.name.split("_")[1] for path in shipped})[::4]
    for path in shipped:
        if path.name.split("_")[1] in people:
            shutil.copy2(path, folder)
    return folder


def _photos(folder: Path) -> Path:
    """Eight photos of a face, in a folder an expression."""
    for path in _shipped()[:28]:
        expression = path.stem.split("_")[4]
        if expression in ("angry", "happy"):
            target = folder / expression / f"{path.stem}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.open(path).resize((250, 320)).save(target)
    return folder


def _shipped() -> list[Path]:
    return sorted(Path(feroi.__file__).parent.glob("data/embedded/frontal/*_frontal.jpg"))


def _video(path: Path) -> Path:
    """A pan over a part of a group photo: 16 frames of 320x240 px with a face."""
    photo = np.asarray(Image.open(next(iter(group_photos()))).convert("RGB"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=12)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(16):
            cut = photo[390:630, 580 + 6 * number : 900 + 6 * number]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(cut))))
        container.mux(stream.encode(None))
    return path
