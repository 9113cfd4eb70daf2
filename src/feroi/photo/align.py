"""Crops in the plane of the photo: at a fixed box, and level by the eyes.

Boxes are (x0, y0, x1, y1) in px, from the left and top edges of the first pixel inside to the right
and bottom edges of the last, so that a box is x1 - x0 px wide. Points are (x, y) with pixel centres
at integers. Beyond the photo its border pixels go on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from feroi.photo.geometry import (
    FRAME_HW,
    PX_PER_CM,
    anchor_points,
    checked_landmarks,
    checked_photo,
    fit_camera,
    frame_px,
    generic_face,
)
from feroi.photo.warp import sample

RAFD_POSE_BOX_XYXY_PX = (56.5, 150.0, 624.5, 718.0)
"""Ours: the paper says that one box was cut from all photos and resized to 284 px, but not which. This
one is twice 284 px, so that nothing is interpolated, in the middle of RaFD's 681 px of width, and as
high as the head stands there, from above the hair to below the chin."""
POSE_HW = (284, 284)
FER_HW = (48, 48)


def crop_fixed(
    photo: NDArray[np.uint8],
    box_xyxy_px: ArrayLike = RAFD_POSE_BOX_XYXY_PX,
    size_hw: tuple[int, int] = POSE_HW,
) -> NDArray[np.uint8]:
    """The box of `photo` (H, W), resized to `size_hw`, as RaFD-POSE is made (section 4.2).

    The box may be of any size and leave the photo. Raises ValueError if it is empty, not finite,
    or nowhere on the photo.
    """
    photo, (height, width) = checked_photo(photo), _checked_size(size_hw)
    x0, y0, x1, y1 = _checked_box(box_xyxy_px)
    if x0 >= photo.shape[1] or y0 >= photo.shape[0] or x1 <= 0 or y1 <= 0:
        raise ValueError(
            f"the box {(x0, y0, x1, y1)} lies outside the photo of {photo.shape[1]}x{photo.shape[0]} px"
        )
    x = x0 + (np.arange(width) + 0.5) * (x1 - x0) / width - 0.5
    y = y0 + (np.arange(height) + 0.5) * (y1 - y0) / height - 0.5
    return sample(photo, np.stack(np.meshgrid(x, y), axis=-1))


def aligned_places(landmarks_xy_px: ArrayLike) -> NDArray[np.float64]:
    """Where in the photo each pixel of a face aligned in the plane lies, (160, 125, 2) px.

    The face with landmarks (68, 2) is tilted upright, brought to the frame's scale, and moved so that the
    mean of its eyes and mouth comes to that of the frame's: a similarity, which leaves it turned as it is.
    Tilt and scale are those of the generic 3D face fitted to it (`geometry.fit_camera`), so that eyes which
    turning brings together do not make the face larger. Raises ValueError as `geometry.checked_landmarks`.
    """
    landmarks = checked_landmarks(landmarks_xy_px)
    camera = fit_camera(landmarks)
    middle = anchor_points(frame_px(generic_face().landmarks_cm)).mean(0)
    centre = complex(*anchor_points(landmarks).mean(0))
    step = camera.scale / PX_PER_CM * np.exp(1j * np.radians(camera.pose().roll_deg))
    rows, columns = np.mgrid[: FRAME_HW[0], : FRAME_HW[1]]
    seen = centre + step * (columns + 1j * rows - complex(*middle))
    return np.stack([seen.real, seen.imag], axis=-1)


def _checked_box(box_xyxy_px: ArrayLike) -> tuple[float, float, float, float]:
    box = np.asarray(box_xyxy_px, dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
        raise ValueError(f"a box is (x0, y0, x1, y1) with x0 < x1 and y0 < y1, got {box_xyxy_px!r}")
    x0, y0, x1, y1 = box.tolist()
    return x0, y0, x1, y1


def _checked_size(size_hw: tuple[int, int]) -> tuple[int, int]:
    if len(size_hw) != 2 or min(size_hw) < 2:
        raise ValueError(f"size_hw is (height, width), at least 2 px each; got {size_hw}")
    return size_hw
