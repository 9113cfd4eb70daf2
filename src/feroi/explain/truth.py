"""Where an expression moves the face, by Table 4: what a map of attention should show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.explain.regions import region_masks
from feroi.look import FloatArray
from feroi.vocabulary import TABLE_4


def unit_mask(expression: str, landmarks_xy_px: FloatArray, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """The regions Table 4 names for `expression`, (H, W): 1 inside them, 0 elsewhere.

    landmarks_xy_px: (68, 2) in an image of `size_hw`.
    Raises ValueError for an expression of which Table 4 names none: neutral.
    """
    if expression not in TABLE_4:
        raise ValueError(f"Table 4 names no regions for {expression!r}; it has those of {', '.join(TABLE_4)}")
    masks = region_masks(landmarks_xy_px, size_hw)
    union = np.any([masks[name] for name in TABLE_4[expression].regions], axis=0)
    return np.asarray(union, dtype=np.float32)
