from __future__ import annotations

import json

import numpy as np
import pytest

from feroi.evaluation.metrics import score
from feroi.vocabulary import EXPRESSIONS

# Four angry (three right, one read as sad), two sad (one right, one read as angry); by hand.
LABELS = np.array([0, 0, 0, 0, 5, 5])
PREDICTED = np.array([0, 0, 0, 5, 5, 0])


def test_scores_by_hand():
    scores = score(LABELS, PREDICTED)
    assert scores.n == 6
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.per_class_recall["angry"] == pytest.approx(3 / 4)
    assert scores.per_class_recall["sad"] == pytest.approx(1 / 2)
    assert scores.per_class_recall["happy"] is None
    # Angry: precision 3/4, recall 3/4; sad: 1/2 and 1/2; the others do not occur.
    assert scores.macro_f1 == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert scores.confusion[0].tolist() == [3, 0, 0, 0, 0, 1, 0]
    assert scores.confusion[5].tolist() == [1, 0, 0, 0, 0, 1, 0]


def test_names_other_tools_read():
    values = json.loads(json.dumps(score(LABELS, PREDICTED).to_json()))
    assert set(values) == {
        "n", "accuracy", "macro_f1", "per_class_recall", "confusion_matrix", "label_order"
    }  # fmt: skip
    assert values["label_order"] == list(EXPRESSIONS)
    assert values["confusion_matrix"][0][5] == 1


@pytest.mark.parametrize("predicted", [np.array([], int), np.array([0, 1])])
def test_nothing_to_compare_is_an_error(predicted):
    with pytest.raises(ValueError, match="cannot compare"):
        score(np.array([], int), predicted)
