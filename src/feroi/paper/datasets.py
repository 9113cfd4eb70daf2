"""The data of the paper's protocols, from the folders people have (sections 4.1 and 4.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.data.decoded import decode
from feroi.data.prepare import HALF_POSE_HW, RAFD_HW, Box, prepare_dataset
from feroi.data.readers import PREPARATION, dataset_path, read_dataset
from feroi.data.samples import TRAINING, Samples, pipeline_of
from feroi.photo.align import FER_HW, POSE_HW, crop_fixed
from feroi.photo.decode import cover, read_intensity
from feroi.photo.geometry import FRAME_HW
from feroi.photo.illumination import normalize_light

Progress = Callable[[int, int], None]

_RAFD_PROTOCOLS = {
    RAFD_HW: ("front", "pose"),
    FRAME_HW: ("front",),
    POSE_HW: ("pose",),
    HALF_POSE_HW: ("pose",),
}
_PROVENANCE = "provenance.json"  # of `feroi synth`

FER2013_FRONT_BOX_XYXY_PX = (4.3, 3.2, 43.9, 53.9)
"""Ours: the part of FER-2013's 48x48 px that `front` would show, as `align.crop_fixed` counts px. It brings
the median centres of the eyes and of the mouth's corners, over 373 of 400 training images drawn at random, as
close to their places in the frontal frame as scale and shift can; see docs/results/registration.md."""


class Data(NamedTuple):
    """The faces a protocol runs on.

    what: which they are, in a few words. synthetic: whether they are known to be rendered.
    """

    samples: Samples
    what: str
    synthetic: bool


def find_data(
    paths: Sequence[Path],
    out: Path,
    wanted: Sequence[str],
    workers: int | None,
    on_progress: Progress,
    landmarks: str = "face-mesh",
    check: Callable[[Collection[str]], None] = lambda keys: None,
    box_xyxy_px: Box | None = None,
) -> dict[str, Data]:
    """The data of those `wanted` protocols (keys of `paper.PROTOCOLS`) that `paths` can serve.

    paths: RaFD, as photos, prepared, or rendered; SFEW 2.0, as photos or prepared; FER-2013.
    landmarks: by which photos are prepared, a name in `photo.landmarks.MODELS`. check: given the keys that
        can be served, before anything is prepared. box_xyxy_px: cut from RaFD's photos for `pose`, as
        `prepare_dataset` takes it.
    Photos are prepared, and the light of faces cut already is normalised, into `out/prepared`,
    where they are found the next time. FER-2013 is returned as it is, under the key "fer2013".

    Raises ValueError if a path is none of these, if two serve one protocol, or if none is served.
    """
    sources: dict[str, tuple[Path, Samples]] = {}
    for path in paths:
        path = dataset_path(path)
        samples = read_dataset(path)
        for key in _serves(path, samples):
            if key not in (*wanted, "fer2013"):
                continue
            if key in sources:
                raise ValueError(f"two of the data sets serve {key}: {sources[key][0]} and {path}; give one")
            sources[key] = path, samples
    if not set(wanted) - {"sfew-fer2013"} & set(sources):
        given = ", ".join(map(str, paths))
        raise ValueError(
            f"nothing in {given} serves {', '.join(wanted)}: front and pose need RaFD (photos, or pictures "
            f"of `feroi synth`, --crop front for the one and 284 px for the other), sfew needs SFEW 2.0"
        )
    check(sources)
    return {
        key: _prepared(
            path,
            samples,
            key,
            out / "prepared" / key,
            workers,
            landmarks,
            box_xyxy_px if key == "pose" else None,
            on_progress,
        )
        for key, (path, samples) in sources.items()
    }


def join_fer2013(sfew: Samples, fer2013: Samples, stored_hw: tuple[int, int]) -> Samples:
    """SFEW with all of FER-2013 in its training split, as the paper trains (section 4.1).

    FER-2013 shows faces cut already, 48 px a side: the paper does not say that it aligned them. Here
    one box (FER2013_FRONT_BOX_XYXY_PX) is enlarged from each to SFEW's 125x160, so that eyes and mouth lie on
    average where `front` puts them, and its light is normalised as SFEW's is. Faces are not aligned one by
    one. The box ends 6 px below the picture, whose last row goes on. They then count as prepared by
    `front`, and a network trained on both is read with `front`, as SFEW is.
    Raises ValueError unless SFEW was prepared by `front`.
    """
    if pipeline_of(sfew) != "front":
        raise ValueError("SFEW must be prepared by front, as feroi prepare sfew does")
    decoded = decode(fer2013, FER_HW)
    attributes = {"source": "FER-2013", "split": TRAINING, "pipeline": "front"}
    external = (
        replace(row, image=cover(normalize_light(_as_front(pixels)), stored_hw), attributes=attributes)
        for row, pixels in zip(decoded.samples, decoded.pixels, strict=True)
    )
    return Samples([*sfew, *external])


def _as_front(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What `front` would show of a picture of FER-2013 (48, 48): (160, 125)."""
    return crop_fixed(picture, FER2013_FRONT_BOX_XYXY_PX, FRAME_HW)


def _serves(path: Path, samples: Samples) -> tuple[str, ...]:
    source, pipeline = samples[0].attributes.get("source"), pipeline_of(samples)
    if source == "FER-2013":
        return ("fer2013",)
    if source == "SFEW" and pipeline in (None, "front"):
        return ("sfew",)
    if source == "RaFD" and pipeline in ("front", "pose"):
        return (pipeline,)
    if source == "RaFD" and pipeline is None:
        image = samples[0].image
        shape = (read_intensity(image) if isinstance(image, Path) else image).shape
        if shape in _RAFD_PROTOCOLS:
            return _RAFD_PROTOCOLS[shape]
        raise ValueError(
            f"the pictures of {path} have {shape[1]}x{shape[0]} px; expected RaFD's photos of 681x1024, or "
            f"faces cut to 125x160 (FRONT) or 284x284 (POSE)"
        )
    raise ValueError(
        f"{path} is none of RaFD, SFEW and FER-2013, whose protocols are the paper's "
        f"(its source is {source!r}, its pipeline {pipeline!r}); feroi crossval takes any data set"
    )


def _prepared(
    path: Path,
    samples: Samples,
    key: str,
    dst: Path,
    workers: int | None,
    landmarks: str,
    box_xyxy_px: Box | None,
    on_progress: Progress,
) -> Data:
    synthetic = _synthetic(path)
    if key != "fer2013" and pipeline_of(samples) is None:
        kind = "sfew" if key == "sfew" else f"rafd-{key}"
        samples = prepare_dataset(path, dst, kind, None, workers, on_progress, landmarks, box_xyxy_px).samples
    subjects = len(set(samples.subjects) - {None})
    what = f"{len(samples)} images" + (f" of {subjects} subjects" if subjects else "")
    return Data(samples, f"{synthetic or path.name}, {what}", bool(synthetic))


def _synthetic(path: Path) -> str:
    """What is known of faces that were rendered; nothing if they are not known to be."""
    if (path / PREPARATION).is_file():
        source = json.loads((path / PREPARATION).read_text(encoding="utf-8")).get("source")
        return _synthetic(Path(source)) if source and Path(source) != path else ""
    if not (path / _PROVENANCE).is_file():
        return ""
    told = json.loads((path / _PROVENANCE).read_text(encoding="utf-8"))
    return f"synthetic faces ({told.get('difficulty', 'difficulty unknown')}, seed {told.get('seed', '?')})"
