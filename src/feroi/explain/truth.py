"""Where an expression moves the face, by Table 4: what a map of attention should show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.explain.regions import region_masks
from feroi.outputs import FloatArray
from feroi.vocabulary import TABLE_4


def unit_mask(expression: str, landmarks_xy_px: FloatArray, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """The regions Table 4 names for `expression`, (H, W): 1 inside them, 0 elsewhere; neutral has none.

    landmarks_xy_px: (68, 2) in an image of `size_hw`.
    """
    union = np.zeros(size_hw, dtype=np.float32)
    if expression in TABLE_4:
        masks = region_masks(landmarks_xy_px, size_hw)
        for region in TABLE_4[expression].regions:
            union[masks[region]] = 1
    return union
