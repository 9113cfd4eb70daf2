"""Aggregators side by side: sizes by hand, receptive fields by what moves the feature."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from feroi.config import NetworkConfig
from feroi.data.readers import embedded_folder
from feroi.evaluation.metrics import score
from feroi.network.model import Network
from feroi.paper.published import TABLE_7
from feroi.paper.reproduce import ReproduceCallbacks, make
from feroi.paper.runs import Outcome, Plan, attended_share
from feroi.paper.table7 import (
    receptive_field_hw,
    reproduce_table7,
    sizes,
    table7_markdown,
    table7_rows,
)
from feroi.paper.tables import NOT_RUN
from feroi.training.callbacks import SILENT
from feroi.training.loop import METRICS

PLAN = Plan("onecycle", epochs=1, batch_size=8, size_hw=(64, 64), folds=1)
CALLBACKS = ReproduceCallbacks(
    lambda epochs: nullcontext(SILENT), lambda name: nullcontext(lambda done, todo: None), print
)


@pytest.mark.parametrize(
    ("head", "input_hw", "field_hw", "feature", "classifier"),
    [
        # Layer by layer, a 3x3 convolution adds twice the step and a 2x2 pooling the step, which it doubles:
        # 1 + 3*2 + 1 = 8, + 3*4 + 2 = 22, + 2*8 + 4 = 42, + 2*16 + 8 = 82.
        ("flatten", (144, 112), (82, 82), (9, 7, 128), 8064 * 7),
        ("flatten", (272, 272), (82, 82), (17, 17, 128), 36_992 * 7),
        ("stacked-max", (144, 112), (82 + 16, 82 + 16), (4, 3, 128), 1536 * 7),
        ("stacked-max", (272, 272), (82 + 16 + 32 + 64,) * 2, (2, 2, 128), 512 * 7),
        ("max", (144, 112), (144, 112), (1, 1, 128), 128 * 7),
        ("gap", (272, 272), (272, 272), (1, 1, 128), 128 * 7),
        ("attention", (144, 112), (144, 112), (1, 1, 128), 128 * 7),
    ],
)
def test_sizes_by_hand(head, input_hw, field_hw, feature, classifier):
    found = sizes(NetworkConfig(head, input_hw))
    assert found["receptive_field_hw"] == field_hw
    assert found["feature"] == feature
    assert found["classifier_weights"] == classifier
    # Eq. 2 and 3: 128 x 66, 66 biases, 66 x 1 and one bias.
    assert found["weights"] == (8581 if head == "attention" else 0)


@pytest.mark.parametrize(
    ("config", "row", "column"),
    [
        (NetworkConfig("flatten", (272, 272)), 8, 8),
        (NetworkConfig("flatten", (272, 272), poolings=3), 16, 17),
        # 272 px have 8x8 locations a number once all three poolings are done: too many to lie inside.
        (NetworkConfig("stacked-max", (112, 112), convolutions=(1, 1, 1, 1)), 1, 1),
    ],
)
def test_a_receptive_field_is_all_that_moves_the_feature(config, row, column):
    torch.manual_seed(0)
    network = Network(config).double().eval()
    for layer in network.features:
        if isinstance(layer, torch.nn.MaxPool2d):  # means: of a maximum, only one of four moves anything
            layer.forward = lambda features: torch.nn.functional.avg_pool2d(features, 2)
        elif isinstance(layer, torch.nn.ReLU):
            layer.forward = lambda features: features
    faces = torch.rand(1, 1, *config.input_hw, dtype=torch.float64, requires_grad=True)
    maps = network.features(faces)
    for _ in range(config.stacked_poolings):
        maps = torch.nn.functional.avg_pool2d(maps, 2)
    maps[0, :, row, column].abs().sum().backward()
    moved = faces.grad[0, 0] != 0
    field = moved.any(1).sum().item(), moved.any(0).sum().item()
    assert field == receptive_field_hw(config)


def test_a_map_attends_to_as_many_locations_as_it_is_uniform_on():
    maps = np.zeros((4, 2, 4))
    maps[0] = 1 / 8
    maps[1, 0] = 0.25
    maps[2, 1, 2] = 0.3  # Eq. 5 as printed sums to less than 1
    maps[3, 0, :2] = 0.75, 0.25
    by_hand = np.exp(0.75 * np.log(4 / 3) + 0.25 * np.log(4)) / 8
    np.testing.assert_allclose(attended_share(maps), [1, 0.5, 1 / 8, by_hand])


def test_the_papers_words_stand_beside_ours():
    labels = np.arange(7)
    fold = score(labels, labels)
    outcomes = {("pose", "paper-attention"): Outcome([fold, fold], 1.0, 0.5)}
    outcomes["pose", "stacked-max"] = Outcome([fold], 1.0)
    rows = table7_rows(outcomes, PLAN)
    assert [row["network"] for row in rows] == [row.network for row in TABLE_7]
    text = table7_markdown(rows, {}, PLAN)
    assert text.splitlines()[-1] == (
        "| RaFD-POSE | Visual attention mechanism | paper-attention | The region of interest of the whole "
        "image | 64x64 (input 64x64) | 50 | Yes | 8,581 | 1x1x128 | 896 | 93.1 ± 0.6 | 100.0 ± 0.0 | "
        "onecycle (ours), 1 of the paper's 130 epochs, batches of 8, 64x64 px (paper 272x272) |"
    )
    assert (
        "| Stacked max-pooling | stacked-max | Large local patches | 98x98 (input 64x64) | – | No |" in text
    )
    assert f"paper-gap | The whole image | – | – | No | – | – | – | 92.8 ± 1.7 | {NOT_RUN} |" in text
    extra = table7_rows({("front", "fine-attention"): Outcome([fold], 1.0, 0.9)}, Plan())[-1]
    assert extra["receptive_field"] is extra["paper"] is None
    assert extra["ours"] == [100, None]


def test_an_input_too_small_for_one_is_refused_before_any_is_trained(tmp_path):
    class Untrained:
        plan = replace(PLAN, size_hw=(48, 48))

    with pytest.raises(ValueError, match="stacked-max needs a map"):
        reproduce_table7(Untrained(), ["pose"], [])


@pytest.mark.slow
def test_table7_on_poses_of_half_size_goes_on_where_it_was(tmp_path):
    root = tmp_path / "RaFD"
    root.mkdir()
    for subject in ("01", "16", "30", "44", "58"):
        for path in embedded_folder("embedded-poses").glob(f"Rafd045_{subject}_*"):
            (root / path.name).write_bytes(path.read_bytes())
    make("table7", [root], tmp_path / "out", PLAN, CALLBACKS, ["stacked-max"])
    metrics = tmp_path / "out" / "runs" / "pose" / "stacked-max" / "fold1" / METRICS
    written = metrics.stat().st_mtime_ns
    text = make("table7", [root], tmp_path / "out", PLAN, CALLBACKS, ["stacked-max", "paper-gap"])
    assert metrics.stat().st_mtime_ns == written
    assert text == (tmp_path / "out" / "table7.md").read_text()
    rows = {row["network"]: row for row in json.loads((tmp_path / "out" / "table7.json").read_text())["rows"]}
    assert rows["paper-gap"]["attended"] == pytest.approx(1)
    assert rows["stacked-max"]["attended"] is None
    assert rows["paper-attention"]["ours"] is None
