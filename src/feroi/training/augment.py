"""Faces turned, scaled, shifted, relit, covered and spoiled at random, their truth maps with them.

Everything is drawn on the processor and done where the network computes, for a whole batch at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from feroi.data.batches import check_size
from feroi.recipe import Augmentation

Floats = NDArray[np.float64]


class _Framing(NamedTuple):
    """How far a face may be turned (degrees), scaled (logarithm) and shifted (share of the sides), and the
    share of faces that are erased in part."""

    turn_deg: float
    scale: float
    shift: float
    erased: float


_CLOSE = _Framing(15.0, 0.15, 0.08, 0.5)
_LOOSE = _Framing(20.0, 0.25, 0.1, 0.25)
_CONTRAST = 0.3
_BRIGHTNESS = 0.15
_ERASED_AREA = (0.02, 0.2)
_ERASED_ASPECT = 2.0
_NOISY = _COMPRESSED = 0.4  # of the faces
_NOISE = (1.0, 25.0)  # standard deviation, of 255
_QUALITY = (15, 90)  # of JPEG
_SHRUNK = _BLURRED = _SPOILED = 0.15  # of the faces
_SIDE = (18.0, 44.0)  # px across the face, of 48
_BLUR = (0.5, 3.0)  # % of the width

_TOGETHER = 256  # images that are changed at once

# Luminance of Annex K of the JPEG standard (ITU T.81), at quality 50.
_JPEG_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)


def vary(
    images: NDArray[np.uint8],
    size_hw: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
    rows: slice = slice(None),
    device: torch.device | str = "cpu",
) -> Tensor:
    """Each of N images changed at random, in its own way.

    images: (N, H, W, K) uint8, K layers that stay on top of each other: the face first, then any maps of it.
    augmentation: "patches", "affine", "degraded" or "elsewhere".
    rows: those of the N that are wanted; they come out as they do among all.
    Returns (n, K, *size_hw) float32 on `device`, whole numbers of 0..255.
    """
    layers = torch.from_numpy(np.array(images[rows], order="C")).to(device)  # a copy: images may be mapped
    faces = layers.permute(0, 3, 1, 2).float()
    return _WAYS[augmentation](faces, size_hw, rng, len(images), rows).round_()


def varied(
    pixels: NDArray[np.uint8],
    size_hw: tuple[int, int],
    augmentation: Augmentation,
    rng: np.random.Generator,
    device: torch.device | str = "cpu",
) -> NDArray[np.uint8]:
    """Images (N, H, W), each changed once: (N, *size_hw) uint8. Raises ValueError if they are smaller."""
    check_size(pixels, size_hw)
    out = np.empty((len(pixels), *size_hw), np.uint8)
    for start in range(0, len(pixels), _TOGETHER):
        here = slice(start, start + _TOGETHER)
        changed = vary(np.asarray(pixels[here])[..., None], size_hw, augmentation, rng, device=device)
        out[here] = changed[:, 0].cpu().numpy()
    return out


def patches(
    faces: Tensor, size_hw: tuple[int, int], rng: np.random.Generator, number: int, rows: slice
) -> Tensor:
    """A random patch of each face, mirrored half of the time (section 4.2)."""
    drawn = draw_patches(rng, number, (faces.shape[2], faces.shape[3]), size_hw)
    return cut(faces, size_hw, *(_sent(values[rows], faces) for values in drawn))


def draw_patches(
    rng: np.random.Generator, number: int, image_hw: tuple[int, int], size_hw: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Of a random patch of each of so many images: its top row, its left column, whether it is mirrored."""
    top = rng.integers(0, image_hw[0] - size_hw[0] + 1, number)
    left = rng.integers(0, image_hw[1] - size_hw[1] + 1, number)
    return top, left, rng.random(number) < 0.5


