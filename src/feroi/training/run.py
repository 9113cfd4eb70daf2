"""A run: one training, its folder, and everything needed to know or repeat it.

The folder holds config.json, metrics.jsonl, curves.png, trained-on.txt (a mark of each image, so
that an evaluation can warn), rejected.csv (images that could not be read, if any),
best.safetensors and last.safetensors.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import feroi
from feroi.config import NetworkConfig, to_dict
from feroi.data.batches import Labelled
from feroi.data.channels import depth_of
from feroi.data.decoded import Decoded, Rejected, cached_array, decode, image_marks, write_rejected
from feroi.data.folds import Division, check_subjects_apart
from feroi.data.samples import Samples, fingerprint, pipeline_of
from feroi.evaluation.attention_targets import LeftOut, truth_names, truths_of
from feroi.evaluation.evaluate import TRAINED_ON
from feroi.files import open_run, write_text
from feroi.network.weights import load_network, weights_sha256
from feroi.progress import track
from feroi.recipe import RecipeConfig
from feroi.report.figures import draw_curves
from feroi.training.callbacks import SILENT, Callbacks, Metrics
from feroi.training.loop import LAST_WEIGHTS, train
from feroi.training.precision import choose_arithmetic
from feroi.training.soft_labels import check_teachers, cut_labels, soft_labels
from feroi.training.workers import ALONE, Workers

CONFIG = "config.json"
CURVES = "curves.png"
REJECTED = "rejected.csv"
_IDENTITY = ("network", "recipe", "seed", "teachers", "start", "data")


def train_run(
    division: Division,
    network: NetworkConfig,
    recipe: RecipeConfig,
    run: Path,
    seed: int,
    callbacks: Callbacks = SILENT,
    teachers: Sequence[Path | str] = (),
    start: Path | str | None = None,
    workers: Workers = ALONE,
) -> list[Metrics]:
    """Train on `division` into the folder `run`, or go on with the run that was begun there.

    The network stores the pipeline its faces were prepared by, where all of them say the same one.
    teachers: the models whose answers are the soft share of the targets, if the recipe distils.
    start: the model whose weights are begun with, in place of random ones.
    workers: the processes that share the work, each of which calls this with the same arguments. They may sit
    on several machines, if all of them see the data and the folder `run`.
    Raises BlockingIOError if another process trains in `run`; ValueError if the faces were prepared in
    different ways, if `run` holds another configuration, seed or data, if a subject stands on both sides of
    the division, or if workers see different things; for the rest see `loop.train`.
    """
    if not workers.leads:
        callbacks = SILENT
    check_subjects_apart(division.training, division.validation)
    taught_by = check_teachers(recipe, teachers)
    begins_with = None if start is None else load_network(start)
    if run.is_file():
        raise ValueError(f"{run} is a file; give a folder for the run")
    run.mkdir(parents=True, exist_ok=True)  # before the long work, in case it may not be written
    network = replace(network, pipeline=pipeline_of(Samples([*division.training, *division.validation])))
    with workers.leader_first():
        training = decode(division.training, network.stored_hw)
        validation = decode(division.validation, network.stored_hw)
        rejected = training.rejected + validation.rejected
        callbacks.say(
            f"{len(training.samples)} training and {len(validation.samples)} validation images, "
            f"{division.description}; {len(rejected)} could not be read"
        )
        arithmetic = choose_arithmetic(recipe.precision)
        computing = arithmetic.description + (f", {workers.number} workers" if workers.number > 1 else "")
        callbacks.say(f"computing in {computing}")
        description = {
            "network": to_dict(network),
            "recipe": to_dict(recipe),
            "seed": seed,
            **({"teachers": taught_by} if taught_by else {}),
            **({"start": weights_sha256(start)} if start is not None else {}),
            "data": _division(division.description, training, validation),
            "arithmetic": computing,
            "versions": versions(),
        }
    with ExitStack() as opened:
        with workers.leader_first():
            if workers.leads:
                earlier = opened.enter_context(open_run(run / CONFIG, description, _IDENTITY))
                _note(run, description, earlier, training, rejected, callbacks)
            learned_from = _taught(training, network, recipe, teachers, callbacks)
            validated_on = _labelled(validation, network)
        on = [arithmetic.device.type, arithmetic.bfloat16]
        workers.check_alike({**description, "arithmetic": on, "the run folder": _marks(run)})
        history = train(
            network, recipe, learned_from, validated_on, run, seed, callbacks, begins_with, workers
        )
        if workers.leads:
            draw_curves(history, run / CURVES)
    return history


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    return {
        "feroi": feroi.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def _note(
    run: Path,
    description: dict[str, Any],
    there: dict[str, Any] | None,
    training: Decoded,
    rejected: list[Rejected],
    callbacks: Callbacks,
) -> None:
    """Write what the run learns from, and say how it goes on with what is there."""
    for key in ("arithmetic", "versions"):
        if there is not None and there.get(key) != description[key]:
            callbacks.say(
                f"the run began with {key} {there.get(key)} and goes on with {description[key]}: its "
                f"weights will differ from those of an unbroken run"
            )
    write_text(run / TRAINED_ON, "\n".join(image_marks(training.pixels)) + "\n")
    if rejected:
        write_rejected(rejected, run / REJECTED)
        callbacks.say(f"see {run / REJECTED} for the images that could not be read")
    if there is not None:
        callbacks.say(f"{run} holds this run already; what is missing of it is done now")


def _taught(
    training: Decoded,
    network: NetworkConfig,
    recipe: RecipeConfig,
    teachers: Sequence[Path | str],
    callbacks: Callbacks,
) -> Labelled:
    """The training images with all that is to be learned of them."""
    learned_from = _labelled(training, network)
    if learned_from.depth is not None:
        unseen = int((~learned_from.depth.any(axis=(1, 2))).sum())
        callbacks.say(
            f"{unseen} of {len(learned_from.depth)} training faces without depth: landmarks not found"
        )
    if recipe.guidance:
        learned_from = learned_from._replace(truths=truth_maps(training, network))
    if recipe.cuts:
        if recipe.guidance or learned_from.depth is not None:
            raise ValueError("cuts have neither guidance nor depth; set guidance or cuts to 0")
        cuts, soft = cut_labels(training, network, recipe, teachers)
        return learned_from._replace(cuts=cuts, soft=soft)
    if teachers or training.samples.votes is not None:
        learned_from = learned_from._replace(soft=soft_labels(training, teachers, recipe.distillation))
    return learned_from


def _marks(run: Path) -> list[str]:
    """What a worker that sees another folder in place of `run` would not find there."""
    files = [run / name for name in (CONFIG, LAST_WEIGHTS)]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()]


def _division(description: str, training: Decoded, validation: Decoded) -> dict[str, Any]:
    return {
        "division": description,
        "training": _describe(training),
        "validation": _describe(validation),
        "rejected": len(training.rejected) + len(validation.rejected),
    }


def _describe(decoded: Decoded) -> dict[str, Any]:
    return {
        "images": len(decoded.samples),
        "counts": decoded.samples.counts(),
        "sha256": fingerprint(decoded.samples, decoded.pixels),
    }


def _labelled(decoded: Decoded, network: NetworkConfig) -> Labelled:
    return Labelled(decoded.pixels, decoded.samples.labels, depth=depth_of(decoded, network))


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
