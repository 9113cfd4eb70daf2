"""The painted face: how much light each point of the skin reflects, drawn on the model's texture.

Everything is placed by the resting position of a texel (x to the subject's left, y up, z forward,
cm), so paint follows the skin when it moves. T is the side of the texture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.interpolate import splev, splprep
from scipy.ndimage import gaussian_filter

from feroi.synthetic.expressions import ActionUnits
from feroi.synthetic.facekit import FACE, FaceModel
from feroi.synthetic.raster import interpolate, visible_triangles
from feroi.synthetic.traits import Traits

Pixels = NDArray[np.float32]

TEXTURE_PX = 1024
_BROW_X = (1.2, 2.4, 3.8, 4.9, 5.8)
_BROW_Y = (5.55, 5.85, 5.9, 5.6, 4.9)
"""The brow's middle line: the landmarks' x, a third of a centimetre below them."""

_AGE_CREASES = ((1, 0.5), (2, 0.4), (4, 0.35), (6, 0.9), (10, 0.9), (15, 0.6), (7, 0.8))
"""Action Units whose creases stay in an old face, and how deep."""


_TEXELS_PER_CM = 20  # of `Canvas.creases`, about


@dataclass(frozen=True)
class Canvas:
    """Where texels lie on the model's resting face.

    position: (T, T, 3) float32 cm; covered: (T, T) whether a texel is used.
    landmarks: (68, 2) texels (x, y) of the landmarks.
    creases: Action Unit -> (T/2, T/2) share of light its creases take at strength 1.
    """

    position: Pixels
    covered: NDArray[np.bool_]
    landmarks: NDArray[np.float64]
    creases: dict[int, Pixels]


def canvas(model: FaceModel) -> Canvas:
    """Lay the model's texture out; once for all subjects (about 2 seconds)."""
    face = model.part == FACE
    corners = model.texture[face].reshape(-1, 2) * TEXTURE_PX
    x, y = np.ascontiguousarray(corners[:, 0]), np.ascontiguousarray(corners[:, 1])
    flat = np.ones(len(corners))
    triangles = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    seen, _ = visible_triangles(x, y, flat, flat, triangles, TEXTURE_PX, TEXTURE_PX)
    owners = model.triangles[face].ravel()
    places = interpolate(x, y, flat, triangles, seen, model.vertices[owners], 1)
    texel_of = np.zeros((len(model.vertices), 2))
    texel_of[owners] = corners
    position = places.astype(np.float32)
    covered = seen >= 0
    creases = {unit: crease_map(unit, position[::2, ::2], covered[::2, ::2]) for unit in CREASES}
    return Canvas(position, covered, texel_of[model.landmarks], creases)


def paint_skin(paper: Canvas, traits: Traits, seed: int) -> Pixels:
    """(T, T) reflectance of the subject's face at rest."""
    rng = np.random.default_rng([seed, traits.number, 3])
    x, y, z = np.moveaxis(paper.position, 2, 0)
    skin = np.full(x.shape, traits.skin, dtype=np.float32)
    blotches = 0.6 * _noise(90, rng) + 0.4 * _noise(30, rng)
    skin *= 1 + 0.03 * blotches + 0.025 * _noise(3, rng)
    skin *= 1 - _eye_shadows(x, y, z) * (rng.uniform(0.1, 0.18) + 0.12 * traits.years_beyond_middle)
    blush = np.exp(-((np.abs(x) - 3.6) ** 2 + (y - 0.2) ** 2) / 3.6) * (z > 5)
    skin *= 1 - rng.uniform(0.02, 0.08) * blush
    skin *= 1 - traits.freckles * _freckles(x, y, z, rng)
    skin *= 1 - traits.years_beyond_middle * _age_marks(paper, rng)
    skin *= 1 - _beard(x, y, z, traits, rng) * (1 - 0.7 * min(traits.hair / traits.skin, 1.0))
    lips = _lips(paper)
    lip_tone = traits.skin * (1 - traits.lip_contrast) * (1 + 0.05 * _noise(4, rng))
    skin = skin * (1 - lips) + lip_tone * lips
    skin *= 1 - (0.55 + 0.2 * (traits.gender == "female")) * _lashes(paper)
    brows = _brows(x, y, z, traits, rng)
    brow_tone = min(0.75 * traits.hair, 0.6 * traits.skin) + 0.01  # they grey last
    skin = skin * (1 - brows) + brow_tone * brows
    return np.maximum(skin, 0.005).astype(np.float32)


