"""From the name of a table or figure to the protocols it needs; the figures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feroi.baselines.descriptors import BASELINES
from feroi.config import network_preset
from feroi.data.prepare import Box
from feroi.data.samples import Samples
from feroi.evaluation.evaluate import Readings
from feroi.explain.roi import MeanLook
from feroi.network.description import DEFAULT
from feroi.network.torch_forward import torch_score
from feroi.network.weights import load_network
from feroi.paper.datasets import Progress, find_data
from feroi.paper.published import PROTOCOLS
from feroi.paper.runs import Plan, Runs, TrainingCallbacks
from feroi.paper.table7 import reproduce_table7
from feroi.paper.tables import reproduce_table5, reproduce_table6
from feroi.report.figures import draw_rois
from feroi.report.rois import draw_group_photos, expression_looks
from feroi.training.loop import LAST_WEIGHTS

TARGETS: dict[str, tuple[str, ...]] = {
    "table1": (),  # trains nothing, takes any data set
    "table5": ("front", "pose", "sfew", "sfew-fer2013"),
    "table6": ("front", "pose"),
    "table7": ("front", "pose"),
    "fig5": ("front",),
    "fig6": ("pose",),
    "fig7": ("pose",),
}
"""What can be reproduced, and the protocols it is made of."""


class ReproduceCallbacks(NamedTuple):
    """Who hears how far a reproduction is.

    training: the callbacks of each training. bar: of a preparation, for how many of how many are done.
    on_photo: told each group photo and how many faces it shows.
    """

    training: TrainingCallbacks
    bar: Callable[[str], AbstractContextManager[Progress]]
    on_photo: Callable[[Path, int], None]


def make(
    target: str,
    paths: Sequence[Path],
    out: Path,
    plan: Plan,
    callbacks: ReproduceCallbacks,
    networks: Sequence[str] = (),
    photos: Sequence[Path] = (),
    workers: int | None = None,
    landmarks: str = "face-mesh",
    box_xyxy_px: Box | None = None,
) -> str:
    """Make a table or figure of the paper from the data in `paths`, in the folder `out`.

    target: a name in TARGETS. networks: presets instead of the paper's own, for table5 also baselines; for
    table1, model files instead of the one shipped. photos: for fig7. landmarks, box_xyxy_px: by which photos
    are prepared, as `data.prepare.prepare_dataset` takes them.
    Returns a table as markdown, or the name of the figure drawn. Called again, it resumes.
    Raises ValueError for what is unknown, does not fit, or needs data that `paths` do not hold.
    """
    if target not in TARGETS:
        raise ValueError(f"cannot reproduce {target!r}; choose one of {', '.join(TARGETS)}")
    if box_xyxy_px is not None and "pose" not in TARGETS[target]:
        raise ValueError(f"--box is cut from photos for RaFD-POSE, which {target} does not use")
    if target == "table1":
        if plan != Plan(seed=plan.seed):
            raise ValueError("table1 trains nothing: give it --data, --out, --networks and --seed alone")
        from feroi.paper.table1 import reproduce_table1  # here: only it needs captum

        with callbacks.bar("explaining") as on_progress:
            return reproduce_table1(paths, out, networks or [DEFAULT], plan.seed, on_progress)
    for network in networks:
        if target != "table5" or network not in BASELINES:
            network_preset(network)  # refuses unknown names before the long work
    plan.recipe_of("front")  # and impossible settings
    if plan.folds is not None and not 1 <= plan.folds <= 5:
        raise ValueError(f"--folds is the first 1 to 5 of the paper's five, got {plan.folds}")

    def check_size(served: Collection[str]) -> None:
        keys = _runnable(TARGETS[target], served)
        if plan.size_hw and len({PROTOCOLS[key].input_hw for key in keys}) > 1:
            raise ValueError(
                f"the inputs of {' and '.join(keys)} have different proportions, so no one --size fits; "
                f"prepare one of them (feroi prepare) and give its folder as --data"
            )

    with callbacks.bar("preparing") as on_progress:
        data = find_data(
            paths, out, TARGETS[target], workers, on_progress, landmarks, check_size, box_xyxy_px
        )
    keys = _runnable(TARGETS[target], data)
    if target in ("table6", "fig7"):
        plan = replace(plan, folds=1)
    runs = Runs(data, plan, out, callbacks.training)
    if target == "table5":
        return reproduce_table5(runs, keys, networks)
    if target == "table6":
        return reproduce_table6(runs, keys, networks)
    if target == "table7":
        return reproduce_table7(runs, keys, networks)
    if target == "fig5":
        return str(reproduce_fig5(runs, networks))
    if target == "fig6":
        return str(reproduce_fig6(runs, networks))
    return str(reproduce_fig7(runs, networks, photos, callbacks.on_photo))


def _runnable(wanted: Sequence[str], served: Collection[str]) -> list[str]:
    have = set(served)
    if {"sfew", "fer2013"} <= have:
        have.add("sfew-fer2013")
    return [key for key in wanted if key in have]


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
    """As `reproduce_fig5`, on RaFD-POSE, one block per pose."""
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
