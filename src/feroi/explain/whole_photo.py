"""Many faces in one photo: the whole of it through the network at once (section 4.6, Fig. 7).

The photo is scored in tiles, so that memory is bounded, and is weighted as one: Eq. 4 divides by a sum
over every location, so the attention of a tile means nothing beside that of another, but the score A2
(Eq. 3) of a location follows from what its own neighbourhood shows. Tiles that overlap by as far as a
location sees give each score as the whole photo would, and the soft-max is taken once, over all.

Shapes: H x W px of a photo, h x w locations of its map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.config import NetworkConfig
from feroi.data.batches import as_faces
from feroi.outputs import FloatArray, ScoreMap
from feroi.photo.crop import face_frame
from feroi.photo.detect import FACE_SHARE, Face
from feroi.photo.illumination import normalize_light_sliding

TILE_PX = 1024
"""Side of a tile, its overlap included: 300 MB inside the network."""

_SOFT_SHARE = 0.25  # of a box's side, over which its edge falls to 0. The paper names no softness
_SMALLEST_PX = 16  # the network takes


class GroupLook(NamedTuple):
    """Where a network looked in a photo of several faces; both maps lie evenly over the photo and sum to 1.

    attention: (h, w), B of Eq. 4.
    suppressed: (h, w), B under soft boxes round the faces.
    """

    attention: FloatArray
    suppressed: FloatArray


def look_at_group(
    photo: NDArray[np.uint8], faces: Sequence[Face], score: ScoreMap | None, config: NetworkConfig
) -> GroupLook:
    """The attention of a network over a whole photo (H, W) of intensities, raw and suppressed by its faces.

    The photo is resized until its faces are as large as those the network learned from, and its light
    normalised in sliding windows of a learned image's size, if theirs was (section 4.2).
    Symmetric networks are read by Eq. 4 too: the mirror of Eq. 5 stands in the middle of one face,
    and a photo of several has no such middle.
    Memory: 0.3 GB for a tile and, before that, 35 bytes a resized pixel where light is normalised.
    Raises ValueError if there is no face, if the network has no score (any without attention), sees depth, or
    does not say how its faces were prepared.
    """
    if score is None:
        raise ValueError(_why_no_score(config))
    if config.inputs == "intensity+depth":
        raise ValueError(
            "depth is estimated for one face, not for a whole photo; use a network that does not see it"
        )
    resized = resize(photo, network_scale(faces, config), config.grain_px)
    if config.pipeline in ("front", "pose"):
        resized = normalize_light_sliding(resized, config.stored_hw)
    attention = softmax_map(score_in_tiles(resized, score, config), config.beta)
    height, width = photo.shape
    return GroupLook(attention, suppress(attention, soft_boxes(faces, (height, width), attention.shape)))


def network_scale(faces: Sequence[Face], config: NetworkConfig) -> float:
    """How much larger a photo must be for the median of its faces to fit the network; below 1, smaller.

    Raises ValueError if there is no face, or if the network does not say how its faces were prepared.
    """
    if not faces:
        raise ValueError("no face was found, and the size of the faces is what the photo is resized by")
    return trained_box_px(config) / float(np.median([np.sqrt(face.area_px) for face in faces]))


def trained_box_px(config: NetworkConfig) -> float:
    """Side of the box a detector draws round a face as large as those `config` learned from, in px.

    That of the generic frontal face, put through the network's own pipeline. Raises ValueError if there
    is none.
    """
    if config.pipeline is None:
        raise ValueError(
            "this network does not say how the faces it learned from were prepared, so their size is not "
            "known; train it on a data set whose pipeline is known"
        )
    return FACE_SHARE * face_frame(config.pipeline, config.stored_hw).side


def resize(photo: NDArray[np.uint8], scale: float, grain: int) -> NDArray[np.uint8]:
    """`photo` (H, W) `scale` times as large, each side rounded to a multiple of `grain` px.

    So the locations of its map lie evenly over all of it; its proportions change by less than the
    rounding. Pillow's bicubic filter, which averages when it shrinks.
    """
    height, width = (max(_SMALLEST_PX // grain, round(scale * side / grain)) for side in photo.shape)
    return np.asarray(
        Image.fromarray(photo).resize((width * grain, height * grain), Image.Resampling.BICUBIC)
    )


def score_in_tiles(
    photo: NDArray[np.uint8], score: ScoreMap, config: NetworkConfig, tile_px: int = TILE_PX
) -> FloatArray:
    """The score A2 (Eq. 3) of a photo (H, W), (h, w) in -1..1, as `score` would give for all of it at once.

    Tiles begin at multiples of the grain and overlap by the network's reach on each side; what a
    tile says of its overlap, where it saw its own border, is dropped.
    Raises ValueError if `tile_px` leaves nothing beside the overlap.
    """
    stride = config.stride
    step = config.grain_px // stride  # locations
    overlap = step * -(-config.reach_px // config.grain_px)  # rounded up
    kept = (tile_px // config.grain_px) * step - 2 * overlap
    if kept < 1:
        raise ValueError(f"tiles need at least {(2 * overlap + step) * stride} px a side, got {tile_px}")
    rows, columns = (side // stride for side in photo.shape)
    whole = np.empty((rows, columns), dtype=np.float32)
    for top in range(0, rows, kept):
        first_row, end_row = _tile(top, kept, overlap, photo.shape[0], stride)
        for left in range(0, columns, kept):
            first_column, end_column = _tile(left, kept, overlap, photo.shape[1], stride)
            tile = photo[first_row * stride : end_row, first_column * stride : end_column]
            found = score(as_faces(tile[None]))[0, top - first_row :, left - first_column :]
            whole[top : top + kept, left : left + kept] = found[:kept, :kept]
    return whole


def softmax_map(score: FloatArray, beta: float) -> FloatArray:
    """B of Eq. 4: the weight of each location. (h, w) -> (h, w), summing to 1."""
    powers = np.exp(beta * (score.astype(np.float64) - float(score.max())))
    return np.asarray(powers / powers.sum())


def soft_boxes(faces: Sequence[Face], photo_hw: tuple[int, int], map_hw: tuple[int, ...]) -> FloatArray:
    """How much each location of a map (h, w) over a photo belongs to a face, 0..1.

    1 inside a face's box; beyond it a raised cosine falls to 0 over a quarter of its side. Where
    faces are neighbours, the larger value counts.
    """
    height, width = map_hw
    rows = (np.arange(height) + 0.5) * photo_hw[0] / height  # centres of locations, in px of the photo
    columns = (np.arange(width) + 0.5) * photo_hw[1] / width
    boxes = np.zeros((height, width))
    for face in faces:
        x0, y0, x1, y1 = face.box_xyxy_px
        np.maximum(boxes, np.outer(_soft(rows, y0, y1), _soft(columns, x0, x1)), out=boxes)
    return boxes


def suppress(attention: FloatArray, boxes: FloatArray) -> FloatArray:
    """A map (h, w) times soft boxes (h, w), summing to 1 again (section 4.6).

    Raises ValueError if they have nothing in common.
    """
    weighted = attention * boxes
    total = float(weighted.sum())
    if not total > 0:
        raise ValueError("no face lies in the photo, so nothing is left of the map")
    return np.asarray(weighted / total)


def _why_no_score(config: NetworkConfig) -> str:
    if not config.takes_any_size:
        height, width = config.input_hw
        return (
            f"a {config.head} network connects every location of a {width}x{height} input to its "
            f"classifier: it reads no other size and weighs no location; use an attention network for "
            f"group photos"
        )
    if config.head in ("gap", "max"):
        how = (
            "weighs every location alike, so its map shows nothing"
            if config.weighs_locations
            else "has no map"
        )
        return f"a {config.head} network {how}; use an attention network for group photos"
    return "this model file was written without the score of its attention; export the network again"


def _tile(first: int, kept: int, overlap: int, photo_px: int, stride: int) -> tuple[int, int]:
    """First location and end in px, along one side, of the tile whose kept locations begin at `first`."""
    end = (first + kept + overlap) * stride
    # The last tile goes to the edge: the network sees pixels there that fill no location.
    return max(first - overlap, 0), photo_px if end + stride > photo_px else end


def _soft(places: FloatArray, low: float, high: float) -> FloatArray:
    outside = np.maximum(np.maximum(low - places, places - high), 0) / (_SOFT_SHARE * (high - low))
    return np.asarray((1 + np.cos(np.pi * np.minimum(outside, 1))) / 2)