class Habit(NamedTuple):
    """How a person's skin folds under one Action Unit: times the usual depth, and moved by (rows, columns) px
    of `Canvas.creases`."""

    depth: float
    moved: tuple[int, int]


_USUAL = Habit(1.0, (0, 0))


def crease_habits(number: int, spread: float) -> dict[int, Habit]:
    """Of each Action Unit's creases in the person of this number; empty for a spread of 0.

    spread: of the logarithm of the depth; as many creases in a hundred are absent, and they lie up to a
    centimetre times `spread` from their usual place.
    """
    if not spread:
        return {}
    rng = np.random.default_rng([number, 7])
    habits = {}
    for unit in CREASES:
        depth = float(np.exp(spread * rng.standard_normal())) * float(rng.random() >= spread)
        rows, columns = rng.uniform(-1, 1, 2) * spread * _TEXELS_PER_CM
        habits[unit] = Habit(depth, (round(rows), round(columns)))
    return habits


def crease(paper: Canvas, units: ActionUnits, habits: Mapping[int, Habit]) -> Pixels:
    """(T, T) share of light that creases of these Action Units leave, by side.

    habits: how each folds in this person, the usual way where one is not told.
    """
    x = paper.position[::2, ::2, 0]
    left = _smoothstep(-0.6, 0.6, x)
    taken = np.zeros(x.shape, dtype=np.float32)
    for unit, strength in units.items():
        if unit in paper.creases:
            side = strength.left * left + strength.right * (1 - left)
            depth, moved = habits.get(unit, _USUAL)
            taken += depth * np.roll(paper.creases[unit], moved, (0, 1)) * np.minimum(side, 1.2)
    shade = Image.fromarray(1 - np.clip(taken, -0.12, 0.55).astype(np.float32))
    return np.asarray(shade.resize((TEXTURE_PX, TEXTURE_PX), Image.Resampling.BILINEAR))


def _noise(cell: float, rng: np.random.Generator) -> Pixels:
    """(T, T) smooth noise of unit variance with features about `cell` texels wide."""
    cells = int(TEXTURE_PX / cell) + 2
    coarse = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((TEXTURE_PX, TEXTURE_PX), Image.Resampling.BICUBIC))


