"""Training: the recipe's bfloat16, channels-last loop beside plain float32, and the processor's own rate."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rounds import Row, installed, print_table

from feroi.config import network_preset
from feroi.data.batches import Labelled
from feroi.recipe import RecipeConfig, recipe_preset
from feroi.vocabulary import EXPRESSIONS

if TYPE_CHECKING:
    import torch

NETWORK, BATCH, STEPS = "lateral-attention", 128, 6
MATRIX = 2048


def compare_training(rounds: int) -> list[Row]:
    """Images a second of `training.loop` on one thread, augmentation, guidance and average included, and
    the share of the rate at which torch multiplies large matrices of the same format."""
    if not installed("training", "torch", install="pip install '.[train]'"):
        return []
    import torch

    torch.set_num_threads(1)
    formats = {"bfloat16": torch.bfloat16, "float32": torch.float32}
    recipe = recipe_preset("wild", batch_size=BATCH)
    _multiplications_per_s(torch.bfloat16)  # warms up
    measured = [
        {
            name: (_images_per_s(replace(recipe, precision=name)), _multiplications_per_s(dtype))
            for name, dtype in formats.items()
        }
        for _ in range(rounds)
    ]
    an_image = _multiplications_an_image()
    rows: list[Row] = []
    for name in formats:
        speeds, rates = np.array([one[name] for one in measured]).T
        low, median, high = np.percentile(speeds, [25, 50, 75])
        rows.append(
            {
                "arithmetic": name,
                "images a second": round(median, 1),
                "quartiles": f"{low:.1f}–{high:.1f}",
                "times float32": round(float(np.median([m[name][0] / m["float32"][0] for m in measured])), 2),
                "GFLOP an image": round(2 * an_image / 1e9, 3),
                "GFLOP/s of matrices": round(2 * np.median(rates) / 1e9, 1),
                "share of that": round(float(np.median(speeds * an_image / rates)), 3),
            }
        )
    print_table(f"Training {NETWORK}, batches of {BATCH}, one thread", rows)
    return rows


def _images_per_s(recipe: RecipeConfig) -> float:
    """Of the second of two short epochs on noise; the first one warms up."""
    from feroi.training.loop import train

    network = network_preset(NETWORK)
    rng = np.random.default_rng(0)

    def labelled(images: int) -> Labelled:
        pixels = rng.integers(0, 256, (2, images, *network.stored_hw), dtype=np.uint8)
        return Labelled(pixels[0], rng.integers(0, len(EXPRESSIONS), images), pixels[1])

    with tempfile.TemporaryDirectory() as run:
        history = train(
            network, replace(recipe, epochs=2), labelled(STEPS * BATCH), labelled(2), Path(run), seed=0
        )
    return float(history[-1]["images_per_s"])


def _multiplications_per_s(dtype: torch.dtype) -> float:
    """Of two square matrices, each with an addition; the best of three products."""
    import torch

    one, other = (torch.randn(MATRIX, MATRIX, dtype=dtype) for _ in range(2))
    elapsed = []
    for _ in range(3):
        start = time.perf_counter()
        one @ other
        elapsed.append(time.perf_counter() - start)
    return float(MATRIX**3 / min(elapsed))


def _multiplications_an_image() -> float:
    """Of the network alone, forward and backward, each with an addition."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from feroi.network.model import Network

    config = network_preset(NETWORK)
    network = Network(config)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(BATCH, 1, *config.input_hw)).logits.sum().backward()
    return counter.get_total_flops() / 2 / BATCH
