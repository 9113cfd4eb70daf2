"""Figures: training curves, confusion matrices, regions of interest."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from feroi.evaluation.calibration import Certainty
from feroi.evaluation.metrics import Scores
from feroi.explain.roi import MeanLook
from feroi.explain.whole_photo import GroupLook
from feroi.files import atomic_path
from feroi.outputs import FloatArray
from feroi.vocabulary import EXPRESSIONS

ROI_COLOURS = "inferno"
"""Colour scale of every region of interest, dark for little weight."""


_BOX_COLOUR = "#5ad1ff"  # no colour of a map
_GROUP_ROWS = (
    "photo",
    "map B of the\nwhole photo\n(Eq. 4)",
    "map B under the\nsoft face boxes\n(sec. 4.6, Fig. 7)",
)
_GROUP_NOTE = (
    "The network learned from faces alone, so in the map of the whole photo other things may weigh as much "
    "as a face; the soft boxes (their cores drawn thin) leave what lies on faces."
)


class GroupColumn(NamedTuple):
    """A group photo as small as it is drawn, (H, W, 3) or (H, W) uint8, and where a network looked in it.

    boxes_xyxy_px: left, top, right, bottom of each face, in px of this small photo.
    """

    name: str
    photo: NDArray[np.uint8]
    boxes_xyxy_px: Sequence[tuple[float, ...]]
    look: GroupLook


def draw_curves(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Loss and accuracy over epochs, training and validation, with the best epoch marked."""
    epochs = [row["epoch"] for row in history]
    best = max(history, key=lambda row: row["validation_accuracy"])
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    for axes, name, scale in ((loss, "loss", 1), (accuracy, "accuracy", 100)):
        marker = "o" if len(epochs) < 3 else None
        for prefix, label in (("", "training"), ("validation_", "validation")):
            values = [scale * row[prefix + name] for row in history]
            axes.plot(epochs, values, label=label, marker=marker)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
    loss.set_ylabel("cross entropy")
    accuracy.set_ylabel("accuracy, %")
    accuracy.plot(best["epoch"], 100 * best["validation_accuracy"], "k*", label="best")
    accuracy.set_title(f"best {100 * best['validation_accuracy']:.1f} % in epoch {best['epoch']}")
    accuracy.legend()
    save(figure, path)


def draw_reliability(certainty: Certainty, path: Path) -> None:
    """Accuracy against confidence (Guo et al. 2017), and accuracy on the surest share of the faces."""
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    reliability, selective = figure.subplots(1, 2)
    for each in certainty.bins:
        width = each.high - each.low
        reliability.bar(
            each.low, 100 * each.accuracy, width, align="edge", color="#4c78a8", edgecolor="white"
        )
        place = (each.low + width / 2, 100 * each.accuracy)
        reliability.annotate(str(each.n), place, (0, 2), textcoords="offset points", ha="center", fontsize=7)
    confidences = [each.confidence for each in certainty.bins]
    reliability.plot(
        confidences, [100 * each.accuracy for each in certainty.bins], "k.", label="mean of a bin"
    )
    reliability.plot([0, 1], [0, 100], "k--", linewidth=1, label="honest")
    reliability.set_xlim(0, 1)
    reliability.set_ylim(0, 100)
    reliability.set_xlabel("probability of the answer (on the bars: number of faces)")
    reliability.set_ylabel("read right, %")
    reliability.set_title(f"expected calibration error {certainty.calibration_error:.3f}")
    reliability.legend(loc="upper left")
    shares = 100 * np.arange(1, len(certainty.selective) + 1) / len(certainty.selective)
    shown = shares >= 5  # fewer say little
    selective.plot(shares[shown], 100 * certainty.selective[shown], color="#4c78a8")
    selective.plot(80, 100 * certainty.selected_accuracy, "ko")
    selective.annotate(
        f"{100 * certainty.selected_accuracy:.1f} % at 80 %",
        (80, 100 * certainty.selected_accuracy),
        (-8, 10),
        textcoords="offset points",
        ha="right",
    )
    selective.set_xlim(0, 100)
    selective.set_xlabel("surest share of the faces, %")
    selective.set_ylabel("read right among them, %")
    selective.set_title("if the others are left unanswered")
    selective.grid(alpha=0.3)
    save(figure, path)


def draw_confusion(scores: Scores, path: Path) -> None:
    """Confusion matrix in percent of each row, as in Table 6."""
    totals = scores.confusion.sum(1, keepdims=True)
    shares = 100 * scores.confusion / np.maximum(totals, 1)
    figure = Figure(figsize=(5.6, 4.9), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    for row, column in np.ndindex(*shares.shape):
        text = f"{shares[row, column]:.1f}" if totals[row] else "–"
        colour = "white" if shares[row, column] > 55 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(EXPRESSIONS)), EXPRESSIONS, rotation=35, ha="right")
    axes.set_yticks(range(len(EXPRESSIONS)), EXPRESSIONS)
    axes.set_xlabel("read as")
    axes.set_ylabel("labelled")
    axes.set_title(f"accuracy {100 * scores.accuracy:.1f} % of {scores.n}")
    figure.colorbar(picture, ax=axes, label="% of the row", shrink=0.8)
    save(figure, path)


