from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from feroi.config import NetworkConfig
from feroi.data.decoded import cache_folder, decode
from feroi.data.folds import Division, divide
from feroi.data.readers import read_dataset
from feroi.data.samples import Sample, Samples
from feroi.network.weights import load_network, load_tensors
from feroi.recipe import RecipeConfig
from feroi.synthetic.expressions import Strength
from feroi.synthetic.truth import Truth, write_truth
from feroi.training.callbacks import Callbacks
from feroi.training.run import train_run, truth_maps
from feroi.vocabulary import TABLE_4
from support.together import PROCESSES, told

NETWORK = NetworkConfig("attention", (20, 20))
RECIPE = RecipeConfig(epochs=2, batch_size=8)


def test_a_run_folder_says_what_made_it(tmp_path, expression_folders):
    (expression_folders / "sad" / "0.png").write_bytes(b"broken")
    said = []
    division = divide(read_dataset(expression_folders), seed=0)
    train_run(division, NETWORK, RECIPE, tmp_path / "run", 7, Callbacks(say=said.append))
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {
        "config.json", "metrics.jsonl", "curves.png", "rejected.csv", "trained-on.txt", "best.safetensors",
        "last.safetensors",
    }  # fmt: skip
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["seed"] == 7
    assert config["network"]["head"] == "attention"
    assert config["recipe"]["epochs"] == 2
    assert config["versions"]["torch"] == torch.__version__
    assert len(config["data"]["training"]["sha256"]) == 64
    assert config["data"]["training"]["images"] + config["data"]["validation"]["images"] == 41
    assert (tmp_path / "run" / "rejected.csv").read_text().splitlines() == [
        "file,reason",
        "sad/0.png,not a picture",
    ]
    assert "float32, channels-last on" in said[1]
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": 1}, "differs in seed"),
        ({"network": NetworkConfig("gap", (20, 20))}, "differs in network"),
        ({"recipe": RecipeConfig(epochs=3, batch_size=8)}, "differs in recipe"),
    ],
)
def test_a_folder_is_not_reused_for_another_run(tmp_path, expression_folders, change, says):
    settings = {"network": NETWORK, "recipe": RECIPE, "seed": 0}
    division = divide(read_dataset(expression_folders), 0)
    train_run(division, run=tmp_path / "run", **settings)
    with pytest.raises(ValueError, match=says):
        train_run(division, run=tmp_path / "run", **{**settings, **change})


def test_changed_data_is_another_run(tmp_path, expression_folders):
    division = divide(read_dataset(expression_folders), 0)
    train_run(division, NETWORK, RECIPE, tmp_path / "run", 0)
    one, other = division.training[0].image, division.training[-1].image
    one.write_bytes(other.read_bytes())
    with pytest.raises(ValueError, match="differs in data"):
        train_run(division, NETWORK, RECIPE, tmp_path / "run", 0)


def test_a_finished_run_is_left_as_it_is(tmp_path, expression_folders):
    division = divide(read_dataset(expression_folders), 0)
    history = train_run(division, NETWORK, RECIPE, tmp_path / "run", 0)
    before = (tmp_path / "run" / "last.safetensors").stat().st_mtime_ns
    assert train_run(division, NETWORK, RECIPE, tmp_path / "run", 0) == history
    assert (tmp_path / "run" / "last.safetensors").stat().st_mtime_ns == before


def test_a_subject_on_both_sides_stops_the_run(tmp_path):
    samples = read_dataset("embedded")
    with pytest.raises(ValueError, match="training and validation alike"):
        train_run(Division(samples, samples[:9], "by hand"), NETWORK, RECIPE, tmp_path, 0)


def _with_pipelines(samples, names):
    """`samples` whose attribute `pipeline` goes round `names`; "" stands for none."""
    attributes = [{"pipeline": name} if name else {} for name in names]
    return Samples(replace(row, attributes=attributes[i % len(names)]) for i, row in enumerate(samples))


