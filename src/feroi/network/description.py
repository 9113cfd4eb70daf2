"""What a network's file says of itself, as metadata of safetensors and ONNX alike. Needs no torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from feroi.config import NetworkConfig, network_from_dict, to_dict
from feroi.files import json_object
from feroi.shipped import shipped_path
from feroi.vocabulary import EXPRESSIONS

FORMAT = "feroi-network-1"
DEFAULT = "default"
SHIPPED = (DEFAULT, "ferplus", "fer2013")
"""Name the shipped networks wherever a model is asked for; see pretrained/README.md."""
BEST_WEIGHTS = "best.safetensors"
"""Name of the chosen weights in a run folder."""
PRETRAINED = "model"
"""Name of a network's files, before the suffix, in a folder as the Hugging Face hub expects it."""
COMMITTEE_SUFFIX = ".json"
"""Of the file of a committee; see `network.committee`."""


def describe(config: NetworkConfig) -> dict[str, str]:
    """Format, configuration and label order, as text."""
    return {
        "format": FORMAT,
        "network": json.dumps(to_dict(config)),
        "expressions": json.dumps(EXPRESSIONS),
    }


def described(path: Path, metadata: Mapping[str, str]) -> NetworkConfig:
    """The configuration that the metadata of the file `path` tells; the inverse of `describe`.

    Raises ValueError for another format or label order, or a broken description.
    """
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is of format {metadata.get('format')!r:.60}, this version reads {FORMAT!r}")
    missing = [key for key in ("expressions", "network") if key not in metadata]
    if missing:
        raise ValueError(f"{path} has a broken description of its network: it lacks {', '.join(missing)}")
    try:
        expressions = json.loads(metadata["expressions"])
        config = network_from_dict(json_object(metadata["network"]))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} has a broken description of its network: {error!s:.300}") from error
    if expressions != list(EXPRESSIONS):
        raise ValueError(f"{path} orders its labels {expressions!r:.200}, expected {list(EXPRESSIONS)}")
    return config


def shipped(name: str, suffix: str) -> Path:
    """The file of a network in SHIPPED with that suffix, .onnx or .safetensors. Raises as `shipped_path`."""
    return shipped_path(f"network/pretrained/{name}{suffix}")


def model_file(model: Path | str, suffix: str) -> Path:
    """The file of a model: itself, the best weights of a run folder, or, with the `suffix`, that of a folder
    as the hub has it or of a shipped one, by its name in SHIPPED.

    Raises FileNotFoundError if it is not there, ValueError for a shipped one that is damaged and for a
    committee, which is no single file.
    """
    if is_committee(model):
        raise ValueError(f"{model} is a committee of several networks, where one network is needed")
    file = shipped(str(model), suffix) if str(model) in SHIPPED else Path(model)
    if file.is_dir():
        published = file / f"{PRETRAINED}{suffix}"
        file = published if published.is_file() else file / BEST_WEIGHTS
    if not file.is_file():
        raise FileNotFoundError(
            f"no model at {file}; give {', '.join(SHIPPED)}, a .safetensors or .onnx file, or a run folder "
            f"made by `feroi train`, or several with commas between"
        )
    return file


def named_members(model: Path | str) -> list[str]:
    """The models that stand in a text with commas between; a single one if there is no such comma.

    A comma that belongs to the name of a file or folder that is there parts nothing. Raises TypeError or
    ValueError for what is no name.
    """
    if not isinstance(model, str | os.PathLike):
        raise TypeError(
            "a model is a name or a path, several as one text with commas between, 'default,ferplus'; got "
            f"{type(model).__name__}"
        )
    text = str(model)
    if not text.strip():
        raise ValueError(f"no model is named; give {', '.join(SHIPPED)}, or a file or run folder")
    if "," not in text or Path(text).exists():
        return [text]
    members: list[str] = []
    for piece in text.split(","):
        if members and not _is_there(members[-1]):
            members[-1] += f",{piece}"
        else:
            members.append(piece.strip())
    return members if all(map(_is_there, members)) else [each.strip() for each in text.split(",")]


def is_committee(model: Path | str) -> bool:
    """Whether a model is several networks: named with commas between, or by the file of a committee."""
    several = len(named_members(model)) > 1
    file = Path(model)
    return several or (file.suffix == COMMITTEE_SUFFIX and file.is_file())


def _is_there(model: str) -> bool:
    return model in SHIPPED or (bool(model) and Path(model).exists())
