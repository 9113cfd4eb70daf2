"""Triangles to pixels: a z-buffer, attributes of what is visible, and light that reaches vertices.

No fast-math anywhere: it lets compilers reorder sums, and pixels would differ between processors.
Letters: V vertices, T triangles, H height, W width, K attributes. Screen x to the right, y down,
in pixels, with pixel (row, column) centred at (column + 0.5, row + 0.5).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

SKY_PX = 160
"""Side of the depth map drawn for each direction light comes from."""

_SKY_CM = 46.0  # what that side covers; a head with shoulders' upper rim
_BIAS_CM = 0.25  # a surface nearer than this does not shade itself


@njit(cache=True)
def visible_triangles(
    x: Floats, y: Floats, nearness: Floats, cut: Floats, triangles: Indices, height: int, width: int
) -> tuple[Indices, Floats]:
    """The triangle seen at each pixel's centre.

    x, y, nearness, cut: (V,); nearness is larger nearer to the viewer and linear on the screen; a
    triangle is there only where `cut`, interpolated, is not negative (the ragged rim of hair).
    Returns (H, W) index of the triangle, -1 for none, and (H, W) its nearness there.
    A pixel centre on a shared edge belongs to the triangle drawn first.
    """
    seen = np.full((height, width), -1, dtype=np.int32)
    depth = np.full((height, width), -np.inf)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = x[a], y[a], x[b], y[b], x[c], y[c]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        left = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        right = min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        top = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        bottom = min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        for row in range(top, bottom + 1):
            py = row + 0.5
            for column in range(left, right + 1):
                px = column + 0.5
                wb = ((px - ax) * (cy - ay) - (py - ay) * (cx - ax)) / area
                wc = ((bx - ax) * (py - ay) - (by - ay) * (px - ax)) / area
                wa = 1.0 - wb - wc
                if wa < -1e-9 or wb < -1e-9 or wc < -1e-9:
                    continue
                near = wa * nearness[a] + wb * nearness[b] + wc * nearness[c]
                kept = wa * cut[a] + wb * cut[b] + wc * cut[c] >= 0.0
                if kept and near > depth[row, column]:
                    depth[row, column] = near
                    seen[row, column] = t
    return seen, depth


@njit(cache=True)
def weights_at(
    x: Floats, y: Floats, nearness: Floats, a: int, b: int, c: int, px: float, py: float
) -> tuple[float, float, float]:
    """Share of each corner in the screen point (px, py), corrected for perspective."""
    area = (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])
    wb = ((px - x[a]) * (y[c] - y[a]) - (py - y[a]) * (x[c] - x[a])) / area
    wc = ((x[b] - x[a]) * (py - y[a]) - (y[b] - y[a]) * (px - x[a])) / area
    wa = (1.0 - wb - wc) * nearness[a]
    wb *= nearness[b]
    wc *= nearness[c]
    total = wa + wb + wc
    return wa / total, wb / total, wc / total


@njit(cache=True)
def interpolate(
    x: Floats, y: Floats, nearness: Floats, triangles: Indices, seen: Indices, values: Floats,
    step: int,
) -> Floats:  # fmt: skip
    """Attributes of the visible surface at every `step`-th pixel in both directions.

    values: (V, K). Returns (H/step, W/step, K), zeros where nothing is seen.
    """
    rows, columns = seen.shape[0] // step, seen.shape[1] // step
    out = np.zeros((rows, columns, values.shape[1]))
    for row in range(rows):
        for column in range(columns):
            t = seen[row * step, column * step]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            px, py = column * step + 0.5, row * step + 0.5
            wa, wb, wc = weights_at(x, y, nearness, a, b, c, px, py)
            for k in range(values.shape[1]):
                out[row, column, k] = wa * values[a, k] + wb * values[b, k] + wc * values[c, k]
    return out


def vertex_normals(vertices: Floats, triangles: Indices) -> Floats:
    """(V, 3) unit normals, outwards: the mean of the adjoining triangles' by area."""
    a, b, c = vertices[triangles.T]
    facing = np.cross(b - a, c - a)
    corners, count = triangles.ravel(), len(vertices)
    normals = np.stack([np.bincount(corners, np.repeat(facing[:, k], 3), count) for k in range(3)], axis=1)
    length = np.sqrt((normals**2).sum(1, keepdims=True))
    return normals / np.maximum(length, 1e-12)


@njit(cache=True)
def irradiance(
    vertices: Floats, normals: Floats, cut: Floats, triangles: Indices, directions: Floats,
    radiance: Floats,
) -> Floats:  # fmt: skip
    """(V,) light that reaches each vertex: sum over directions of radiance, cosine and visibility.

    directions: (D, 3) unit vectors towards the light; radiance: (D,). Visibility comes from an
    orthographic depth map seen from each direction, softened over 3 x 3 pixels.
    """
    light = np.zeros(vertices.shape[0])
    scale, middle = SKY_PX / _SKY_CM, SKY_PX / 2
    for i in range(directions.shape[0]):
        d = directions[i]
        length = np.sqrt(d[0] * d[0] + d[2] * d[2])
        across = np.array([d[2] / length, 0.0, -d[0] / length])
        up = np.array([
            d[1] * across[2], d[2] * across[0] - d[0] * across[2], -d[1] * across[0]
        ])  # fmt: skip
        x = np.empty(vertices.shape[0])
        y = np.empty(vertices.shape[0])
        near = np.empty(vertices.shape[0])
        for v in range(vertices.shape[0]):
            p = vertices[v]
            x[v] = (p[0] * across[0] + p[2] * across[2]) * scale + middle
            y[v] = (p[0] * up[0] + p[1] * up[1] + p[2] * up[2]) * scale + middle
            near[v] = p[0] * d[0] + p[1] * d[1] + p[2] * d[2]
        _, depth = visible_triangles(x, y, near, cut, triangles, SKY_PX, SKY_PX)
        for v in range(vertices.shape[0]):
            n = normals[v]
            cosine = n[0] * d[0] + n[1] * d[1] + n[2] * d[2]
            if cosine <= 0.0:
                continue
            slope = np.sqrt(max(0.0, 1.0 - cosine * cosine)) / max(cosine, 0.15)
            reach = near[v] + _BIAS_CM * (1.0 + 0.6 * slope)
            column, row = int(np.floor(x[v])), int(np.floor(y[v]))
            clear = 1.0
            if 1 <= column < SKY_PX - 1 and 1 <= row < SKY_PX - 1:
                clear = np.sum(depth[row - 1 : row + 2, column - 1 : column + 2] < reach) / 9.0
            light[v] += radiance[i] * cosine * clear
    return light
