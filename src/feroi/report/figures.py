"""Figures: training curves, confusion matrices, regions of interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from feroi.files import atomic_path


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


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=130, format="png")
