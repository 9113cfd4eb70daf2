"""How hard the pictures are: named settings, and what a camera and a street do to a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Difficulty:
    """What varies from picture to picture, and between people. Angles are half ranges in degrees.

    strength: range of the factor on an expression; 1 is its full display.
    street: light, shadow and background as found outside a studio.
    glasses, hand, strands: how often each hides part of a face.
    blur: range of the Gaussian's sigma in px at 284 px a side; noise: largest standard deviation,
    of white = 1; coarsest: smallest share of the resolution that is left.
    looseness: how freely expressions are shown, as `expressions.sample_action_units`. habits: how much
    people's creases differ, as `skin.crease_habits`.
    """

    strength: tuple[float, float]
    roll_deg: float
    pitch_deg: float
    yaw_deg: float
    street: bool
    glasses: float
    hand: float
    strands: float
    blur: tuple[float, float]
    noise: float
    coarsest: float
    looseness: float = 0.0
    habits: float = 0.0


DIFFICULTIES = {
    "clean": Difficulty(
        strength=(0.75, 1.05),
        roll_deg=1.5,
        pitch_deg=2.0,
        yaw_deg=1.5,
        street=False,
        glasses=0.0,
        hand=0.0,
        strands=0.0,
        blur=(0.3, 0.55),
        noise=0.008,
        coarsest=1.0,
    ),
    "wild": Difficulty(
        strength=(0.3, 1.0),
        roll_deg=12.0,
        pitch_deg=10.0,
        yaw_deg=8.0,
        street=True,
        glasses=0.2,
        hand=0.1,
        strands=0.12,
        blur=(0.3, 1.5),
        noise=0.03,
        coarsest=0.35,
    ),
}
DIFFICULTIES["varied"] = replace(
    DIFFICULTIES["clean"], strength=(0.55, 1.05), looseness=0.12, habits=0.35, noise=0.012
)
# Heads of RaFD's five angles, 45 degrees apart, then leave no gap between them.
DIFFICULTIES["turned"] = replace(DIFFICULTIES["wild"], yaw_deg=23.0)


def difficulty_named(name: str) -> Difficulty:
    """The settings of this name. Raises ValueError naming those there are."""
    if name not in DIFFICULTIES:
        raise ValueError(f"unknown difficulty {name!r}; choose one of {', '.join(DIFFICULTIES)}")
    return DIFFICULTIES[name]


def background(size_hw: tuple[int, int], difficulty: Difficulty, rng: np.random.Generator) -> Picture:
    """(H, W) linear light behind the head: a grey wall, or a street out of focus."""
    height, width = size_hw
    down, across = np.mgrid[:height, :width].astype(np.float32)
    if not difficulty.street:
        away = (across / width - 0.5) ** 2 + (down / height - 0.4) ** 2
        return (rng.uniform(0.50, 0.62) * (1.06 - 0.35 * away)).astype(np.float32)
    slope = rng.uniform(-0.4, 0.4, 2)
    ramp = slope[0] * (across / width - 0.5) + slope[1] * (down / height - 0.5)
    clouds = np.exp(rng.uniform(0.1, 0.6) * cloud(size_hw, 1.4, rng))
    scene = np.maximum(rng.uniform(0.1, 0.6) + ramp, 0.03) * clouds
    canvas = Image.fromarray(scene.astype(np.float32))
    draw = ImageDraw.Draw(canvas)
    for _ in range(rng.integers(4, 18)):  # walls, windows, people, lamps
        centre = rng.uniform(0, 1, 2) * (width, height)
        half = rng.uniform(0.02, 0.3, 2) * (width, height)
        box = (*(centre - half), *(centre + half))
        shape = draw.rectangle if rng.random() < 0.6 else draw.ellipse
        shape(box, fill=float(np.clip(rng.lognormal(-1.3, 0.8), 0.01, 2.0)))
    focus = rng.uniform(0.004, 0.03) * width
    drawn = gaussian_filter(np.asarray(canvas), focus)
    grain = 1 + 0.06 * gaussian_filter(cloud(size_hw, 0.8, rng), focus / 3)
    return np.maximum(drawn * grain, 0.005).astype(np.float32)


def photograph(light: Picture, difficulty: Difficulty, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(H, W) linear light to a grey picture: video curve, lens, sensor, and 8 bits."""
    curved = 1.12 * light / (1 + 0.18 * light)
    image: Picture = np.clip(curved, 0, 1) ** np.float32(1 / 2.2)
    scale = max(image.shape) / 284
    image = gaussian_filter(image, scale * rng.uniform(*difficulty.blur))
    image = _coarser(image, rng.uniform(difficulty.coarsest, 1.0) if rng.random() < 0.5 else 1.0)
    if difficulty.street:
        contrast, offset = rng.uniform(0.7, 1.1), rng.uniform(-0.06, 0.06)
        image = 0.5 + contrast * (image - 0.5) + offset
        grain = rng.uniform(0.004, difficulty.noise)
    else:
        grain = difficulty.noise
    grainy = image + grain * rng.standard_normal(image.shape)
    return (np.clip(grainy, 0, 1) * 255 + 0.5).astype(np.uint8)


def _coarser(image: Picture, share: float) -> Picture:
    """The picture as if taken with `share` of its pixels a side."""
    if share >= 0.999:
        return image
    height, width = image.shape
    small = (max(round(width * share), 8), max(round(height * share), 8))
    picture = Image.fromarray(image.astype(np.float32))
    reduced = picture.resize(small, Image.Resampling.BOX)
    return np.asarray(reduced.resize((width, height), Image.Resampling.BICUBIC))


def cloud(size_hw: tuple[int, int], slope: float, rng: np.random.Generator) -> Picture:
    """(H, W) noise of unit variance whose amplitude falls as 1 / frequency ** slope, as in
    photographs."""
    height, width = size_hw
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1.0
    white = np.fft.rfft2(rng.standard_normal(size_hw))
    white[0, 0] = 0.0
    cloud = np.fft.irfft2(white / frequency**slope, s=size_hw)
    return (cloud / cloud.std()).astype(np.float32)
