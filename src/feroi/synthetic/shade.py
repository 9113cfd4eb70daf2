"""From visible triangles to light that reaches the camera: materials, gloss, strands of hair."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from feroi.synthetic.facekit import CLOTH, EYE, FACE, FRAME, GUMS, HAIR, HAND, HEAD, MOUTH, TEETH
from feroi.synthetic.raster import Floats, Indices, weights_at

STRANDS = 4096
"""Length of the table of chance from which hairs take their brightness."""


class Paint(NamedTuple):
    """What a subject reflects (0..1), radii in cm. `wave` bends the hair."""

    skin: float
    hair: float
    iris: float
    iris_radius: float
    pupil_radius: float
    teeth: float
    cloth: float
    frame: float
    wave: float


@njit(cache=True)
def _smoothstep(start: float, end: float, value: float) -> float:
    t = min(max((value - start) / (end - start), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(cache=True)
def _strand(table: Floats, place: float) -> float:
    cell = int(np.floor(place))
    part = place - cell
    return table[cell % STRANDS] * (1.0 - part) + table[(cell + 1) % STRANDS] * part


@njit(cache=True)
def _texel(texture: NDArray[np.float32], u: float, v: float) -> float:
    """Bilinear value of a (T, T) texture at u, v in [0, 1], v downwards."""
    size = texture.shape[0]
    x = min(max(u * size - 0.5, 0.0), size - 1.001)
    y = min(max(v * size - 0.5, 0.0), size - 1.001)
    i, j = int(y), int(x)
    fy, fx = y - i, x - j
    upper = texture[i, j] * (1.0 - fx) + texture[i, j + 1] * fx
    lower = texture[i + 1, j] * (1.0 - fx) + texture[i + 1, j + 1] * fx
    return upper * (1.0 - fy) + lower * fy


@njit(cache=True)
def _eye(paint: Paint, across: float, up: float, ahead: float) -> float:
    """Reflectance of an eyeball `across`, `up` and `ahead` of its centre in cm."""
    radius = np.sqrt(across * across + up * up) if ahead > 0.0 else 9.0
    turn = np.arctan2(up, across)
    fibres = 1.0 + 0.25 * np.sin(31.0 * turn) * np.sin(9.0 * turn + 2.0)
    ring = 1.0 - 0.65 * _smoothstep(paint.iris_radius - 0.16, paint.iris_radius, radius)
    iris = paint.iris * fibres * ring * (1.0 + 0.35 * _smoothstep(0.5, 0.2, radius))
    white = 0.64 * (1.0 - 0.3 * _smoothstep(0.9, 1.5, radius))
    inside = _smoothstep(paint.iris_radius + 0.04, paint.iris_radius - 0.06, radius)
    pupil = _smoothstep(paint.pupil_radius + 0.03, paint.pupil_radius - 0.03, radius)
    return (white * (1.0 - inside) + iris * inside) * (1.0 - pupil) + 0.01 * pupil


@njit(cache=True)
def _gloss(normal: Floats, light: Floats, sharpness: float) -> float:
    """Blinn-Phong highlight of a light seen by a camera far ahead, along z."""
    hx, hy, hz = light[0], light[1], light[2] + 1.0
    length = np.sqrt(hx * hx + hy * hy + hz * hz)
    if length < 1e-6:
        return 0.0
    half = max(0.0, (normal[0] * hx + normal[1] * hy + normal[2] * hz) / length)
    facing = normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2]
    return half**sharpness * min(max(3.0 * facing, 0.0), 1.0)


@njit(cache=True)
def shade(
    image: NDArray[np.float32],
    x: Floats,
    y: Floats,
    nearness: Floats,
    seen: Indices,
    triangles: Indices,
    part: NDArray[np.uint8],
    texture: Floats,
    attributes: Floats,
    skin: NDArray[np.float32],
    strands: Floats,
    paint: Paint,
    key: Floats,
    fill: Floats,
) -> None:
    """Draw what is `seen` (H, W) over `image` (H, W), the background, as linear light.

    attributes: (V, 9) normal towards the camera, place at rest, light received, depth in the hair,
    strand. skin: (T, T) reflectance of the face; strands: (STRANDS,); key, fill: (3,) directions of
    the lights that gloss, seen by the camera.
    """
    at = np.empty(attributes.shape[1])
    for row in range(seen.shape[0]):
        for column in range(seen.shape[1]):
            t = seen[row, column]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            wa, wb, wc = weights_at(x, y, nearness, a, b, c, column + 0.5, row + 0.5)
            for k in range(attributes.shape[1]):
                at[k] = wa * attributes[a, k] + wb * attributes[b, k] + wc * attributes[c, k]
            at[:3] /= np.sqrt(at[0] * at[0] + at[1] * at[1] + at[2] * at[2]) + 1e-9
            light, code = at[6], part[t]
            colour, gloss, sharpness = paint.skin, 0.08, 14.0
            if code == FACE:
                u = wa * texture[t, 0, 0] + wb * texture[t, 1, 0] + wc * texture[t, 2, 0]
                v = wa * texture[t, 0, 1] + wb * texture[t, 1, 1] + wc * texture[t, 2, 1]
                colour = _texel(skin, u, v)
            elif code == MOUTH:
                colour, gloss = 0.07, 0.03
            elif code == GUMS:
                colour, gloss = 0.22, 0.1
            elif code == TEETH:
                colour, gloss, sharpness = paint.teeth, 0.15, 40.0
            elif code == EYE:
                colour = _eye(paint, at[3], at[4], at[5])
                gloss, sharpness, light = 1.1, 180.0, 0.10 + 0.90 * light
            elif code == CLOTH:
                colour, gloss = paint.cloth, 0.0
            elif code == FRAME:
                colour, gloss, sharpness = paint.frame, 0.5, 60.0
            elif code == HAND:
                colour = paint.skin * (0.96 + 0.04 * np.sin(3.0 * at[4]))
            if code in (FACE, HEAD, HAIR):
                place = at[8] + paint.wave * np.sin(0.4 * at[5] + 1.7 * at[3])
                rough = 0.6 * _strand(strands, 55.0 * place) + 0.5 * _strand(strands, 140.0 * place + 700.0)
                hairy = 1.0 if code == HAIR else _smoothstep(-0.4, 0.7, at[7] + 0.42 * rough)
                tone = min(max(1.0 + (0.22 - 0.3 * paint.hair) * rough, 0.35), 2.0)
                colour = colour * (1.0 - hairy) + paint.hair * tone * hairy
                sheen = (0.02 + 0.25 * paint.hair) * max(1.0 + 0.8 * rough, 0.0)
                gloss = gloss * (1.0 - hairy) + sheen * hairy
            shine = _gloss(at[:3], key, sharpness) + 0.5 * _gloss(at[:3], fill, sharpness)
            graze = (1.0 - min(max(at[2], 0.0), 1.0)) ** 4
            shine *= gloss * (0.6 + 1.2 * graze) * min(1.3 * light, 1.2)
            image[row, column] = colour * light + shine
