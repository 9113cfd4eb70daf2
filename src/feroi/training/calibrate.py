"""A trained network with honest probabilities, as a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from feroi.data.decoded import Decoded, decode, image_marks
from feroi.data.samples import Samples
from feroi.evaluation.calibration import TEMPERATURES, check_coverage, fit_calibration
from feroi.evaluation.evaluate import count_trained_on, marks_beside, read, trained_on_marks
from feroi.files import write_text
from feroi.network.calibration import Calibration
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
    if not TEMPERATURES[0] * 1.01 < calibration.temperature < TEMPERATURES[1] / 1.01:
        callbacks.say(
            f"beware: the temperature ended at {calibration.temperature:.3g}, the limit of what is tried; "
            f"{len(readings.samples)} faces are too few, or the network has hardly learned"
        )
    save_network(network, out, calibration)
    if known := trained_on_marks(model):
        marks = image_marks(decoded.pixels)
        write_text(marks_beside(out), "\n".join([*known, *marks]) + "\n")
    callbacks.say(
        f"temperature {calibration.temperature:.3f}; likely from {calibration.threshold:.3f} on, "
        f"for a coverage of {coverage:g}; from {len(readings.samples)} faces; written: {out}"
    )
    return calibration


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
