"""How the answers of a network are turned into probabilities one can rely on. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.files import json_object
from feroi.outputs import FloatArray, Forward, NetworkOutput


class Calibration(NamedTuple):
    """What was found out about a network on held-out data, and is kept in its file.

    mirror: whether a face and its mirror image are read and their logits and maps averaged.
    temperature: what logits are divided by (Guo et al. 2017); 1 changes nothing.
    coverage: share of faces whose expression shall be among the likely ones, 0..1; None if nobody asked.
    threshold: the probability from which on an expression is likely, by split conformal prediction
        (Sadinle et al. 2019); None with `coverage`.
    trained_on: how many of the images it was found out on the network had been trained on. Above 0, the
        network is surer on new faces than it should be.
    """

    mirror: bool = False
    temperature: float = 1.0
    coverage: float | None = None
    threshold: float | None = None
    trained_on: int = 0

    def forward(self, forward: Forward) -> Forward:
        """`forward` with its maps averaged over mirror images and its logits divided, as said here."""
        if not self.mirror and self.temperature == 1:
            return forward

        def calibrated(faces: NDArray[np.float32]) -> NetworkOutput[FloatArray]:
            look = forward(faces)
            if self.mirror:
                look = _mean(look, forward(np.ascontiguousarray(faces[..., ::-1])))
            evidence = None if look.evidence is None else look.evidence / self.temperature
            return look._replace(logits=look.logits / self.temperature, evidence=evidence)

        return calibrated

    def warning(self) -> str:
        """What speaks against its probabilities; empty if nothing is known to."""
        if not self.trained_on:
            return ""
        return (
            f"{self.trained_on} of the images it was calibrated on were trained on, so its probabilities are "
            f"too high on new faces"
        )

    def likely(self, probabilities: FloatArray) -> NDArray[np.bool_]:
        """(..., 7) probabilities to which of them are likely: those from `threshold` on, and the highest.

        Without a threshold the highest alone.
        """
        best = np.arange(probabilities.shape[-1]) == probabilities.argmax(-1)[..., None]
        return np.asarray(best if self.threshold is None else best | (probabilities >= self.threshold))


UNCALIBRATED = Calibration()

_COLDEST, _HOTTEST = 1e-3, 1e3


def write_calibration(calibration: Calibration) -> dict[str, str]:
    """As metadata of a model file."""
    known = calibration._asdict()
    if not calibration.trained_on:
        del known["trained_on"]  # as in the files of older versions
    return {"calibration": json.dumps(known)}


def read_calibration(path: Path, metadata: Mapping[str, str]) -> Calibration:
    """The inverse of `write_calibration` for the file `path`; UNCALIBRATED if it says nothing.

    Raises ValueError if what it says cannot be meant.
    """
    text = metadata.get("calibration")
    if text is None:
        return UNCALIBRATED
    try:
        calibration = Calibration(**json_object(text))
        check_calibration(calibration)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has a broken calibration: {error!s:.300}") from error
    return calibration


def check_calibration(calibration: Calibration) -> None:
    """Raises ValueError or TypeError for values that cannot be meant."""
    shares: list[Any] = [calibration.coverage, calibration.threshold]
    if type(calibration.trained_on) is not int or calibration.trained_on < 0:
        raise ValueError(f"trained_on is a number of images, got {calibration.trained_on!r:.40}")
    if not isinstance(calibration.mirror, bool):
        raise ValueError(f"mirror is true or false, got {calibration.mirror!r}")
    number = isinstance(calibration.temperature, (int, float))
    if not number or not _COLDEST <= calibration.temperature <= _HOTTEST:
        raise ValueError(
            f"the temperature is a number of {_COLDEST:g} to {_HOTTEST:g}, "
            f"got {calibration.temperature!r:.40}"
        )
    if shares != [None, None] and not all(isinstance(share, float) and 0 <= share <= 1 for share in shares):
        raise ValueError(f"coverage and threshold lie between 0 and 1, got {shares}")


def _mean(look: NetworkOutput[FloatArray], mirrored: NetworkOutput[FloatArray]) -> NetworkOutput[FloatArray]:
    logits, focus = (look.logits + mirrored.logits) / 2, (look.focus + mirrored.focus) / 2
    attention = _mean_map(look.attention, mirrored.attention)
    return NetworkOutput(logits, attention, focus, _mean_map(look.evidence, mirrored.evidence))


def _mean_map(maps: FloatArray | None, mirrored: FloatArray | None) -> FloatArray | None:
    return None if maps is None or mirrored is None else (maps + mirrored[..., ::-1]) / 2
