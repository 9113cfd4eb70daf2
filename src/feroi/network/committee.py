"""Several networks as one model, a committee: who is in it, how much each counts, and its file.

The paper names committees as what other methods owe their results to, and uses none itself. Ours averages
the members' log probabilities. Kim et al. 2015, the paper's [17], average probabilities; a mean of logarithms
(a product of experts, Hinton 2002) keeps every logit an exact sum over the locations of the map.
Needs no torch.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.files import json_object, write_json
from feroi.network.calibration import UNCALIBRATED, Calibration, check_calibration
from feroi.network.description import SHIPPED, model_file, named_members
from feroi.outputs import FloatArray, Forward, NetworkOutput

FORMAT = "feroi-committee-1"
MOST_MEMBERS = 16


class Committee(NamedTuple):
    """Networks that answer together.

    members: each a name in SHIPPED or the path of a network's file or folder, which says how it is read.
    weights: how much each counts; they sum to 1.
    calibration: of what they say together.
    """

    members: tuple[str, ...]
    weights: tuple[float, ...]
    calibration: Calibration = UNCALIBRATED


def committee_of(model: Path | str) -> Committee:
    """The committee in a .json file, or of the networks in a text with commas between, all equal in weight.

    What those say together is calibrated as well as each of them is, and promises no coverage.
    Raises ValueError for fewer than 2 or more than MOST_MEMBERS, and as `read_committee`.
    """
    members = named_members(model)
    if len(members) == 1:
        return read_committee(Path(model))
    if not all(members):
        raise ValueError(f"{str(model)!r} names no model beside one of its commas")
    _check_number(len(members))
    return Committee(tuple(members), (1 / len(members),) * len(members))


def mean_forward(forwards: Sequence[Forward], weights: Sequence[float]) -> Forward:
    """The weighted mean of what networks say of a face.

    The logits are the mean of the members', which are their log probabilities but for a number that is the
    same for all expressions. Attention and evidence are means too, so over the locations the evidence sums
    to the logit less the mean of the logits, but for the biases. `focus` holds one member's behind another's.
    """

    def forward(faces: NDArray[np.float32]) -> NetworkOutput[FloatArray]:
        looks = [member(faces) for member in forwards]
        return NetworkOutput(
            _mean([look.logits for look in looks], weights),
            _mean_map([look.attention for look in looks], weights),
            np.concatenate([look.focus for look in looks], 1),
            _mean_map([look.evidence for look in looks], weights),
        )

    return forward


def _mean(values: Sequence[FloatArray], weights: Sequence[float]) -> FloatArray:
    return np.asarray(sum(weight * each for weight, each in zip(weights, values, strict=True)))


def _mean_map(maps: Sequence[FloatArray | None], weights: Sequence[float]) -> FloatArray | None:
    known = [each for each in maps if each is not None]
    return _mean(known, weights) if len(known) == len(maps) else None


_SHARED: dict[str, Callable[[NetworkConfig], str]] = {
    "input size": lambda config: "{1}x{0} px".format(*config.input_hw),
    "size images are kept at": lambda config: "{1}x{0} px".format(*config.stored_hw),
    "pipeline": lambda config: str(config.pipeline),
    "inputs": lambda config: config.inputs,
    "map size": lambda config: "{1}x{0}".format(*config.map_hw) if config.weighs_locations else "no map",
}
"""What the members of a committee must have in common, for they are shown the same faces."""


def shared_config(configs: Mapping[str, NetworkConfig]) -> NetworkConfig:
    """The configuration of the first of some networks, by their names, for all of them.

    Raises ValueError saying in what they differ, if not all can be shown the same faces or have maps alike.
    """
    differing = []
    for what, told_by in _SHARED.items():
        told = {name: told_by(config) for name, config in configs.items()}
        if len(set(told.values())) > 1:
            differing.append(f"{what} ({', '.join(f'{name}: {value}' for name, value in told.items())})")
    if differing:
        raise ValueError(
            f"the members of a committee see the same faces and have maps of one size, and these differ in "
            f"{'; '.join(differing)}"
        )
    return next(iter(configs.values()))


def write_committee(committee: Committee, path: Path) -> None:
    """Write a small JSON file that names the members, with the SHA-256 of their files, and the weights.

    Files are named as seen from the folder of `path`. Raises as `model_file`, and OSError.
    """
    write_json(
        path,
        {
            "format": FORMAT,
            "members": [
                {
                    "model": each if each in SHIPPED else _seen_from(path.parent, model_file(each, ".onnx")),
                    "sha256": _sha256(each),
                    "weight": weight,
                }
                for each, weight in zip(committee.members, committee.weights, strict=True)
            ],
            "calibration": committee.calibration._asdict(),
        },
    )


def _seen_from(folder: Path, file: Path) -> str:
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return file.absolute().as_posix()


def _sha256(model: str) -> str:
    return hashlib.sha256(model_file(model, ".onnx").read_bytes()).hexdigest()


def read_committee(path: Path) -> Committee:
    """The inverse of `write_committee`.

    Raises FileNotFoundError if a member is not there, ValueError if it is not the file it was, or if what the
    file says cannot be meant.
    """
    try:
        values = json_object(path.read_bytes())
        if values.get("format") != FORMAT:
            raise ValueError(f"it is of format {values.get('format')!r:.40}, this version reads {FORMAT!r}")
        names, sums, weights = _rows(values["members"])
        calibration = Calibration(**values["calibration"])
        check_calibration(calibration)
    except KeyError as error:
        raise ValueError(f"{path} is not a committee that can be used: it lacks {error!s:.300}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a committee that can be used: {error!s:.300}") from error
    members = tuple(name if name in SHIPPED else str(path.parent / name) for name in names)
    for member, expected in zip(members, sums, strict=True):
        try:
            found = _sha256(member)
        except FileNotFoundError:
            raise FileNotFoundError(f"{path} names the member {member:.300}, which is not there") from None
        if found != expected:
            raise ValueError(
                f"{path} was made of another {member}: its SHA-256 is not the one there; make the committee "
                f"anew by feroi calibrate"
            )
    return Committee(members, weights, calibration)


def _rows(rows: Any) -> tuple[list[str], list[str], tuple[float, ...]]:
    """Names, sums and weights of the members in a file. Raises KeyError, TypeError or ValueError."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("its members are no list of objects")
    _check_number(len(rows))
    names, sums, weights = ([row[key] for row in rows] for key in ("model", "sha256", "weight"))
    if not all(isinstance(each, str) for each in (*names, *sums)):
        raise ValueError("a member's model and sha256 are texts")
    if not all(type(each) in (int, float) and 0 <= each <= 1 for each in weights):
        raise ValueError(f"weights are numbers from 0 to 1, got {weights!r:.60}")
    if not math.isclose(sum(weights), 1, abs_tol=1e-6):
        raise ValueError(f"weights sum to 1, got {sum(weights)}")
    return names, sums, tuple(weights)


def _check_number(members: int) -> None:
    if not 2 <= members <= MOST_MEMBERS:
        raise ValueError(f"a committee has 2 to {MOST_MEMBERS} members, got {members}")
