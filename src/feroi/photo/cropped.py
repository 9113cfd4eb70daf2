"""The landmarks of a face that has been cut out of its photo already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.photo.align import FER_HW, POSE_HW
from feroi.photo.detect import Face, biggest, detect_cnn
from feroi.photo.geometry import FRAME_HW, frame_px, generic_face
from feroi.photo.landmarks import frame_of, landmarks
from feroi.photo.prepare import prepare

START_SIZES = (0.9, 1.15)
"""The fit starts from two frames, this much smaller and larger than the face's own."""
LARGEST_DISAGREEMENT = 0.15
"""Of the distance between the eyes: fits that end further apart than this have not found the face."""

Floats = NDArray[np.float64]


def cropped_landmarks(image: NDArray[np.uint8], pipeline: str | None) -> Floats | None:
    """The landmarks (68, 2) of the face in a prepared crop (H, W), or None where they cannot be trusted.

    pipeline: how the crop was prepared, which says where its face should be; None if nobody knows.
    Two fits from different frames must agree: first about the place where the pipeline puts a face, then
    where a detector finds one. On 48 px of a profile, or of a face behind hands, they do not.
    """
    found = None
    if pipeline is not None:
        found = _agreed(image, _framed(pipeline, (image.shape[0], image.shape[1])))
    if found is None:
        rim = max(image.shape) // 3  # tight crops: the detector's box reaches beyond them
        wider = np.pad(image, rim, mode="edge")
        face = biggest(detect_cnn(wider))
        if face is not None:
            x0, y0, x1, y1 = face.box_xyxy_px
            found = _agreed(wider, ((x0 + x1) / 2, (y0 + y1) / 2, face.area_px**0.5))
            found = None if found is None else found - rim
    return found


def _agreed(image: NDArray[np.uint8], frame: tuple[float, float, float]) -> Floats | None:
    """The mean of two fits about `frame` (centre x, y and side), or None if they differ."""
    x, y, side = frame
    first, second = (
        landmarks(image, Face((x - half, y - half, x + half, y + half), 0.0))
        for half in (size * side / 2 for size in START_SIZES)
    )
    mean = (first + second) / 2
    between_eyes = float(np.hypot(*(mean[36:42].mean(0) - mean[42:48].mean(0))))
    apart = float(np.hypot(*(first - second)[17:].T).mean())
    return mean if apart < LARGEST_DISAGREEMENT * between_eyes else None


def _framed(pipeline: str, size_hw: tuple[int, int]) -> tuple[float, float, float]:
    """Centre and side of the box of the generic face put through `pipeline`."""
    made_hw = {"front": FRAME_HW, "pose": POSE_HW, "wild": FER_HW}[pipeline]
    blank = np.full(FRAME_HW, 128, np.uint8)
    points = prepare(blank, frame_px(generic_face().landmarks_cm), pipeline, made_hw).landmarks_xy_px
    frame = frame_of(points @ np.array([1, 1j]))
    # `pixels.cover`: the middle of the crop in the image's proportions
    scale = max(size_hw[0] / made_hw[0], size_hw[1] / made_hw[1])
    x, y = (
        (place + 0.5 - made / 2) * scale + side / 2 - 0.5
        for place, made, side in (
            (frame.centre.real, made_hw[1], size_hw[1]),
            (frame.centre.imag, made_hw[0], size_hw[0]),
        )
    )
    return x, y, frame.side * scale
