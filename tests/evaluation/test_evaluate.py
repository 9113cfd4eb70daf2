from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feroi.config import NetworkConfig
from feroi.data.readers import read_dataset
from feroi.data.samples import Samples
from feroi.evaluation.evaluate import evaluate, read
from feroi.outputs import NetworkOutput
from feroi.vocabulary import EXPRESSIONS

CONFIG = NetworkConfig("gap", (20, 20))  # stored at 22x22


def _by_brightness(faces):
    """Reads the brightness the made-up faces carry their label in."""
    label = np.rint((255 * faces.mean((1, 2, 3)) - 30) / 30).astype(int)
    logits = np.eye(7)[label]
    return NetworkOutput(logits, np.full((len(faces), 1, 1), 1.0), logits)


def test_readings_belong_to_their_samples(expression_folders):
    readings = read(_by_brightness, CONFIG, read_dataset(expression_folders))
    assert (readings.predicted == readings.samples.labels).all()
    assert readings.faces.shape == (42, 20, 20)
    assert readings.attention.shape == (42, 1, 1)


def test_broken_images_are_listed_and_the_rest_is_scored(expression_folders):
    (expression_folders / "sad" / "0.png").write_bytes(b"")
    result = evaluate(_by_brightness, CONFIG, read_dataset(expression_folders)).to_json()
    assert result["n"] == 41
    assert result["accuracy"] == 1.0
    assert result["rejected"] == [{"name": "sad/0.png", "reason": "empty file"}]


def test_twins_of_training_images_are_left_out(expression_folders):
    samples = read_dataset(expression_folders)
    always_angry = lambda faces: NetworkOutput(np.eye(7)[[0] * len(faces)], None, faces)  # noqa: E731
    # Two of the six angry faces were trained on: 6 of 42 are right, without them 4 of 40.
    known = Samples(samples[i] for i in (0, 1))
    result = evaluate(always_angry, CONFIG, samples, trained_on=known)
    assert result.scores.accuracy == pytest.approx(6 / 42)
    assert result.without_twins.n == 40
    assert result.without_twins.accuracy == pytest.approx(4 / 40)
    assert result.to_json()["without_twins"]["n"] == 40
    assert samples[0].expression == EXPRESSIONS[0]


@pytest.mark.parametrize(
    ("network", "face", "fits"),
    [
        ("front", "front", True),
        (None, "front", True),
        ("front", None, True),
        ("front", "wild", False),
    ],
)
def test_faces_prepared_for_another_network_are_refused(expression_folders, network, face, fits):
    samples = read_dataset(expression_folders)
    attributes = {"pipeline": face} if face else {}
    samples = Samples([replace(samples[0], attributes=attributes), *samples[1:]])
    config = replace(CONFIG, pipeline=network)
    if fits:
        assert len(read(_by_brightness, config, samples).samples) == 42
    else:
        with pytest.raises(ValueError, match=r"prepared by front, and these .* wild.*--pipeline front"):
            read(_by_brightness, config, samples)