@pytest.mark.parametrize(
    ("names", "stored"), [(["wild"], "wild"), (["front"], "front"), ([""], None), (["wild", ""], None)]
)
def test_a_network_stores_how_its_faces_were_prepared(tmp_path, expression_folders, names, stored):
    samples = _with_pipelines(read_dataset(expression_folders), names)
    train_run(divide(samples, 0), NETWORK, RECIPE, tmp_path / "run", 0)
    assert load_network(tmp_path / "run").config.pipeline == stored
    assert json.loads((tmp_path / "run" / "config.json").read_text())["network"]["pipeline"] == stored


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["wild", "front"], "prepared in different ways: front, wild"),
        (["wild", "front", ""], "prepared in different ways: front, wild"),
        (["wild", "frnt"], "unknown pipeline 'frnt'"),
        (["loose"], "unknown pipeline 'loose'"),
    ],
)
def test_faces_prepared_in_different_ways_are_not_learned_from(tmp_path, expression_folders, names, says):
    samples = _with_pipelines(read_dataset(expression_folders), names)
    with pytest.raises(ValueError, match=says):
        train_run(divide(samples, 0), NETWORK, RECIPE, tmp_path / "run", 0)


@pytest.mark.slow
def test_a_run_killed_for_real_ends_in_the_same_weights(tmp_path, expression_folders):
    words = [
        "train", "--data", expression_folders, "--network", "paper-gap",
        "--size", "20x20", "--epochs", "12", "--batch-size", "4", "--run",
    ]  # fmt: skip
    status, said = told(*words, tmp_path / "unbroken")
    assert status == 0, said
    metrics = tmp_path / "broken" / "metrics.jsonl"
    for lines in (2, 7):
        process = PROCESSES.Process(target=told, args=(*words, tmp_path / "broken"), daemon=True)
        process.start()
        while not metrics.exists() or metrics.read_bytes().count(b"\n") < lines:
            assert process.is_alive(), "ended before it could be killed"
            time.sleep(0.002)
        process.kill()
        process.join()
    status, said = told(*words, tmp_path / "broken")
    assert status == 0, said
    for name in ("best.safetensors", "last.safetensors"):
        one, other = (load_tensors(tmp_path / run / name)[0] for run in ("unbroken", "broken"))
        assert all(torch.equal(value, other[key]) for key, value in one.items())


GUIDED = NetworkConfig("attention", (48, 48), poolings=3)  # stored at 53x53
SPOTS = {"angry": (20, 30), "sad": (70, 60), "neutral": (40, 40)}


@pytest.fixture
def decoded(tmp_path, monkeypatch):
    """Pictures of 100 px whose bright spot is what moved."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = []
    for expression, (row, column) in SPOTS.items():
        y, x = np.mgrid[:100, :100]
        spot = np.exp(-((y - row) ** 2 + (x - column) ** 2) / 72).astype(np.float32)
        name = f"{expression}.png"
        Image.fromarray((255 * spot).astype(np.uint8)).save(tmp_path / name)
        cells = spot.reshape(25, 4, 25, 4).mean((1, 3))
        sides = {4: Strength(1, 1), 9: Strength(1, 1)}
        known = Truth({}, sides, np.ones((68, 2), np.float32), 3 * cells, {4: cells, 9: 5 * cells})
        write_truth(tmp_path, name, known)
        rows.append(Sample(tmp_path / name, name, expression, "01"))
    monkeypatch.setattr(
        "feroi.evaluation.attention_targets.textbook_regions",
        lambda *_: dict.fromkeys(TABLE_4, np.ones((53, 53), np.float32)),
    )
    return decode(Samples(rows), GUIDED.stored_hw)


def test_maps_lie_on_the_whole_stored_image_where_something_moved(decoded):
    maps = truth_maps(decoded, GUIDED)
    assert maps.shape == decoded.pixels.shape == (3, 53, 53)
    for row, image, truth in zip(decoded.samples, decoded.pixels, maps, strict=True):
        if row.expression == "neutral":
            assert not truth.any()
        else:
            assert truth.max() == 255
            assert np.corrcoef(image.ravel(), truth.ravel())[0, 1] > 0.98


def test_maps_are_kept_and_belong_to_these_images(decoded):
    first = truth_maps(decoded, GUIDED)
    (kept,) = cache_folder().glob("truth-*.npy")
    np.save(kept, first // 2)
    assert np.array_equal(truth_maps(decoded, GUIDED), first // 2)
    brighter = decoded._replace(pixels=decoded.pixels | 1)
    assert np.array_equal(truth_maps(brighter, GUIDED), first)