def cut(faces: Tensor, size_hw: tuple[int, int], top: Tensor, left: Tensor, mirrored: Tensor) -> Tensor:
    """A patch of each face, as `draw_patches` draws it: (N, K, H, W) to (N, K, *size_hw)."""
    height, width = size_hw
    down = top[:, None] + torch.arange(height, device=faces.device)
    across = left[:, None] + torch.arange(width, device=faces.device)
    across = torch.where(mirrored[:, None], across.flip(1), across)
    face = torch.arange(len(faces), device=faces.device)[:, None, None]
    return faces.permute(0, 2, 3, 1)[face, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2)


def affine(
    faces: Tensor, size_hw: tuple[int, int], rng: np.random.Generator, number: int, rows: slice
) -> Tensor:
    """The middle `size_hw` of each face after an affine map of its own.

    Turned by up to 15 degrees, scaled by up to exp(0.15), shifted by up to 0.08 of the sides, mirrored half
    of the time; border pixels go on beyond the borders. The face alone also changes contrast (by up to 30 %)
    and brightness (by up to 0.15 of the range), and half of the faces lose a rectangle of 2 to 20 % of the
    area to grey (random erasing, Zhong et al. 2020). All uniform.
    """
    return _reframed(faces, size_hw, rng, number, rows, _CLOSE)


def degraded(
    faces: Tensor, size_hw: tuple[int, int], rng: np.random.Generator, number: int, rows: slice
) -> Tensor:
    """As `affine`, and then as a poor camera and a small file would show the face.

    Two faces of five get Gaussian noise of 1 to 25 of 255, its logarithm uniform, and two of five go through
    a JPEG of quality 15 to 90; some both, a third neither. Maps of the face stay clean.
    """
    out = _reframed(faces, size_hw, rng, number, rows, _CLOSE)
    chosen = rng.random((number, 2)) < (_NOISY, _COMPRESSED)
    levels = rng.random((number, 2))
    _spoil(out, chosen, levels, rng, rows)
    return out


def elsewhere(
    faces: Tensor, size_hw: tuple[int, int], rng: np.random.Generator, number: int, rows: slice
) -> Tensor:
    """As `affine`, framed more loosely, and then as photographs from elsewhere would show the face.

    Turned by up to 20 degrees, scaled by up to exp(0.25), shifted by up to 0.1; a quarter of the faces is
    erased in part. Then each three of twenty are made small (18 to 44 of 48 px) and large again, blurred (0.5
    to 3 % of the width), given noise, and put through a JPEG, the last two as in `degraded`; half are spared
    all of it. Maps stay clean.
    """
    out = _reframed(faces, size_hw, rng, number, rows, _LOOSE)
    chosen = rng.random((number, 4)) < (_SHRUNK, _BLURRED, _SPOILED, _SPOILED)
    levels = rng.random((number, 4))
    if (small := np.flatnonzero(chosen[rows, 0])).size:
        share = np.interp(levels[rows, 0][small], (0, 1), _SIDE) / 48
        out[_sent(small, out), 0] = shrink(out[_sent(small, out), 0], share)
    if (soft := np.flatnonzero(chosen[rows, 1])).size:
        sigma = np.interp(levels[rows, 1][soft], (0, 1), _BLUR) / 100 * size_hw[1]
        out[_sent(soft, out), 0] = blur(out[_sent(soft, out), 0], sigma)
    _spoil(out, chosen[:, 2:], levels[:, 2:], rng, rows)
    return out


def shrink(faces: Tensor, share: Floats) -> Tensor:
    """Faces (n, H, W) made small by area, each to its `share` (n,) of the sides, and large again."""
    height, width = faces.shape[1:]
    down = _through_small(height, np.maximum(1, np.round(share * height)).astype(int), faces)
    across = _through_small(width, np.maximum(1, np.round(share * width)).astype(int), faces)
    return (down @ faces @ across.transpose(1, 2)).clamp(0, 255)


