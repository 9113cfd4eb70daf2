"""`feroi explain` and `feroi reproduce table1` as people type them."""

from __future__ import annotations

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from feroi.cli.app import app
from feroi.config import NetworkConfig
from feroi.data.readers import read_dataset
from feroi.evaluation.faithfulness import MEASURES
from feroi.explain.methods import BUILT_IN, METHODS
from feroi.network.model import Network
from feroi.network.weights import save_network
from feroi.paper.reproduce import ReproduceCallbacks, make
from feroi.paper.runs import Plan
from feroi.paper.table1 import choose_faces, reproduce_table1
from feroi.training.callbacks import SILENT

CALLBACKS = ReproduceCallbacks(
    lambda epochs: nullcontext(SILENT), lambda name: nullcontext(lambda done, todo: None), print
)


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def tiny(tmp_path):
    """The weights of a network that learned nothing."""
    torch.manual_seed(0)
    save_network(Network(NetworkConfig("attention", (20, 20), margin=False)), tmp_path / "n.safetensors")
    return tmp_path / "n.safetensors"


@pytest.mark.slow
def test_explain_writes_a_row_a_face_and_a_column_a_method(tmp_path):
    from skimage import data

    photo = tmp_path / "astronaut.png"
    Image.fromarray(data.astronaut()).save(photo)
    result = _run(
        "explain", photo, tmp_path / "gone.jpg", "--methods", "attention,grad-cam",
        "--report", tmp_path / "r.html",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    page = (tmp_path / "r.html").read_text()
    assert page.count("data:image/png;base64,") == 3  # the face and two maps
    assert "<th>face</th><th>attention</th><th>grad-cam</th>" in page
    assert "happy" in page
    assert f"{tmp_path / 'gone.jpg'}: file not found" in page
    result = _run("explain", photo, "--methods", "random", "--report", tmp_path / "r.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_explain_draws_what_the_network_takes_for_each_expression(tmp_path, tiny):
    result = _run("explain", "--class-images", tmp_path / "c.png", "--model", tiny)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give photos and a --report"),
        (["a.jpg"], "give photos and a --report"),
        (["--report", "r.html"], "give photos and a --report"),
        (["a.jpg", "--report", "r.html", "--methods", "lime"], "unknown method 'lime'"),
        (["a.jpg", "--report", "r.png"], "no face to draw: a.jpg: file not found"),
        (["a.jpg", "--report", "r.html", "--model", "n.onnx"], "needs the weights"),
    ],
)
def test_errors_are_one_clear_message(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n.onnx").touch()
    result = _run("explain", *arguments)
    assert result.exit_code == 1
    assert says in result.output.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["n.onnx"]


@pytest.mark.slow
def test_table1_tries_every_method_on_one_network(tmp_path, tiny):
    ticks = []
    text = reproduce_table1(["embedded"], tmp_path, [str(tiny)], 0, lambda *done: ticks.append(done), 2)
    assert (tmp_path / "table1.md").read_text() == text
    methods = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    templates = {f"template of {name}" for name in BUILT_IN}
    assert [name for name in methods if name not in templates] == list(METHODS)
    assert templates < set(methods)
    assert "on 2 faces of embedded" in text
    assert ticks == [(done, len(METHODS)) for done in range(len(METHODS))]
    told = json.loads((tmp_path / "table1.json").read_text())["models"][0]
    assert told["n"] == 2
    assert set(MEASURES) < set(told["methods"]["simplify"])
    assert told["methods"]["random"]["sameness"]["mean"] == pytest.approx(1)
    assert (tmp_path / "table1.png").exists()


def test_table1_leaves_neutral_faces_out_and_draws_by_its_seed(tiny):
    from feroi.network.weights import load_network

    network, samples = load_network(tiny), read_dataset("embedded")
    one, same, other = (choose_faces(network, samples, seed, 5) for seed in (0, 0, 1))
    names = [[row.name for row in chosen.samples] for chosen in (one, same, other)]
    assert names[0] == names[1] != names[2]
    assert "neutral" not in {row.expression for row in one.samples}
    assert one.truths.shape == one.faces.shape == (5, 20, 20)
    assert np.all(one.truths.max((1, 2)) > 0)


def test_table1_refuses_what_it_has_no_use_for(tmp_path):
    with pytest.raises(ValueError, match="table1 trains nothing"):
        make("table1", ["embedded"], tmp_path, Plan(epochs=3), CALLBACKS)
    with pytest.raises(ValueError, match="one data set, got 2"):
        make("table1", ["embedded", "embedded-wild"], tmp_path, Plan(), CALLBACKS)
