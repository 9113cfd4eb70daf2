"""The landmarks of a face that has been cut out of its photo already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.photo.crop import face_frame
from feroi.photo.detect import biggest, detect
from feroi.photo.face_mesh import fit_meshes, frame_around
from feroi.photo.face_mesh_points import INDEX_68
from feroi.photo.geometry import FRAME_HW, frame_px, generic_face
from feroi.photo.squares import Frame

PRESENT = 0.0
"""The face mesh's logit of a face being there, above which it is taken for one, as MediaPipe does."""

Floats = NDArray[np.float64]


def cropped_landmarks(image: NDArray[np.uint8], pipeline: str | None) -> Floats | None:
    """The landmarks (68, 2) of the face in a prepared crop (H, W), or None where they cannot be trusted.

    pipeline: how the crop was prepared, which says where its face should be; None if nobody knows.
    The face mesh looks there first, and then where a detector finds a face; it has to see one itself.
    """
    if pipeline is not None:
        found = _fitted(image, face_frame(pipeline, (image.shape[0], image.shape[1])))
        if found is not None:
            return found
    rim = max(image.shape) // 3  # tight crops: the detector's box reaches beyond them
    wider = np.pad(image, rim, mode="edge")
    face = biggest(detect(wider))
    found = None if face is None else _fitted(wider, face.frame)
    return None if found is None else found - rim


def usual_landmarks(pipeline: str, size_hw: tuple[int, int]) -> Floats:
    """Where the landmarks (68, 2) of the generic face, from the front, lie in a crop of `size_hw` px."""
    usual, here = face_frame("front", FRAME_HW), face_frame(pipeline, size_hw)
    away = frame_px(generic_face().landmarks_cm) - [usual.centre.real, usual.centre.imag]
    return np.asarray(away * (here.side / usual.side) + [here.centre.real, here.centre.imag])


def _fitted(image: NDArray[np.uint8], frame: Frame) -> Floats | None:
    for _ in range(2):
        (mesh,) = fit_meshes(image, [frame])
        frame = frame_around(mesh.points_xyz_px)
    return mesh.points_xyz_px[INDEX_68, :2] if mesh.presence > PRESENT else None