def blur(faces: Tensor, sigma_px: Floats) -> Tensor:
    """Faces (n, H, W) under Gaussians of their own (n,); the border goes on beyond it."""
    sigma = _sent(sigma_px.astype(np.float32), faces)[:, None, None]
    sides = []
    for side in faces.shape[1:]:
        reach = int(4 * sigma_px.max()) + 1
        here = torch.arange(side, device=faces.device)[:, None]
        there = torch.arange(-reach, side + reach, device=faces.device)
        weights = torch.exp(-((there - here) ** 2) / (2 * sigma**2))
        weights = weights / weights.sum(2, keepdim=True)
        within = weights[:, :, reach : reach + side].clone()
        within[:, :, 0] += weights[:, :, :reach].sum(2)
        within[:, :, -1] += weights[:, :, reach + side :].sum(2)
        sides.append(within)
    return sides[0] @ faces @ sides[1].transpose(1, 2)


def compress(faces: Tensor, quality: Floats) -> Tensor:
    """Faces (n, H, W) of 0..255 as after a grey JPEG of a `quality` (n,) of its own, 1 to 95."""
    scale = np.where(quality < 50, 5000 / quality, 200 - 2 * quality)[:, None, None]
    table = np.clip(np.floor((np.array(_JPEG_TABLE) * scale + 50) / 100), 1, 255).astype(np.float32)
    steps = _sent(table, faces)[:, None, None]
    height, width = faces.shape[1:]
    wide = nn.functional.pad(faces[:, None], (0, -width % 8, 0, -height % 8), mode="replicate")[:, 0]
    down, across = wide.shape[1] // 8, wide.shape[2] // 8
    blocks = wide.view(-1, down, 8, across, 8).transpose(2, 3)  # (n, rows, columns, 8, 8)
    cosines = _sent(_cosines(), faces)
    dct = cosines @ (blocks.round() - 128) @ cosines.T
    whole_steps = torch.floor(dct.abs() / steps + 0.5) * dct.sign()  # halves away from zero, as libjpeg
    back = cosines.T @ (whole_steps * steps) @ cosines
    whole = back.transpose(2, 3).reshape(wide.shape)
    return (whole + 128)[:, :height, :width].clamp(0, 255)


def _reframed(
    faces: Tensor,
    size_hw: tuple[int, int],
    rng: np.random.Generator,
    number: int,
    rows: slice,
    framing: _Framing,
) -> Tensor:
    maps = _affine_maps(faces.shape[2:], size_hw, rng, number, framing)[rows]
    contrast = 1 + rng.uniform(-_CONTRAST, _CONTRAST, number)[rows]
    brightness = 255 * rng.uniform(-_BRIGHTNESS, _BRIGHTNESS, number)[rows]
    erased = (rng.random(number) < framing.erased)[rows]
    corners, grey = _rectangles(size_hw, rng, number)
    if not len(faces):  # a worker without rows
        return faces.new_zeros((0, faces.shape[1], *size_hw))
    grid = nn.functional.affine_grid(
        _sent(maps.astype(np.float32), faces), [len(faces), 1, *size_hw], align_corners=False
    )
    out = nn.functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)
    light = _sent(np.stack([contrast, brightness]).astype(np.float32), faces)[:, :, None, None]
    relit = ((out[:, 0] - 127.5) * light[0] + 127.5 + light[1]).clamp(0, 255)
    top, bottom, left, right = _sent(corners[:, rows] * erased, faces)[:, :, None]
    down, across = (torch.arange(side, device=faces.device) for side in size_hw)
    inside = ((down >= top) & (down < bottom))[:, :, None] & ((across >= left) & (across < right))[:, None]
    out[:, 0] = torch.where(inside, _sent(grey[rows].astype(np.float32), faces)[:, None, None], relit)
    return out


