"""Classical features with an SVM on the folds the networks are measured on: one file per fold."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray

import feroi
from feroi.baselines.descriptors import Features, check_baseline, features, selector
from feroi.baselines.svm import learn
from feroi.data.decoded import decode
from feroi.data.folds import PAPER_FOLDS, Division, divide, stratified_holdout
from feroi.data.samples import Samples, fingerprint
from feroi.evaluation.crossval import CrossValidation, cross_validate
from feroi.evaluation.metrics import score
from feroi.files import open_run, write_json
from feroi.photo.geometry import FRAME_HW

RESULT = "crossval.json"
CONFIG = "config.json"

_SMALLEST_PX = 16


def validate_baseline(
    samples: Samples,
    name: str,
    run: Path,
    seed: int = 0,
    folds: int = PAPER_FOLDS,
    size_hw: tuple[int, int] = FRAME_HW,
    limit: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> CrossValidation:
    """Learn a baseline on the training side of each fold, and score it on the other.

    name: one of `baselines.descriptors.BASELINES`.
    Data with official splits, or without subjects, are divided once as `data.folds.divide` does, and are
    one fold. Faces are read at `size_hw` px, by default the paper's 160x125.
    limit: learn from about so many of a fold's training faces, drawn at random by `seed`, as many of each
        expression as its share; None for all. The validation side is whole.
    say: told of each fold as it is finished.
    Leaves `run/config.json`, `run/fold1.json`..., which a killed run goes on from, and
    `run/crossval.json`. Raises ValueError for an unknown name, a size or limit too small, a run folder
    of something else, and as `baselines.svm.learn` and `data.folds.subject_folds`.
    """
    check_baseline(name)
    if min(size_hw) < _SMALLEST_PX:
        raise ValueError(f"faces of {size_hw[1]}x{size_hw[0]} px; descriptors need {_SMALLEST_PX} a side")
    decoded = decode(samples, size_hw)
    shared = decoded.shared
    settings = {"baseline": name, "size_hw": list(size_hw), "seed": seed, "folds": folds, "limit": limit}
    identity = {**settings, "sha256": fingerprint(shared, decoded.pixels)}
    versions = {"feroi": feroi.__version__, "numpy": np.__version__, "scikit-learn": sklearn.__version__}
    described = _Described(name)

    def fit(number: int, division: Division) -> NDArray[np.int64]:
        outcome = _learned(run / f"fold{number}.json", division, described, limit, seed)
        predicted = np.array(outcome["predicted"], dtype=np.int64)
        accuracy = float((predicted == division.validation.labels).mean())
        chosen = ", ".join(
            f"{key} {value:.3g}" for key, value in outcome["chosen"].items() if key != "kernel"
        )
        say(
            f"{outcome['division']}: {outcome['training']} training faces, "
            f"{outcome['chosen']['kernel']} kernel, {chosen}; accuracy {100 * accuracy:.1f} %, "
            f"{outcome['processor_seconds']:.0f} s of processor time"
        )
        return predicted

    with open_run(run / CONFIG, {**identity, "versions": versions}, identity):
        if any(shared.attribute("split")) or not any(shared.subjects):
            division = divide(shared, seed)
            only = score(division.validation.labels, fit(1, division))
            result = CrossValidation([only], only)
        else:
            result = cross_validate(shared, fit, folds, seed)
        rejected = [item._asdict() for item in decoded.rejected]
        write_json(run / RESULT, {**settings, **result.to_json(), "rejected": rejected})
        return result


def _learned(
    path: Path, division: Division, described: _Described, limit: int | None, seed: int
) -> dict[str, Any]:
    """What was learned on one side and predicted on the other; from the file `path` if it is there."""
    if path.is_file():
        outcome: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return outcome
    begun = time.process_time()
    training = _limited(division.training, limit, seed)
    chooser = selector(described.name, seed)
    answer = learn(training, described(training), described(division.validation), seed, chooser)
    outcome = {
        "division": division.description,
        "training": len(training),
        "chosen": answer.chosen,
        "processor_seconds": time.process_time() - begun,
        "predicted": answer.predicted.tolist(),
    }
    if answer.where is not None:
        outcome["where"] = answer.where.tolist()
    write_json(path, outcome)
    return outcome


class _Described:
    """Features of samples, each computed once, when first asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, samples: Samples) -> Features:
        missing = samples.where(lambda row: row.name not in self._known)
        if len(missing):
            names = [row.name for row in missing]
            self._known.update(zip(names, features(missing, self.name), strict=True))
        return np.stack([self._known[row.name] for row in samples])


def _limited(training: Samples, limit: int | None, seed: int) -> Samples:
    if limit is None or limit >= len(training):
        return training
    return training.take(stratified_holdout(training, limit / len(training), seed).validation)
