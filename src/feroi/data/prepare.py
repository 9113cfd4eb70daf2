"""A data set of photos to a folder of prepared faces (section 4.2).

The folder holds a crop for every photo in which a face was found, under the photo's own relative
name; samples.csv, so that the folder is a data set again, with subjects and splits; rejected.csv,
the photos left out and why; contact.png, to look at; preparation.json, what made it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import feroi
from feroi.config import PIPELINES, Pipeline
from feroi.data.contact import draw_contact_sheet
from feroi.data.decoded import Rejected, write_rejected
from feroi.data.readers import PREPARATION, TABLE, dataset_path, read_dataset
from feroi.data.samples import Broken, Sample, Samples, write_table
from feroi.files import atomic_path, open_run
from feroi.inference import usable_cores
from feroi.photo.align import POSE_HW, RAFD_POSE_BOX_XYXY_PX, crop_fixed
from feroi.photo.crop import prepare
from feroi.photo.decode import cover, read_photo, to_intensity
from feroi.photo.detect import biggest, check_detector, detect
from feroi.photo.geometry import FRAME_HW
from feroi.photo.illumination import normalize_light
from feroi.photo.landmarks import check_model, locate

REJECTED = "rejected.csv"
CONTACT = "contact.png"

RAFD_HW = (1024, 681)
CROP_HW: Mapping[Pipeline, tuple[int, int]] = {
    "front": FRAME_HW,
    "pose": POSE_HW,
    "wild": (160, 160),  # so that a network of 112x144 is shown no enlarged face
}
"""Height and width of the crops in px."""
Box = tuple[float, float, float, float]
HALF_POSE_HW = (142, 142)
"""Of the shipped faces in poses, which show what RaFD-POSE's 284x284 px do."""


class Preparation(NamedTuple):
    """How the faces of a data set are made.

    layout: as in `readers.read_dataset`.
    detector: a name in `photo.detect.DETECTORS`, of whose faces the biggest is kept; None for the
        fixed box of RaFD-POSE, which needs none.
    landmarks: a name in `photo.landmarks.MODELS`.
    keep_turned: whether `front` aligns faces turned too far in the plane, or rejects them; as `crop.prepare`.
        The paper rejects images of SFEW without a face box alone.
    box_xyxy_px: the fixed box of RaFD-POSE, as `align.crop_fixed` takes it.
    """

    layout: str
    pipeline: Pipeline
    detector: str | None
    landmarks: str = "face-mesh"
    keep_turned: bool = False
    box_xyxy_px: Box = RAFD_POSE_BOX_XYXY_PX


PREPARATIONS: Mapping[str, Preparation] = {
    "rafd-front": Preparation("rafd", "front", "hog"),
    "rafd-pose": Preparation("rafd", "pose", None),
    "sfew": Preparation("sfew", "front", "hog", keep_turned=True),
    "folder": Preparation("auto", "wild", "yunet"),
}


class Prepared(NamedTuple):
    """A data set that was prepared.

    samples: as in samples.csv. rejected: as in rejected.csv.
    made: how many of the samples were not there before.
    """

    samples: Samples
    rejected: list[Rejected]
    made: int


class _Task(NamedTuple):
    photo: Path
    crop: Path
    how: Preparation


