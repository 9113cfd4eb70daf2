"""What the page has to be told: the network and its calibration, the words, the measured curves, the trees.

The page does the mathematics of `photo` and `reading` in JavaScript. What is measured or trained is not
written there a second time; it comes from here.
"""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

import feroi
from feroi.config import NetworkConfig
from feroi.network.calibration import Calibration
from feroi.photo.align import FER_ENLARGE, FER_HW, FER_RISE
from feroi.photo.geometry import EYE_DISTANCE_CM, generic_face
from feroi.photo.quality import LIMIT, SHARPNESS, SIZE, TURN
from feroi.report.overlay import FULL_HEAT, INFERNO
from feroi.report.tables import COLUMNS
from feroi.vocabulary import ACTION_UNITS, EXPRESSIONS, REGIONS, TABLE_4

_ALIGNED_BYTES = 8  # a typed array of JavaScript begins at a multiple of its element's size


def facts(config: NetworkConfig, calibration: Calibration, model: str) -> dict[str, Any]:
    """All but the arrays, as JSON takes it.

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
    return {
        "version": feroi.__version__,
        "network": {"name": model, "input_hw": config.input_hw, "stored_hw": config.stored_hw},
        "calibration": calibration._asdict(),
        "expressions": EXPRESSIONS,
        "regions": REGIONS,
        "columns": COLUMNS,
        "action_units": ACTION_UNITS,
        "table_4": {name: actions._asdict() for name, actions in TABLE_4.items()},
        "framing": {"size_hw": FER_HW, "enlarge": FER_ENLARGE, "rise": FER_RISE},
        "quality": {"limit": LIMIT, "size": SIZE, "sharpness": SHARPNESS, "turn": TURN},
        "eye_distance_cm": EYE_DISTANCE_CM,
        "landmarks_cm": generic_face().landmarks_cm.tolist(),
        "heat": {"colours": INFERNO.tolist(), "full": FULL_HEAT},
    }


def packed_trees() -> bytes:
    """The shipped landmark ensemble for JavaScript: a line of JSON, then its arrays, little-endian.

    The JSON names type, shape and first byte of each array, counted from the end of the line, which is
    filled up with blanks to a multiple of 8 bytes.
    """
    with np.load(str(files("feroi.photo") / "models" / "landmarks-68.npz"), allow_pickle=False) as stored:
        arrays = {name: _plain(stored[name]) for name in stored.files}
    places, body = {}, b""
    for name, array in arrays.items():
        places[name] = {"type": array.dtype.name, "shape": array.shape, "offset": len(body)}
        content = array.tobytes()
        body += content + bytes(-len(content) % _ALIGNED_BYTES)
    head = json.dumps(places).encode()
    blanks = b" " * (-(len(head) + 1) % _ALIGNED_BYTES)
    return head + blanks + b"\n" + body


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """With real numbers, and none of 16 bits, which JavaScript does not have everywhere."""
    if array.dtype.kind == "c":
        array = array.view(np.float32).reshape(*array.shape, 2)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    return array if sys.byteorder == "little" else array.astype(array.dtype.newbyteorder("<"))
