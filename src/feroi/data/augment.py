"""Faces turned, scaled, shifted, relit, covered and spoiled at random, their truth maps with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.data.corruptions import add_noise, blur, compress, shrink


class _Framing(NamedTuple):
    """How far a face may be turned (degrees), scaled (logarithm) and shifted (share of the sides), and the
    share of faces that are erased in part."""

    turn_deg: float
    scale: float
    shift: float
    erased: float


_TURN_DEG = 15.0
_SCALE = 0.15
_SHIFT = 0.08
_LOOSE = _Framing(20.0, 0.25, 0.1, 0.25)
_CONTRAST = 0.3
_BRIGHTNESS = 0.15
_ERASED = 0.5  # of the faces
_ERASED_AREA = (0.02, 0.2)
_ERASED_ASPECT = 2.0
_NOISY = _COMPRESSED = 0.4  # of the faces
_NOISE = (1.0, 25.0)  # standard deviation, of 255
_QUALITY = (15, 90)  # of JPEG
_SHRUNK = _BLURRED = _SPOILED = 0.15  # of the faces
_SIDE = (18.0, 44.0)  # px across the face, of 48
_BLUR = (0.5, 3.0)  # % of the width


class _Change(NamedTuple):
    """What is done to one face.

    affine: where a pixel of the result comes from: x = a x' + b y' + c, y = d x' + e y' + f, from corners.
    contrast: factor. brightness: added, of 255.
    erased: top, left, rows, columns of a rectangle, in px, and its grey; or None.
    """

    affine: tuple[float, float, float, float, float, float]
    contrast: float
    brightness: float
    erased: tuple[int, int, int, int, int] | None


def augmented(
    images: NDArray[np.uint8],
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    rows: slice = slice(None),
    framing: _Framing | None = None,
) -> NDArray[np.uint8]:
    """The middle `size_hw` of each image after an affine map of its own.

    images: (N, H, W, K) uint8, K layers that stay on top of each other: the face first, then any maps of
    it. Turned by up to 15 degrees, scaled by up to exp(0.15), shifted by up to 0.08 of the sides, mirrored
    half of the time; border pixels go on beyond the borders. The face alone also changes contrast (by up
    to 30 %) and brightness (by up to 0.15 of the range), and half of the faces lose a rectangle of 2 to
    20 % of the area to grey (random erasing, Zhong et al. 2020). All uniform. Returns (N, *size_hw, K).
    rows: those of the N that are wanted; they come out as they do among all.
    framing: other limits of turn, scale and shift, and another share of erased faces.
    """
    framing = framing or _Framing(_TURN_DEG, _SCALE, _SHIFT, _ERASED)
    changes = [_drawn(images.shape[1:3], size_hw, rng, framing) for _ in images][rows]
    images = images[rows]
    out = np.empty((len(images), *size_hw, images.shape[3]), np.uint8)
    edge = max(images.shape[1:3]) // 3
    beyond = (0, 0), (edge, edge), (edge, edge), (0, 0)
    layers = np.ascontiguousarray(np.moveaxis(np.pad(images, beyond, mode="edge"), 3, 1))
    for padded, moved, change in zip(layers, out, changes, strict=True):
        a, b, c, d, e, f = change.affine
        shifted = (a, b, c + edge, d, e, f + edge)
        for layer, plane in enumerate(padded):
            picture = Image.fromarray(plane).transform(
                size_hw[::-1], Image.Transform.AFFINE, shifted, Image.Resampling.BILINEAR
            )
            moved[..., layer] = np.asarray(picture)
        moved[..., 0] = _relit(moved[..., 0], change)
        if change.erased is not None:
            top, left, height, width, grey = change.erased
            moved[top : top + height, left : left + width, 0] = grey
    return out


def degraded(
    images: NDArray[np.uint8],
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    rows: slice = slice(None),
) -> NDArray[np.uint8]:
    """As `augmented`, and then as a poor camera and a small file would show the face.

    Two faces of five get Gaussian noise of 1 to 25 of 255, its logarithm uniform, and two of five go through
    a JPEG of quality 15 to 90; some both, a third neither. Maps of the face stay clean.
    """
    out = augmented(images, size_hw, rng, rows)
    wanted = range(len(images))[rows]
    for at in range(len(images)):  # what is drawn for each face moves the next one's draws
        face = out[None, at - wanted.start, ..., 0] if at in wanted else np.zeros((1, *size_hw), np.uint8)
        if rng.random() < _NOISY:
            face = add_noise(face, np.exp(rng.uniform(*np.log(_NOISE))), rng)
        quality = rng.uniform(*_QUALITY) if rng.random() < _COMPRESSED else None
        if at in wanted:
            out[at - wanted.start, ..., 0] = face[0] if quality is None else compress(face, quality, rng)[0]
    return out


def elsewhere(
    images: NDArray[np.uint8],
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    rows: slice = slice(None),
) -> NDArray[np.uint8]:
    """As `augmented`, framed more loosely, and then as photographs from elsewhere would show the face.

    Turned by up to 20 degrees, scaled by up to exp(0.25), shifted by up to 0.1; a quarter of the faces is
    erased in part. Then each three of twenty are made small (18 to 44 of 48 px) and large again, blurred (0.5
    to 3 % of the width), given noise, and put through a JPEG, the last two as in `degraded`; half are spared
    all of it. Maps stay clean.
    """
    out = augmented(images, size_hw, rng, rows, _LOOSE)
    draws = rng.random((len(images), 4)) < (_SHRUNK, _BLURRED, _SPOILED, _SPOILED)
    levels = rng.random((len(images), 4))
    seeds = rng.integers(0, 1 << 32, len(images))
    for face, drawn, level, seed in zip(out, draws[rows], levels[rows], seeds[rows], strict=True):
        seen = face[None, ..., 0]
        own = np.random.default_rng(seed)
        if drawn[0]:
            seen = shrink(seen, np.interp(level[0], (0, 1), _SIDE) / 48 * size_hw[1], own)
        if drawn[1]:
            seen = blur(seen, np.interp(level[1], (0, 1), _BLUR), own)
        if drawn[2]:
            seen = add_noise(seen, np.exp(np.interp(level[2], (0, 1), np.log(_NOISE))), own)
        if drawn[3]:
            seen = compress(seen, np.interp(level[3], (0, 1), _QUALITY), own)
        face[..., 0] = seen[0]
    return out


def _drawn(
    from_hw: tuple[int, ...], to_hw: tuple[int, int], rng: np.random.Generator, framing: _Framing
) -> _Change:
    affine = _affine(from_hw, to_hw, rng, framing)
    contrast = 1 + rng.uniform(-_CONTRAST, _CONTRAST)
    brightness = 255 * rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    erased = _rectangle(to_hw, rng) if rng.random() < framing.erased else None
    return _Change(affine, contrast, brightness, erased)


def _affine(
    from_hw: tuple[int, ...], to_hw: tuple[int, int], rng: np.random.Generator, framing: _Framing
) -> tuple[float, float, float, float, float, float]:
    turn = np.radians(rng.uniform(-framing.turn_deg, framing.turn_deg))
    scale = np.exp(rng.uniform(-framing.scale, framing.scale))
    shift = rng.uniform(-framing.shift, framing.shift, 2) * to_hw[::-1]
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    a, b = mirror * np.cos(turn) * scale, -np.sin(turn) * scale
    d, e = mirror * np.sin(turn) * scale, np.cos(turn) * scale
    x, y = to_hw[1] / 2 + shift[0], to_hw[0] / 2 + shift[1]
    return a, b, from_hw[1] / 2 - a * x - b * y, d, e, from_hw[0] / 2 - d * x - e * y


def _relit(face: NDArray[np.uint8], change: _Change) -> NDArray[np.uint8]:
    levels = (np.arange(256) - 127.5) * change.contrast + 127.5 + change.brightness
    return np.asarray(levels.round().clip(0, 255).astype(np.uint8)[face])


def _rectangle(face_hw: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int, int]:
    height, width = face_hw
    area = rng.uniform(*_ERASED_AREA) * height * width
    aspect = np.exp(rng.uniform(-1, 1) * np.log(_ERASED_ASPECT))
    rows = min(height, max(1, round(np.sqrt(area * aspect))))
    columns = min(width, max(1, round(np.sqrt(area / aspect))))
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    return top, left, rows, columns, int(rng.integers(0, 256))