def _smoothstep(start: float, end: float, value: NDArray[np.floating]) -> Pixels:
    t = np.clip((value - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def _eye_shadows(x: Pixels, y: Pixels, z: Pixels) -> Pixels:
    """Darker skin below the eye, in the crease of the lid and beside the nose's root."""
    below = np.exp(-(((np.abs(x) - 2.9) / 1.7) ** 2) - ((y - 2.5) / 0.55) ** 2)
    lid = np.exp(-(((np.abs(x) - 3.1) / 1.6) ** 2) - ((y - 4.35) / 0.28) ** 2)
    root = np.exp(-(((np.abs(x) - 1.6) / 0.5) ** 2) - ((y - 3.9) / 0.9) ** 2)
    return np.asarray((below + 0.8 * lid + 0.5 * root) * (z > 6), dtype=np.float32)


def _freckles(x: Pixels, y: Pixels, z: Pixels, rng: np.random.Generator) -> Pixels:
    spots = np.clip(_noise(7, rng) - 1.3, 0, 1)
    cheeks = np.exp(-((np.abs(x) - 2.8) ** 2) / 7 - (y - 0.8) ** 2 / 4)
    return 0.5 * spots * cheeks * (z > 6)


def _age_marks(paper: Canvas, rng: np.random.Generator) -> Pixels:
    """Creases that stay, and spots."""
    small = sum(depth * paper.creases[unit] for unit, depth in _AGE_CREASES)
    large = Image.fromarray(np.asarray(small, dtype=np.float32))
    lines = np.asarray(large.resize((TEXTURE_PX, TEXTURE_PX), Image.Resampling.BILINEAR))
    spots = np.clip(_noise(14, rng) - 1.4, 0, 1)
    return np.clip(lines * 1.1 + 0.12 * spots, 0, 0.5)


def _beard(x: Pixels, y: Pixels, z: Pixels, traits: Traits, rng: np.random.Generator) -> Pixels:
    """0 bare skin .. 0.9 dense hair: jaw, chin and upper lip, grown evenly or not at all."""
    if traits.beard == 0:
        return np.zeros_like(x)
    along = np.abs(x)
    cheek = -2.9 + 0.35 * np.maximum(along - 2.5, 0)
    below = _smoothstep(0.7, -0.7, y - cheek)
    sideburn = _smoothstep(5.0, 4.2, z) * _smoothstep(3.5, 1.5, y) * (along > 5.5)
    below = np.maximum(below, sideburn) * _smoothstep(-9.2, -7.4, y) * (z > 1)
    mouth = _smoothstep(2.7, 3.3, np.hypot(x, 2.5 * (y + 3.4)))
    lip = np.exp(-(((y + 1.85 + 0.16 * along) / 0.6) ** 4)) * _smoothstep(3.6, 2.8, along)
    grown = np.maximum(below * mouth, lip * (z > 8))
    grown = np.maximum(grown, np.exp(-(((y + 6.2) / 1.3) ** 4) - (x / 2.2) ** 4) * (z > 7))
    grown = gaussian_filter(grown, 4)
    return np.clip(grown * (0.85 * traits.beard) * (1 + 0.2 * _noise(2, rng)), 0, 0.9)


def _lips(paper: Canvas) -> Pixels:
    """1 on the lips, the mouth's line included; soft at the rim."""
    outline = _closed_curve(paper.landmarks[48:60])
    image = Image.new("L", (TEXTURE_PX, TEXTURE_PX))
    ImageDraw.Draw(image).polygon([tuple(point) for point in outline], fill=255)
    return gaussian_filter(np.asarray(image, dtype=np.float32) / 255, TEXTURE_PX / 380)


def _lashes(paper: Canvas) -> Pixels:
    """The rim of the lids, darker above."""
    image = Image.new("L", (TEXTURE_PX, TEXTURE_PX))
    draw = ImageDraw.Draw(image)
    for first in (36, 42):
        eye = _closed_curve(paper.landmarks[first : first + 6])
        draw.line([tuple(point) for point in (*eye, eye[0])], fill=150, width=4)
        upper = eye[: len(eye) // 2 + 1]  # landmarks run from corner to corner over the upper lid
        draw.line([tuple(point) for point in upper], fill=255, width=7)
    return np.clip(gaussian_filter(np.asarray(image, dtype=np.float32) / 255, 1.8), 0, 1)


def _closed_curve(points: NDArray[np.float64], per_point: int = 8) -> NDArray[np.float64]:
    """(n, 2) -> (n * per_point, 2): a smooth closed line through the points."""
    around = np.concatenate([points, points[:1]])
    spline, _ = splprep(around.T, s=0, per=True)
    steps = np.linspace(0, 1, per_point * len(points), endpoint=False)
    return np.stack(splev(steps, spline), axis=1)


def _brows(x: Pixels, y: Pixels, z: Pixels, traits: Traits, rng: np.random.Generator) -> Pixels:
    """0 skin .. 0.93 dense hairs, fanning out from the nose as hairs do."""
    along = np.abs(x)
    arch = traits.brow_arch * np.exp(-(((along - 4.3) / 1.3) ** 2))
    middle = np.interp(along, _BROW_X, _BROW_Y).astype(np.float32) + arch
    taper = np.interp(along, (0.8, 1.4, 3.7, 5.9), (0.5, 1.0, 1.0, 0.25))
    across = (y - middle) / (traits.brow_thickness * taper + 0.05)
    ends = _smoothstep(0.7, 1.3, along) * _smoothstep(6.2, 5.2, along)
    lean = np.interp(along, (1.0, 1.9, 4.1, 5.8), (1.2, 0.7, 0.15, -0.5))
    strand = (along * np.sin(lean) - (y - middle) * np.cos(lean)) * 14
    table = rng.standard_normal(512).astype(np.float32)
    hairs = np.interp(strand % 512, np.arange(512), table).astype(np.float32)
    dense = np.exp(-(np.abs(across) ** 3)) * ends * (0.85 + 0.3 * hairs)
    return gaussian_filter(np.clip(dense, 0, 0.93) * (z > 6.5), 0.8).astype(np.float32)


Line = tuple[tuple[float, float], ...]


class Crease(NamedTuple):
    """Lines in resting (x, y) cm on the subject's left, mirrored to the right; their half width
    in cm and the share of light they take at strength 1."""

    lines: tuple[Line, ...]
    width: float
    depth: float


CREASES = {
    1: Crease(
        (((0, 7.6), (1.5, 7.7), (2.7, 7.9)), ((0, 8.4), (2.3, 8.7)), ((0, 9.2), (1.6, 9.3))), 0.12, 0.2
    ),
    2: Crease((((2.0, 7.8), (3.4, 8.1), (4.9, 7.6)), ((2.2, 8.7), (3.5, 8.9), (4.7, 8.5))), 0.13, 0.2),
    4: Crease((((0.6, 4.7), (0.45, 5.6), (0.6, 6.7)), ((1.25, 5.8), (1.2, 6.5))), 0.11, 0.4),
    6: Crease(
        (
            ((5.1, 3.7), (5.7, 4.0), (6.1, 4.4)),
            ((5.2, 3.3), (6.2, 3.4)),
            ((5.1, 3.0), (5.8, 2.5)),
            ((1.9, 2.7), (3.0, 2.2), (4.4, 2.4)),
        ),
        0.09,
        0.28,
    ),
    7: Crease((((2.0, 2.75), (3.1, 2.45), (4.2, 2.65)),), 0.08, 0.2),
    9: Crease(
        (
            ((0, 4.3), (0.9, 4.5)),
            ((0, 3.7), (0.8, 3.9)),
            ((0.8, 3.4), (1.2, 2.6)),
            ((1.2, 3.1), (1.6, 2.1)),
        ),
        0.09,
        0.32,
    ),
    10: Crease((((1.6, 0.2), (2.2, -0.7), (2.7, -1.8), (2.9, -2.8)),), 0.17, 0.34),
    12: Crease((((1.6, 0.2), (2.3, -0.7), (3.0, -1.9), (3.4, -3.0), (3.5, -4.1)),), 0.17, 0.33),
    14: Crease((((3.0, -2.8), (3.2, -3.4), (3.1, -4.1)),), 0.15, 0.38),
    15: Crease((((2.9, -3.8), (3.3, -4.5), (3.4, -5.2)),), 0.22, 0.16),
    16: Crease((((0, -5.1), (1.4, -4.9)),), 0.14, 0.18),
    17: Crease((((0, -4.9), (1.3, -5.1)), ((0.4, -5.9), (0.6, -6.3))), 0.16, 0.22),
    20: Crease((((3.0, -2.5), (3.4, -3.5), (3.4, -4.7)),), 0.16, 0.26),
    23: Crease((((0, -4.8), (1.1, -4.9)), ((0.9, -2.0), (1.1, -2.4))), 0.12, 0.2),
}
"""Action Unit -> what it folds. Those of lids and jaw alone (5, 25, 26, 27) fold nothing."""

_FRONT_CM = 5.0


def crease_map(unit: int, position: NDArray[np.float32], covered: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Share of light taken at each texel (H, W), negative on the bulges beside a crease.

    position: (H, W, 3) resting place of each texel, cm; covered: (H, W) whether it is used.
    """
    front = covered & (position[..., 2] > _FRONT_CM)
    across, up = np.abs(position[front, 0]), position[front, 1]
    taken = np.zeros(len(across), dtype=np.float32)
    for line in CREASES[unit].lines:
        away = _distance(across, up, line) / CREASES[unit].width
        taken += np.exp(-(away**2)) - 0.3 * np.exp(-(((away - 2.2) / 1.2) ** 2))
    image = np.zeros(front.shape, dtype=np.float32)
    image[front] = 0.8 * CREASES[unit].depth * taken
    return gaussian_filter(image, 1.5)


def _distance(x: NDArray[np.float32], y: NDArray[np.float32], line: Line) -> NDArray[np.float32]:
    """Distance of each point to the nearest of the line's pieces."""
    nearest = np.full(x.shape, np.inf, dtype=np.float32)
    for (x0, y0), (x1, y1) in pairwise(line):
        dx, dy = x1 - x0, y1 - y0
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - x0 - t * dx, y - y0 - t * dy))
    return nearest
