"""Action Units (Ekman and Friesen's FACS), gaze and closed eyes, from the face mesh's 52 coefficients.

The coefficients say how far a face has gone towards shapes such as mouthSmileLeft; Action Units are what
people who describe faces use. Each Action Unit here is a logistic function of few coefficients c, through
their log odds l(c) = log(c / (1 - c)), c held within .001 and .999:

    strength = 1 / (1 + exp(-(rest + sum of weight * l(c))))

                             rest   weights
    AU01  inner brow raiser  -2.99  browInnerUp 2.01, browOuterUp -0.80
    AU02  outer brow raiser  -1.94  browOuterUp_ 1.38
    AU04  brow lowerer       -0.85  browDown_ 1.29
    AU05  upper lid raiser   -6.60  eyeWide_ 0.57, eyeBlink_ -1.41
    AU06  cheek raiser        1.11  eyeSquint_ 1.54, mouthSmile_ 0.47
    AU10  upper lip raiser   -0.02  mouthUpperUp_ 1.00, mouthSmile_ -0.63
    AU12  lip corner puller   0.04  mouthSmile_ 1.00
    AU14  dimpler            -0.43  mouthPress_ 2.50, mouthRollLower -0.77, mouthDimple_ 0.24
    AU20  lip stretcher       0.36  mouthStretch_ 1.20, mouthFrown_ 0.83, mouthSmile_ -0.87
    AU25  lips part           1.97  jawOpen 1.18, mouthUpperUp 0.35, mouthShrugLower -0.66
    AU26  jaw drop            1.93  jawOpen 1.08
    AU28  lips sucked in      1.04  mouthRollLower 0.60, mouthPress 0.60
    AU43  eyes closed         1.00  eyeBlink_ 2.15

_ stands for Left and Right, each read for itself; without it the mean of both is meant. Which coefficients
go into a row was chosen by what they mean and by what moved them on rendered faces; the weights are a
logistic regression on rendered faces of known strength, with photographs of neutral faces among them. Then
each row was stretched, by no more than twice, towards reading below .3 on 95 of 100 neutral faces (AU12 and
AU14: 97) and .85 on the middle one of those at full strength. AU04 and AU43 are set by hand: rendered brows
sit higher than people's, and eyes that look down must not read as closed ones. What each row is worth, and on
which faces that was measured: docs/results/action-units.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from feroi.photo.face_mesh_points import COEFFICIENTS


class _Row(NamedTuple):
    rest: float
    weights: Mapping[str, float]

    @property
    def has_sides(self) -> bool:
        return any(name.endswith("_") for name in self.weights)


_ROWS: dict[str, _Row] = {
    "AU01": _Row(-2.99, {"browInnerUp": 2.01, "browOuterUp": -0.80}),
    "AU02": _Row(-1.94, {"browOuterUp_": 1.38}),
    "AU04": _Row(-0.85, {"browDown_": 1.29}),
    "AU05": _Row(-6.60, {"eyeWide_": 0.57, "eyeBlink_": -1.41}),
    "AU06": _Row(1.11, {"eyeSquint_": 1.54, "mouthSmile_": 0.47}),
    "AU10": _Row(-0.02, {"mouthUpperUp_": 1.00, "mouthSmile_": -0.63}),
    "AU12": _Row(0.04, {"mouthSmile_": 1.00}),
    "AU14": _Row(-0.43, {"mouthPress_": 2.50, "mouthRollLower": -0.77, "mouthDimple_": 0.24}),
    "AU20": _Row(0.36, {"mouthStretch_": 1.20, "mouthFrown_": 0.83, "mouthSmile_": -0.87}),
    "AU25": _Row(1.97, {"jawOpen": 1.18, "mouthUpperUp": 0.35, "mouthShrugLower": -0.66}),
    "AU26": _Row(1.93, {"jawOpen": 1.08}),
    "AU28": _Row(1.04, {"mouthRollLower": 0.60, "mouthPress": 0.60}),
    "AU43": _Row(1.00, {"eyeBlink_": 2.15}),
}

WORDS: dict[str, str] = {
    "AU01": "inner brows raised",
    "AU02": "outer brows raised",
    "AU04": "brows lowered",
    "AU05": "eyes wide",
    "AU06": "cheeks raised",
    "AU10": "upper lip raised",
    "AU12": "lip corners raised",
    "AU14": "dimpled",
    "AU20": "lips stretched",
    "AU25": "lips parted",
    "AU26": "jaw dropped",
    "AU28": "lips sucked in",
    "AU43": "eyes closed",
}
"""The Action Units that are told, by the names py-feat and OpenFace give their columns, and what one sees.
OpenFace's AU45 is AU43 for a moment."""

