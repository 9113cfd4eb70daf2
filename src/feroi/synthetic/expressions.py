"""Expressions as Action Units, and Action Units as blend shapes (Ekman and Friesen's FACS).

An Action Unit's strength is 0 at rest and 1 at its strongest natural display (level E); it may
differ between the two sides of a face.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:  # strengths are read where no renderer is installed
    from feroi.synthetic.facekit import FaceModel
    from feroi.synthetic.raster import Floats

SHAPES_OF_ACTION_UNIT: Mapping[int, Mapping[str, float]] = {
    1: {"browInnerUp_": 1.5},
    2: {"browOuterUp_": 1.1},
    4: {"browDown_": 1.3, "browInnerUp_": -0.7},
    5: {"eyeWide_": 1.1},
    6: {"cheekSquint_": 0.8, "cheekRaiser_": 0.6},
    7: {"eyeSquint_": 1.0},
    9: {"noseSneer_": 1.1},
    10: {"mouthUpperUp_": 0.8},
    12: {"mouthSmile_": 1.0},
    14: {"mouthDimple_": 1.1, "mouthPress_": 0.3},
    15: {"mouthFrown_": 0.85},
    16: {"mouthLowerDown_": 0.9},
    17: {"mouthShrugLower": 0.8},
    20: {"mouthStretch_": 1.0},
    23: {"mouthPress_": 0.7, "mouthRollUpper": 0.4, "mouthRollLower": 0.4, "mouthPucker": 0.15},
    25: {"mouthLowerDown_": 0.4, "mouthUpperUp_": 0.25},
    26: {"jawOpen": 0.45},
    27: {"jawOpen": 0.75},
}
"""Weights of FaceKit's shapes at strength 1. A name that ends in _ stands for its two sides, _L and
_R; a shape without sides follows the mean of both. Above 1 where FaceKit's shape is weaker than
the Action Unit at its strongest, below 0 where it moves the other way: FaceKit's lowered brow sinks
outside as much as inside, the Action Unit draws its inner end down. Judged by eye."""

EXPRESSION_ACTION_UNITS: Mapping[str, tuple[Mapping[int, float], ...]] = {
    "angry": (
        {4: 1.0, 5: 0.5, 7: 0.8, 17: 0.3, 23: 1.0},
        {4: 1.0, 5: 0.6, 7: 0.7, 9: 0.25, 10: 0.2, 17: 0.2, 23: 0.8},
        {4: 1.0, 5: 0.6, 7: 0.8, 10: 0.4, 16: 0.6, 23: 0.5, 25: 0.5},
    ),
    "contemptuous": ({12: 0.45, 14: 1.0}, {14: 1.0, 17: 0.25}),
    "disgusted": (
        {4: 0.3, 7: 0.5, 9: 1.0, 10: 0.6, 15: 0.5, 16: 0.45},
        {6: 0.3, 7: 0.4, 9: 1.0, 10: 0.3, 15: 0.8, 16: 0.3, 17: 0.5},
        {4: 0.4, 7: 0.6, 9: 1.0, 10: 0.8, 15: 0.5, 16: 0.6, 25: 0.6},
    ),
    "fearful": (
        {1: 1.0, 2: 0.7, 4: 0.5, 5: 1.0, 7: 0.25, 20: 1.0, 25: 0.6, 26: 0.6},
        {1: 1.0, 2: 0.5, 4: 0.6, 5: 0.9, 7: 0.3, 20: 0.9, 25: 0.8, 26: 0.35},
    ),
    "happy": (
        {6: 0.8, 12: 1.0, 25: 1.0, 26: 0.15},
        {6: 0.9, 12: 1.0, 25: 1.2, 26: 0.4},
        {6: 0.6, 12: 0.8},
    ),
    "neutral": ({},),
    "sad": (
        {1: 1.0, 4: 0.5, 15: 1.0, 17: 0.5},
        {1: 1.0, 4: 0.6, 7: 0.3, 15: 0.9, 17: 0.8},
        {1: 0.9, 4: 0.4, 15: 1.0, 17: 0.2, 25: 0.25},
    ),
    "surprised": (
        {1: 1.0, 2: 1.0, 5: 0.9, 25: 0.2, 26: 1.1},
        {1: 1.0, 2: 1.0, 5: 0.8, 26: 0.6, 27: 0.6},
        {1: 0.9, 2: 1.0, 5: 1.0, 26: 0.7},
    ),
}
"""The eight expressions of RaFD, by its words, each in the forms people show it. Every form holds
the Action Units of the paper's Table 4; the others are FACS' usual companions. Contempt is
one-sided."""

_NEUTRAL_TONE = 0.06
_STRONGEST = 1.3  # beyond which shapes of the model break
_STRENGTH_SPREAD = 0.12
_ASYMMETRY = 0.09


class Strength(NamedTuple):
    """Strength of one Action Unit on the subject's left and right side."""

    left: float
    right: float

    @property
    def greater(self) -> float:
        return max(self)


