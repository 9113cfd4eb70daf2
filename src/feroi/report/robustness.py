"""What is left of accuracy on worse faces, and where a network looks when a region is covered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from feroi.data.corruptions import CORRUPTIONS
from feroi.evaluation.robustness import Cover, Level, Robustness
from feroi.report.figures import save
from feroi.vocabulary import REGIONS


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
