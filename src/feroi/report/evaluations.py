"""Pictures of what was measured: agreement with Action Units, and what worse faces cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from feroi.data.corruptions import CORRUPTIONS
from feroi.evaluation.agreement import Agreement
from feroi.evaluation.robustness import Cover, Level, Robustness
from feroi.report.figures import ROI_COLOURS, save
from feroi.vocabulary import REGIONS

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


def draw_robustness(result: Robustness, path: Path) -> None:
    """A panel a corruption, accuracy and confidence by level; below, accuracy with each region covered and
    how the attention moves."""
    figure = Figure(figsize=(13, 8.4), layout="constrained")
    grid = figure.add_gridspec(2, 1, height_ratios=[1, 1.15])
    above, below = (figure.add_subfigure(grid[row]) for row in range(2))
    intact = result.levels[0]
    panels = above.subplots(1, len(CORRUPTIONS), sharey=True)
    for axes, name in zip(panels, CORRUPTIONS, strict=True):
        _draw_levels(axes, name, intact, [level for level in result.levels if level.corruption == name])
    panels[0].set_ylabel("%")
    panels[-1].legend(loc="upper right", fontsize=8)
    if result.covered:
        accuracy, shift = below.subplots(1, 2, width_ratios=[1, 1.4])
        _draw_cover(accuracy, result.covered)
        if result.covered[0].shares:
            _draw_shift(shift, result.covered)
        else:
            shift.set_axis_off()
    figure.suptitle(
        f"{intact.n} faces made worse; regions covered on the {result.n_covered} whose landmarks were found"
    )
    save(figure, path)


def _draw_levels(axes: Axes, name: str, intact: Level, levels: list[Level]) -> None:
    places = range(len(levels) + 1)
    shown = [intact, *levels]
    axes.plot(places, [100 * level.accuracy for level in shown], "o-", label="right")
    axes.plot(places, [100 * level.confidence for level in shown], "s--", label="promised", alpha=0.7)
    axes.set_xticks(places, ["intact", *(f"{level.level:g}" for level in levels)], rotation=45)
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.set_title(name)
    axes.set_xlabel(CORRUPTIONS[name].unit, fontsize=8)


def _draw_cover(axes: Axes, covered: list[Cover]) -> None:
    places = np.arange(len(covered))
    axes.bar(places, [100 * each.accuracy for each in covered], color="C0")
    axes.axhline(100 * covered[0].accuracy_before, color="0.3", linestyle="--", label="nothing covered")
    axes.set_xticks(places, [f"{each.region}\n{100 * each.area:.0f} %" for each in covered])
    axes.set_xlabel("region covered, its share of the picture")
    axes.set_ylabel("right, %")
    axes.set_ylim(0, 100)
    axes.legend(fontsize=8)


def _draw_shift(axes: Axes, covered: list[Cover]) -> None:
    """Rows: what is covered. Columns: change of the share of attention there, in points."""
    change = np.array(
        [[100 * (each.shares[name] - each.shares_before[name]) for name in REGIONS] for each in covered]
    )
    most = np.abs(change).max() or 1.0
    axes.imshow(change, cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto")
    axes.set_xticks(range(len(REGIONS)), REGIONS)
    axes.set_yticks(range(len(covered)), [f"{each.region} covered" for each in covered])
    axes.set_title("share of attention gained, points")
    for row, values in enumerate(change):
        for column, value in enumerate(values):
            colour = "white" if abs(value) > 0.6 * most else "black"
            axes.text(column, row, f"{value:+.1f}", ha="center", va="center", color=colour)
