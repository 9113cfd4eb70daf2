"""MediaPipe's face mesh: 478 points of a face in three dimensions, and how it moves in 52 coefficients.

Grishchenko and others, Attention Mesh (2020), and MediaPipe's face landmarker; see models/README.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.inference import CPU, Compute, shipped_session
from feroi.photo.face_mesh_points import INDEX_146
from feroi.photo.squares import Frame, cut

_INPUT_PX = 256
_FRAME_SIDE = 1.5  # of the square round the points, as the network was taught
_EYE_CORNERS = (33, 263)  # the outer ones, that on the image's left first
_BATCH = 4  # more at once outgrow the cache, and take longer

Floats = NDArray[np.float64]


class Mesh(NamedTuple):
    """points_xyz_px: (478, 3), x and y in px of the photo with pixel centres at whole numbers; z as long,
        away from the camera, 0 about the middle of the head.
    presence: logit of a face being there.
    """

    points_xyz_px: Floats
    presence: float


def fit_meshes(photo: NDArray[np.uint8], frames: Sequence[Frame], compute: Compute = CPU) -> list[Mesh]:
    """The face in each of `frames` of `photo` (H, W) or (H, W, 3): see `frame_around` for a good frame."""
    session = shipped_session("photo/models/face-mesh.onnx", compute)
    meshes = []
    for first in range(0, len(frames), _BATCH):
        part = frames[first : first + _BATCH]
        faces = np.stack([cut(photo, frame, _INPUT_PX) for frame in part]).transpose(0, 3, 1, 2)
        points, presence = session.run(["points", "presence"], {"faces": faces.astype(np.float32) / 255})
        for frame, seen, logit in zip(part, points.astype(np.float64), presence[:, 0], strict=True):
            places = frame.to_photo((seen[:, :2] @ [1, 1j]) / _INPUT_PX)
            depth = seen[:, 2] * frame.side / _INPUT_PX
            meshes.append(Mesh(np.stack([places.real, places.imag, depth], 1), float(logit)))
    return meshes


def frame_around(points_xy_px: Floats) -> Frame:
    """The square a face is shown in: about its points (478, 2 or 3), turned until the eyes are level."""
    places = points_xy_px[:, :2] @ [1, 1j]
    way = places[_EYE_CORNERS[1]] - places[_EYE_CORNERS[0]]
    turn = way / abs(way) if way else 1.0
    level = places / turn
    low, high = (complex(pick(level.real), pick(level.imag)) for pick in (np.min, np.max))
    size = high - low
    side = _FRAME_SIDE * max(size.real, size.imag, 1.0)
    return Frame(complex((low + high) / 2 * turn), side, float(np.angle(turn)))


def coefficients(meshes: Sequence[Mesh], compute: Compute = CPU) -> Floats:
    """How the face of each mesh moves: (N, 52), 0..1, in the order of `face_mesh_points.COEFFICIENTS`."""
    if not meshes:
        return np.empty((0, 52))
    points = np.stack([mesh.points_xyz_px[INDEX_146, :2] for mesh in meshes])
    # the network was taught on whole pictures with the face anywhere; far from 0 float32 loses digits
    session = shipped_session("photo/models/blendshapes.onnx", compute)
    (found,) = session.run(["coefficients"], {"points": points.astype(np.float32)})
    return np.asarray(found, dtype=np.float64)
