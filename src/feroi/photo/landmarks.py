"""The points of a face: 68 landmarks in the order of iBUG, and the 478 of the face mesh they come from.

Two ways to the 68 landmarks, by name in MODELS:
    face-mesh  those of the mesh's points that lie where iBUG's do, shipped
    dlib-68    an ensemble of regression trees, the paper's [32]: the usual 100 MB of the package
               face-recognition-models (feroi[dlib68]), trained on iBUG 300-W, whose terms allow research only

Landmarks are in the order of iBUG 300-W (0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth; left
and right as seen), as (x, y) in px of the photo with pixel centres at whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.inference import CPU, Compute
from feroi.photo.face_mesh import Mesh, fit_meshes, frame_around
from feroi.photo.face_mesh_points import INDEX_68
from feroi.photo.squares import Frame, cut

_SAME_PLACE, _SAME_SIDE, _SAME_ROLL_RAD = 0.1, math.log(1.15), math.radians(8)
"""A mesh is fitted again if the frame it ends in is further from the one it began in, of its side."""

HOG_SHARE = 0.557
"""Side of the HOG detector's box over that of the frame of the face mesh, which have one middle: median over
26 photographed faces, all middles within 2 % of the side."""
_DLIB_CROP_PX = 256

# The HOG detector's box from the 51 points that are not jaw: their mean, moved down by 0.072 and
# framed by 3.41 times their root mean square distance from it (median of 138 rendered faces).
_BOX_DOWN, _BOX_SIDE = 0.072, 3.41

Floats = NDArray[np.float64]
Points = NDArray[np.complex128]  # (68,), x + iy


class FacePoints(NamedTuple):
    """landmarks_xy_px: (68, 2). mesh: the 478 points, and whether there is a face; see `face_mesh.Mesh`."""

    landmarks_xy_px: Floats
    mesh: Mesh

    @property
    def mesh_frame(self) -> Frame:
        """The square the face mesh is shown this face in."""
        return frame_around(self.mesh.points_xyz_px)


def locate(
    photo: NDArray[np.uint8], frames: Sequence[Frame], model: str = "face-mesh", compute: Compute = CPU
) -> list[FacePoints]:
    """The points of the face in each of `frames` of `photo`, (H, W) intensity or (H, W, 3) RGB.

    frames: as of `detect.Face.frame`. model: a name in MODELS, for the 68. Raises as `check_model`.
    """
    check_model(model)
    meshes = fit_meshes(photo, frames, compute)
    reached = [frame_around(mesh.points_xyz_px) for mesh in meshes]
    again = [at for at, ends in enumerate(zip(frames, reached, strict=True)) if not _alike(*ends)]
    for at, mesh in zip(again, fit_meshes(photo, [reached[at] for at in again], compute), strict=True):
        meshes[at] = mesh
    return [FacePoints(MODELS[model](photo, mesh), mesh) for mesh in meshes]


def check_model(model: str) -> None:
    """Raises ValueError if `model` is no name in MODELS, ModuleNotFoundError if its package is missing."""
    if model not in MODELS:
        raise ValueError(f"no landmark model {model!r}; choose one of {', '.join(MODELS)}")
    if model == "dlib-68":
        _dlib_predictor()


def frame_of(points: Points) -> Frame:
    """The square around `points` (68,) that the HOG detector would give for the face turned upright."""
    inner = points[17:]
    across = points[42:48].mean() - points[36:42].mean()  # from the left eye to the right, as seen
    up = across / max(abs(across), 1e-9)
    spread = float(np.sqrt(np.mean(np.abs(inner - inner.mean()) ** 2)))
    centre = inner.mean() + 1j * up * _BOX_DOWN * spread
    return Frame(complex(centre), max(_BOX_SIDE * spread, 1.0), float(np.angle(up)))


def _alike(begun: Frame, ended: Frame) -> bool:
    turn = math.remainder(ended.roll_rad - begun.roll_rad, math.tau)
    return (
        abs(ended.centre - begun.centre) < _SAME_PLACE * begun.side
        and abs(math.log(ended.side / begun.side)) < _SAME_SIDE
        and abs(turn) < _SAME_ROLL_RAD
    )


def _of_mesh(photo: NDArray[np.uint8], mesh: Mesh) -> Floats:
    return mesh.points_xyz_px[INDEX_68, :2]


def _by_dlib(photo: NDArray[np.uint8], mesh: Mesh) -> Floats:
    import dlib

    box = frame_of(_of_mesh(photo, mesh) @ np.array([1, 1j]))  # the mesh's own frame goes with the far cheek
    frame = box._replace(side=box.side / HOG_SHARE)
    crop = cut(photo, frame, _DLIB_CROP_PX)
    low = round((1 - HOG_SHARE) / 2 * _DLIB_CROP_PX)
    high = _DLIB_CROP_PX - low - 1
    parts = _dlib_predictor()(crop, dlib.rectangle(low, low, high, high)).parts()
    places = frame.to_photo(np.array([complex(part.x + 0.5, part.y + 0.5) / _DLIB_CROP_PX for part in parts]))
    return np.stack([places.real, places.imag], axis=1)


@cache
def _dlib_predictor() -> Any:
    package = find_spec("face_recognition_models")  # not imported: that needs pkg_resources
    if package is None or package.origin is None or find_spec("dlib") is None:
        raise ModuleNotFoundError(
            "the landmark model dlib-68 needs pip install 'feroi[dlib68]'", name="face_recognition_models"
        )
    import dlib

    path = Path(package.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    return dlib.shape_predictor(str(path))


MODELS: Mapping[str, Callable[[NDArray[np.uint8], Mesh], Floats]] = {
    "face-mesh": _of_mesh,
    "dlib-68": _by_dlib,
}