ActionUnits = Mapping[int, Strength]


def sample_action_units(
    expression: str, strength: tuple[float, float], rng: np.random.Generator, looseness: float = 0.0
) -> dict[int, Strength]:
    """One display of `expression` (RaFD's word), with chance in form, strength and symmetry.

    strength: range of the factor on the whole expression.
    looseness: how far people stray from the form, 0..1: each Action Unit drops out with this probability, is
        stronger or weaker by a factor whose logarithm has this standard deviation, and a form of another
        expression is blended in at up to this share.
    A neutral face keeps the slight muscle tone people have: two or three Action Units up to 0.06.
    Raises KeyError for a word that RaFD does not use.
    """
    forms = EXPRESSION_ACTION_UNITS[expression]
    form = forms[rng.integers(len(forms))]
    factor = rng.uniform(*strength)
    if not form:
        chosen = rng.choice([1, 4, 7, 12, 15, 17, 23], size=rng.integers(2, 4), replace=False)
        form = {int(unit): rng.uniform(0, _NEUTRAL_TONE) for unit in sorted(chosen)}
        factor = 1.0
    if looseness:
        form = _loosened(form, looseness, rng)
    weak_side = int(rng.integers(2)) if expression == "contemptuous" else None
    units = {}
    for unit, full in form.items():
        value = full * factor * (1 + rng.uniform(-_STRENGTH_SPREAD, _STRENGTH_SPREAD))
        lean = rng.uniform(-_ASYMMETRY, _ASYMMETRY)
        sides = [value * (1 + lean), value * (1 - lean)]
        if weak_side is not None and unit in (12, 14):
            sides[weak_side] *= 0.05
        units[unit] = Strength(*sides)
    return units


def _loosened(form: Mapping[int, float], looseness: float, rng: np.random.Generator) -> dict[int, float]:
    """`form` with Action Units dropped and exaggerated, and a form of another expression blended in."""
    kept = {unit: full for unit, full in form.items() if rng.random() >= looseness}
    loose = {unit: full * float(np.exp(looseness * rng.standard_normal())) for unit, full in kept.items()}
    others = [each for forms in EXPRESSION_ACTION_UNITS.values() for each in forms]
    share = rng.uniform(0, looseness)
    for unit, full in others[rng.integers(len(others))].items():
        loose[unit] = loose.get(unit, 0.0) + share * full
    return {unit: min(full, _STRONGEST) for unit, full in loose.items()}


def blend_weights(unit: int, strength: Strength) -> dict[str, float]:
    """FaceKit's shapes and their weights for one Action Unit."""
    weights = {}
    for name, full in SHAPES_OF_ACTION_UNIT[unit].items():
        if name.endswith("_"):
            weights[name + "L"] = full * strength.left
            weights[name + "R"] = full * strength.right
        else:
            weights[name] = full * (strength.left + strength.right) / 2
    return weights


def displacements(model: FaceModel, units: ActionUnits) -> dict[int, Floats]:
    """Action Unit -> (V, 3) cm by which it moves each vertex of `model`; they add up."""
    return {unit: model.displacement(blend_weights(unit, strength)) for unit, strength in units.items()}
