"""A trained network, or a committee of several, with honest probabilities, as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from feroi.data.decoded import Decoded, decode, image_marks
from feroi.data.samples import Samples
from feroi.evaluation.calibration import TEMPERATURES, check_coverage, fit_calibration
from feroi.evaluation.committee import fit_weights, mean_log_probabilities
from feroi.evaluation.evaluate import (
    calibrated_on_marks,
    count_trained_on,
    read,
    trained_on_marks,
    write_marks,
)
from feroi.network.calibration import Calibration
from feroi.network.committee import Committee, committee_of, shared_config, write_committee
from feroi.network.description import COMMITTEE_SUFFIX
from feroi.network.load import load_model
from feroi.network.torch_forward import torch_forward
from feroi.network.weights import load_network, save_network
from feroi.training.augment import varied
from feroi.training.callbacks import SILENT, Callbacks


def calibrate_network(
    model: Path,
    samples: Samples,
    mirror: bool,
    coverage: float,
    out: Path,
    callbacks: Callbacks = SILENT,
    elsewhere: int = 0,
) -> Calibration:
    """Calibrate the network of `model` on samples `held` that it has not learned from, and write it to `out`.

    mirror, coverage: as in `Calibration`.
    elsewhere: how many variants of each image, as photographs from elsewhere would show it
        (`training.augment`), it is calibrated on beside the image itself, so that promises hold on worse and
        otherwise framed ones.
    Where it is known what the network learned from, the marks of those
    images and of `held` are kept beside `out`.
    Raises ValueError if `out` is no .safetensors file, and as `load_network`, `read` and `fit_calibration`.
    """
    if out.suffix != ".safetensors":
        raise ValueError(f"--out is a .safetensors file, got {out}; feroi export makes .onnx of it")
    check_coverage(coverage)
    network = load_network(model)
    forward = Calibration(mirror).forward(torch_forward(network))
    decoded = decode(samples, network.config.stored_hw)
    shown = Samples([*samples, *_from_elsewhere(decoded, elsewhere)])
    readings = read(forward, network.config, shown)
    if readings.rejected:
        callbacks.say(f"{len(readings.rejected)} images could not be read and were left out")
    calibration = fit_calibration(readings.logits, readings.samples.labels, mirror, coverage)
    calibration = calibration._replace(trained_on=count_trained_on(model, network.config, samples))
    save_network(network, out, calibration)
    _keep_marks(model, image_marks(decoded.pixels), out)
    _say(calibration, len(readings.samples), out, callbacks)
    return calibration


def calibrate_committee(
    model: Path,
    samples: Samples,
    coverage: float,
    out: Path,
    callbacks: Callbacks = SILENT,
    elsewhere: int = 0,
) -> Committee:
    """Weigh the members of the committee `model` on `samples` that they have not learned from, calibrate what
    they say together, and write it to the file `out`.

    The members stay as they are calibrated, so each one's own file says whether it reads mirror images.
    coverage, elsewhere, marks: as in `calibrate_network`. Weights: `evaluation.committee.fit_weights`.
    Raises ValueError if `out` is no .json file, and as `load_model`, `read` and `fit_calibration`.
    """
    if out.suffix != COMMITTEE_SUFFIX:
        raise ValueError(f"--out is a .json file for a committee, got {out}")
    check_coverage(coverage)
    committee = committee_of(model)
    members = {each: load_model(each) for each in committee.members}
    config = shared_config({name: member.config for name, member in members.items()})
    decoded = decode(samples, config.stored_hw)
    shown = Samples([*samples, *_from_elsewhere(decoded, elsewhere)])
    readings = [read(members[each].forward, config, shown) for each in committee.members]
    if readings[0].rejected:
        callbacks.say(f"{len(readings[0].rejected)} images could not be read and were left out")
    labels = readings[0].samples.labels
    answers = log_softmax(np.stack([each.logits for each in readings]).astype(np.float64), axis=2)
    power, weights = fit_weights(answers, labels)
    told = ", ".join(f"{name} {weight:.3f}" for name, weight in zip(committee.members, weights, strict=True))
    callbacks.say(f"weights: {told} (accuracies to the power {power})")
    calibration = fit_calibration(mean_log_probabilities(answers, weights), labels, False, coverage)
    calibration = calibration._replace(trained_on=count_trained_on(model, config, samples))
    committee = Committee(committee.members, tuple(map(float, weights)), calibration)
    write_committee(committee, out)
    _keep_marks(model, [*calibrated_on_marks(model), *image_marks(decoded.pixels)], out)
    _say(calibration, len(labels), out, callbacks)
    return committee


def _keep_marks(model: Path, calibrated_on: list[str], out: Path) -> None:
    """Beside `out`, the marks of what `model` is known to have learned from, and of what calibrated it."""
    if known := trained_on_marks(model):
        write_marks(out, known, calibrated_on)


def _say(calibration: Calibration, faces: int, out: Path, callbacks: Callbacks) -> None:
    if warning := calibration.warning():
        callbacks.say(f"beware: {warning}")
    if not TEMPERATURES[0] * 1.01 < calibration.temperature < TEMPERATURES[1] / 1.01:
        callbacks.say(
            f"beware: the temperature ended at {calibration.temperature:.3g}, the limit of what is tried; "
            f"{faces} faces are too few, or the network has hardly learned"
        )
    callbacks.say(
        f"temperature {calibration.temperature:.3f}; likely from {calibration.threshold:.3f} on, "
        f"for a coverage of {calibration.coverage:g}; from {faces} faces; written: {out}"
    )


def _from_elsewhere(decoded: Decoded, number: int) -> Samples:
    """So many variants of each image."""
    if number and any(row.depth is not None for row in decoded.samples):
        raise ValueError("variants have no depth; calibrate this network without --elsewhere")
    hw = decoded.pixels.shape[1:3]
    return Samples(
        replace(row, image=image, name=f"{row.name} {variant}")
        for variant in range(1, number + 1)
        for row, image in zip(
            decoded.samples,
            varied(decoded.pixels, hw, "elsewhere", np.random.default_rng(variant)),
            strict=True,
        )
    )
