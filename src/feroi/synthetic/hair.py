"""Hair: where it grows on the scalp, and a shell of longer hair that hangs around the head."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.spatial import cKDTree

from feroi.synthetic.facekit import HAIR
from feroi.synthetic.mesh import NO_HAIR, Mesh, plain, rings
from feroi.synthetic.raster import Floats
from feroi.synthetic.traits import HairStyle

_NAPE_Y, _NAPE_Z = -5.5, -2.2
_CENTRE = np.array([0.0, 6.0, 0.8])  # the shell's axis runs through it, upright
_COLUMNS = 192
_ROW_CM = 0.5
_ON_SKIN_CM = 0.2  # how thick the rim lies on the skin; a raised brow must not come through
_WIDEST_CM = 11.0  # shoulders are no part of the head


def scalp(rest: Floats, style: HairStyle, hairline: float) -> tuple[Floats, Floats]:
    """How deep in the hair each point of the resting head is (V,) cm, and its strand (V,).

    In front it grows behind a line that stands upright before the callbacks and bends forward above.
    hairline: cm by which the forehead is higher than the mean.
    """
    x, y, z = rest.T
    temple = np.exp(-(((np.abs(x) - 4.5) / 2.0) ** 2)) * np.clip((y - 6.5) / 2, 0, 1)
    rounded = y + 0.028 * x**2 - hairline  # lower at the sides
    line = 2.1 + 0.2 * np.maximum(rounded - 4, 0) ** 2 - style.recede * (0.35 + temple)
    front = np.minimum(line - z, (y - 0.6) * 0.8)
    back = np.minimum(_NAPE_Z - z, y - _NAPE_Y)
    depth = np.maximum(front, back)
    if not style.top:
        depth = np.minimum(depth, 8.0 - y + 0.25 * np.maximum(-z - 2, 0))
    return np.maximum(np.minimum(depth, beyond_ear(rest)), NO_HAIR), np.arctan2(x, y - 2.0)


def beyond_ear(rest: Floats) -> Floats:
    """(V,) cm from the rim of the nearer ear, negative on the ear."""
    x, y, z = rest.T
    away = 2.6 * (np.hypot((y - 1.9) / 3.4, (z - 1.1) / 2.7) - 1)
    return np.where(np.abs(x) > 6.9, away, -NO_HAIR)


def raised(depth: Floats, rest: Floats, style: HairStyle) -> Floats:
    """(V,) cm by which hair stands off the skin: nothing at its line, more on the crown."""
    t = np.clip((depth + 0.1) / 2.2, 0, 1)
    crown = np.clip((rest[:, 1] - 8) / 6, 0, 1)
    return style.thickness * t * t * (3 - 2 * t) * (1 + 0.35 * crown)


def shell(head: Floats, style: HairStyle, rng: np.random.Generator) -> Mesh | None:
    """The hair around a head whose skin is `head` (n, 3), or None if the style has none."""
    if style.hem is None:
        return None
    angle = np.linspace(-np.pi, np.pi, _COLUMNS, endpoint=False)
    heights = np.arange(_CENTRE[1] - _ROW_CM, style.hem - 1.5, -_ROW_CM)
    upper, outward = _dome(head, angle)
    points = np.concatenate([upper, _hanging(head, angle, heights)])  # (rows, columns, 3)
    points = gaussian_filter1d(points, 2.0, axis=0, mode="nearest")  # no seam between the two
    level = np.stack([np.sin(angle), np.zeros_like(angle), np.cos(angle)], axis=-1)
    outward = np.concatenate([outward, np.broadcast_to(level, (len(heights), *level.shape))])
    ragged = gaussian_filter(rng.standard_normal(_COLUMNS), 0.7, mode="wrap")
    inside_rim = _inside_rim(points[..., 1], angle, style)
    lumps = _lumps(points.shape[:2], style, rng)
    lift = _ON_SKIN_CM + _rising(inside_rim) * (style.volume + lumps - _ON_SKIN_CM)
    points = points + lift[..., None] * outward
    vertices, triangles = rings(points)
    above_hem = points[..., 1] - style.hem + 0.9 * ragged
    mesh = plain(vertices, triangles[:, ::-1].copy(), HAIR)  # rows run downwards here
    return mesh._replace(
        hair=np.full(len(vertices), 2.0),
        strand=(angle - 0.25 * style.curl * lumps).ravel(),
        cut=np.minimum(inside_rim + 0.45 * ragged, above_hem).ravel(),
    )


def _dome(head: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """Rows on the head from the crown down to the centre, and their directions outwards."""
    elevation = np.linspace(np.pi / 2, 0, 22)[:, None]
    direction = np.stack(
        np.broadcast_arrays(
            np.cos(elevation) * np.sin(angle), np.sin(elevation), np.cos(elevation) * np.cos(angle)
        ),
        axis=-1,
    )
    away = head[head[:, 1] > _CENTRE[1] - 3] - _CENTRE
    distance = np.sqrt((away**2).sum(1))
    _, nearest = cKDTree(away / distance[:, None]).query(direction.reshape(-1, 3), k=8)
    reach = distance[nearest].max(1).reshape(direction.shape[:2])
    reach = gaussian_filter(reach, (1.0, 3.0), mode=("nearest", "wrap"))
    return _CENTRE + reach[..., None] * direction, direction


def _hanging(head: Floats, angle: Floats, heights: Floats) -> Floats:
    """Rows below: hair falls straight from the widest place above, and only slowly inwards."""
    around = np.arctan2(head[:, 0], head[:, 2] - _CENTRE[2])
    distance = np.hypot(head[:, 0], head[:, 2] - _CENTRE[2])
    tree = cKDTree(np.stack([9 * np.sin(around), 9 * np.cos(around), head[:, 1]], axis=1))
    x, z = np.sin(angle), np.cos(angle)
    skull = np.empty((len(heights), len(angle)))
    for row, height in enumerate(heights):
        query = np.stack([9 * x, 9 * z, np.full(len(angle), height)], axis=1)
        _, nearest = tree.query(query, k=6)
        skull[row] = np.minimum(distance[nearest].max(1), _WIDEST_CM)
    reach = gaussian_filter(skull, (2.0, 4.0), mode=("nearest", "wrap"))
    for row in range(1, len(heights)):
        reach[row] = np.maximum(reach[row], reach[row - 1] - 0.3 * _ROW_CM)
    grid = np.broadcast_arrays(reach * x, heights[:, None], _CENTRE[2] + reach * z)
    return np.stack(grid, axis=-1)


def _lumps(shape: tuple[int, int], style: HairStyle, rng: np.random.Generator) -> Floats:
    """(rows, columns) cm: locks that run down straight hair, knots all over curly hair."""
    locks = gaussian_filter(rng.standard_normal(shape[1]), 2.5, mode="wrap")
    knots = gaussian_filter(rng.standard_normal(shape), (1.0, 1.6), mode=("nearest", "wrap"))
    fade = np.clip(np.arange(shape[0]) / 10, 0, 1)[:, None]  # rings at the crown are tiny
    return fade * (0.45 * (1 - style.curl) * locks + 1.3 * style.curl * knots)


def _inside_rim(height: Floats, angle: Floats, style: HairStyle) -> Floats:
    """(rows, columns) cm from the rim of the opening that is left for the face."""
    bottom = 4.0
    rise = np.clip((height - bottom) / (style.fringe - bottom), 0, 1)
    opening = style.opening * np.sqrt(1 - rise**2)
    beside = (np.degrees(np.abs(angle)) - opening) * 0.15  # cm a degree, on the head's radius
    return np.where(height > style.fringe, np.maximum(height - style.fringe, beside), beside)


def _rising(inside_rim: Floats) -> Floats:
    """0 at the rim, where hair lies on the skin, to 1 where it has its whole volume."""
    t = np.clip((inside_rim + 0.3) / 2.5, 0, 1)
    return t * (2 - t)
