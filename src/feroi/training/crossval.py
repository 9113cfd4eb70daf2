"""Cross-validation of a network: one run folder a fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.data.channels import depth_of, with_depth
from feroi.data.decoded import decode
from feroi.data.folds import Division
from feroi.data.samples import Samples
from feroi.evaluation.crossval import CrossValidation, cross_validate
from feroi.evaluation.evaluate import read
from feroi.files import write_json
from feroi.network.torch_forward import torch_forward
from feroi.network.weights import load_network
from feroi.recipe import RecipeConfig
from feroi.training.callbacks import Callbacks
from feroi.training.loop import LAST_WEIGHTS
from feroi.training.run import train_run

RESULT = "crossval.json"


def cross_validate_network(
    samples: Samples,
    network: NetworkConfig,
    recipe: RecipeConfig,
    run: Path,
    seed: int,
    folds: int,
    callbacks: Callbacks,
) -> CrossValidation:
    """Train on all folds but one, score on that one with the weights of the last epoch.

    The last epoch's, as in the paper: the best epoch's would have been chosen by the fold they
    are scored on. Leaves `run/fold1`... and `run/crossval.json`; finished epochs of a killed run
    are not repeated. Images that cannot be read are left out. For errors see
    `data.folds.subject_folds` and `training.run.train_run`.
    """
    decoded = decode(samples, network.stored_hw)
    shared = with_depth(decoded.shared, depth_of(decoded, network))

    def fit(number: int, division: Division) -> NDArray[np.int64]:
        folder = run / f"fold{number}"
        train_run(division, network, recipe, folder, seed, callbacks)
        forward = torch_forward(load_network(folder / LAST_WEIGHTS))
        return read(forward, network, division.validation).predicted

    result = cross_validate(shared, fit, folds, seed)
    rejected = [item._asdict() for item in decoded.rejected]
    write_json(run / RESULT, {**result.to_json(), "rejected": rejected})
    return result
