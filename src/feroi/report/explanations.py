"""Maps of several methods side by side: one row per face, one column per method."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

import feroi
from feroi.data.batches import as_faces
from feroi.outputs import FloatArray, Locator
from feroi.report.figures import ROI_COLOURS, save
from feroi.report.html import write_page
from feroi.report.overlay import heat
from feroi.results import Photo
from feroi.vocabulary import EXPRESSIONS

_FACE_PX = 160
_LEVEL = 1.001  # a map that is nowhere above this is level, and stays without colour
_SCALE = "from the weight of an even map (no colour) to the highest weight of that map"
"""Each map has a scale of its own: some, as of `rise`, are nearly level and yet say where to look first."""


class Explained(NamedTuple):
    """A face, (H, W) uint8, what was read in it, and where each method says that was seen.

    maps: (H, W) each, in multiples of a uniform map. seconds: what each map took.
    """

    name: str
    face: NDArray[np.uint8]
    reading: str
    maps: dict[str, FloatArray]
    seconds: dict[str, float]


def write_explanations(
    photos: Iterable[Photo], locators: Mapping[str, Locator], model: str, path: Path
) -> int:
    """Explain every face of `photos` by every method of `locators`; returns how many there were.

    path: a page if it ends in .html, else a picture. Each map has a colour scale of its own.
    Raises ValueError for a picture without a face.
    """
    rows, notes = [], []
    for photo in photos:
        if not photo.faces:
            notes.append(f"{photo.name}: {photo.status}")
        notes += [f"{photo.name}: a face found was not read: {each.reason}" for each in photo.refused]
        for number, face in enumerate(photo.faces):
            shown = as_faces(face.crop[None])
            label = np.array([EXPRESSIONS.index(face.expression)])
            maps, seconds = {}, {}
            for name, locate in locators.items():
                start = time.perf_counter()
                maps[name] = locate(shown, label)[0]
                seconds[name] = time.perf_counter() - start
            reading = f"{face.answer} {100 * face.confidence:.0f} %"
            rows.append(Explained(f"{photo.name}, {number}", face.crop, reading, maps, seconds))
    if path.suffix.lower() in (".html", ".htm"):
        _write_page(rows, list(locators), notes, model, path)
    else:
        if not rows:
            raise ValueError("no face to draw: " + "; ".join(notes))
        draw_explanations(rows, path)
    return len(rows)


def draw_explanations(rows: Sequence[Explained], path: Path) -> None:
    """A picture with one row per face: the face, and its map by each method laid over it."""
    methods = list(rows[0].maps)
    height, width = rows[0].face.shape
    columns = 1 + len(methods)
    size = (1.12 * columns + 0.5, 1.12 * height / width * len(rows) + 0.22 * len(rows) + 0.9)
    figure = Figure(figsize=size, layout="compressed")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        pictures = [row.face, *(_drawn(row.face, row.maps[name]) for name in methods)]
        captions = [row.reading, *(spoken_seconds(row.seconds[name]) for name in methods)]
        for axes, picture, caption in zip(line, pictures, captions, strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_xlabel(caption, fontsize=7, labelpad=2)
    for axes, title in zip(grid[0], ["face", *methods], strict=True):
        axes.set_title(title.replace("-", "-\n", 1) if len(title) > 10 else title, fontsize=8)
    scale = ScalarMappable(Normalize(0, 1), ROI_COLOURS)
    bar = figure.colorbar(scale, ax=grid, location="bottom", shrink=0.5, aspect=40, pad=0.02, ticks=[0, 1])
    bar.set_ticklabels(["an even map's weight, and less", "the highest of each map"])
    bar.ax.tick_params(labelsize=7)
    save(figure, path)


def draw_class_images(images: FloatArray, logits: FloatArray, path: Path) -> None:
    """Class model images (7, H, W) about 0, one grey scale for all; under each the logit (7,) it scores."""
    figure = Figure(figsize=(1.35 * len(EXPRESSIONS), 2.0), layout="constrained")
    reach = float(np.percentile(np.abs(images), 99.5))  # a few pixels would leave the rest grey
    for axes, name, image, logit in zip(
        figure.subplots(1, len(EXPRESSIONS)), EXPRESSIONS, images, logits, strict=True
    ):
        axes.imshow(image, cmap="gray", vmin=-reach, vmax=reach)
        axes.set_title(name, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel(f"logit {logit:.0f}", fontsize=8)
    save(figure, path)


def spoken_seconds(seconds: float) -> str:
    """Two digits: 4.1 ms, 0.41 s."""
    return f"{1000 * seconds:.2g} ms" if seconds < 0.0995 else f"{seconds:.2g} s"


def _write_page(
    rows: Sequence[Explained], methods: Sequence[str], notes: Sequence[str], model: str, path: Path
) -> None:
    shown = [
        {
            "name": row.name,
            "reading": row.reading,
            "face": _png(row.face),
            "cells": [
                (_png(_drawn(row.face, row.maps[name])), spoken_seconds(row.seconds[name]))
                for name in methods
            ],
        }
        for row in rows
    ]
    values = {"rows": shown, "methods": methods, "notes": notes, "model": model, "scale": _SCALE}
    write_page("explanations.html", path, version=feroi.__version__, **values)


def _drawn(face: NDArray[np.uint8], weights: FloatArray) -> NDArray[np.uint8]:
    """A face (H, W) under a map (H, W), coloured by `_SCALE`."""
    return heat(face, weights, full=max(float(weights.max()), _LEVEL))


def _png(picture: NDArray[np.uint8]) -> str:
    height = round(_FACE_PX * picture.shape[0] / picture.shape[1])
    buffer = io.BytesIO()
    Image.fromarray(picture).resize((_FACE_PX, height)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
