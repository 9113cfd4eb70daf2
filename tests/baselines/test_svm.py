from __future__ import annotations

import numpy as np
import pytest

from feroi.baselines import svm
from feroi.baselines.svm import UnitSpread, learn
from feroi.data.samples import Sample, Samples

RNG = np.random.default_rng(4)
BLANK = np.zeros((2, 2), np.uint8)


def _people(subjects, expressions):
    return Samples(
        Sample(BLANK, f"{s}-{e}-{k}", e, s) for s in subjects for e in expressions for k in range(2)
    )


def _clouds(samples, spread=0.3):
    """Features in which every expression is a cloud of its own."""
    centres = 3 * np.eye(7, 9)
    return (centres[samples.labels] + spread * RNG.normal(size=(len(samples), 9))).astype(np.float32)


def test_clouds_apart_are_told_apart():
    training, validation = (_people(names, ["happy", "sad", "fear"]) for names in ("abcdef", "xyz"))
    answer = learn(training, _clouds(training), _clouds(validation), seed=0)
    np.testing.assert_array_equal(answer.predicted, validation.labels)
    assert answer.chosen["inner_accuracy"] == 1.0
    assert answer.chosen["kernel"] in ("linear", "rbf")


def test_hyper_parameters_are_chosen_on_other_people():
    # Each person has a place of their own and shows one expression: whoever is known is told without fail,
    # but of a stranger nothing is known. Inner folds that mixed people would report 1.
    training = Samples(
        Sample(BLANK, f"{k}-{i}", ("happy", "sad")[k % 2], f"subject {k}")
        for k in range(12)
        for i in range(4)
    )
    places = RNG.normal(size=(12, 40))[np.arange(48) // 4] + 0.01 * RNG.normal(size=(48, 40))
    answer = learn(training, places.astype(np.float32), places[:3].astype(np.float32), seed=0)
    assert answer.chosen["inner_accuracy"] < 0.9
    unknown = Samples(Sample(BLANK, row.name, row.expression) for row in training)
    mixed = learn(unknown, places.astype(np.float32), places[:3].astype(np.float32), seed=0)
    assert mixed.chosen["inner_accuracy"] == 1.0


def test_an_answer_depends_on_no_other_face_of_the_validation_side():
    training = _people("abcd", ["happy", "sad"])
    features, asked = _clouds(training, 2.0), 2 * RNG.normal(size=(6, 9)).astype(np.float32)
    together = learn(training, features, asked, seed=0).predicted
    asked[1:] += 100
    assert learn(training, features, asked, seed=0).predicted[0] == together[0]


def test_one_expression_is_nothing_to_learn():
    training = _people("abc", ["happy"])
    with pytest.raises(ValueError, match="two expressions"):
        learn(training, _clouds(training), _clouds(training), seed=0)


def test_unit_spread_makes_squared_lengths_one_on_average():
    features = RNG.normal(size=(50, 3)).astype(np.float32) * 40
    scaled = UnitSpread().fit(features).transform(features)
    assert (scaled**2).sum(1).mean() == pytest.approx(1, rel=1e-5)
    assert not UnitSpread().fit(features * 0).transform(features * 0).any()


def test_many_faces_are_learnt_by_a_linear_machine(monkeypatch):
    monkeypatch.setattr(svm, "LARGEST_KERNEL", 10)
    training, validation = (_people(names, ["happy", "sad", "fear"]) for names in ("abcdef", "xyz"))
    answer = learn(training, _clouds(training), _clouds(validation), seed=0)
    assert set(answer.chosen) == {"kernel", "C", "inner_accuracy"}
    np.testing.assert_array_equal(answer.predicted, validation.labels)
