"""The regions of the face Table 4 speaks of, drawn from landmarks, and how much of a map lies on each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from feroi.explain.roi import average
from feroi.outputs import FloatArray
from feroi.vocabulary import REGIONS

Masks = dict[str, NDArray[np.bool_]]

_JAW, _BROWS, _NOSE, _LIPS = range(3, 14), range(17, 27), range(27, 36), range(48, 60)
_EYES = (range(36, 42), range(42, 48))
_FINE = 4  # masks are drawn this much larger, so that a crop of 48 px still has lids


def region_masks(landmarks_xy_px: FloatArray, size_hw: tuple[int, int]) -> Masks:
    """Where brow, lid, nose, cheek, lip and jaw lie in an image: region to (H, W) bool, disjoint.

    landmarks_xy_px: (68, 2) in the image. Widths are in units of the distance between the eyes'
    centres: brows and lids reach 0.18 and 0.13 about their landmarks, the nose 0.1 and the lips 0.1.
    The jaw is the face below the lips, the cheeks the face beside nose and lips below the
    eyes. The borders are ours; Table 4 names the regions only.
    """
    height, width = (side * _FINE for side in size_hw)
    points = (np.asarray(landmarks_xy_px) + 0.5) * _FINE
    left, right = (points[list(eye)].mean(0) for eye in _EYES)
    unit = float(np.hypot(*(right - left)))
    down = _downward(points)

    brow = _thick(points[_BROWS.start : _BROWS.start + 5], 0.18 * unit, (height, width))
    brow |= _thick(points[_BROWS.start + 5 : _BROWS.stop], 0.18 * unit, (height, width))
    lid = np.zeros((height, width), bool)
    for eye in _EYES:
        lid |= _hull(points[list(eye)], 0.13 * unit, (height, width))
    nose = _hull(points[list(_NOSE)], 0.1 * unit, (height, width))
    lip = _hull(points[list(_LIPS)], 0.1 * unit, (height, width))
    face = _hull(np.concatenate([points[_JAW.start : _JAW.stop], points[list(_BROWS)]]), 0, (height, width))
    depth = np.arange(width) * down[0] + np.arange(height)[:, None] * down[1]
    jaw = face & (depth > float(points[57] @ down))  # below the middle of the lower lip
    jaw |= face & (depth > float(points[[48, 54]].mean(0) @ down) + 0.15 * unit)
    cheek = face & (depth > float((left + right) @ down) / 2)

    masks, taken = {}, np.zeros((height, width), bool)
    drawn = {"lip": lip, "nose": nose, "lid": lid, "brow": brow, "jaw": jaw, "cheek": cheek}
    for name, mask in drawn.items():  # what is drawn first covers what comes later
        masks[name] = _shrunk(mask & ~taken)
        taken |= mask
    return {name: masks[name] for name in REGIONS}


def region_shares(attention: FloatArray, masks: Masks) -> dict[str, float]:
    """Share of a map (H, W) on each region; what is missing to 1 lies elsewhere."""
    total = float(attention.sum())
    return {name: float(attention[mask].sum()) / total for name, mask in masks.items()}


def region_sums(maps: FloatArray, masks: Masks) -> dict[str, FloatArray]:
    """The sum of maps (..., h, w) of locations over each region, and elsewhere; together the sum over all.

    A location on the border of a region counts for it by its share. The masks are (H, W).
    """
    grid_hw = maps.shape[-2], maps.shape[-1]
    parts = {name: average(mask[None].astype(np.float64), grid_hw)[0] for name, mask in masks.items()}
    parts["elsewhere"] = 1 - sum(parts.values())
    return {name: (maps * part).sum((-2, -1)) for name, part in parts.items()}


def region_areas(masks: Masks) -> dict[str, float]:
    """Share of the image each region covers, which is what a uniform map puts on it."""
    return {name: float(mask.mean()) for name, mask in masks.items()}


def region_gains(shares: dict[str, float], areas: dict[str, float]) -> dict[str, float]:
    """How many times its share under a uniform map each region gets: 1 is chance.

    A region that covers none of the image has no gain and is left out.
    """
    return {name: share / areas[name] for name, share in shares.items() if areas[name]}


def _downward(points: FloatArray) -> FloatArray:
    """The unit vector from between the eyes to the chin."""
    way = points[8] - points[36:48].mean(0)
    return np.asarray(way / np.hypot(*way))


def _thick(line: FloatArray, radius: float, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    picture, draw = _canvas(size_hw)
    draw.line(
        [tuple(point) for point in line.tolist()], fill=1, width=max(1, round(2 * radius)), joint="curve"
    )
    _dots(draw, line, radius)
    return np.asarray(picture) > 0


def _hull(points: FloatArray, margin: float, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Inside of the convex hull of `points`, widened by `margin`."""
    picture, draw = _canvas(size_hw)
    corners = _hull_corners(points)
    outline = [tuple(point) for point in corners.tolist()]
    draw.polygon(outline, fill=1)
    if margin:
        draw.line([*outline, outline[0]], fill=1, width=max(1, round(2 * margin)))
        _dots(draw, corners, margin)
    return np.asarray(picture) > 0


def _hull_corners(points: FloatArray) -> FloatArray:
    """Corners (K, 2) of the convex hull of points (N, 2), in order round it: Andrew's monotone chain."""
    corners: list[FloatArray] = []
    order = points[np.lexsort((points[:, 1], points[:, 0]))]
    for half in (order, order[::-1]):
        chain: list[FloatArray] = []
        for point in half:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        corners += chain[:-1]
    return np.array(corners)


def _turn(first: FloatArray, second: FloatArray, third: FloatArray) -> float:
    """Above 0 if the way through three points (2,) turns towards y from x."""
    (ax, ay), (bx, by) = (second - first).tolist(), (third - first).tolist()
    return float(ax * by - ay * bx)


def _dots(draw: ImageDraw.ImageDraw, points: FloatArray, radius: float) -> None:
    for x, y in points.tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)


def _canvas(size_hw: tuple[int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("L", (size_hw[1], size_hw[0]))
    return picture, ImageDraw.Draw(picture)


def _shrunk(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    counts = mask.view(np.uint8)  # added slice by slice, far faster than a mean over two axes
    across = sum(counts[:, at::_FINE] for at in range(1, _FINE)) + counts[:, ::_FINE]
    down = sum(across[at::_FINE] for at in range(1, _FINE)) + across[::_FINE]
    return np.asarray(down > _FINE**2 // 2)  # not half: two regions may share a pixel
