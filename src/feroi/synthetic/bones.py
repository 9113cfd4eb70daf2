"""The resting head of a subject: identity, gender and age move bone and flesh, not paint alone.

FaceKit's modes of identity carry no labels, so what tells men, women, children and old people
apart is added by hand: soft pushes at anatomical places, after the averages of anthropometry
(jaw, chin, brow ridge, nose and neck grow with masculinity; children have large eyes, a small
nose, a short lower face and full cheeks; with age jowls and the nose's tip come down).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from feroi.synthetic.facekit import FaceModel
from feroi.synthetic.raster import Floats
from feroi.synthetic.traits import Traits

_SPREAD = 0.85  # of identity, in standard deviations of FaceKit's scans; 1 gives odd ones
_SPREAD_OF_KIDS = 0.4  # the scans are of adults, and their differences look grown up
_LIMIT = 2.0


class _Push(NamedTuple):
    """Everything within about `radius` cm of `centre` moves by `by` cm; both mirrored to the right
    side unless the centre lies in the middle."""

    centre: tuple[float, float, float]
    radius: float
    by: tuple[float, float, float]


_MASCULINE = (
    _Push((6.3, -4.2, 3.5), 3.2, (0.50, -0.20, 0.10)),  # angle of the jaw
    _Push((0.0, -6.9, 9.8), 2.2, (0.00, -0.28, 0.30)),  # chin
    _Push((2.0, -6.7, 9.0), 1.8, (0.28, -0.10, 0.05)),
    _Push((2.8, 5.5, 9.9), 1.9, (0.00, -0.14, 0.30)),  # brow ridge
    _Push((0.0, 9.0, 9.0), 2.5, (0.00, 0.00, -0.20)),  # forehead slopes back
    _Push((0.0, 1.0, 12.4), 1.9, (0.00, 0.00, 0.28)),  # nose
    _Push((1.4, -0.5, 10.9), 1.1, (0.16, 0.00, 0.05)),
    _Push((5.0, 1.0, 8.0), 1.9, (-0.12, 0.00, -0.15)),  # cheekbone
    _Push((0.0, -3.4, 11.6), 1.5, (0.00, 0.00, -0.16)),  # lips
)
_CHILD = (
    _Push((0.0, 0.6, 12.4), 2.0, (0.00, 0.40, -1.00)),
    _Push((1.3, -0.5, 10.9), 1.3, (-0.25, 0.12, -0.20)),
    _Push((4.6, -1.6, 8.3), 2.3, (0.55, 0.10, 0.55)),  # cheeks
    _Push((6.3, -4.2, 3.5), 3.2, (-0.80, 0.50, 0.00)),
    _Push((0.0, -6.9, 9.8), 2.3, (0.00, 0.85, -0.25)),
    _Push((0.0, 8.8, 9.5), 3.0, (0.00, 0.25, 0.60)),  # forehead
    _Push((2.8, 5.5, 9.9), 1.9, (0.00, 0.10, -0.35)),
)
_OLD = (
    _Push((4.2, -5.4, 7.6), 1.6, (0.18, -0.45, 0.15)),  # jowls
    _Push((5.0, -1.5, 8.2), 1.9, (-0.30, -0.10, -0.25)),  # hollow cheeks
    _Push((0.0, -0.1, 12.5), 1.3, (0.00, -0.30, 0.05)),  # tip of the nose
    _Push((3.0, 2.2, 9.3), 0.8, (0.00, -0.10, 0.14)),  # bags below the eyes
    _Push((0.0, -3.4, 11.6), 1.4, (0.00, -0.05, -0.28)),
    _Push((2.4, -3.6, 10.2), 0.9, (0.00, -0.12, 0.00)),  # corners of the mouth
    _Push((0.0, -9.0, 7.0), 1.8, (0.00, -0.40, 0.40)),  # below the chin
)
_EYE_RADIUS_CM = 2.0


def resting_head(model: FaceModel, traits: Traits, seed: int) -> Floats:
    """(V, 3) cm: the head of this subject without expression."""
    rng = np.random.default_rng([seed, traits.number, 2])
    head = model.vertices.copy()
    spread = _SPREAD_OF_KIDS if traits.is_kid else _SPREAD
    for mode in model.identity:
        head += np.clip(rng.normal(0, spread), -_LIMIT, _LIMIT) * mode.astype(np.float64)
    old = traits.years_beyond_middle
    rest = model.vertices
    head += traits.masculine * _pushed(rest, _MASCULINE) + old * _pushed(rest, _OLD)
    eyes = 1 - 0.045 * traits.masculine - 0.03 * old
    if traits.is_kid:
        head += _pushed(rest, _CHILD)
        eyes += 0.15
    for eye in model.eyes:
        away = rest - eye.centre
        head += (eyes - 1) * away * _near(rest, eye.centre, _EYE_RADIUS_CM)[:, None]
    lids = {f"eyeBlink_{side}": traits.lids + 0.1 * old for side in "LR"}
    head += model.displacement(lids)
    neck = np.clip((-4.0 - rest[:, 1]) / 6.0, 0, 1) * (rest[:, 2] < 8)
    head[:, 0] *= 1 + (0.08 * traits.masculine - 0.12 * traits.is_kid) * neck
    return head * (1 + 0.025 * traits.masculine - 0.07 * traits.is_kid)


def _pushed(vertices: Floats, pushes: tuple[_Push, ...]) -> Floats:
    """(V, 3) cm by which the pushes together move `vertices`."""
    moved = np.zeros(vertices.shape)
    for push in pushes:
        for side in (1, -1) if push.centre[0] else (1,):
            mirror = np.array([side, 1.0, 1.0])
            weight = _near(vertices, np.array(push.centre) * mirror, push.radius)
            moved += weight[:, None] * (np.array(push.by) * mirror)
    return moved


def _near(vertices: Floats, centre: Floats, radius: float) -> Floats:
    """(V,) 1 at `centre`, falling to 0 over about twice `radius` (a Gaussian)."""
    squared = ((vertices - centre) ** 2).sum(1)
    return np.exp(-squared / radius**2)
