"""The region-of-interest figure of trained networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from feroi.data.samples import Samples
from feroi.evaluation.evaluate import Readings, read
from feroi.explain.roi import MeanLook, mean_looks
from feroi.network.forward import torch_forward
from feroi.network.weights import load_network
from feroi.report.figures import draw_rois


def draw_network_rois(models: Sequence[Path], samples: Samples, out: Path, by_pose: bool) -> None:
    """Mean face, mean map and their product for each expression, a block a network (and pose).

    Raises ValueError for a network without a map, for networks of different input sizes, or if
    poses are asked for and the samples have none.
    """
    if by_pose and not all(samples.attribute("pose")):
        raise ValueError("these samples have no poses; leave --by-pose out")
    networks = [load_network(path) for path in models]
    sizes = {network.config.input_hw for network in networks}
    if len(sizes) > 1:
        raise ValueError(f"the networks read different sizes, {sorted(sizes)}; draw them one by one")
    blocks: dict[str, dict[str, MeanLook]] = {}
    for network, path in zip(networks, models, strict=True):
        readings = read(torch_forward(network), network.config, samples)
        if readings.attention is None:
            raise ValueError(f"{path} is a {network.config.head} network, which has no map to draw")
        title = path.name if len(models) > 1 else ""
        poses = sorted({str(p) for p in readings.samples.attribute("pose")}) if by_pose else [None]
        for pose in poses:
            block = " ".join(filter(None, (title, pose)))
            blocks[block] = _mean_looks(readings, pose)
    draw_rois(blocks, out)


def _mean_looks(readings: Readings, pose: str | None) -> dict[str, MeanLook]:
    assert readings.attention is not None
    rows = enumerate(readings.samples)
    chosen = np.array([i for i, row in rows if pose in (None, row.attributes.get("pose"))])
    labels = [readings.samples[i].expression for i in chosen]
    return mean_looks(labels, readings.faces[chosen], readings.attention[chosen])
