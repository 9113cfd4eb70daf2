from __future__ import annotations

import numpy as np

from feroi.evaluation.attention_targets import textbook_regions
from feroi.explain.regions import region_masks
from feroi.photo.geometry import FRAME_HW, frame_px, generic_face
from feroi.vocabulary import EXPRESSIONS

LANDMARKS = frame_px(generic_face().landmarks_cm)


def test_a_smile_is_cheeks_and_lips_and_nothing_else():
    masks = region_masks(LANDMARKS, FRAME_HW)
    truth = textbook_regions(LANDMARKS, FRAME_HW)["happy"]
    assert truth.dtype == np.float32
    assert set(np.unique(truth)) == {0.0, 1.0}
    assert truth.sum() == masks["cheek"].sum() + masks["lip"].sum()
    assert (truth[masks["cheek"]] == 1).all()
    assert (truth[masks["brow"]] == 0).all()


def test_neutral_has_no_regions():
    assert set(textbook_regions(LANDMARKS, FRAME_HW)) == set(EXPRESSIONS) - {"neutral"}
