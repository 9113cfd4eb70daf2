from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from feroi.config import NetworkConfig
from feroi.data.samples import Sample, Samples
from feroi.evaluation import evaluate
from feroi.evaluation.calibration import fit_calibration
from feroi.network.torch_forward import torch_forward, untrained_network
from feroi.network.weights import load_calibration, load_network, save_network
from feroi.training import calibrate
from feroi.training.calibrate import calibrate_network

CONFIG = NetworkConfig("attention", (24, 24), margin=False)


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
    assert Path(evaluate.marks_beside(tmp_path / "out.safetensors")).exists() is False  # nobody knows them
