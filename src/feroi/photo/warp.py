"""Reading a photo at places between its pixels, with no aliasing and no end at its border."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# A photo finer than this many pixels per sample is shrunk first; less, and details would blur.
_PIXELS_PER_SAMPLE = 1.5
_MARGIN_PX = 8  # round the places, so that the filter that shrinks sees no border of ours
_EVERY = 8  # rows and columns are enough to learn the scale of a smooth warp

Floats = NDArray[np.float64]


def sample(photo: NDArray[np.uint8], xy_px: Floats) -> NDArray[np.uint8]:
    """`photo` (H, W) at the places `xy_px` (h, w, 2) of a smooth warp, as (h, w) uint8.

    Places are (x, y) with pixel centres at integers; beyond the photo its border pixels go on.
    Bilinear; where the photo is much finer than the places it is shrunk before, by a bicubic
    filter that averages. Needs h and w of at least 2.
    """
    # x and y as two arrays: half the time of one array of pairs
    x = np.clip(xy_px[..., 0], 0, photo.shape[1] - 1)
    y = np.clip(xy_px[..., 1], 0, photo.shape[0] - 1)
    left, top = max(int(x.min()) - _MARGIN_PX, 0), max(int(y.min()) - _MARGIN_PX, 0)
    right, bottom = int(x.max()) + _MARGIN_PX + 2, int(y.max()) + _MARGIN_PX + 2
    region = photo[top:bottom, left:right]
    shrunk = _shrunk(region, _pixels_per_sample(xy_px))
    y = _rescaled(y - top, shrunk.shape[0], region.shape[0])
    x = _rescaled(x - left, shrunk.shape[1], region.shape[1])
    values = bilinear(shrunk, x, y).astype(np.float32)  # or halves would go either way by the last digit
    return (values + np.float32(0.5)).astype(np.uint8)


def bilinear(picture: NDArray[Any], x: Floats, y: Floats) -> Floats:
    """`picture` (H, W) at places x, y (h, w), its border pixels going on."""
    height, width = picture.shape
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = x - left, y - top
    upper = (1 - across) * picture[top, left] + across * picture[top, right]
    lower = (1 - across) * picture[bottom, left] + across * picture[bottom, right]
    return np.asarray((1 - down) * upper + down * lower)


def _pixels_per_sample(xy_px: Floats) -> tuple[float, float]:
    """Photo pixels between neighbouring places (h, w, 2), along the photo's x and y."""
    along = np.diff(xy_px[::_EVERY], axis=1).reshape(-1, 2)
    down = np.diff(xy_px[:, ::_EVERY], axis=0).reshape(-1, 2)
    x, y = np.hypot(np.median(np.abs(along), axis=0), np.median(np.abs(down), axis=0)).tolist()
    return x, y


def _shrunk(region: NDArray[np.uint8], pixels_xy: tuple[float, float]) -> NDArray[np.uint8]:
    height, width = region.shape
    factor_x, factor_y = (max(pixels / _PIXELS_PER_SAMPLE, 1.0) for pixels in pixels_xy)
    size = (max(round(width / factor_x), 1), max(round(height / factor_y), 1))
    if size == (width, height):
        return region
    return np.asarray(Image.fromarray(region).resize(size, Image.Resampling.BICUBIC))


def _rescaled(places: Floats, length: int, original: int) -> Floats:
    """Places along a side of `original` px, after it was resized to `length` px."""
    if length == original:
        return places
    return (places + 0.5) * (length / original) - 0.5
