"""The picture of how far attention and Action Units agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from feroi.evaluation.agreement import Agreement
from feroi.report.figures import ROI_COLOURS, save

_TRUTH = {
    "units": "truth: where Action Units moved the face, each alike",
    "regions": "truth: regions of Table 4",
}
_CONTROLS = {
    "uniform": "uniform map",
    "centre": "blob in the centre",
    "other_expression": "map of another\nexpression",
    "untrained": "untrained network",
    "template": "mean of the six\ntextbook regions",
    "answer": "textbook regions\nof the answer",
}


def draw_agreement(agreement: Agreement, path: Path) -> None:
    """Mean face, truth and attention of each expression, the cosine under each, and beside it the controls'.

    Means are drawn of one pose, where there are several; cosines are over all. Maps of one row share a
    scale, in multiples of a uniform map.
    """
    pictures = agreement.pictures
    height, width = next(iter(pictures.values())).face.shape
    columns = len(pictures)
    figure = Figure(figsize=(1.35 * columns + 4.2, 1.35 * height / width * 3 + 1.1), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.35 * columns + 0.9, 3.3))[0]
    grid = left.subplots(3, columns, squeeze=False)
    rows = ("face", "truth", "attention")
    for row, what in enumerate(rows):
        top = 255.0 if what == "face" else max(float(getattr(each, what).max()) for each in pictures.values())
        for axes, (name, each) in zip(grid[row], pictures.items(), strict=True):
            axes.imshow(getattr(each, what), cmap="gray" if what == "face" else ROI_COLOURS, vmin=0, vmax=top)
            axes.set_xticks([])
            axes.set_yticks([])
            if what == "face":
                axes.set_title(f"{name}\n{each.n} faces", fontsize=9)
            if what == "attention":
                cosine = agreement.figures.expressions[name]["cosine"].mean
                axes.set_xlabel(f"cosine {cosine:.2f}", fontsize=9)
        grid[row, 0].set_ylabel(what if what == "face" else f"{what}\n0 to {top:.1f}", fontsize=9)
    shown = "" if agreement.shown_pose is None else f"; pose {agreement.shown_pose} is shown"
    left.suptitle(_TRUTH[agreement.truth] + shown, fontsize=9)
    _draw_controls(agreement, right.subplots())
    save(figure, path)


def _draw_controls(agreement: Agreement, axes: Axes) -> None:
    figures = agreement.figures
    bars = {"this network": figures.all["cosine"]}
    bars |= {_CONTROLS[name]: each["cosine"] for name, each in figures.controls.items()}
    means = [bar.mean for bar in bars.values()]
    reach = [  # at least 0: equal values leave intervals of rounding
        [0.0 if bar.low is None else max(bar.mean - bar.low, 0.0) for bar in bars.values()],
        [0.0 if bar.high is None else max(bar.high - bar.mean, 0.0) for bar in bars.values()],
    ]
    colours = ["tab:orange"] + ["0.7"] * (len(bars) - 1)
    axes.barh(np.arange(len(bars)), means, xerr=reach, color=colours, ecolor="0.25", capsize=3)
    axes.set_yticks(np.arange(len(bars)), list(bars), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("cosine with the truth", fontsize=9)
    unit = "images" if agreement.subjects is None else f"{agreement.subjects} subjects"
    axes.set_title(f"{agreement.n} faces; 95 % over {unit}", fontsize=9)
    axes.grid(axis="x", alpha=0.3)
