"""The figure of group photos (Fig. 7), from files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from feroi.config import NetworkConfig
from feroi.explain.whole_photo import look_at_group
from feroi.outputs import ScoreMap
from feroi.photo.decode import read_photo, to_intensity
from feroi.photo.detect import detect
from feroi.report.figures import GroupColumn, draw_groups

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
