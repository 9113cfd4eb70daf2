"""The rendered group photos shipped with the package, and what everyone in them shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from feroi.vocabulary import expression_named

Box = tuple[float, float, float, float]


class KnownFace(NamedTuple):
    """expression: what the face shows. box_xyxy_px: left, top, right, bottom of its 68 landmarks."""

    expression: str
    box_xyxy_px: Box


def group_photos() -> dict[Path, list[KnownFace]]:
    """The photos with their faces, from the farthest to the nearest; see `group_photos/PROVENANCE.md`."""
    folder = Path(str(files("feroi").joinpath("data", "group_photos")))
    known = json.loads((folder / "faces.json").read_text(encoding="utf-8"))
    return {
        folder / name: [
            KnownFace(expression_named(face["expression"]), tuple(face["landmarks_box_xyxy_px"]))
            for face in faces
        ]
        for name, faces in known.items()
    }


def match(found: Sequence[Box], known: Sequence[KnownFace]) -> list[KnownFace | None]:
    """For each box found, the known face it stands for; None for a box that shows no known face.

    A box stands for a face if each one's middle lies in the other; of several boxes, the first.
    """
    free = list(known)
    result: list[KnownFace | None] = []
    for box in found:
        meant = next((face for face in free if _same(box, face.box_xyxy_px)), None)
        if meant is not None:
            free.remove(meant)
        result.append(meant)
    return result


def _same(one: Box, other: Box) -> bool:
    return _holds_middle(one, other) and _holds_middle(other, one)


def _holds_middle(outer: Box, inner: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] < x < outer[2] and outer[1] < y < outer[3]
