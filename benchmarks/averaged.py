"""Networks of several cross-validations averaged, fold by fold, as Levi and Hassner average over radii.

    python benchmarks/averaged.py DATA SEED RUN RUN ...

Each RUN is a folder of `feroi crossval --network ... --seed SEED` on DATA, all of the same folds. Prints the
accuracy of each, and of the mean of their probabilities, in %: mean ± standard deviation (n - 1) over the
folds, and each fold.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.evaluation.crossval import cross_validate, in_percent
from feroi.evaluation.evaluate import read
from feroi.network.torch_forward import torch_forward
from feroi.network.weights import load_network
from feroi.training.loop import LAST_WEIGHTS


def main(data: str, seed: int, runs: list[Path]) -> None:
    networks = {(run, number): weights for run in runs for number, weights in _folds(run)}
    stored = {network.config.stored_hw for network in networks.values()}
    if len(stored) > 1:
        sys.exit(f"the runs read faces of different sizes: {sorted(stored)}")
    samples = decode(read_dataset(data), stored.pop()).shared
    count = len(networks) // len(runs)
    for names in (*([run] for run in runs), runs):

        def fit(number, division, names=names):
            logits = [
                read(torch_forward(net := networks[run, number]), net.config, division.validation).logits
                for run in names
            ]
            each = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
            return (each / each.sum(-1, keepdims=True)).mean(0).argmax(-1)

        result = cross_validate(samples, fit, count, seed)
        folds = " ".join(f"{100 * fold.accuracy:.1f}" for fold in result.folds)
        title = " + ".join(run.name for run in names)
        print(f"{title}: {in_percent(result.spread('accuracy'))} ({folds})")


def _folds(run: Path):
    for folder in sorted(run.glob("fold*")):
        yield int(folder.name.removeprefix("fold")), load_network(folder / LAST_WEIGHTS)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), [Path(run) for run in sys.argv[3:]])
