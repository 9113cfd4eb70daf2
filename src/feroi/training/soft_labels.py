"""Soft labels: of people who voted, and of trained networks, the teachers (Hinton et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from feroi.config import NetworkConfig
from feroi.data.batches import centre_batches
from feroi.data.channels import depth_of
from feroi.data.decoded import Decoded, cached_array, decode
from feroi.data.samples import fingerprint
from feroi.network.model import Network
from feroi.network.torch_forward import torch_forward
from feroi.network.weights import load_network, weights_sha256
from feroi.progress import track
from feroi.recipe import RecipeConfig
from feroi.training.augment import varied
from feroi.training.precision import choose_arithmetic
from feroi.vocabulary import EXPRESSIONS

_BATCH = 256
_CUTS = 20131126  # begins the randomness of cuts, which no training shares


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
    the rest is on the label, or divided as people voted where all samples have votes. Answers are kept beside
    the decoded images: a second training costs no teacher.
    """
    hard = _people(training)
    if not teachers:
        return np.asarray(hard, dtype=np.float32)
    kind = fingerprint(training.samples, training.pixels)
    answers = np.zeros((len(training.samples), len(EXPRESSIONS)))
    for teacher in teachers:
        answers += cached_array(
            "answers", f"{kind} {weights_sha256(teacher)}", partial(_whole_answers, teacher, training)
        )
    return np.asarray(share * answers / len(teachers) + (1 - share) * hard, dtype=np.float32)


def cut_labels(
    training: Decoded, network: NetworkConfig, recipe: RecipeConfig, teachers: Sequence[Path | str]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """K variants of each image, (K, N, *network.input_hw), and the targets of each, (K, N, 7).

    Targets are those of `soft_labels`, but that teachers answer the very cut, not its mirror image. Cuts do
    not depend on the seed of a training, and answers are kept, as float16, beside the decoded images.
    Raises ValueError if a teacher wants faces of another size, or sees other than the intensity.
    """
    hw = network.input_hw
    kind = f"{hw} {recipe.augmentation} {recipe.cuts} {fingerprint(training.samples, training.pixels)}"
    cuts = cached_array("cuts", kind, lambda: _cuts(training.pixels, hw, recipe))
    answers = np.zeros((recipe.cuts, len(training.samples), len(EXPRESSIONS)))
    for teacher in teachers:
        config = load_network(teacher).config
        if (config.input_hw, config.inputs) != (hw, "intensity"):
            raise ValueError(
                f"a teacher of cuts sees the intensity of faces as large as the network does, "
                f"{hw[1]}x{hw[0]} px; {teacher} sees {config.inputs} of "
                f"{config.input_hw[1]}x{config.input_hw[0]} px"
            )
        answers += cached_array(
            "answers", f"{kind} {weights_sha256(teacher)}", partial(_answers, teacher, cuts)
        )
    share = recipe.distillation
    targets = share * answers / len(teachers) + (1 - share) * _people(training)
    return cuts, np.asarray(targets / targets.sum(2, keepdims=True), dtype=np.float32)


def _whole_answers(teacher: Path | str, training: Decoded) -> NDArray[np.float32]:
    network = _placed(teacher)
    forward = torch_forward(network)
    decoded = decode(training.samples, network.config.stored_hw)
    pixels, depth = decoded.pixels, depth_of(decoded, network.config)
    batches = centre_batches(pixels, network.config.input_hw, _BATCH, depth)
    answers = np.zeros((len(pixels), len(EXPRESSIONS)))
    first = 0
    for faces in track(batches, "asking the teacher", len(pixels), -(-len(pixels) // _BATCH)):
        for shown in (faces, np.ascontiguousarray(faces[..., ::-1])):
            answers[first : first + len(faces)] += (
                softmax(forward(shown).logits.astype(np.float64), axis=1) / 2
            )
        first += len(faces)
    return answers.astype(np.float32)


def _cuts(pixels: NDArray[np.uint8], hw: tuple[int, int], recipe: RecipeConfig) -> NDArray[np.uint8]:
    cuts = np.empty((recipe.cuts, len(pixels), *hw), np.uint8)
    starts = range(0, len(pixels), _BATCH)
    for turn, cut in enumerate(cuts):
        for start in track(starts, f"cut {turn + 1} of {len(cuts)}", len(pixels), len(starts)):
            rng = np.random.default_rng([_CUTS, turn, start])
            here = slice(start, start + _BATCH)
            cut[here] = varied(pixels[here], hw, recipe.augmentation, rng)
    return cuts


def _answers(teacher: Path | str, cuts: NDArray[np.uint8]) -> NDArray[np.float16]:
    network = _placed(teacher)
    forward = torch_forward(network)
    answers = np.empty((*cuts.shape[:2], len(EXPRESSIONS)), np.float16)
    for turn, cut in enumerate(cuts):
        batches = centre_batches(cut, network.config.input_hw, _BATCH)
        description = f"asking the teacher about cut {turn + 1} of {len(cuts)}"
        first = 0
        for faces in track(batches, description, len(cut), -(-len(cut) // _BATCH)):
            answers[turn, first : first + len(faces)] = softmax(
                forward(faces).logits.astype(np.float64), axis=1
            )
            first += len(faces)
    return answers


def _placed(teacher: Path | str) -> Network:
    """The network of `teacher` where it computes fastest."""
    network = load_network(teacher)
    choose_arithmetic("float32").place(network)
    return network


def _people(training: Decoded) -> NDArray[np.float64]:
    """(N, 7): the label, or how people voted where all samples have votes."""
    votes = training.samples.votes
    return np.eye(len(EXPRESSIONS))[training.samples.labels] if votes is None else votes
