"""The folder of the page: its own files, the models, what it has to be told, and onnxruntime-web."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from feroi.files import atomic_path
from feroi.inference import Compute
from feroi.network.description import DEFAULT, model_file
from feroi.network.load import load_model
from feroi.web.facts import facts

HERE = Path(__file__).parent
RUNTIME = HERE / "vendor"
"""Where `make page` puts the files of onnxruntime-web; git ignores it, a wheel built afterwards holds it."""
RUNTIME_FILES = ("ort.js", "ort.wasm")
_NETWORKS = ("yunet.onnx", "face-mesh.onnx", "blendshapes.onnx")


def page_files(model: Path | str = DEFAULT, runtime: Path | None = None) -> dict[str, bytes]:
    """Every file of the page by its name in the folder, with / between folders.

    model: a shipped network or an .onnx file whose faces are prepared by `wild`. runtime: folder of
    RUNTIME_FILES; what `make page` made if None.
    Raises FileNotFoundError if the model or the runtime is not there, ValueError for a model the page
    cannot read with.
    """
    file = model_file(model, ".onnx")
    if file.suffix != ".onnx":
        raise ValueError(
            f"a browser reads ONNX, not {file}; make it by `feroi export {model} --out FILE.onnx`"
        )
    loaded = load_model(file, Compute(threads=1))
    told = facts(loaded.config, loaded.calibration, Path(model).name)
    static = HERE / "static"
    content = {
        path.relative_to(static).as_posix(): path.read_bytes()
        for path in sorted(static.rglob("*"))
        if path.is_file()
    }
    photo = files("feroi.photo")
    fetched = {
        **_runtime_files(RUNTIME if runtime is None else runtime),
        "models/network.onnx": file.read_bytes(),
        **{f"models/{name}": (photo / "models" / name).read_bytes() for name in _NETWORKS},
    }
    told["bytes"] = {name: len(values) for name, values in fetched.items()}
    return {
        **content,
        **fetched,
        "models/facts.json": json.dumps(told, allow_nan=False).encode(),
        "licences/yunet.txt": (photo / "models" / "LICENSE-MIT-yunet").read_bytes(),
        "licences/mediapipe.txt": (photo / "models" / "LICENSE-Apache-2.0-mediapipe").read_bytes(),
        "licences/ICT-FaceKit.txt": (photo / "shape" / "LICENSE-ICT-FaceKit").read_bytes(),
        "licences/onnxruntime.txt": (files("onnxruntime") / "LICENSE").read_bytes(),
        "licences/onnxruntime-third-party.txt": (files("onnxruntime") / "ThirdPartyNotices.txt").read_bytes(),
    }


def write_page(folder: Path, model: Path | str = DEFAULT, runtime: Path | None = None) -> int:
    """Write the page into `folder`, for any server of static files; the bytes written.

    Files of a former page are replaced, others left alone. `index.html` comes last, so that a folder
    without it is known to be unfinished. Raises as `page_files`, and OSError if nothing can be written.
    """
    content = page_files(model, runtime)
    for name in sorted(content, key=lambda name: name == "index.html"):
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content[name])
    return sum(map(len, content.values()))


def _runtime_files(folder: Path) -> dict[str, bytes]:
    missing = [name for name in RUNTIME_FILES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder} lacks {' and '.join(missing)} of onnxruntime-web, which the page reads with; run "
            f"`make page` in a copy of the repository (it needs npm), or name by --runtime a folder of them"
        )
    return {f"runtime/{name}": (folder / name).read_bytes() for name in RUNTIME_FILES}
