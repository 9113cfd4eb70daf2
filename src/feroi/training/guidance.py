"""The maps that attention is drawn to in a guided training (`RecipeConfig.guidance`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.data.decoded import Decoded, cached_array
from feroi.data.samples import fingerprint
from feroi.evaluation.attention_targets import LeftOut, truth_names, truths_of
from feroi.progress import track


def truth_maps(training: Decoded, network: NetworkConfig) -> NDArray[np.uint8]:
    """Where each stored image should be looked at, 255 at its most: (N, H, W) beside `training.pixels`.

    The truth `evaluation.truths` names first: of synthetic faces where the Action Units moved them, each of
    equal weight; of others the regions of Table 4. Zero everywhere where none is known, as for neutral
    faces. Finding landmarks takes long, so the maps are kept beside the decoded images.
    """
    whole = replace(network, input_hw=network.stored_hw, margin=False)  # nothing is cut away
    names = truth_names(training.samples)
    key = f"{names[0]} {whole.pipeline} {fingerprint(training.samples, training.pixels)}"
    return cached_array("truth", key, lambda: _find_truths(training, whole, names))


def _find_truths(training: Decoded, whole: NetworkConfig, names: tuple[str, ...]) -> NDArray[np.uint8]:
    maps = np.zeros(training.pixels.shape, np.uint8)
    number = len(maps)
    for at in track(range(number), "finding where to look", number, number):
        try:
            truth = truths_of(training.samples[at], training.pixels[at], whole, names)[names[0]]
        except LeftOut:
            continue
        maps[at] = np.round(255 * truth / truth.max())
    return maps
