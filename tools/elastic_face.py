"""Make the elastic face that depth is estimated with, from the ICT-FaceKit model.

    python tools/elastic_face.py PATH/TO/ICT-FaceKit

draws people and expressions as `feroi synth` does, from seeds of its own, and writes
src/feroi/photo/shape/elastic_face.npz: their mean and principal components at the 68 landmarks and
some 1,000 other points of the face. Takes about three minutes and needs numpy and numba.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feroi.photo.depth import ELASTIC_FILE
from feroi.synthetic.expressions import EXPRESSION_ACTION_UNITS, displacements, sample_action_units
from feroi.synthetic.facekit import FACE, FaceModel, load_facekit
from feroi.synthetic.subject import resting_head
from feroi.synthetic.traits import draw_traits, subject_numbers

SEEDS = range(1000, 1004)
"""People of seeds below 1000 stay unseen."""
DISPLAYS = 1500
IDENTITIES, EXPRESSIONS = 30, 12
APART_CM = 0.4
NEAR_CM, STEEPEST = 0.6, 2.5


def main(facekit: Path) -> None:
    model = load_facekit(facekit)
    kept = points(model)
    people = np.stack(
        [
            resting_head(model, draw_traits(number, seed), seed)[kept].ravel()
            for seed in SEEDS
            for number in subject_numbers(67)
        ]
    )
    rng = np.random.default_rng(SEEDS[0])
    words = list(EXPRESSION_ACTION_UNITS)
    moved = np.stack(
        [
            sum(
                displacements(model, sample_action_units(words[k % len(words)], (0.4, 1.1), rng)).values(),
                np.zeros(model.vertices.shape),
            )[kept].ravel()
            for k in range(DISPLAYS)
        ]
    )
    mean = people.mean(0) + moved.mean(0)
    stored: dict[str, NDArray[np.generic]] = {
        "vertices": kept.astype(np.int32),
        "mean_cm": mean.reshape(-1, 3).astype(np.float32),
    }
    for name, data, count in (("identity", people, IDENTITIES), ("expression", moved, EXPRESSIONS)):
        modes, share = components(data, count)
        level = np.abs(modes).max(1) / 32767
        stored[f"{name}_modes"] = np.round(modes / level[:, None]).astype(np.int16).reshape(count, -1, 3)
        stored[f"{name}_cm_per_level"] = level.astype(np.float32)
        print(f"{count} components hold {100 * share:.1f} % of the variance of {name}")
    ELASTIC_FILE.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(ELASTIC_FILE, **stored)  # type: ignore[arg-type]
    print(f"{ELASTIC_FILE}: {len(kept)} points, {ELASTIC_FILE.stat().st_size} bytes")


def points(model: FaceModel) -> NDArray[np.int64]:
    """The 68 landmarks' vertices, then the foremost vertex of the face in each square of APART_CM.

    Seen from the front, so that depth is a function of the place: what a nostril or the rim hides is
    left out.
    """
    x, y, z = model.vertices.T
    inside = np.minimum.reduce([y + 8.6 - 0.28 * np.abs(x), z - 1.0, 9.5 - y])  # jaw, callbacks, hair
    face = np.unique(model.triangles[model.part == FACE])
    face = face[inside[face] > 0]
    face = face[np.argsort(-z[face])]
    squares = np.floor(model.vertices[face, :2] / APART_CM).astype(np.int64)
    _, first = np.unique(squares, axis=0, return_index=True)
    others = np.setdiff1d(face[first], model.landmarks)
    near = np.hypot(x[others, None] - x[others], y[others, None] - y[others]) < NEAR_CM
    hidden = np.where(near, z[others], -np.inf).max(1) - z[others] > STEEPEST * NEAR_CM
    return np.concatenate([model.landmarks, others[~hidden]])


def components(data: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], float]:
    """(count, D) principal components of (N, D) data, each as long as its standard deviation, and the
    share of the variance they hold."""
    _, lengths, axes = np.linalg.svd(data - data.mean(0), full_matrices=False)
    modes = axes[:count] * (lengths[:count, None] / np.sqrt(len(data) - 1))
    return modes, float((lengths[:count] ** 2).sum() / (lengths**2).sum())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
