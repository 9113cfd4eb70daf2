"""Make the generic face that photos are frontalised with, from the ICT-FaceKit model.

    python tools/generic_face.py PATH/TO/FaceXModel/generic_neutral_mesh.obj

reads the neutral mesh of https://github.com/ICT-VGL/ICT-FaceKit (MIT licence) and writes
src/feroi/photo/shape/generic_face.npz: the 68 landmarks and the depth of the face behind each
pixel of the frontal frame. Takes about ten seconds and needs numpy and scipy only.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from feroi.photo.geometry import FRAME_HW, MIRROR_ORDER, SHAPE_FILE, frame_grid_cm, frame_px

# Vertices of the 68 Multi-PIE (iBUG) landmarks, from the README of ICT-FaceKit.
LANDMARK_VERTICES = [
    *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272),
    *(4088, 3443, 268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942),
    *(4857, 1140, 2075, 1147, 4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756),
    *(3721, 3725, 3732, 5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841),
    *(5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),
]
SURFACES = {"M_Face", "M_BackHead", "M_ScleraLeft", "M_ScleraRight"}  # skin and eyeballs
STEEPEST = 2.5  # cm of depth per cm: keeps the sides of the face from falling off behind the frame
SMOOTHING_PX = 1.0


def main(mesh: Path) -> None:
    vertices, triangles = read_surfaces(mesh)
    landmarks = vertices[LANDMARK_VERTICES]
    mirrored = landmarks[MIRROR_ORDER] * [-1, 1, 1]
    landmarks = (landmarks + mirrored) / 2
    depth = limit_slope(render_depth(vertices, triangles))
    depth = ndimage.gaussian_filter(depth, SMOOTHING_PX, mode="nearest")
    depth = (depth + depth[:, ::-1]) / 2
    SHAPE_FILE.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        SHAPE_FILE,
        landmarks_cm=landmarks.round(3).astype(np.float32),
        depth_cm=depth.round(3).astype(np.float32),
    )
    print(f"{SHAPE_FILE}: {SHAPE_FILE.stat().st_size} bytes")


def read_surfaces(mesh: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices (V, 3) in cm, x to the subject's left, y up, z forward; visible triangles (T, 3)."""
    vertices: list[list[float]] = []
    triangles: list[tuple[int, int, int]] = []
    material = ""
    for line in mesh.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(number) for number in rest])
        elif kind == "usemtl":
            material = rest[0]
        elif kind == "f" and material in SURFACES:
            corners = [int(corner.split("/")[0]) - 1 for corner in rest]
            triangles += [(corners[0], *pair) for pair in pairwise(corners[1:])]
    return np.array(vertices), np.array(triangles)


def render_depth(vertices: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Depth z in cm of the foremost surface at each pixel of the frame, -inf where none."""
    depth = np.full(FRAME_HW, -np.inf)
    pixels = frame_px(vertices)
    for corners in triangles:
        xy, z = pixels[corners], vertices[corners, 2]
        left, top = np.maximum(np.ceil(xy.min(0)), 0).astype(int)
        right, bottom = np.minimum(np.floor(xy.max(0)), [FRAME_HW[1] - 1, FRAME_HW[0] - 1])
        x, y = np.meshgrid(np.arange(left, right + 1), np.arange(top, bottom + 1))
        (ax, ay), (bx, by) = xy[1] - xy[0], xy[2] - xy[0]
        area = ax * by - ay * bx
        if x.size == 0 or area == 0:
            continue
        px, py = x - xy[0, 0], y - xy[0, 1]
        first, second = (px * by - py * bx) / area, (ax * py - ay * px) / area
        inside = (first >= 0) & (second >= 0) & (first + second <= 1)
        here = z[0] + first * (z[1] - z[0]) + second * (z[2] - z[0])
        rows, columns = y[inside].astype(int), x[inside].astype(int)
        depth[rows, columns] = np.maximum(depth[rows, columns], here[inside])
    return depth


def limit_slope(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lowest surface above `depth` that is nowhere steeper than STEEPEST."""
    grid = frame_grid_cm()
    step = float(grid[0, 1, 0] - grid[0, 0, 0]) * STEEPEST
    cone = -step * np.hypot(*np.mgrid[-1:2, -1:2])
    while True:
        raised = ndimage.grey_dilation(depth, structure=cone, mode="nearest")
        if np.array_equal(raised, depth):
            return depth
        depth = raised


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
