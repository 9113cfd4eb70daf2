"""Where light comes from: a studio, or anywhere."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from feroi.synthetic.raster import Floats

_SKY = 24
_SOFT = 3  # directions that stand for one lamp, so its shadows have soft rims


class Light(NamedTuple):
    """Directions (D, 3) towards the light with their radiance (D,), and the two brightest (3,)."""

    directions: Floats
    radiance: Floats
    key: Floats
    fill: Floats


def studio(rng: np.random.Generator) -> Light:
    """Three flashes from the front and a bright room, as in RaFD's pictures."""
    key = _unit([rng.uniform(-0.6, 0.6), rng.uniform(0.35, 0.8), 1.0])
    left, right = _unit([1.0, 0.25, 0.6]), _unit([-1.0, 0.25, 0.6])
    lamps = [
        (key, rng.uniform(1.6, 2.4), 0.25),
        (left, rng.uniform(0.5, 1.1), 0.3),
        (right, rng.uniform(0.5, 1.1), 0.3),
    ]
    exposure = rng.uniform(0.80, 0.97)
    return _light(lamps, 2.2, exposure, rng, fill=left if key[0] < 0 else right)


def varied(rng: np.random.Generator) -> Light:
    """A lamp or the sun from any side that still reaches the face, with weak or strong shadows."""
    side, height = rng.uniform(-1.35, 1.35), rng.uniform(-0.25, 1.1)
    key = _unit([np.sin(side) * np.cos(height), np.sin(height), np.cos(side) * np.cos(height)])
    other = _unit([-np.sign(key[0]) * rng.uniform(0.4, 1.2), rng.uniform(-0.3, 0.6), 0.6])
    lamps = [(key, rng.uniform(1.5, 4.0), rng.uniform(0.02, 0.3)), (other, rng.uniform(0, 1), 0.3)]
    return _light(lamps, rng.uniform(0.8, 2.6), rng.uniform(0.45, 1.3), rng, fill=other)


def _light(
    lamps: list[tuple[Floats, float, float]],
    room: float,
    exposure: float,
    rng: np.random.Generator,
    fill: Floats,
) -> Light:
    """Lamps (direction, strength, softness) in a room whose walls give `room` together.

    `exposure` is what a bare surface facing the camera, or the brighter cheek, receives.
    """
    index = np.arange(_SKY) + 0.5
    up = 1 - 2 * index / _SKY
    turn = np.pi * (1 + 5**0.5) * index
    across = np.sqrt(1 - up**2)
    sky = np.stack([across * np.cos(turn), up, across * np.sin(turn)], axis=1)
    directions = [sky]
    radiance = [np.where(up < -0.3, 0.6, 1.0) * 2 * room / _SKY]
    for direction, strength, softness in lamps:
        spread = direction + softness * rng.normal(0, 0.5, (_SOFT, 3))
        directions.append(spread / np.sqrt((spread**2).sum(1, keepdims=True)))
        radiance.append(np.full(_SOFT, strength / _SOFT))
    towards, power = np.concatenate(directions), np.concatenate(radiance)
    probes = np.stack([_unit([x, 0.1, 1.0]) for x in (-0.7, 0.0, 0.7)])
    received = np.einsum("pi,di->pd", probes, towards).clip(0) @ power
    return Light(towards, power * exposure / received.max(), lamps[0][0], fill)


def _unit(vector: list[float]) -> Floats:
    array = np.array(vector, dtype=np.float64)
    return array / np.sqrt((array**2).sum())
