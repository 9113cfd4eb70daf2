from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from feroi.config import NetworkConfig
from feroi.data import channels
from feroi.data.decoded import decode
from feroi.data.folds import divide
from feroi.data.readers import read_dataset
from feroi.data.samples import Samples
from feroi.network.model import Network
from feroi.network.weights import save_network
from feroi.recipe import RecipeConfig
from feroi.training import run
from feroi.training import soft_labels as teaching
from feroi.training.run import train_run
from feroi.training.soft_labels import check_teachers, cut_labels, soft_labels

NETWORK = NetworkConfig("attention", (20, 20))
RECIPE = RecipeConfig(epochs=1, batch_size=8, distillation=0.25)


def _teacher(seed):
    """Untrained, with answers that differ from image to image."""
    torch.manual_seed(seed)
    network = Network(replace(NETWORK, input_hw=(16 + 8 * seed, 20)))
    with torch.no_grad():
        network.classifier.weight.mul_(20)
    return network.eval()


@pytest.fixture
def teachers(tmp_path):
    paths = [tmp_path / "teacher0.safetensors", tmp_path / "teacher1.safetensors"]
    for seed, path in enumerate(paths):
        save_network(_teacher(seed), path)
    return paths


def test_a_teacher_is_shown_what_it_sees(tmp_path, monkeypatch, expression_folders):
    monkeypatch.setattr(channels, "depth_pictures", lambda rows: np.stack([row.image // 2 for row in rows]))
    network = Network(replace(NETWORK, inputs="intensity+depth")).eval()
    save_network(network, tmp_path / "teacher.safetensors")
    training = decode(read_dataset(expression_folders), NETWORK.stored_hw)
    soft = soft_labels(training, [tmp_path / "teacher.safetensors"], 0.5)
    face = training.pixels[:1, 1:21, 1:21]  # of 22 px
    shown = torch.from_numpy(np.stack([face, face // 2], 1)).float() / 255
    with torch.no_grad():
        said = (network(shown).logits.softmax(1) + network(shown.flip(-1)).logits.softmax(1)) / 2
    expected = 0.5 * said[0].numpy() + 0.5 * np.eye(7)[training.samples.labels[0]]
    np.testing.assert_allclose(soft[0], expected, atol=1e-5)


def test_soft_labels_against_torch(teachers, expression_folders):
    samples = read_dataset(expression_folders)
    training = decode(samples, NETWORK.stored_hw)
    soft = soft_labels(training, teachers, 0.25)
    assert soft.shape == (len(samples), 7)
    assert soft.dtype == np.float32
    for at in (3, 20):  # by torch alone; each teacher sees its own size
        said = []
        for seed in (0, 1):
            network = _teacher(seed)
            stored = decode(samples, network.config.stored_hw).pixels[at]
            (height, width), (h, w) = stored.shape, network.config.input_hw
            top, left = (height - h) // 2, (width - w) // 2
            face = torch.from_numpy(stored[top : top + h, left : left + w].copy())[None, None] / 255
            with torch.no_grad():
                said += [network(face).logits.softmax(1), network(face.flip(-1)).logits.softmax(1)]
        expected = 0.25 * torch.cat(said).mean(0).numpy() + 0.75 * np.eye(7)[training.samples.labels[at]]
        np.testing.assert_allclose(soft[at], expected, atol=1e-5)


def test_votes_take_the_place_of_labels(teachers, expression_folders):
    rows = list(read_dataset(expression_folders))
    voted = [replace(row, attributes={**row.attributes, "votes": "1 0 0 0 0 0 3"}) for row in rows]
    training = decode(Samples(voted), NETWORK.stored_hw)
    np.testing.assert_allclose(soft_labels(training, [], 0.0), [[0.25, 0, 0, 0, 0, 0, 0.75]] * len(rows))
    of_labels = soft_labels(decode(Samples(rows), NETWORK.stored_hw), teachers, 0.25)
    hard = np.eye(7)[training.samples.labels]
    difference = soft_labels(training, teachers, 0.25) - of_labels  # the teachers' share is the same
    np.testing.assert_allclose(difference, 0.75 * ([0.25, 0, 0, 0, 0, 0, 0.75] - hard), atol=1e-6)
    assert Samples([voted[0], rows[1]]).votes is None
    odd = replace(rows[0], attributes={"votes": "1 2"})
    with pytest.raises(ValueError, match="seven numbers in label order, not all 0, got '1 2'"):
        _ = Samples([odd]).votes


def test_a_distilled_run_remembers_its_teachers(teachers, tmp_path, expression_folders):
    division = divide(read_dataset(expression_folders), seed=0)
    (with_labels,) = train_run(division, NETWORK, replace(RECIPE, distillation=0), tmp_path / "labels", 0)
    (taught,) = train_run(division, NETWORK, RECIPE, tmp_path / "taught", 0, teachers=teachers)
    assert taught["loss"] != with_labels["loss"]
    config = json.loads((tmp_path / "taught" / "config.json").read_text())
    assert config["teachers"] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in teachers]
    with pytest.raises(ValueError, match="differs in teachers"):
        train_run(division, NETWORK, RECIPE, tmp_path / "taught", 0, teachers=teachers[:1])


def test_a_teacher_nobody_listens_to_and_a_missing_one_are_refused(teachers):
    with pytest.raises(ValueError, match="does not listen"):
        check_teachers(replace(RECIPE, distillation=0), teachers)
    with pytest.raises(ValueError, match="no teacher is given"):
        check_teachers(RECIPE, [])
    with pytest.raises(FileNotFoundError, match="no model at nowhere"):
        check_teachers(RECIPE, ["nowhere"])


def test_teachers_answer_each_cut_and_are_asked_once(tmp_path, monkeypatch, expression_folders):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    teacher = _teacher(0)
    teacher.config = replace(NETWORK)
    path = tmp_path / "teacher.safetensors"
    save_network(teacher, path)
    training = decode(read_dataset(expression_folders), NETWORK.stored_hw)
    recipe = replace(RECIPE, cuts=3, augmentation="elsewhere")
    cuts, soft = cut_labels(training, NETWORK, recipe, [path])
    number = len(training.samples)
    assert cuts.shape == (3, number, 20, 20)
    assert soft.shape == (3, number, 7)
    assert not np.array_equal(cuts[0], cuts[1])
    hard = np.eye(7)[training.samples.labels]
    for cut, targets in zip(cuts, soft, strict=True):
        with torch.no_grad():
            said = teacher(torch.from_numpy(cut[:, None] / np.float32(255))).logits.softmax(1)
        np.testing.assert_allclose(targets, 0.25 * said.numpy() + 0.75 * hard, atol=1e-3)
    monkeypatch.setattr(teaching, "torch_forward", None)  # whoever asks again fails
    again = cut_labels(training, NETWORK, recipe, [path])
    assert np.array_equal(again[0], cuts)
    assert np.array_equal(again[1], soft)


def test_teachers_of_cuts_see_faces_of_the_same_size(tmp_path, monkeypatch, teachers, expression_folders):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    training = decode(read_dataset(expression_folders), NETWORK.stored_hw)
    with pytest.raises(ValueError, match=r"as large as the network does, 20x20 px; .* of 20x24 px"):
        cut_labels(training, NETWORK, replace(RECIPE, cuts=2), teachers[1:])


def test_a_run_goes_round_in_cuts(tmp_path, monkeypatch, expression_folders):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    teacher = _teacher(0)
    teacher.config = replace(NETWORK)
    save_network(teacher, tmp_path / "teacher.safetensors")
    division = divide(read_dataset(expression_folders), seed=0)
    recipe = replace(RECIPE, cuts=2, epochs=2, balance=0.5)
    history = train_run(
        division, NETWORK, recipe, tmp_path / "run", 0, teachers=[tmp_path / "teacher.safetensors"]
    )
    assert len(history) == 2
    guided = replace(recipe, guidance=0.5)
    monkeypatch.setattr(run, "truth_maps", lambda training, network: training.pixels)
    with pytest.raises(ValueError, match="neither guidance nor depth"):
        train_run(
            division, NETWORK, guided, tmp_path / "guided", 0, teachers=[tmp_path / "teacher.safetensors"]
        )