UNTOLD: dict[str, str] = {
    "AU07": "lids tightened a little look as they do at rest (eyeSquint hardly moves)",
    "AU09": "the coefficients of the nose are always 0; what is left is the upper lip, which AU10 is",
    "AU15": "lip corners hardly move mouthFrown, and sad faces no more than neutral ones",
    "AU17": "mouthShrugLower differs between people at rest as much as the chin moves it",
    "AU18": "mouthPucker differs between people at rest as much as pursing moves it",
    "AU23": "lips tightened look as at rest, or as AU28 where they are tightened much",
    "AU24": "lips pressed look as at rest, or as AU28 where they are pressed much",
}
"""Action Units that others give and the coefficients cannot tell, and why, as measured."""

_LOWEST = 1e-3
_SIDES = ("Left", "Right")


_GAZE_YAW = (
    (-4.5, -3.4, -1.5, 0.8, 2.9, 4.3, 4.9),
    (-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0),
)
_GAZE_PITCH = (
    (-2.8, -2.2, -1.5, -0.7, 0.2, 0.9, 1.8),
    (-25.0, -15.0, -8.0, 0.0, 8.0, 15.0, 25.0),
)
"""Log odds, and how far the eyes of rendered heads were turned there in degrees; straight between. The
network itself leans to one side: it gives .8 across for eyes that look straight ahead in a symmetric face, in
any rendered one, and in photographs of people who look at the camera. Upwards is shifted by .3, half of what
separates rendered eyes that look ahead from those of people who do."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ActionUnits:
    """How strongly a face moves, by Action Unit ("AU01" ...), from 0 at rest to 1 as strongly as people do.

    both: the greater of the sides.
    sides: the person's left and right, for the Action Units that have them.
    """

    both: dict[str, float]
    sides: dict[str, tuple[float, float]]


class Gaze(NamedTuple):
    """How far the eyes are turned in the head, in degrees; 0 for eyes that look straight ahead.

    yaw_deg: above 0 to the image's right, -30 to 30.
    pitch_deg: above 0 upwards, -25 to 25.
    """

    yaw_deg: float
    pitch_deg: float


def action_units(coefficients: ArrayLike) -> ActionUnits:
    """The Action Units in coefficients (52,), 0..1, in the order of `face_mesh_points.COEFFICIENTS`.

    Raises ValueError for anything else.
    """
    odds = _log_odds(coefficients)
    sides = {
        name: (_strength(row, odds, "Left"), _strength(row, odds, "Right"))
        for name, row in _ROWS.items()
        if row.has_sides
    }
    both = {
        name: max(sides[name]) if row.has_sides else _strength(row, odds, "") for name, row in _ROWS.items()
    }
    return ActionUnits(both, sides)


def in_words(units: Mapping[str, float], at_least: float = 0.3, most: int = 3) -> list[str]:
    """The strongest Action Units as people read them: "brows lowered (AU 4) .7"; the strongest first.

    units: as `ActionUnits.both`.
    """
    strongest = sorted(units.items(), key=lambda item: -item[1])[:most]
    return [
        f"{WORDS[name]} (AU {int(name[2:])}) {f'{strength:.1f}'.removeprefix('0')}"
        for name, strength in strongest
        if strength >= at_least
    ]


def gaze(coefficients: ArrayLike) -> Gaze:
    """Where the eyes look, from coefficients (52,) as for `action_units`.

    Told against the head, and best where that faces the camera: see docs/results/action-units.md.
    """
    odds = _log_odds(coefficients)
    across = [odds[f"eyeLook{way}"] for way in ("OutLeft", "InRight", "InLeft", "OutRight")]
    upward = [odds[f"eyeLook{way}"] for way in ("UpLeft", "UpRight", "DownLeft", "DownRight")]
    signs = np.array([1, 1, -1, -1]) / 4
    return Gaze(float(np.interp(signs @ across, *_GAZE_YAW)), float(np.interp(signs @ upward, *_GAZE_PITCH)))


def eyes_closed(coefficients: ArrayLike) -> float:
    """0..1, above .5 where both eyes are closed; AU43 on the side that is less closed."""
    odds = _log_odds(coefficients)
    return min(_strength(_ROWS["AU43"], odds, side) for side in _SIDES)


def _log_odds(coefficients: ArrayLike) -> dict[str, float]:
    values = np.asarray(coefficients, dtype=np.float64)
    if values.shape != (len(COEFFICIENTS),):
        raise ValueError(f"coefficients are {len(COEFFICIENTS)} numbers; got shape {values.shape}")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("coefficients must lie within 0 and 1")
    held = np.clip(values, _LOWEST, 1 - _LOWEST)
    return dict(zip(COEFFICIENTS, np.log(held / (1 - held)).tolist(), strict=True))


def _strength(row: _Row, odds: Mapping[str, float], side: str) -> float:
    """Of one side, Left or Right; "" for an Action Unit that has none."""
    total = row.rest + sum(weight * _evidence(name, odds, side) for name, weight in row.weights.items())
    return float(1 / (1 + np.exp(-total)))


def _evidence(name: str, odds: Mapping[str, float], side: str) -> float:
    if name.endswith("_"):
        return odds[name[:-1] + side]
    return odds[name] if name in odds else sum(odds[name + each] for each in _SIDES) / 2