def draw_rois(looks: Mapping[str, Mapping[str, MeanLook]], path: Path, caption: str = "") -> None:
    """Regions of interest as in Figs. 5 and 6, with a caption below.

    looks: for each block of three rows (a network, or a pose of it), the mean looks of its columns
    (expressions). The rows are the mean face times the mean map, the mean face, and the mean map.
    All maps share one scale, in multiples of a uniform map.
    """
    columns = list(dict.fromkeys(name for block in looks.values() for name in block))
    top = max(float(look.roi.max()) for block in looks.values() for look in block.values())
    top = max(top, 1.01)
    height, width = next(iter(next(iter(looks.values())).values())).face.shape
    figure = Figure(
        figsize=(1.35 * len(columns) + 1.2, 1.35 * height / width * 3 * len(looks) + 0.6),
        layout="constrained",
    )
    grid = figure.subplots(3 * len(looks), len(columns), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for block, (title, means) in enumerate(looks.items()):
        brightest = max(255.0, *(float((look.face * look.roi).max()) for look in means.values()))
        for column, name in enumerate(columns):
            if name not in means:
                continue
            face, roi = means[name].face, means[name].roi
            product, plain, weights = (grid[3 * block + row, column] for row in range(3))
            product.imshow(face * roi, cmap="gray", vmin=0, vmax=brightest)
            plain.imshow(face, cmap="gray", vmin=0, vmax=255)
            weights.imshow(roi, cmap=ROI_COLOURS, vmin=0, vmax=top)
            if block == 0:
                product.set_title(name, fontsize=9)
        names = ("face × map", "mean face", "mean map")
        _name_rows(grid[3 * block :, 0], [f"{title}\n{name}" if title else name for name in names])
    scale = ScalarMappable(Normalize(0, top), ROI_COLOURS)
    figure.colorbar(scale, ax=grid, label="weight, in multiples of a uniform map", shrink=0.5)
    if caption:
        figure.supxlabel(caption, fontsize=8, wrap=True)
    save(figure, path)


def draw_faces(
    faces: Sequence[FloatArray], rois: Sequence[FloatArray], captions: Sequence[str], path: Path
) -> None:
    """Single faces with their region of interest laid over them, a caption under each.

    rois: in multiples of a uniform map, one of the face's size for each face.
    """
    figure = Figure(figsize=(1.5 * len(faces), 2.5), layout="constrained")
    top = max(float(roi.max()) for roi in rois)
    for axes, face, roi, caption in zip(
        figure.subplots(1, len(faces), squeeze=False)[0], faces, rois, captions, strict=True
    ):
        axes.imshow(face, cmap="gray", vmin=0, vmax=255)
        axes.imshow(roi, cmap=ROI_COLOURS, vmin=0, vmax=max(top, 1.01), alpha=0.45)
        axes.set_title(caption, fontsize=8)
        axes.axis("off")
    save(figure, path)


def draw_groups(columns: Sequence[GroupColumn], path: Path) -> None:
    """Group photos as in Fig. 7: one column per photo; below it the map, and the map suppressed by its faces.

    Each map has its own scale, from 0 to its largest weight: a suppressed one puts on a few faces what
    the raw one has for the whole photo. The photo shows through, the more the less a place weighs.
    """
    shapes = [column.photo.shape[1] / column.photo.shape[0] for column in columns]
    figure = Figure(figsize=(2.6 * sum(shapes) + 2.2, 3 * 2.6 + 0.4), layout="compressed")
    grid = figure.subplots(3, len(columns), squeeze=False, width_ratios=shapes)
    for axes in grid.flat:
        axes.axis("off")
    for column, (photo, raw, suppressed) in zip(columns, grid.T, strict=True):
        height, width = column.photo.shape[:2]
        photo.imshow(column.photo)
        faces = len(column.boxes_xyxy_px)
        photo.set_title(f"{column.name}, {faces} face{'s' * (faces != 1)}", fontsize=8)
        grey = column.photo if column.photo.ndim == 2 else column.photo.mean(2)
        for axes, weights in ((raw, column.look.attention), (suppressed, column.look.suppressed)):
            share = weights / weights.max()
            axes.imshow(grey, cmap="gray", vmin=0, vmax=255)
            axes.imshow(
                share,
                alpha=0.45 + 0.55 * share,
                cmap=ROI_COLOURS,
                vmin=0,
                vmax=1,
                extent=(0, width, height, 0),
                interpolation="bilinear",
            )
            for x0, y0, x1, y1 in column.boxes_xyxy_px:
                corner, size = (x0, y0), (x1 - x0, y1 - y0)
                axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=_BOX_COLOUR, linewidth=0.8))
            axes.set(xlim=(0, width), ylim=(height, 0))
    _name_rows(grid[:, 0], _GROUP_ROWS)
    scale = ScalarMappable(Normalize(0, 1), ROI_COLOURS)
    figure.colorbar(scale, ax=grid, label="weight, as a share of the largest in the map", shrink=0.5)
    lines = textwrap.wrap(_GROUP_NOTE, int(18 * figure.get_figwidth()))
    figure.supxlabel("\n".join(lines), fontsize=7)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write a figure, as its suffix says or else as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130, format=path.suffix.lstrip(".").lower() or "png")


def _name_rows(first_column: Iterable[Axes], names: Iterable[str]) -> None:
    for axes, text in zip(first_column, names, strict=False):
        axes.text(-0.08, 0.5, text, transform=axes.transAxes, ha="right", va="center", fontsize=8)
