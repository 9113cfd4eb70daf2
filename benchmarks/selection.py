"""What selection gives: the receptive fields and patches chosen, as many drawn at random, and all of them.

    python benchmarks/selection.py [DATA]

Runs the baselines `audn` and `patches` on the five folds by subject of DATA (embedded-wild), each with its
own selection, and with units or patches drawn by seed 0 in place of it; `audn` also without its Boltzmann
machines, with what they make alone, and with all units. All else is the same: filters, principal components,
linear machine, inner folds. Prints accuracy in %, mean ± standard deviation (n - 1) over the folds, each
fold, and the processor time of selection and learning.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np

from feroi.baselines.boltzmann import HIDDEN, LAYERS, GroupMachines
from feroi.baselines.descriptors import features
from feroi.baselines.patches import LANDMARKS, PairwisePatches
from feroi.baselines.receptive_fields import GROUP, AuAwareFields, Filters
from feroi.baselines.svm import learn
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import Samples
from feroi.evaluation.crossval import cross_validate, in_percent
from feroi.photo.geometry import FRAME_HW


class AllFields(AuAwareFields):
    """Without choice and without machines."""

    def fit(self, features, labels):
        self.filters_ = Filters(features, self.seed)
        self.chosen_ = np.arange(self.filters_.units(features[:1]).shape[1])
        return self

    def transform(self, features):
        return self.filters_.units(features)[:, self.chosen_]


class ChosenFields(AuAwareFields):
    """Without machines."""

    def transform(self, features):
        return self.filters_.units(features)[:, self.chosen_]


class HiddenFields(AuAwareFields):
    """What the machines make of the units, without these."""

    def transform(self, features):
        layers = super().transform(features).reshape(len(features), -1, GROUP + LAYERS * HIDDEN)
        return layers[..., GROUP:].reshape(len(features), -1)


class RandomFields(AuAwareFields):
    """As many in each group as are chosen."""

    def fit(self, features, labels):
        self.filters_ = Filters(features, self.seed)
        units, rng = self.filters_.units(features), np.random.default_rng(0)
        drawn = [rng.choice(units.shape[1], GROUP, replace=False) for _ in np.unique(labels)]
        self.chosen_ = np.unique(drawn)
        self.machines_ = GroupMachines(units, np.stack(drawn), self.seed)
        return self


class RandomPatches(PairwisePatches):
    """Four of 52 for each two expressions."""

    def fit(self, features, labels):
        rng, chosen = np.random.default_rng(0), super().fit(features, labels).chosen_
        self.chosen_ = np.stack([rng.choice(len(LANDMARKS), len(graph), replace=False) for graph in chosen])
        return self


def main(data: str) -> None:
    readable = decode(read_dataset(data), FRAME_HW)
    rows = zip(readable.samples, readable.pixels, strict=True)
    samples = Samples(replace(row, image=pixels) for row, pixels in rows)
    for name, selectors in (
        ("audn", (AuAwareFields(), ChosenFields(), HiddenFields(), RandomFields(), AllFields())),
        ("patches", (PairwisePatches(), RandomPatches())),
    ):
        known = dict(zip((row.name for row in samples), features(samples, name), strict=True))

        def described(side: Samples, known=known) -> np.ndarray:
            return np.stack([known[row.name] for row in side])

        for selector in selectors:

            def fit(number, division, selector=selector, described=described):
                training, validation = division.training, division.validation
                return learn(training, described(training), described(validation), 0, selector).predicted

            begun = time.process_time()
            result = cross_validate(samples, fit)
            spent = time.process_time() - begun
            folds = " ".join(f"{100 * fold.accuracy:.1f}" for fold in result.folds)
            print(
                f"{name} {type(selector).__name__}: {in_percent(result.spread('accuracy'))} ({folds}), "
                f"{spent:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["embedded-wild"]))
