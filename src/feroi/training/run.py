"""A run: one training, its folder, and everything needed to know or repeat it.

The folder holds config.json, metrics.jsonl, curves.png, rejected.csv (images that could not be
read, if any), best.safetensors and last.safetensors.
"""

from __future__ import annotations

import csv
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

import feroi
from feroi.config import NetworkConfig, RecipeConfig, to_dict
from feroi.data.folds import Division, check_subjects_apart
from feroi.data.pixels import Decoded, decode
from feroi.data.samples import fingerprint
from feroi.files import atomic_path, write_json
from feroi.report.figures import draw_curves
from feroi.training.loop import Labelled, train
from feroi.training.precision import choose_arithmetic
from feroi.training.voice import SILENT, Metrics, Voice

CONFIG = "config.json"
CURVES = "curves.png"
REJECTED = "rejected.csv"
_IDENTITY = ("network", "recipe", "seed", "data")


def train_run(
    division: Division,
    network: NetworkConfig,
    recipe: RecipeConfig,
    run: Path,
    seed: int,
    voice: Voice = SILENT,
) -> list[Metrics]:
    """Train on `division` into the folder `run`, or go on with the run that was begun there.

    Raises ValueError if `run` holds another configuration, seed or data, or if a subject stands
    on both sides of the division; for the rest see `loop.train`.
    """
    check_subjects_apart(division.training, division.validation)
    training = decode(division.training, network.stored_hw)
    validation = decode(division.validation, network.stored_hw)
    rejected = training.rejected + validation.rejected
    voice.say(
        f"{len(training.samples)} training and {len(validation.samples)} validation images, "
        f"{division.how}; {len(rejected)} could not be read"
    )
    arithmetic = choose_arithmetic(recipe.precision)
    voice.say(f"computing in {arithmetic.description}")
    description = {
        "network": to_dict(network),
        "recipe": to_dict(recipe),
        "seed": seed,
        "data": {
            "division": division.how,
            "training": _describe(training),
            "validation": _describe(validation),
            "rejected": len(rejected),
        },
        "arithmetic": arithmetic.description,
        "versions": versions(),
    }
    begun = _begin(run, description)
    if rejected:
        _write_rejected(training.rejected, validation.rejected, run / REJECTED)
        voice.say(f"see {run / REJECTED} for the images that could not be read")
    if begun:
        voice.say(f"going on with the run in {run}")
    history = train(network, recipe, _labelled(training), _labelled(validation), run, seed, voice)
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


def _begin(run: Path, description: dict[str, Any]) -> bool:
    """Write the run's configuration; True if the folder already held the same one."""
    path = run / CONFIG
    if path.exists():
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is damaged ({error}); choose another folder") from None
        differing = [key for key in _IDENTITY if there.get(key) != description[key]]
        if differing:
            raise ValueError(
                f"{run} holds a run with another {', '.join(differing)} (see {path}); "
                f"choose another folder, or delete this one"
            )
        return True
    write_json(path, description)
    return False


def _describe(decoded: Decoded) -> dict[str, Any]:
    return {
        "images": len(decoded.samples),
        "counts": decoded.samples.counts(),
        "sha256": fingerprint(decoded.samples, decoded.pixels),
    }


def _labelled(decoded: Decoded) -> Labelled:
    return Labelled(decoded.pixels, decoded.samples.labels)


def _write_rejected(training: list[Any], validation: list[Any], path: Path) -> None:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "reason"])
        writer.writerows([*training, *validation])
