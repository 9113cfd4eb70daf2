"""The shortest way through the house: read photos, train, score on unseen people, show where it looked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

import feroi
from feroi.config import NetworkConfig, network_preset
from feroi.data.folds import divide
from feroi.data.groups import group_photos, match
from feroi.data.readers import EMBEDDED, read_dataset
from feroi.evaluation.agreement import UNIFORM, Agreement, measure_agreement
from feroi.evaluation.evaluate import Readings, read
from feroi.evaluation.metrics import Scores, score
from feroi.explain.roi import mean_looks, project
from feroi.files import write_json
from feroi.network.description import DEFAULT
from feroi.network.torch_forward import torch_forward
from feroi.network.weights import load_network
from feroi.reader import Reader
from feroi.recipe import recipe_preset
from feroi.report.figures import draw_confusion, draw_faces, draw_rois
from feroi.report.html import inline_png, write_page
from feroi.report.photos import photo_values
from feroi.training.callbacks import SILENT, Callbacks
from feroi.training.loop import LAST_WEIGHTS
from feroi.training.run import CURVES, train_run
from feroi.vocabulary import EXPRESSIONS, TABLE_4

NETWORK = "paper-attention"
RECIPE = "onecycle"
INPUT_HW = (96, 80)  # the paper's (144, 112) takes twice as long for each image
EPOCHS = 40
BATCH_SIZE = 16  # few images: small batches, or there would be too few steps
SEED = 0
REPORT = "report.html"
ASTRONAUT = "Eileen Collins, NASA, public domain, as shipped with scikit-image"


def run_demo(
    out: Path,
    callbacks: Callbacks = SILENT,
) -> Scores:
    """Read photos with the shipped network, train `paper-attention` on the embedded faces, and leave
    `report.html` in the folder `out`.

    The scores returned are the trained network's on the four subjects of the paper's first fold, whom
    it has not seen, with the weights of the last epoch, so that nothing was chosen by them.
    """
    photos = _read_photos()
    callbacks.say(
        f"the shipped network found {photos['found']} of {photos['known']} faces in rendered group photos "
        f"and read {photos['right']} of them right"
    )
    network = network_preset(NETWORK, input_hw=INPUT_HW)
    recipe = recipe_preset(RECIPE, epochs=EPOCHS, batch_size=BATCH_SIZE)
    division = divide(read_dataset(EMBEDDED), SEED)
    run = out / "run"
    shutil.rmtree(run, ignore_errors=True)  # of an older version, perhaps
    history = train_run(division, network, recipe, run, SEED, callbacks)
    seconds = sum(metrics["seconds"] for metrics in history)

    forward = torch_forward(load_network(run / LAST_WEIGHTS))
    readings = read(forward, network, division.validation)
    scores = score(readings.samples.labels, readings.predicted)
    write_json(out / "scores.json", scores.to_json())
    agreement = measure_agreement(forward, network, division.validation, seed=SEED)
    write_json(out / "agreement.json", agreement.to_json())
    _draw(readings, scores, network, out)
    write_page(
        "demo.html",
        out / REPORT,
        **photos,
        shipped=DEFAULT,
        scores=scores,
        labels=EXPRESSIONS,
        table_4=TABLE_4,
        epochs=EPOCHS,
        input_hw=INPUT_HW,
        trained_on=len(division.training),
        training_subjects=len(set(division.training.subjects)),
        validation_subjects=len(set(division.validation.subjects)),
        focus_sentence=_focus_sentence(readings),
        agreement_sentence=_agreement_sentence(agreement),
        faces=inline_png(out / "faces.png"),
        rois=inline_png(out / "rois.png"),
        confusion=inline_png(out / "confusion.png"),
        curves=inline_png(run / CURVES),
        version=feroi.__version__,
        network=NETWORK,
        recipe=RECIPE,
        seed=SEED,
        seconds=round(seconds),
        run=run,
    )
    return scores


def _read_photos() -> dict[str, Any]:
    """The astronaut and the group photos read by the shipped network, and how many faces it read right."""
    from skimage.data import astronaut

    groups = group_photos()
    reader = Reader(DEFAULT)
    portrait, *crowds = reader.read_many([astronaut(), *groups])
    shown = [photo_values(portrait._replace(name=ASTRONAUT))]
    known = found = right = 0
    for photo, faces in zip(crowds, groups.values(), strict=True):
        meant = match([face.box_xyxy_px for face in photo.faces], faces)
        shows = [face.expression if face else None for face in meant]
        shown.append(photo_values(photo._replace(name=Path(photo.name).name), shows))
        known += len(faces)
        found += sum(face is not None for face in meant)
        right += sum(face.expression == truth for face, truth in zip(photo.faces, shows, strict=True))
    return {"photos": shown, "known": known, "found": found, "right": right}


def _draw(readings: Readings, scores: Scores, network: NetworkConfig, out: Path) -> None:
    assert readings.attention is not None
    labels = [row.expression for row in readings.samples]
    draw_confusion(scores, out / "confusion.png")
    draw_rois({"": mean_looks(labels, readings.faces, readings.attention)}, out / "rois.png")
    first = [labels.index(name) for name in EXPRESSIONS]
    captions = [f"labelled {labels[i]}\nread {EXPRESSIONS[readings.predicted[i]]}" for i in first]
    rois = project(readings.attention[first], network.input_hw)
    draw_faces([readings.faces[i] for i in first], list(rois), captions, out / "faces.png")


def _focus_sentence(readings: Readings) -> str:
    """How far the maps are from uniform, in words."""
    assert readings.attention is not None
    maps = readings.attention.reshape(len(readings.attention), -1)
    ratio = float(np.median(maps.max(1) / maps.min(1)))
    return (
        f"On the median face the most important location weighs {ratio:.1f} times as much as the least; "
        f"the paper's tanh and soft-max allow at most e² = 7.4."
    )


def _agreement_sentence(agreement: Agreement) -> str:
    """How far the map agrees with Action Units, in words."""
    gain, pointing = agreement.figures.all["gain"], agreement.figures.all["pointing"]
    chance = agreement.figures.controls[UNIFORM]["pointing"]
    return (
        f"Where the Action Units of an expression move the face, the network puts {gain.mean:.2f} times "
        f"the weight a uniform map puts there ({gain.low:.2f} to {gain.high:.2f}, 95 % over "
        f"{agreement.subjects} people), and the most important place of the map lies there in "
        f"{100 * pointing.mean:.0f} % of the faces, by chance in {100 * chance.mean:.0f} %."
    )
