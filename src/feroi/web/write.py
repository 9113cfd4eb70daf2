"""The folder of the page: its own files, the models, what it has to be told, and onnxruntime-web."""

from __future__ import annotations

import json
from importlib.resources import files
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import feroi
from feroi.config import NetworkConfig
from feroi.explain import roi
from feroi.files import atomic_path
from feroi.inference import Compute
from feroi.network.calibration import Calibration
from feroi.network.description import DEFAULT, model_file
from feroi.network.load import load_model
from feroi.photo import action_units, cropped, detect, face_mesh, landmarks, pose, tracks
from feroi.photo import crop as prepare
from feroi.photo.align import FER_HW
from feroi.photo.face_mesh_points import COEFFICIENTS, INDEX_68, INDEX_146
from feroi.photo.quality import LIMIT, SHARPNESS, SIZE, TURN
from feroi.report import photos
from feroi.report.overlay import FULL_HEAT, INFERNO
from feroi.report.tables import COLUMNS
from feroi.results import ANY_FACE
from feroi.vocabulary import ACTION_UNITS, EXPRESSIONS, REGIONS, TABLE_4

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


_DETECTOR = (
    "SMALLEST_PX", "_LEAST", "_ACCEPTED", "_CERTAIN", "_ACCEPTED_SECOND", "_LEAST_PRESENCE", "_MOST_DOUBTFUL",
    "_NEAR", "_SIZES", "_TILTED_RAD", "_SAME_FACE_OVERLAP",
)  # fmt: skip
_SCAN = ("_WHOLE_PIXELS", "_FINEST", "_LAST_PX", "_LEVEL_STEP", "_TILE_PX", "_TILE_LAP_PX", "_CUT_MARGIN")


def facts(config: NetworkConfig, calibration: Calibration, model: str) -> dict[str, Any]:
    """All but the networks, as JSON takes it.

    model: what the network is called. Raises ValueError for one whose faces are not prepared by `wild`,
        or that sees depth.
    """
    if config.pipeline != "wild":
        raise ValueError(
            f"the page prepares faces by the pipeline wild, and {model} learned from {config.pipeline}; "
            f"read with it by `feroi analyze`"
        )
    if config.inputs == "intensity+depth":
        raise ValueError(
            f"the page cannot estimate depth, and {model} sees it; read with it by `feroi analyze`"
        )
    looks = {name: vars(detect)[f"_{name.upper()}"]._asdict() for name in ("glance", "look")}
    mean = pose.mean_mesh()
    return {
        "version": feroi.__version__,
        "network": {"name": model, "input_hw": config.input_hw, "stored_hw": config.stored_hw},
        "calibration": calibration._asdict(),
        "expressions": EXPRESSIONS,
        "regions": REGIONS,
        "columns": COLUMNS,
        "action_units": ACTION_UNITS,
        "table_4": {name: actions._asdict() for name, actions in TABLE_4.items()},
        "detector": _named(detect, *_DETECTOR) | looks,
        "scan": _named(detect, *_SCAN),
        "mesh": {
            "index_68": INDEX_68.tolist(),
            **_named(detect, "FACE_SHARE", "_FRAME_DOWN"),
            **_named(face_mesh, "_FRAME_SIDE", "_EYE_CORNERS"),
            **_named(landmarks, "_SAME_PLACE", "_SAME_SIDE", "_SAME_ROLL_RAD"),
        },
        "units": _units(),
        **_named(photos, "_TOLD_DEG"),
        "mean_mesh": {"points_cm": _rounded(mean.points_cm), "trust": _rounded(mean.trust)},
        "following": _named(cropped, "PRESENT") | _named(tracks, "_SAME_PLACE"),
        "framing": {
            "size_hw": FER_HW,
            **_named(prepare, "FER_SIDE", "FER_RISE"),
            **_named(landmarks, "_BOX_DOWN", "_BOX_SIDE"),
        },
        "quality": {"limit": LIMIT, "size": SIZE, "sharpness": SHARPNESS, "turn": TURN},
        "smooth": vars(roi)["_SMOOTH"],
        "any_face": ANY_FACE,
        "told_logits": vars(photos)["_TOLD_LOGITS"],
        "heat": {"colours": INFERNO.tolist(), "full": FULL_HEAT},
    }


def _units() -> dict[str, Any]:
    shown = signature(action_units.in_words).parameters
    return {
        "coefficients": COEFFICIENTS,
        "index_146": INDEX_146.tolist(),
        "rows": {name: row._asdict() for name, row in vars(action_units)["_ROWS"].items()},
        "in_words": {name: shown[name].default for name in ("at_least", "most")},
        **_named(action_units, "WORDS", "_LOWEST", "_GAZE_YAW", "_GAZE_PITCH"),
    }


def _named(module: ModuleType, *names: str) -> dict[str, Any]:
    """The constants of a module, in the page's spelling; KeyError for one that is no longer there."""
    return {name.strip("_").lower(): vars(module)[name] for name in names}


def _rounded(values: NDArray[np.float64]) -> Any:
    return np.round(values, 6).tolist()
