"""Figures of regions of interest, from networks: averages (Figs. 5 and 6) and group photos (Fig. 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from feroi.config import NetworkConfig
from feroi.data.samples import Samples
from feroi.evaluation.evaluate import Readings, read
from feroi.explain.roi import MeanLook, mean_looks
from feroi.explain.whole_photo import look_at_group
from feroi.outputs import Forward, ScoreMap
from feroi.photo.decode import read_photo, to_intensity
from feroi.photo.detect import detect
from feroi.report.figures import GroupColumn, draw_groups, draw_rois

_DRAWN_PX = 1200  # a figure's column shows no more


def draw_group_photos(
    photos: Iterable[Path],
    score: ScoreMap | None,
    config: NetworkConfig,
    out: Path,
    on_photo: Callable[[Path, int], None],
) -> None:
    """Each photo, the network's attention over all of it, and that suppressed by its faces, into `out`.

    on_photo: called after each photo with the number of faces found in it.
    Raises ValueError, naming the photo, for one that cannot be read or has no face, and for networks
    without a score (`explain.group.look_at_group`).
    """
    columns = []
    for path in photos:
        columns.append(_column(path, score, config))
        on_photo(path, len(columns[-1].boxes_xyxy_px))
    draw_groups(columns, out)


def _column(path: Path, score: ScoreMap | None, config: NetworkConfig) -> GroupColumn:
    try:
        photo = read_photo(path)
        faces = detect(photo)
        look = look_at_group(to_intensity(photo), faces, score, config)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    picture = Image.fromarray(photo)
    picture.thumbnail((_DRAWN_PX, _DRAWN_PX), reducing_gap=2.0)
    scale = picture.width / photo.shape[1]
    boxes = [tuple(scale * value for value in face.box_xyxy_px) for face in faces]
    return GroupColumn(path.name, np.asarray(picture), boxes, look)


Named = tuple[str, NetworkConfig, Forward]


def draw_network_rois(networks: Sequence[Named], samples: Samples, out: Path, by_pose: bool) -> None:
    """Mean face, mean map and their product for each expression, one block per network (and pose).

    networks: name, configuration and function of each.

    Raises ValueError for a network without a map, for networks of different input sizes, or if
    poses are asked for and the samples have none.
    """
    if by_pose and not all(samples.attribute("pose")):
        raise ValueError("these samples have no poses; leave --by-pose out")
    sizes = {config.input_hw for _, config, _ in networks}
    if len(sizes) > 1:
        raise ValueError(f"the networks read different sizes, {sorted(sizes)}; draw them one by one")
    blocks: dict[str, dict[str, MeanLook]] = {}
    for number, (name, config, forward) in enumerate(networks, 1):
        readings = read(forward, config, samples)
        if readings.attention is None:
            raise ValueError(f"{name} is a {config.head} network, which has no map to draw")
        title = name if len(networks) > 1 else ""
        if sum(name == other for other, _, _ in networks) > 1:
            title = f"{name} ({number})"
        poses = sorted({str(p) for p in readings.samples.attribute("pose")}) if by_pose else [None]
        for pose in poses:
            block = " ".join(filter(None, (title, pose)))
            blocks[block] = expression_looks(readings, pose)
    draw_rois(blocks, out)


def expression_looks(readings: Readings, pose: str | None = None) -> dict[str, MeanLook]:
    """Mean face and map of each expression, of one pose or all; the network must have a map."""
    assert readings.attention is not None
    rows = enumerate(readings.samples)
    chosen = np.array([i for i, row in rows if pose in (None, row.attributes.get("pose"))])
    labels = [readings.samples[i].expression for i in chosen]
    return mean_looks(labels, readings.faces[chosen], readings.attention[chosen])