def _affine_maps(
    from_hw: tuple[int, ...],
    to_hw: tuple[int, int],
    rng: np.random.Generator,
    number: int,
    framing: _Framing,
) -> Floats:
    """(N, 2, 3): where a pixel of the result comes from, both in -1..1 across the picture."""
    turn = np.radians(rng.uniform(-framing.turn_deg, framing.turn_deg, number))
    scale = np.exp(rng.uniform(-framing.scale, framing.scale, number))
    mirror = np.where(rng.random(number) < 0.5, -1.0, 1.0)
    shift = rng.uniform(-framing.shift, framing.shift, (number, 2)) * to_hw[::-1]
    cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
    moves = np.array([[mirror * cosine, -sine], [mirror * sine, cosine]]).transpose(2, 0, 1)
    sides = np.array(to_hw[::-1]), np.array(from_hw[::-1])
    linear = moves * sides[0] / sides[1][:, None]
    offset = -2 * np.einsum("nij,nj->ni", moves, shift) / sides[1]
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def _rectangles(
    face_hw: tuple[int, int], rng: np.random.Generator, number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Top, bottom, left and right (4, N) in px, and a grey (N,) of 0..255."""
    height, width = face_hw
    area = rng.uniform(*_ERASED_AREA, number) * height * width
    aspect = np.exp(rng.uniform(-1, 1, number) * np.log(_ERASED_ASPECT))
    down = np.clip(np.round(np.sqrt(area * aspect)), 1, height).astype(np.int64)
    across = np.clip(np.round(np.sqrt(area / aspect)), 1, width).astype(np.int64)
    top, left = rng.integers(0, height - down + 1), rng.integers(0, width - across + 1)
    return np.stack([top, top + down, left, left + across]), rng.integers(0, 256, number)


def _spoil(
    out: Tensor, chosen: NDArray[np.bool_], levels: Floats, rng: np.random.Generator, rows: slice
) -> None:
    """Noise for the faces chosen first (N, 2), and JPEG for those chosen second, in place."""
    own = torch.Generator(out.device).manual_seed(int(rng.integers(0, 1 << 62)))
    noise = torch.randn((len(chosen), *out.shape[2:]), generator=own, device=out.device)[rows]
    if (noisy := np.flatnonzero(chosen[rows, 0])).size:
        sigma = np.exp(np.interp(levels[rows, 0][noisy], (0, 1), np.log(_NOISE))).astype(np.float32)
        at = _sent(noisy, out)
        out[at, 0] = (out[at, 0] + noise[at] * _sent(sigma, out)[:, None, None]).clamp(0, 255)
    if (coded := np.flatnonzero(chosen[rows, 1])).size:
        at = _sent(coded, out)
        quality = np.round(np.interp(levels[rows, 1][coded], (0, 1), _QUALITY))
        out[at, 0] = compress(out[at, 0], quality)


def _through_small(side: int, small: NDArray[np.int64], like: Tensor) -> Tensor:
    """(n, side, side): what Pillow's resampling to each `small` number of pixels and back does to a line."""
    distinct, which = np.unique(small, return_inverse=True)
    table = np.stack([_resampling(side, int(number)) for number in distinct])
    return _sent(table, like)[_sent(which, like)]


@lru_cache(maxsize=1024)
def _resampling(side: int, small: int) -> NDArray[np.float32]:
    lines = Image.fromarray(np.eye(side, dtype=np.float32))
    down = lines.resize((side, small), Image.Resampling.BOX)
    return np.asarray(down.resize((side, side), Image.Resampling.BICUBIC))


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float32]:
    """The discrete cosine transform of eight values, orthonormal, (8, 8)."""
    wave, place = np.mgrid[:8, :8]
    rows = np.cos(np.pi * (2 * place + 1) * wave / 16) / 2
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, dtype=np.float32)


def _sent(values: NDArray[np.generic], like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(like.device)


_WAYS: dict[Augmentation, Callable[[Tensor, tuple[int, int], np.random.Generator, int, slice], Tensor]] = {
    "patches": patches,
    "affine": affine,
    "degraded": degraded,
    "elsewhere": elsewhere,
}
