"""The region-of-interest figure of trained networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from feroi.config import NetworkConfig
from feroi.data.samples import Samples
from feroi.evaluation.evaluate import Readings, read
from feroi.explain.roi import MeanLook, mean_looks
from feroi.outputs import Forward
from feroi.report.figures import draw_rois

Named = tuple[str, NetworkConfig, Forward]


def draw_network_rois(networks: Sequence[Named], samples: Samples, out: Path, by_pose: bool) -> None:
    """Mean face, mean map and their product for each expression, a block a network (and pose).

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
