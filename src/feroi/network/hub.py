"""Networks as folders in the form that the Hugging Face hub expects, and to and from the hub itself.

A folder holds `model.safetensors` and `model.onnx`, each complete in itself, `config.json` with what the two
say of themselves, for people and for the hub, and `README.md`, the model card. Nothing else is read from one.
"""

from __future__ import annotations

import re
from pathlib import Path

from feroi.config import NetworkConfig, to_dict
from feroi.files import write_json, write_text
from feroi.network.calibration import Calibration
from feroi.network.description import FORMAT, PRETRAINED
from feroi.vocabulary import EXPRESSIONS

CARD, CONFIG = "README.md", "config.json"
_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_FILES = [f"{PRETRAINED}.safetensors", f"{PRETRAINED}.onnx", CONFIG, CARD]


def pretrained_folder(name: Path | str, revision: str | None = None) -> Path:
    """The folder of a network: `name` itself if there is such a folder, else the repository USER/NAME of the
    hub, downloaded into its cache.

    revision: a branch, tag or commit of the repository; its main branch if None.
    Raises FileNotFoundError for what is neither, or cannot be had from the hub, ModuleNotFoundError if
    huggingface_hub is needed and not installed.
    """
    if Path(name).is_dir():
        return Path(name)
    if not _REPOSITORY.fullmatch(str(name)):
        raise FileNotFoundError(f"{name} is no folder, and no repository of the hub, which is USER/NAME")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(name), revision=revision, allow_patterns=_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise FileNotFoundError(f"no folder {name}, and the hub did not give {name}: {error}") from error


def save_pretrained(model: Path | str, folder: Path) -> None:
    """Write a network as a folder, which `pretrained_folder` and every MODEL of a command take.

    model: as `network.weights.load_network`, whose errors it raises. A model card that is there already is
    kept: people write in it. Needs torch and onnxscript.
    """
    from feroi.network.onnx_export import export_onnx
    from feroi.network.weights import load_calibration, load_network, save_network

    network, calibration = load_network(model), load_calibration(model)
    folder.mkdir(parents=True, exist_ok=True)
    save_network(network, folder / f"{PRETRAINED}.safetensors", calibration)
    export_onnx(network, folder / f"{PRETRAINED}.onnx", calibration)
    write_json(folder / CONFIG, _config(network.config, calibration))
    if not (folder / CARD).exists():
        write_text(folder / CARD, _card(network.config, calibration))


def push_to_hub(folder: Path, repository: str, public: bool = False, token: str | None = None) -> str:
    """Upload a folder of `save_pretrained` to the repository USER/NAME of the hub; where it can be seen.

    The repository is made if it is not there, and then private unless `public`.
    token: of the hub; None takes what `hf auth login` or HF_TOKEN left.
    Raises FileNotFoundError if the folder lacks one of its files, ValueError for a name that is no USER/NAME.
    """
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} lacks {', '.join(missing)}; make it with `feroi export MODEL --folder {folder}`"
        )
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError(f"a repository of the hub is USER/NAME, got {repository!r}")
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    api.create_repo(repository, private=not public, exist_ok=True)
    done = api.upload_folder(
        repo_id=repository, folder_path=folder, allow_patterns=_FILES, commit_message="Upload a feroi network"
    )
    return str(done.commit_url)


def _config(config: NetworkConfig, calibration: Calibration) -> dict[str, object]:
    return {
        "library_name": "feroi",
        "format": FORMAT,
        "network": to_dict(config),
        "calibration": calibration._asdict(),
        "id2label": dict(enumerate(EXPRESSIONS)),
        "label2id": {name: number for number, name in enumerate(EXPRESSIONS)},
    }


def _card(config: NetworkConfig, calibration: Calibration) -> str:
    height, width = config.input_hw
    honest = "They are not calibrated."
    if calibration.coverage is not None:
        honest = f"They are calibrated (temperature {calibration.temperature:.3g})."
    if warning := calibration.warning():
        honest += f" **Beware: {warning}.**"
    return f"""---
library_name: feroi
pipeline_tag: image-classification
tags:
- facial-expression-recognition
- attention
- feroi
---

# Facial expressions, and where they were seen

A network of the head `{config.head}` for faces of {width}x{height} px, to be read with feroi:

    import feroi

    for face in feroi.Reader.from_pretrained("USER/NAME").read("party.jpg"):
        print(face.expression, face.confidence, face.regions)

It answers with probabilities for {", ".join(EXPRESSIONS)}. {honest}

## What it learned from

To be filled in: data, licence, labels, people.

## How well it reads

To be filled in: `feroi evaluate` says accuracy, recall of each expression and calibration error.

## What it is not for

It names what a face shows, not what a person feels. It is not for decisions about people: hiring, policing,
credit, health, diagnosis. The European Union prohibits inferring emotions at work and school (Regulation
2024/1689, Article 5), but for medical or safety reasons.
"""
