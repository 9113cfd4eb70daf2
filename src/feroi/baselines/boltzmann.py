"""Restricted Boltzmann machines one on the other, on groups of units, as AUDN [13] has them.

Letters: N faces; D units; C groups of G units each; M = 60 hidden units.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import BernoulliRBM

LAYERS, HIDDEN = 2, 60
EPOCHS, LEARNING_RATE, BATCH = 20, 0.05, 10
"""Ours, like the number of layers and of hidden units: our paper says "multi-layer" alone."""

_SMALLEST = 1e-6  # the largest value of a unit that never answers

Features = NDArray[np.float32]


class GroupMachines:
    """A stack of two machines for each group of units, learned without labels, one layer after the other.

    units: (N, D) at or above 0, to learn from. groups: (C, G) columns of them. A visible unit is a unit as a
    share of its largest value there, at most 1; the second machine learns from the first one's hidden
    probabilities (persistent contrastive divergence of scikit-learn's BernoulliRBM, started by `seed`).
    """

    def __init__(self, units: Features, groups: NDArray[np.int64], seed: int) -> None:
        self.groups = groups
        self.largest = np.maximum(units.max(0), np.float32(_SMALLEST))
        self.stacks: list[list[BernoulliRBM]] = []
        for group in groups:
            stack: list[BernoulliRBM] = []
            below = self._visible(units, group)
            for _ in range(LAYERS):
                machine = BernoulliRBM(
                    HIDDEN,
                    learning_rate=LEARNING_RATE,
                    batch_size=BATCH,
                    n_iter=EPOCHS,
                    random_state=seed,
                )
                stack.append(machine.fit(below))
                below = machine.transform(below)
            self.stacks.append(stack)

    def features(self, units: Features) -> Features:
        """(N, C (G + 2 M)) of units (N, D): of each group its units as shares, then both hidden layers."""
        layers = []
        for group, stack in zip(self.groups, self.stacks, strict=True):
            layers.append(self._visible(units, group))
            for machine in stack:
                layers.append(machine.transform(layers[-1]))
        return np.concatenate(layers, axis=1).astype(np.float32)

    def _visible(self, units: Features, group: NDArray[np.int64]) -> Features:
        return np.asarray(np.minimum(units[:, group] / self.largest[group], 1))
