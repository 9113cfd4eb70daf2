"""Turned squares of a photo, as networks that look at one face want them."""

from __future__ import annotations

import cmath
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_HALF_PX = 0.5 + 0.5j  # Pillow measures from the corners of pixels, we from their centres
_AVERAGED = 4  # pixels a side are averaged at least; of more only some are taken, for time
_REACH = 0.75  # of its side from the middle of a square, a little beyond its corners


class Frame(NamedTuple):
    """A turned square of a photo.

    centre: x + iy in px. side: px. roll_rad: how far its upper side is turned, clockwise as seen.
    """

    centre: complex
    side: float
    roll_rad: float

    @property
    def across(self) -> complex:
        """The way along its upper side, left to right, in px."""
        return cmath.rect(self.side, self.roll_rad)

    def to_photo(self, points: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Points x + iy of the photo from those within the square, whose corners are 0 and 1 + 1i."""
        return np.asarray(self.centre + self.across * (points - _HALF_PX))


def cut(photo: NDArray[np.uint8], frame: Frame, side_px: int) -> NDArray[np.uint8]:
    """`frame` of `photo` (H, W) or (H, W, 3), upright, as (side_px, side_px, 3); black beyond the photo.

    Bilinear; where the photo is finer than what is wanted, pixels are averaged first, of very fine ones
    some 16 for each that is wanted.
    """
    reach, centre = _REACH * frame.side, frame.centre
    left, right = (_clipped(centre.real + sign * reach, photo.shape[1]) for sign in (-1, 1))
    top, bottom = (_clipped(centre.imag + sign * reach, photo.shape[0]) for sign in (-1, 1))
    if right <= left or bottom <= top:
        return np.zeros((side_px, side_px, 3), np.uint8)
    step = frame.across / side_px
    shrink = max(1, int(abs(step)))
    stride = max(1, shrink // _AVERAGED)
    shrink //= stride
    picture = Image.fromarray(photo[top:bottom:stride, left:right:stride]).convert("RGB").reduce(shrink)
    step /= stride * shrink
    # pixels that are taken lie `stride` apart, their centres where they were
    middle = ((centre - complex(left, top)) / stride + _HALF_PX) / shrink
    corner = middle - step * side_px * _HALF_PX
    affine = (step.real, -step.imag, corner.real, step.imag, step.real, corner.imag)
    size = (side_px, side_px)
    return np.asarray(picture.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR))


def _clipped(place: float, side: int) -> int:
    return min(max(math.floor(place), 0), side)
