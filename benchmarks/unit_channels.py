"""Feature maps chosen by known Action Units, after Zhou and Shi [14], on faces rendered by `feroi synth`.

    python benchmarks/unit_channels.py FACES [MODEL]

Each of the last feature maps of MODEL (default), learned on photographs, answers with its largest value on a
face. On the training side of each of the five folds by subject, those are chosen whose answers correlate most
with each Action Unit's strength, by absolute value: one for each, then four. An SVM reads the expression from
their answers, from as many drawn by seed 0, and from all. Prints accuracy in %, mean ± standard deviation
(n - 1) over the folds, and each fold; and of each Action Unit the correlation of its best map, on the
training side and on the people held out, means over the folds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from feroi.baselines.svm import learn
from feroi.data.batches import as_faces, centre_patches
from feroi.data.decoded import decode
from feroi.data.folds import Division, Fold, subject_folds
from feroi.data.readers import read_dataset
from feroi.evaluation.crossval import cross_validate, in_percent
from feroi.network.description import model_file
from feroi.network.weights import load_network
from feroi.synthetic.truth import read_truth

COUNTS = (1, 4)
Floats = NDArray[np.float64]
Choice = Callable[[Floats, Floats], NDArray[np.int64]]


def main(folder: Path, model: str) -> None:
    network = load_network(model_file(model, ".safetensors")).eval()
    stored = decode(read_dataset(folder), network.config.stored_hw)
    samples = stored.shared
    answers = responses(network, centre_patches(stored.pixels, network.config.input_hw))
    truths = [read_truth(folder, row.name).action_units for row in samples]
    units = sorted({unit for truth in truths for unit in truth})
    strengths = np.array([[truth.get(unit, 0.0) for unit in units] for truth in truths])
    place = {row.name: at for at, row in enumerate(samples)}

    def learned(choose: Choice) -> str:
        sizes = []

        def fit(number: int, division: Division) -> NDArray[np.int64]:
            inside, outside = ([place[row.name] for row in side] for side in division[:2])
            maps = choose(answers[inside], strengths[inside])
            sizes.append(len(maps))
            given = answers[:, maps].astype(np.float32)
            return learn(division.training, given[inside], given[outside], 0).predicted

        result = cross_validate(samples, fit)
        folds = " ".join(f"{100 * fold.accuracy:.1f}" for fold in result.folds)
        return f"{in_percent(result.spread('accuracy'))} ({folds}), {min(sizes)} to {max(sizes)} maps"

    print(f"{len(samples)} faces, {answers.shape[1]} maps, {len(units)} Action Units")
    print(f"all: {learned(lambda known, wanted: np.arange(known.shape[1]))}", flush=True)
    for count in COUNTS:
        print(
            f"chosen, {count} for each: {learned(lambda *given, n=count: most_alike(*given, n))}", flush=True
        )
        print(f"drawn: {learned(lambda *given, n=count: drawn(*given, n))}", flush=True)
    found = np.mean([best(answers, strengths, fold) for fold in subject_folds(samples)], axis=0)
    for unit, inside, outside in zip(units, *found, strict=True):
        print(f"Action Unit {unit}: {inside:.2f} on the training side, {outside:.2f} on people held out")


def most_alike(answers: Floats, strengths: Floats, count: int) -> NDArray[np.int64]:
    return np.unique(np.argsort(-np.abs(correlations(answers, strengths)), axis=0)[:count])


def drawn(answers: Floats, strengths: Floats, count: int) -> NDArray[np.int64]:
    size = len(most_alike(answers, strengths, count))
    return np.random.default_rng(0).choice(answers.shape[1], size, replace=False)


def best(answers: Floats, strengths: Floats, fold: Fold) -> Floats:
    """(2, units): correlations of the map most alike on the training side, there and on the other."""
    here, there = (correlations(answers[side], strengths[side]) for side in (fold.training, fold.validation))
    at = np.abs(here).argmax(0), np.arange(strengths.shape[1])
    return np.sign(here[at]) * np.stack([here[at], there[at]])


def responses(network: torch.nn.Module, patches: NDArray[np.uint8]) -> Floats:
    """(N, channels): the largest value of each of the last feature maps on each face."""
    with torch.inference_mode():
        batches = torch.from_numpy(as_faces(patches)).split(32)
        return np.concatenate([network.locations(batch).amax((2, 3)).double().numpy() for batch in batches])


def correlations(answers: Floats, strengths: Floats) -> Floats:
    """(channels, units); 0 where one of the two does not vary."""
    columns = []
    for values in (answers, strengths):
        centred = values - values.mean(0)
        length = np.linalg.norm(centred, axis=0)
        columns.append(centred / np.where(length > 1e-9, length, np.inf))
    return columns[0].T @ columns[1]


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else "default")
