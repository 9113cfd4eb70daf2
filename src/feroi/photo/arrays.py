"""Arrays that people hand over as photos."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.uint8] | NDArray[np.floating[Any]]

ARRAY = "an array (H, W), (H, W, 3) or (H, W, 4) of uint8, or of floats from 0 to 1"

_NORMALIZED = -0.5
"""What lies below no filter made of numbers from 0 to 1."""
_FEW = 2.0
"""The most that some filter may make of them; beyond, 255 is white."""


def eight_bit_array(array: Array) -> NDArray[np.uint8]:
    """An array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, or of floats from 0 to 1, as uint8.

    Floats are taken as scikit-image has them: 1 is white, and halves are rounded to even numbers.
    Raises TypeError for anything else than these, ValueError for arrays of another shape.
    """
    wanted = f"a photo is a file, a Pillow image, or {ARRAY}"
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{wanted}; got {type(array).__name__}")
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)) or not array.size:
        raise ValueError(f"{wanted}; got an array of shape {array.shape}{_shape_hint(array.shape)}")
    if array.dtype == np.uint8:
        return np.asarray(array, np.uint8)
    if array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1:  # never so with NaN
        return np.rint(255 * array).astype(np.uint8)
    raise TypeError(f"{wanted}; got an array of {array.dtype}{_dtype_hint(array)}")


def _dtype_hint(array: NDArray[Any]) -> str:
    if array.dtype.kind == "b":
        return "; np.uint8(255) * array is one"
    if array.dtype.kind in "iu":
        if array.max() > 255:
            return "; where 65535 is white, (array // 257).astype(np.uint8) is one"
        return "; where 255 is white, array.astype(np.uint8) is one"
    if array.dtype.kind != "f":
        return ""
    low, high = float(array.min()), float(array.max())
    found = f" from {low:.4g} to {high:.4g}"
    if not np.isfinite(high - low):
        return f"{found}; replace what is not finite"
    if low < _NORMALIZED:
        return f"{found}; undo the normalisation by which some are negative"
    white = "1 is white, array.clip(0, 1)" if high <= _FEW else "255 is white, (array / 255).clip(0, 1)"
    return f"{found}; where {white} is one"


def _shape_hint(shape: tuple[int, ...]) -> str:
    if len(shape) == 4:
        return "; Reader.read_many takes many photos"
    if len(shape) == 3 and shape[0] in (1, 3, 4):
        return "; array.transpose(1, 2, 0) puts the channels last"
    return "; the bytes of a file are array.tobytes()" if len(shape) == 1 else ""