def prepare_dataset(
    src: Path,
    dst: Path,
    kind: str,
    pipeline: str | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, todo: None,
    landmarks: str = "face-mesh",
    box_xyxy_px: Box | None = None,
) -> Prepared:
    """Prepare the photos of `src` into the folder `dst`, or go on with what was begun there.

    src: a folder, or the name of shipped faces (`data.readers.EMBEDDED_FOLDERS`).
    kind: a name in PREPARATIONS; of `rafd-front` only frontal photos (pose 090) are taken.
    pipeline: instead of `wild`, for the kind `folder` alone.
    workers: processes at work, by default one a core.
    on_progress: told how many of the photos to do are done.
    landmarks: a name in `photo.landmarks.MODELS`.
    box_xyxy_px: the box cut from each photo, for the kind `rafd-pose` alone; None for RAFD_POSE_BOX_XYXY_PX.

    Crops that are there, and not older than their photo, are not made again; rejected photos are
    tried again. Raises LayoutError if `src` is laid out in another way; ValueError if it is prepared
    already, if `dst` holds anything else or lies within `src`, or if no photo shows a face.
    """
    how = _preparation(kind, pipeline)._replace(landmarks=landmarks)
    if box_xyxy_px is not None:
        how = how._replace(box_xyxy_px=_pose_box(kind, box_xyxy_px))
    check_model(landmarks)
    if how.detector is not None:
        check_detector(how.detector)
    workers = usable_cores() if workers is None else workers
    if workers < 1:
        raise ValueError(f"there must be at least 1 worker, got {workers}")
    src = dataset_path(src)
    samples = _photos(src, kind, how)
    _check_apart(src, dst)
    names = _crop_names(samples)
    _check_empty(dst)
    asked = {
        "kind": kind,
        **how._asdict(),
        "box_xyxy_px": list(how.box_xyxy_px),
        "source": str(src.resolve()),
    }
    with open_run(dst / PREPARATION, {**asked, "feroi": feroi.__version__}, asked):
        photos = {dst / name: row.image for name, row in zip(names, samples, strict=True)}
        tasks = [_Task(photo, crop, how) for crop, photo in photos.items() if isinstance(photo, Path)]
        todo = [task for task in tasks if not _is_made(task)]
        reasons = _make_all(todo, min(workers, len(todo)), on_progress)
        failed = {task.crop: reason for task, reason in zip(todo, reasons, strict=True) if reason is not None}
        prepared, rejected = _write_tables(samples, names, failed, how.pipeline, dst)
        return Prepared(prepared, rejected, len(todo) - len(failed))


def prepare_photo(photo: NDArray[np.uint8], how: Preparation) -> NDArray[np.uint8]:
    """The biggest face of `photo` (H, W, 3), or what RaFD-POSE's box holds, as uint8 of CROP_HW.

    A picture under RaFD's name that has CROP_HW already, as `feroi synth` renders them, is cut and
    aligned: only its light is normalised. One of HALF_POSE_HW is enlarged to RaFD-POSE's before.
    Raises ValueError with the reason if there is none.
    """
    intensity = to_intensity(photo)
    if how.detector is None and intensity.shape == HALF_POSE_HW:
        intensity = cover(intensity, CROP_HW["pose"])
    if how.layout == "rafd" and intensity.shape == CROP_HW[how.pipeline]:
        return normalize_light(intensity)
    if how.detector is None:
        if intensity.shape != RAFD_HW:
            height, width = intensity.shape
            raise ValueError(f"{width}x{height} px, and the box is for RaFD's {RAFD_HW[1]}x{RAFD_HW[0]}")
        return normalize_light(crop_fixed(intensity, how.box_xyxy_px, CROP_HW[how.pipeline]))
    face = biggest(detect(photo, how.detector))
    if face is None:
        raise ValueError("no face")
    (points,) = locate(photo, [face.frame], how.landmarks)
    return prepare(intensity, points, how.pipeline, CROP_HW[how.pipeline], how.keep_turned).image


def _preparation(kind: str, pipeline: str | None) -> Preparation:
    if kind not in PREPARATIONS:
        raise ValueError(f"cannot prepare {kind!r}; choose one of {', '.join(PREPARATIONS)}")
    how = PREPARATIONS[kind]
    if pipeline is None:
        return how
    if kind != "folder":
        raise ValueError(f"{kind} is always prepared by {how.pipeline}; choose a pipeline only for folder")
    for known in PIPELINES:
        if pipeline == known:
            return how._replace(pipeline=known)
    raise ValueError(f"unknown pipeline {pipeline!r}; choose one of {', '.join(PIPELINES)}")


def _pose_box(kind: str, box_xyxy_px: Box) -> Box:
    """The box, of floats. Raises ValueError unless it lies on RaFD's photos, and `kind` cuts one."""
    if kind != "rafd-pose":
        raise ValueError(f"a box is cut by rafd-pose alone, not by {kind}, which looks for the face")
    crop_fixed(np.zeros(RAFD_HW, np.uint8), box_xyxy_px)
    x0, y0, x1, y1 = (float(side) for side in box_xyxy_px)
    return x0, y0, x1, y1


def _photos(src: Path, kind: str, how: Preparation) -> Samples:
    samples = read_dataset(src, how.layout)
    if kind == "rafd-front":
        samples = samples.where(lambda row: row.attributes["pose"] == "090")
        if not len(samples):
            raise ValueError(f"no frontal photo (Rafd090_...) below {src}")
    prepared = sorted({name for name in samples.attribute("pipeline") if name})
    if prepared:
        raise ValueError(f"{src} holds faces prepared already ({', '.join(prepared)}); give the photos")
    return samples


