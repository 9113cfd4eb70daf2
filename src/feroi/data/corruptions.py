"""Prepared faces made worse in known ways, as cameras, networks and hands do it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Images = NDArray[np.uint8]
Corrupt = Callable[[Images, float, np.random.Generator], Images]


class Corruption(NamedTuple):
    """One way of making faces worse.

    unit: what its levels are. levels: from mild to severe. apply: faces (N, H, W) uint8, a level and a
    source of randomness to new faces of the same shape.
    """

    unit: str
    levels: tuple[float, ...]
    apply: Corrupt


def add_noise(faces: Images, sigma: float, rng: np.random.Generator) -> Images:
    """Gaussian noise of standard deviation `sigma`, of 255."""
    return _rounded(faces + sigma * rng.standard_normal(faces.shape))


def blur(faces: Images, sigma_percent: float, _: np.random.Generator) -> Images:
    """Gaussian blur of standard deviation `sigma_percent` of the face's width."""
    sigma = sigma_percent / 100 * faces.shape[2]
    from scipy.ndimage import gaussian_filter  # here: readers import this room, and blur nothing

    return _rounded(np.asarray(gaussian_filter(faces.astype(np.float32), (0, sigma, sigma), mode="nearest")))


def compress(faces: Images, quality: float, _: np.random.Generator) -> Images:
    """JPEG of a quality, 1 to 95 as Pillow counts."""

    def through(face: Images) -> Images:
        buffer = io.BytesIO()
        Image.fromarray(face).save(buffer, "JPEG", quality=round(quality))
        return np.asarray(Image.open(buffer))

    return np.stack([through(face) for face in faces])


def darken(faces: Images, stops: float, rng: np.random.Generator) -> Images:
    """As much less light as `stops` halvings, and the noise a camera then shows.

    The picture is taken linear (gamma 2.2), darkened, given shot noise of 1,000 electrons at white and read
    noise of 4, and coded again.
    """
    electrons = 1000 * (faces / 255.0) ** 2.2 / 2**stops
    seen = rng.poisson(electrons) + 4 * rng.standard_normal(faces.shape)
    return _rounded(255 * (np.clip(seen, 0, None) / 1000) ** (1 / 2.2))


def turn(faces: Images, degrees: float, rng: np.random.Generator) -> Images:
    """Turned in the plane by `degrees`, to a side by lot; the border goes on beyond it."""
    rim = max(faces.shape[1:]) // 2
    wide = np.pad(faces, ((0, 0), (rim, rim), (rim, rim)), mode="edge")
    sides = rng.choice([-1, 1], len(faces))
    turned = (
        np.asarray(Image.fromarray(face).rotate(degrees * side, Image.Resampling.BICUBIC))
        for face, side in zip(wide, sides, strict=True)
    )
    return np.stack([face[rim:-rim, rim:-rim] for face in turned])


def shrink(faces: Images, side_px: float, _: np.random.Generator) -> Images:
    """As from a photo that shows the face `side_px` wide: made small by area, and large again."""
    height, width = faces.shape[1:]
    small = (round(side_px), max(1, round(side_px * height / width)))
    return np.stack(
        [
            np.asarray(
                Image.fromarray(face)
                .resize(small, Image.Resampling.BOX)
                .resize((width, height), Image.Resampling.BICUBIC)
            )
            for face in faces
        ]
    )


CORRUPTIONS: Mapping[str, Corruption] = {
    "noise": Corruption("standard deviation, of 255", (5, 10, 20, 40), add_noise),
    "blur": Corruption("standard deviation, % of the width", (1, 2, 4, 6), blur),
    "jpeg": Corruption("quality", (50, 20, 10, 5), compress),
    "low light": Corruption("stops", (1, 2, 3, 4), darken),
    "rotation": Corruption("degrees", (10, 20, 30, 45), turn),
    "resolution": Corruption("px across the face", (40, 32, 24, 16), shrink),
}


def cover_with_grey(face: Images, mask: NDArray[np.bool_]) -> Images:
    """A face (H, W) whose `mask` (H, W) is covered by its mean grey, so that nothing there is told but that
    it is covered."""
    covered = face.copy()
    covered[mask] = round(float(face.mean()))
    return covered


def _rounded(values: NDArray[np.float64]) -> Images:
    return np.asarray(np.clip(values + 0.5, 0, 255).astype(np.uint8))
