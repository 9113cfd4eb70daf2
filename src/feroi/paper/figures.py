"""Figures 5, 6 and 7 with networks trained by the paper's protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from feroi.config import network_preset
from feroi.data.samples import Samples
from feroi.evaluation.evaluate import Readings
from feroi.explain.roi import MeanLook
from feroi.network.torch_forward import torch_score
from feroi.network.weights import load_network
from feroi.paper.runs import Runs
from feroi.report.figures import draw_rois
from feroi.report.rois import draw_group_photos, expression_looks
from feroi.training.loop import LAST_WEIGHTS


def reproduce_fig5(runs: Runs, networks: Sequence[str]) -> Path:
    """Mean face, map and their product an expression, on RaFD-FRONT: Eq. 4 above Eq. 5.

    Every image is read by the network of the fold that held it out, and the means are over all folds.
    Raises ValueError for a network without a map.
    """
    networks = networks or ("paper-attention", "paper-attention-symmetric")
    _check_maps(networks)
    blocks = {}
    for network in networks:
        blocks[network] = expression_looks(held_out(runs, "front", network))
    return _drawn(blocks, runs, "front", "fig5.png")


def reproduce_fig6(runs: Runs, networks: Sequence[str]) -> Path:
    """As `reproduce_fig5`, on RaFD-POSE, a block a pose."""
    networks = networks or ("paper-attention",)
    _check_maps(networks)
    blocks = {}
    for network in networks:
        readings = held_out(runs, "pose", network)
        for pose in sorted({str(pose) for pose in readings.samples.attribute("pose")}):
            blocks[f"{network} {pose}"] = expression_looks(readings, pose)
    return _drawn(blocks, runs, "pose", "fig6.png")


def reproduce_fig7(
    runs: Runs, networks: Sequence[str], photos: Sequence[Path], on_photo: Callable[[Path, int], None]
) -> Path:
    """Group photos through a network trained on RaFD-POSE, that of the first fold.

    The paper names neither fold nor photos (HAPPEI's may not be handed around).
    Raises ValueError if there are no photos, or more than one network.
    """
    if not photos:
        raise ValueError("fig7 draws group photos of yours: give each with --photo")
    if len(networks) > 1:
        raise ValueError(f"fig7 is of one network, got {', '.join(networks)}")
    name = networks[0] if networks else "paper-attention"
    next(runs.readings("pose", name))  # trains the first fold
    network = load_network(runs.folder("pose", name, 1) / LAST_WEIGHTS)
    out = runs.out / "fig7.png"
    draw_group_photos(photos, torch_score(network), network.config, out, on_photo)
    return out


def held_out(runs: Runs, key: str, network: str) -> Readings:
    """What the network of each fold says of its own held-out images, all folds together."""
    folds, maps = [], []
    for readings in runs.readings(key, network):
        assert readings.attention is not None, "only networks with a map come here"
        folds.append(readings)
        maps.append(readings.attention)
    return Readings(
        Samples(row for fold in folds for row in fold.samples),
        [],
        np.concatenate([fold.faces for fold in folds]),
        np.concatenate([fold.logits for fold in folds]),
        np.concatenate(maps),
    )


def _check_maps(networks: Sequence[str]) -> None:
    """Before anything is trained."""
    for network in networks:
        if not network_preset(network).weighs_locations:
            raise ValueError(f"{network} has no map to draw")


def _drawn(blocks: dict[str, dict[str, MeanLook]], runs: Runs, key: str, name: str) -> Path:
    """The figure, with what it rests on below it, so that it says so wherever it is shown."""
    path = runs.out / name
    draw_rois(blocks, path, f"{runs.data[key].what}; {runs.plan.words(key)}; seed {runs.plan.seed}")
    return path