def _check_apart(src: Path, dst: Path) -> None:
    """Raises ValueError if photos and crops would lie among each other."""
    photos, crops = (src if src.is_dir() else src.parent).resolve(), dst.resolve()
    if photos.is_relative_to(crops) or crops.is_relative_to(photos):
        raise ValueError(
            f"the folder of the photos, {photos}, and that of the faces, {crops}, must not lie within "
            f"each other; choose another folder for the faces"
        )


def _crop_names(samples: Samples) -> list[str]:
    """Names of the photos, ending in .png; where two differ by their suffix alone, after it."""
    photos = [PurePosixPath(row.name) for row in samples]
    for photo in photos:
        if not photo.name or photo.is_absolute() or ".." in photo.parts:
            raise ValueError(
                f"{str(photo)!r:.200} is no file below the table's own folder, so its face has no place; "
                f"put samples.csv above all photos, with names relative to it"
            )
    alike = Counter(photo.with_suffix(".png") for photo in set(photos))
    return [str(p.with_suffix(".png") if alike[p.with_suffix(".png")] == 1 else f"{p}.png") for p in photos]


def _check_empty(dst: Path) -> None:
    """Raises ValueError if there is anything but a preparation in `dst`."""
    if dst.is_file():
        raise ValueError(f"{dst} is a file; give a folder for the prepared faces")
    begun = (dst / PREPARATION).is_file() or not dst.is_dir()
    if not begun and any(not each.name.startswith(".") for each in dst.iterdir()):
        raise ValueError(f"{dst} holds something else already; choose a new or an empty folder")


def _write_tables(
    samples: Samples, names: Sequence[str], failed: Mapping[Path, str], pipeline: str, dst: Path
) -> tuple[Samples, list[Rejected]]:
    """Sort `samples` by whether their crops, called `names`, failed, and write what is in `dst`."""
    prepared, rejected = [], []
    for row, name in zip(samples, names, strict=True):
        crop = dst / name
        if isinstance(row.image, Broken):
            rejected.append(Rejected(row.name, row.image.reason))
        elif crop in failed:
            rejected.append(Rejected(row.name, failed[crop]))
        else:
            attributes = {**row.attributes, "pipeline": pipeline}
            prepared.append(Sample(crop, name, row.expression, row.subject, attributes))
    write_rejected(rejected, dst / REJECTED)
    if not prepared:
        raise ValueError(
            f"not one of {len(samples)} photos could be prepared; {rejected[0].name}: {rejected[0].reason}"
        )
    table = Samples(prepared)
    draw_contact_sheet(table, dst / CONTACT)
    write_table(table, dst / TABLE)  # last: with it the folder is a data set
    return table, rejected


def _is_made(task: _Task) -> bool:
    try:
        return task.crop.stat().st_mtime_ns >= task.photo.stat().st_mtime_ns
    except OSError:  # one of them is missing
        return False


def _make_all(
    tasks: Sequence[_Task], workers: int, on_progress: Callable[[int, int], None]
) -> list[str | None]:
    """For every task None, or why it has no crop."""
    if workers <= 1:
        return _listen(map(_make, tasks), len(tasks), on_progress)
    # Not forked: the terminal's thread is running, and a fork would copy its locks as they stand.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=_begin_worker)
    try:
        return _listen(pool.map(_make, tasks), len(tasks), on_progress)
    except BrokenProcessPool:
        raise RuntimeError(
            "a worker was killed, perhaps for want of memory; the same command resumes, "
            "and needs less memory with fewer --workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _listen(
    reasons: Iterable[str | None], todo: int, on_progress: Callable[[int, int], None]
) -> list[str | None]:
    heard = []
    for reason in reasons:
        heard.append(reason)
        on_progress(len(heard), todo)
    return heard


def _make(task: _Task) -> str | None:
    """Make the crop of one photo; the reason if there is none."""
    try:
        crop = prepare_photo(read_photo(task.photo), task.how)
    except ValueError as error:
        return str(error)
    with atomic_path(task.crop) as temporary:
        Image.fromarray(crop).save(temporary)
    return None


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent, and leave with it: its death alone would not be noticed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
