from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from feroi.config import NetworkConfig
from feroi.data.decoded import image_marks
from feroi.data.samples import Sample, Samples
from feroi.evaluation import evaluate
from feroi.evaluation.calibration import fit_calibration
from feroi.network.calibration import Calibration
from feroi.network.committee import read_committee
from feroi.network.load import load_model
from feroi.network.torch_forward import torch_forward, untrained_network
from feroi.network.weights import load_calibration, load_network, save_network
from feroi.training import calibrate
from feroi.training.calibrate import calibrate_committee, calibrate_network
from feroi.training.callbacks import Callbacks
from feroi.vocabulary import EXPRESSIONS

CONFIG = NetworkConfig("attention", (24, 24), margin=False)
SHALLOW = NetworkConfig("attention", (24, 24), convolutions=(1, 1, 1, 1), margin=False)


@pytest.fixture
def model(tmp_path):
    network = untrained_network(CONFIG)
    with torch.no_grad():
        network.classifier.weight.mul_(20)
    save_network(network, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def _held(number=30):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (number, 24, 24)).astype(np.uint8)
    names = ("angry", "happy", "sad")
    return Samples(Sample(image, str(at), names[at % 3]) for at, image in enumerate(images))


def test_variants_count_beside_the_images(model, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        calibrate,
        "fit_calibration",
        lambda logits, *rest: seen.append(logits) or fit_calibration(logits, *rest),
    )
    held = _held()
    without = calibrate_network(model, held, False, 0.8, tmp_path / "0.safetensors")
    found = calibrate_network(model, held, False, 0.8, tmp_path / "2.safetensors", elsewhere=2)
    assert [len(logits) for logits in seen] == [30, 90]
    by_hand = torch_forward(load_network(model))(
        np.stack([row.image[None] for row in held]) / np.float32(255)
    )
    np.testing.assert_allclose(seen[0], by_hand.logits, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(seen[1][:30], seen[0], rtol=1e-4, atol=1e-5)
    assert not np.allclose(seen[1][30:60], seen[1][60:], atol=1e-3)
    assert found != without
    assert load_calibration(tmp_path / "2.safetensors") == found


def test_the_same_variants_are_made_again(model, tmp_path):
    once, again = (
        calibrate_network(model, _held(), True, 0.8, tmp_path / "out.safetensors", elsewhere=1) for _ in "12"
    )
    assert once == again
    assert not (tmp_path / "out-trained-on.txt").exists()  # nobody knows them


def test_a_committee_is_weighed_and_calibrated(tmp_path):
    two = [str(tmp_path / f"{seed}.safetensors") for seed in (0, 1)]
    for seed, file in enumerate(two):
        save_network(untrained_network(SHALLOW, seed), Path(file), Calibration(mirror=seed == 0))
    blocks = np.random.default_rng(0).integers(0, 256, (60, 3, 3))
    images = np.kron(blocks, np.ones((8, 8))).astype(np.uint8)
    faces = images[:, None] / np.float32(255)
    answered = load_model(two[0]).forward(faces).logits.argmax(1)
    assert 0.5 < (load_model(two[1]).forward(faces).logits.argmax(1) == answered).mean() < 0.9
    held = Samples(Sample(image, str(at), EXPRESSIONS[answered[at]]) for at, image in enumerate(images))
    said: list[str] = []
    committee = calibrate_committee(
        Path(",".join(two)), held, 0.8, tmp_path / "c.json", Callbacks(said.append)
    )
    assert committee.weights[0] > 0.7  # its answers are the labels
    assert re.match(r"weights: .*0\.safetensors \d\.\d{3}, .*1\.safetensors \d\.\d{3} \(acc", said[0])
    assert read_committee(tmp_path / "c.json")[1:] == committee[1:]
    model = load_model(tmp_path / "c.json")
    probable = np.exp(log_softmax(model.forward(faces).logits, 1))
    # split conformal prediction: of 60 faces, the 49 (61 x .8, rounded up) surest of their labels are covered
    assert (probable[np.arange(60), answered] >= model.calibration.threshold - 1e-6).sum() == 49
    with pytest.raises(ValueError, match=r"--out is a \.json file for a committee"):
        calibrate_committee(Path(",".join(two)), held, 0.8, tmp_path / "c.safetensors")


def test_a_calibration_says_whether_its_images_were_trained_on_and_not_that_it_was_made_before(
    model, tmp_path
):
    held, learned = _held(60)[:30], _held(60)[30:]
    marks = image_marks(np.stack([row.image for row in learned]))
    (tmp_path / evaluate.TRAINED_ON).write_text("\n".join(marks) + "\n")
    once, again = tmp_path / "once.safetensors", tmp_path / "again.safetensors"
    said = []
    assert calibrate_network(model, held, False, 0.8, once).trained_on == 0
    assert calibrate_network(once, held, False, 0.9, again, Callbacks(said.append)).trained_on == 0
    assert not any("beware" in line and "trained on" in line for line in said)
    for file in (once, again, Path(f"{once},{again}")):  # the last a committee
        assert evaluate.count_trained_on(file, CONFIG, Samples([*held, *learned])) == 30
        assert evaluate.count_calibrated_on(file, CONFIG, Samples([*held, *learned])) == 30
        assert evaluate.count_calibrated_on(file, CONFIG, learned) == 0
    found = calibrate_network(again, Samples([*held, *learned]), False, 0.8, once, Callbacks(said.append))
    assert found.trained_on == load_calibration(once).trained_on == 30
    assert any(line.startswith("beware: 30 of the images it was calibrated on were trained") for line in said)
