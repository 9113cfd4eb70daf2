"""What the attention on a face is measured against, cut as the face itself is cut."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.config import NetworkConfig
from feroi.data.samples import Sample, Samples
from feroi.explain.regions import region_masks
from feroi.outputs import FloatArray
from feroi.photo.cropped import cropped_landmarks
from feroi.photo.decode import cover, cover_box
from feroi.synthetic.truth import MOVEMENT_STEP, Truth, read_truth, truth_path
from feroi.vocabulary import TABLE_4

SYNTHETIC_TRUTHS = ("units", "movement", "regions")
REAL_TRUTHS = ("regions",)
"""
    units     where the Action Units of this picture moved the face, each divided by its maximum, added
    movement  where the expression moved the face, px; large movements, of jaw and smile, dominate
    regions   the regions of Table 4 for the labelled expression, 1 inside, drawn from landmarks
The first of a kind is the one reported first.
"""

NO_ACTION_UNITS = "neutral, which has no Action Units"
STILL = "hardly moved"
NO_TRUTH = "no truth file"
NO_LANDMARKS = "landmarks not found"
OUT_OF_SIGHT = "what moved lies outside the input"

_STILL_SHARE = 0.005  # of the picture's width: neutral tone stays below 0.0015, weak expressions are above


class LeftOut(Exception):
    """A face that no truth is known of; the message says why."""


def truth_names(samples: Samples) -> tuple[str, ...]:
    """SYNTHETIC_TRUTHS if the truth of any of `samples` is kept beside it, else REAL_TRUTHS."""
    return SYNTHETIC_TRUTHS if any(_has_truth(row) for row in samples) else REAL_TRUTHS


class Targets(NamedTuple):
    """What maps of one face are compared with, (H, W) on the pixels of the network's input, 0 or more.

    truths: where it moved, by name. textbook: the regions of Table 4 of each of the six expressions, drawn
    from the face's landmarks, whatever it shows.
    """

    truths: dict[str, FloatArray]
    textbook: dict[str, FloatArray]


def targets_of(
    row: Sample, stored: NDArray[np.uint8], config: NetworkConfig, names: tuple[str, ...]
) -> Targets:
    """The truths called `names` of a face, and the textbook's regions.

    stored: the picture as `data.decoded.decode` gives it, of `config.stored_hw`.
    Raises LeftOut for faces that did not move, whose landmarks are not found, or whose truth file
    is missing.
    """
    if row.expression not in TABLE_4:
        raise LeftOut(NO_ACTION_UNITS)
    maps: dict[str, FloatArray] = {}
    if "movement" in names:
        if not _has_truth(row):
            raise LeftOut(NO_TRUTH)
        assert isinstance(row.image, Path)
        truth = read_truth(row.image.parent, row.image.name)
        with Image.open(row.image) as picture:
            picture_hw = (picture.height, picture.width)
        if truth.movement.max() < _STILL_SHARE * picture_hw[1]:
            raise LeftOut(STILL)
        maps["units"] = as_stored(_equal_units(truth), picture_hw, config.stored_hw)
        maps["movement"] = as_stored(truth.movement, picture_hw, config.stored_hw)
        landmarks = points_as_stored(truth.landmarks, picture_hw, config.stored_hw)
    else:
        pipeline = row.attributes.get("pipeline") or config.pipeline
        points = cropped_landmarks(stored, pipeline)
        if points is None:
            raise LeftOut(NO_LANDMARKS)
        landmarks = points
    drawn = textbook_regions(landmarks, config.stored_hw)
    textbook = {name: _centre(each, config.input_hw) for name, each in drawn.items()}
    cut = {name: _centre(map_, config.input_hw) for name, map_ in maps.items()}
    cut["regions"] = textbook[row.expression]
    if not all(float(each.max()) > 0 for each in cut.values()):
        raise LeftOut(OUT_OF_SIGHT)
    return Targets({name: cut[name] for name in names}, textbook)


def truths_of(
    row: Sample, stored: NDArray[np.uint8], config: NetworkConfig, names: tuple[str, ...]
) -> dict[str, FloatArray]:
    """As `targets_of`, the truths alone."""
    return targets_of(row, stored, config, names).truths


def as_stored(
    cells: FloatArray, picture_hw: tuple[int, int], stored_hw: tuple[int, int]
) -> NDArray[np.float32]:
    """A map of cells of 4 x 4 px over a picture, as `pixels.cover` would store it: (h, w) to `stored_hw`."""
    height, width = (MOVEMENT_STEP * side for side in cells.shape)
    enlarged = Image.fromarray(cells.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    picture = np.asarray(enlarged)[: picture_hw[0], : picture_hw[1]]
    return np.asarray(np.maximum(cover(picture, stored_hw), 0))


def points_as_stored(
    points_xy_px: FloatArray, picture_hw: tuple[int, int], stored_hw: tuple[int, int]
) -> NDArray[np.float64]:
    """Points (N, 2) of a picture where `pixels.cover` leaves them."""
    left, top, right, bottom = cover_box(picture_hw, stored_hw)
    scale = [stored_hw[1] / (right - left), stored_hw[0] / (bottom - top)]
    return np.asarray((points_xy_px + 0.5 - [left, top]) * scale - 0.5)


def _equal_units(truth: Truth) -> FloatArray:
    """The movement of each Action Unit divided by its maximum, added; (h, w)."""
    movements = [moved / moved.max() for moved in truth.movement_of.values() if moved.max() > 0]
    return np.asarray(np.sum(movements, axis=0))


def _has_truth(row: Sample) -> bool:
    return isinstance(row.image, Path) and truth_path(row.image.parent, row.image.name).is_file()


def _centre(values: FloatArray, size_hw: tuple[int, int]) -> FloatArray:
    """As `data.batches.centre_patches` cuts the picture."""
    height, width = size_hw
    top, left = (values.shape[0] - height) // 2, (values.shape[1] - width) // 2
    return values[top : top + height, left : left + width]


def textbook_regions(landmarks_xy_px: FloatArray, size_hw: tuple[int, int]) -> dict[str, NDArray[np.float32]]:
    """The regions Table 4 names for each of the six expressions, (H, W): 1 inside them, 0 elsewhere.

    landmarks_xy_px: (68, 2) in an image of `size_hw`.
    """
    masks = region_masks(landmarks_xy_px, size_hw)
    unions = {
        name: np.any([masks[region] for region in actions.regions], axis=0)
        for name, actions in TABLE_4.items()
    }
    return {name: union.astype(np.float32) for name, union in unions.items()}
