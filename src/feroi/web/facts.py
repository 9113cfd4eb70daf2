"""What the page has to be told: the network and its calibration, the words, everything that was measured.

The page does the arithmetic of `photo` and `reading` in JavaScript. What is measured or trained is not
written there a second time; it comes from here.
"""

from __future__ import annotations

from inspect import signature
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import feroi
from feroi.config import NetworkConfig
from feroi.explain import roi
from feroi.network.calibration import Calibration
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
