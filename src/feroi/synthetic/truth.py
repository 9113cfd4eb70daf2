"""What is known of a synthetic picture, kept beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feroi.files import atomic_path
from feroi.synthetic.expressions import Strength

FOLDER = "truth"

MOVEMENT_STEP = 4
"""Pixels of the picture a side that one cell of a movement map stands for."""


@dataclass(frozen=True)
class Truth:
    """h, w: the picture's height and width divided by 4 (MOVEMENT_STEP), rounded up.

    action_units: Action Unit -> strength on the more active side, 0..1 (a little above at most).
    sides: Action Unit -> strength on the subject's left and right.
    landmarks: (68, 2) float32, x and y in px of the picture, Multi-PIE's order, hidden ones too. The
        first pixel's centre is at (0.5, 0.5), half a px from where `feroi.photo` puts it.
    movement: (h, w) float32, px of the picture by which the expression moved the face seen there
        against the same face at rest, averaged over each cell of 4 x 4 px. 0 on hair, callbacks, neck,
        clothes, background and whatever hides the face. An opened mouth or eye takes the largest
        movement on its rim.
    movement_of: Action Unit -> (h, w), the same for this Action Unit alone. Not a partition: what
        moves in opposite directions cancels in `movement`.
    """

    action_units: dict[int, float]
    sides: dict[int, Strength]
    landmarks: NDArray[np.float32]
    movement: NDArray[np.float32]
    movement_of: dict[int, NDArray[np.float32]]


def truth_path(root: Path, name: str) -> Path:
    """Where the truth of the picture called `name` (with or without .jpg) is kept below `root`."""
    return root / FOLDER / f"{Path(name).stem}.npz"


def write_truth(root: Path, name: str, truth: Truth) -> None:
    """Keep the truth of the picture `name`; maps in 255 levels of their own maximum."""
    units = sorted(truth.sides)
    maps = np.stack([truth.movement, *(truth.movement_of[unit] for unit in units)])
    level = np.maximum(maps.max((1, 2)) / 255, 1e-9).astype(np.float32)
    with atomic_path(truth_path(root, name)) as temporary:
        np.savez_compressed(
            temporary,
            units=np.array(units, dtype=np.uint8),
            sides=np.array([truth.sides[unit] for unit in units], dtype=np.float32).reshape(-1, 2),
            landmarks=truth.landmarks,
            movement=np.round(maps / level[:, None, None]).astype(np.uint8),
            px_per_level=level,
        )


def read_truth(root: Path, name: str) -> Truth:
    """The truth of the picture called `name` in the data set at `root`.

    name: as the data set's reader calls it, e.g. Rafd090_01_Caucasian_female_angry_frontal.jpg.
    Movement is exact to half a 255th of each map's maximum.
    Raises FileNotFoundError, with the command that makes such sets, if there is none.
    """
    path = truth_path(root, name)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there; only sets made by `feroi synth` say what moved in each picture"
        )
    with np.load(path, allow_pickle=False) as stored:
        units = [int(unit) for unit in stored["units"]]
        sides = {
            unit: Strength(float(left), float(right))
            for unit, (left, right) in zip(units, stored["sides"], strict=True)
        }
        maps = stored["movement"] * stored["px_per_level"][:, None, None]
        landmarks = stored["landmarks"]
    return Truth(
        action_units={unit: both.greater for unit, both in sides.items()},
        sides=sides,
        landmarks=landmarks,
        movement=maps[0],
        movement_of=dict(zip(units, maps[1:], strict=True)),
    )
