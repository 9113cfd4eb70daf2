"""The 3D face: ICT-FaceKit's OBJ files as arrays (Li et al., CVPR 2020; MIT licence).

The repository is not part of this package; `HOW_TO_GET` says where it is.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from feroi.data.decoded import cache_folder
from feroi.files import atomic_path

HOW_TO_GET = """\
The model is ICT-FaceKit (MIT licence, 400 MB):
    git clone --depth 1 https://github.com/ICT-VGL/ICT-FaceKit
Expected below the folder given:
    FaceXModel/generic_neutral_mesh.obj
    FaceXModel/identity000.obj ... identity099.obj
    FaceXModel/browDown_L.obj, jawOpen.obj, ... (the expression shapes)"""

FACE, HEAD, MOUTH, SOCKET, GUMS, TEETH, EYE, HAIR, CLOTH, FRAME, HAND = range(11)
"""What a triangle is part of. The first seven come from the model, the others are added to it."""

_PARTS_OF_VERTICES = (
    (9409, FACE),
    (11248, HEAD),
    (13294, MOUTH),
    (14062, SOCKET),
    (17039, GUMS),
    (21451, TEETH),
    (22221, EYE),  # left sclera with cornea
    (23021, None),  # the iris lies behind an opaque cornea here; eyes are painted
    (23791, EYE),  # right
    (24591, None),
)
"""Vertices below each number, from the number before it on (geometry table of FaceKit's README).
Tear fluid, blend and occlusion shells and lashes follow; they need transparency and are left
out."""

_EYEBALLS = ((21451, 22221, 23021), (23021, 23791, 24591))
"""First sclera vertex, first iris vertex, end: left, right."""

# fmt: off
_LANDMARKS = (
    1278, 1272, 12, 1834, 243, 781, 2199, 1447, 966,  # jaw: README's line on the face's rim
    3661, 4390, 3022, 2484, 4036, 2253, 3490, 3496,
    268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509,  # brows
    978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360,  # nose
    1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732,  # eyes
    5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841,  # lips, outside
    5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966,  # lips, inside
)
# fmt: on


class FaceKitError(ValueError):
    """A folder does not hold ICT-FaceKit. The message shows the layout expected and its source."""


class Obj(NamedTuple):
    """What is read of an OBJ file. Polygons are cut into fans of triangles.

    vertices: (V, 3) float64.
    texture: (K, 2) float64, v upwards.
    triangles: (T, 3) int32 into `vertices`.
    texture_triangles: (T, 3) int32 into `texture`.
    """

    vertices: NDArray[np.float64]
    texture: NDArray[np.float64]
    triangles: NDArray[np.int32]
    texture_triangles: NDArray[np.int32]


class Shape(NamedTuple):
    """A blend shape: the vertices it moves, (n,) int32, and by how much, (n, 3) float32 cm."""

    vertices: NDArray[np.int32]
    offsets: NDArray[np.float32]


@dataclass(frozen=True)
class FaceModel:
    """A head at rest with what can be done to it.

    Unit cm; x to the subject's left, y up, z forward.

    vertices: (V, 3) float64, the mean head.
    triangles: (T, 3) int32, counter-clockwise seen from outside.
    texture: (T, 3, 2) float64, u and v (downwards) of each corner in [0, 1].
    part: (T,) uint8, FACE .. EYE.
    identity: (M, V, 3) float16, offsets of one standard deviation of each mode of identity.
    shapes: blend shapes by FaceKit's names (ARKit's, with _L and _R).
    landmarks: (68,) int32, the vertices of Multi-PIE's landmarks.
    eyes: the subject's left and right eyeball.
    """

    vertices: NDArray[np.float64]
    triangles: NDArray[np.int32]
    texture: NDArray[np.float64]
    part: NDArray[np.uint8]
    identity: NDArray[np.float16]
    shapes: Mapping[str, Shape]
    landmarks: NDArray[np.int32]
    eyes: tuple[Eyeball, Eyeball]

    def displacement(self, weights: Mapping[str, float]) -> NDArray[np.float64]:
        """(V, 3) cm by which the weighted blend shapes move each vertex."""
        moved = np.zeros(self.vertices.shape)
        for name, weight in weights.items():
            shape = self.shapes[name]
            moved[shape.vertices] += weight * shape.offsets.astype(np.float64)
        return moved

    def fingerprint(self) -> str:
        """SHA-256 over the geometry, to tell which model a data set was made from."""
        digest = hashlib.sha256()
        for array in (self.vertices, self.triangles, self.texture, self.part, self.identity):
            digest.update(np.ascontiguousarray(array).tobytes())
        for name in sorted(self.shapes):
            digest.update(name.encode() + self.shapes[name].offsets.tobytes())
        return digest.hexdigest()


class Eyeball(NamedTuple):
    """Vertices first..end-1, the centre they turn about (3,) cm, and the axis of sight (3,)."""

    first: int
    end: int
    centre: NDArray[np.float64]
    axis: NDArray[np.float64]


def load_facekit(folder: Path) -> FaceModel:
    """Read ICT-FaceKit from `folder`, which holds `FaceXModel/` or is it.

    About 10 seconds the first time; the arrays (40 MB) are then kept below `cache_folder()` for
    as long as names, sizes and times of the OBJ files stay the same.
    Raises FaceKitError if the folder holds something else.
    """
    source = folder / "FaceXModel" if (folder / "FaceXModel").is_dir() else folder
    paths = sorted(source.glob("*.obj")) if source.is_dir() else []
    names = {path.stem for path in paths}
    missing = sorted({"generic_neutral_mesh", "identity000", "jawOpen", "browDown_L"} - names)
    if missing:
        raise FaceKitError(f"{folder} holds no {missing[0]}.obj.\n{HOW_TO_GET}")
    cached = cache_folder() / f"facekit-{_key(paths)}.npz"
    try:
        with np.load(cached, allow_pickle=False) as stored:
            return _assemble({name: stored[name] for name in stored.files})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):  # not there, or damaged
        arrays = _parse(paths)
        try:
            with atomic_path(cached) as temporary:
                np.savez(temporary, **arrays)  # type: ignore[arg-type]
        except OSError:
            pass  # a cache that cannot be written costs time, nothing else
        return _assemble(arrays)


def read_obj(path: Path) -> Obj:
    """Read the mesh of an OBJ file: its lines v, vt and f (with texture). Others are passed over.

    Raises FaceKitError if a face has no texture coordinates or an index is out of range.
    """
    text = path.read_text()
    vertices = _numbers(text, "v", 3)
    texture = _numbers(text, "vt", 2)
    corners: list[tuple[int, int]] = []
    for line in re.findall(r"^f (.+)$", text, re.MULTILINE):
        polygon = [_corner(word, path) for word in line.split()]
        for i in range(1, len(polygon) - 1):
            corners += [polygon[0], polygon[i], polygon[i + 1]]
    indices = np.array(corners, dtype=np.int32).reshape(-1, 3, 2) - 1
    triangles, texture_triangles = indices[..., 0].copy(), indices[..., 1].copy()
    for what, used, count in (("v", triangles, vertices), ("vt", texture_triangles, texture)):
        if used.size and not 0 <= used.min() <= used.max() < len(count):
            raise FaceKitError(f"{path}: a face uses a {what} that is not there")
    return Obj(vertices, texture, triangles, texture_triangles)


def _corner(word: str, path: Path) -> tuple[int, int]:
    vertex, _, rest = word.partition("/")
    texture = rest.split("/")[0]
    if not texture:
        raise FaceKitError(f"{path}: face corner {word!r} has no texture coordinate")
    return int(vertex), int(texture)


def _numbers(text: str, keyword: str, columns: int) -> NDArray[np.float64]:
    lines = re.findall(rf"^{keyword} (.+)$", text, re.MULTILINE)
    width = len(lines[0].split()) if lines else columns
    table = np.array(" ".join(lines).split(), dtype=np.float64).reshape(len(lines), width)
    return table[:, :columns]


def _key(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256(b"facekit 1")
    for path in paths:
        status = path.stat()
        digest.update(f"{path.resolve()}\0{status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _parse(paths: list[Path]) -> dict[str, NDArray[np.generic]]:
    """Everything kept of the OBJ files, as plain arrays."""
    files = {path.stem: path for path in paths}
    neutral = read_obj(files.pop("generic_neutral_mesh"))
    modes, names, vertices, offsets = [], [], [], []
    for name, path in files.items():
        moved = _numbers(path.read_text(), "v", 3)
        if moved.shape != neutral.vertices.shape:
            raise FaceKitError(f"{path} has {len(moved)} vertices, not {len(neutral.vertices)}")
        offset = moved - neutral.vertices
        if name.startswith("identity"):
            modes.append(offset.astype(np.float16))
        else:
            kept = np.flatnonzero(np.abs(offset).max(1) > 1e-4)  # cm: a micrometre
            names.append(name)
            vertices.append(kept.astype(np.int32))
            offsets.append(offset[kept].astype(np.float32))
    return {
        "vertices": neutral.vertices,
        "triangles": neutral.triangles,
        "texture": neutral.texture[neutral.texture_triangles],
        "identity": np.stack(modes),
        "shape_names": np.array(names),
        "shape_ends": np.cumsum([len(each) for each in vertices]),
        "shape_vertices": np.concatenate(vertices),
        "shape_offsets": np.concatenate(offsets),
    }


def _assemble(arrays: Mapping[str, NDArray]) -> FaceModel:  # type: ignore[type-arg]
    vertices = arrays["vertices"]
    part = _part_of_vertices(len(vertices))[arrays["triangles"][:, 0]]
    shown = part >= 0
    texture = arrays["texture"][shown]
    texture = np.stack([texture[..., 0] % 1.0, 1.0 - texture[..., 1] % 1.0], axis=-1)
    ends = arrays["shape_ends"][:-1]
    moved = zip(
        arrays["shape_names"].tolist(),
        np.split(arrays["shape_vertices"], ends),
        np.split(arrays["shape_offsets"], ends),
        strict=True,
    )
    return FaceModel(
        vertices=vertices,
        triangles=arrays["triangles"][shown],
        texture=texture,
        part=part[shown].astype(np.uint8),
        identity=arrays["identity"],
        shapes={name: Shape(index, offset) for name, index, offset in moved},
        landmarks=np.array(_LANDMARKS, dtype=np.int32),
        eyes=(_eyeball(vertices, *_EYEBALLS[0]), _eyeball(vertices, *_EYEBALLS[1])),
    )


def _part_of_vertices(count: int) -> NDArray[np.int16]:
    part = np.full(count, -1, dtype=np.int16)
    start = 0
    for end, code in _PARTS_OF_VERTICES:
        part[start:end] = -1 if code is None else code
        start = end
    return part


def _eyeball(vertices: NDArray[np.float64], first: int, iris: int, end: int) -> Eyeball:
    """The sclera is a sphere but for the cornea, so its widest extents across give the centre."""
    sclera = vertices[first:iris]
    centre = (sclera.min(0) + sclera.max(0)) / 2
    radius = (np.ptp(sclera[:, 0]) + np.ptp(sclera[:, 1])) / 4
    centre[2] = sclera[:, 2].min() + radius
    apex = sclera[np.argmax(sclera[:, 2])] - centre
    return Eyeball(first, end, centre, apex / np.sqrt((apex**2).sum()))
