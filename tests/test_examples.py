"""The files of `examples/`, which add to feroi without a change to it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from feroi import config
from feroi.cli.app import app
from feroi.config import NetworkConfig
from feroi.data import readers
from feroi.data.decoded import decode
from feroi.data.readers import EMBEDDED, read_dataset, register_layout
from feroi.data.samples import LayoutError, write_table
from feroi.explain import methods
from feroi.explain.methods import Way, locators, register_method
from feroi.network import model
from feroi.network.load import load_model
from feroi.network.model import register_attention
from feroi.network.torch_forward import untrained_network
from feroi.network.weights import load_network
from feroi.outputs import NetworkOutput

EXAMPLES = Path(__file__).parents[1] / "examples"
DICTIONARIES = (readers._READERS, readers._RECOGNISED_BY, model._MAPS, methods.METHODS)


@pytest.fixture
def example():
    """Runs a file of `examples/`, and forgets afterwards what it registered."""
    before = [dict(each) for each in DICTIONARIES]
    heads = list(config.REGISTERED_HEADS)

    def run(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield run
    for each, was in zip(DICTIONARIES, before, strict=True):
        each.clear()
        each.update(was)
    config.REGISTERED_HEADS[:] = heads


@pytest.fixture
def jaffe(tmp_path):
    """The embedded faces of five people, named as JAFFE's are, and what each shows."""
    root = tmp_path / "jaffe"
    root.mkdir()
    shows = {}
    frontal = read_dataset(EMBEDDED).where(lambda row: row.attributes["gaze"] == "frontal")
    for row in frontal[:35]:
        person = {"01": "KA", "02": "KL", "03": "TM", "04": "YM", "16": "UY"}[row.subject]
        name = f"{person}.{row.expression[:2].upper()}1.{len(shows)}.jpg"
        (root / name).write_bytes(row.image.read_bytes())
        shows[name] = (row.expression, person)
    return root, shows


def _run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_examples_stay_under_forty_lines(path):
    assert len(path.read_text().splitlines()) < 40


def test_a_data_set_is_added(example, jaffe):
    root, shows = jaffe
    with pytest.raises(LayoutError, match="none of the layouts known"):
        read_dataset(root)
    example("add_dataset")
    for layout in ("auto", "jaffe"):
        samples = read_dataset(root, layout)
        assert {row.name: (row.expression, row.subject) for row in samples} == shows
    (root / "KA.XX1.1.jpg").write_bytes(b"")
    assert len(read_dataset(root)) == 35
    write_table(samples.take([0]), root / "samples.csv")
    assert len(read_dataset(root)) == 1, "a table says more than names"


def test_a_layout_has_a_name_of_its_own():
    with pytest.raises(ValueError, match="a layout 'rafd' already"):
        register_layout("rafd", lambda root: read_dataset(root))


def _on_simplex(z):
    """The nearest point of the simplex, its threshold found by halving."""
    low, high = z.min() - 1, z.max()
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(z - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(z - low, 0)


def test_the_head_of_the_example_is_the_nearest_point_of_the_simplex(example):
    sparse_map = example("add_head").sparse_map
    by_hand = sparse_map(torch.tensor([[[0.5, 0.2]], [[2.0, 0.0]]]), 1.0)
    torch.testing.assert_close(by_hand, torch.tensor([[[0.65, 0.35]], [[1.0, 0.0]]]))
    scores = np.random.default_rng(0).uniform(-1, 1, (20, 9, 7))
    found = sparse_map(torch.from_numpy(scores), 3.0).numpy()
    np.testing.assert_allclose(found.reshape(20, -1), [_on_simplex(3 * s.ravel()) for s in scores], atol=1e-9)
    assert (found == 0).mean() > 0.3


@pytest.mark.slow
def test_commands_take_the_data_set_and_the_head_added(example, jaffe, tmp_path):
    example("add_dataset")
    example("add_head")
    options = ["--data", jaffe[0], "--size", "32x32", "--epochs", "1", "--set", "head=attention-sparse",
               "--set", "convolutions=1,1,1,1"]  # fmt: skip
    result = _run("train", *options, "--run", tmp_path / "run")
    assert result.exit_code == 0, result.output
    network = load_network(tmp_path / "run")
    assert network.config.head == "attention-sparse"
    faces = np.random.default_rng(0).random((2, 1, 32, 48), dtype=np.float32)
    look = network(torch.from_numpy(faces))
    torch.testing.assert_close(look.attention.sum((1, 2)), torch.ones(2))
    assert _run("export", tmp_path / "run", "--out", tmp_path / "sparse.onnx").exit_code == 0
    read = load_model(tmp_path / "sparse.onnx").forward(faces)
    np.testing.assert_allclose(read.attention, look.attention.detach(), atol=1e-5)


def test_an_attention_head_is_told_by_its_name():
    with pytest.raises(ValueError, match="begins with 'attention-', got 'sparse'"):
        register_attention("sparse", lambda score, beta: score)
    with pytest.raises(ValueError, match="'attention-symmetric' already"):
        register_attention("attention-symmetric", lambda score, beta: score)
    with pytest.raises(ValueError, match="unknown head 'attention-sparse'"):
        NetworkConfig("attention-sparse")


def test_the_method_of_the_example_is_the_mean_gradient(example):
    smooth_grad = example("add_method").smooth_grad
    weights = torch.linspace(-1, 1, 7 * 12).view(7, 3, 4)

    def squares(faces):
        return NetworkOutput(torch.einsum("nchw,khw->nk", faces**2, weights), None, faces)

    faces = torch.rand(2, 1, 3, 4, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 5])
    gradient = 2 * weights[labels] * faces[:, 0]
    # The mean of 16 draws of noise 0.1 stays within four times 0.1 / sqrt(16).
    bound = 4 * 2 * weights[labels].abs() * 0.1 / 4
    assert ((smooth_grad(squares, faces, labels) - gradient.abs()).abs() <= bound).all()


def test_methods_are_asked_for_by_the_name_added(example):
    example("add_method")
    chosen = methods.chosen_methods("attention,smooth-grad")
    network = untrained_network(NetworkConfig(input_hw=(48, 48)))
    pixels = decode(read_dataset(EMBEDDED)[:3], (48, 48)).pixels
    faces = pixels[:, None].astype(np.float32) / 255
    for locate in locators(chosen, network).values():
        maps = locate(faces, np.array([0, 1, 2]))
        assert maps.shape == (3, 48, 48)
        np.testing.assert_allclose(maps.mean((1, 2)), 1, rtol=1e-5)


def test_a_method_has_a_name_of_its_own():
    way = Way(lambda network, faces, labels: faces[:, 0], "any", "none")
    with pytest.raises(ValueError, match="a method 'saliency' already"):
        register_method("saliency", way)
    with pytest.raises(ValueError, match="none may hold one: 'a,b'"):
        register_method("a,b", way)
