"""Soft labels: of people who voted, and of trained networks, the teachers (Hinton et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from feroi.config import RecipeConfig
from feroi.data.batches import centre_batches
from feroi.data.channels import depth_of
from feroi.data.pixels import Decoded, decode
from feroi.network.forward import torch_forward
from feroi.network.weights import load_network, weights_sha256
from feroi.progress import track
from feroi.vocabulary import EXPRESSIONS

_BATCH = 256


def check_teachers(recipe: RecipeConfig, teachers: Sequence[Path | str]) -> list[str]:
    """The SHA-256 of each teacher's file.

    Raises ValueError if the recipe distils and there is no teacher, or the other way round;
    and as `load_network` if a teacher cannot be used.
    """
    if recipe.distillation and not teachers:
        raise ValueError("this recipe distils, and no teacher is given; name a trained model with --teacher")
    if teachers and not recipe.distillation:
        raise ValueError(
            "a teacher is given, and the recipe does not listen to it; take the recipe distilled, or "
            "--set distillation=0.5"
        )
    for teacher in teachers:
        load_network(teacher)
    return [weights_sha256(teacher) for teacher in teachers]


def soft_labels(training: Decoded, teachers: Sequence[Path | str], share: float) -> NDArray[np.float32]:
    """The targets of a training: (N, 7), each row summing to 1.

    A `share` of each is the mean of what the teachers say of the unchanged image and of its mirror image;
    the rest is on the label, or divided as people voted where all samples have votes.
    """
    votes = training.samples.votes
    hard = np.eye(len(EXPRESSIONS))[training.samples.labels] if votes is None else votes
    if not teachers:
        return np.asarray(hard, dtype=np.float32)
    said = np.zeros((len(training.samples), len(EXPRESSIONS)))
    for teacher in teachers:
        network = load_network(teacher)
        forward = torch_forward(network)
        seen = decode(training.samples, network.config.stored_hw)
        pixels, depth = seen.pixels, depth_of(seen, network.config)
        batches = centre_batches(pixels, network.config.input_hw, _BATCH, depth)
        first = 0
        for faces in track(batches, "asking the teacher", len(pixels), -(-len(pixels) // _BATCH)):
            for shown in (faces, np.ascontiguousarray(faces[..., ::-1])):
                said[first : first + len(faces)] += softmax(forward(shown).logits.astype(np.float64), axis=1)
            first += len(faces)
    said /= 2 * len(teachers)
    return np.asarray(share * said + (1 - share) * hard, dtype=np.float32)
