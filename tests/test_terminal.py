from __future__ import annotations

import numpy as np
import pytest

from feroi.data.folds import subject_folds
from feroi.data.samples import Sample, Samples
from feroi.terminal import chosen_split

IMAGE = np.zeros((4, 4), np.uint8)


def test_a_fold_is_what_training_with_it_holds_out():
    samples = Samples(Sample(IMAGE, f"{n}", "sad", f"{n:02}") for n in range(1, 11))
    for fold in range(1, 6):
        held = {row.subject for row in chosen_split(samples, f"fold{fold}")}
        rows = subject_folds(samples, 5, seed=0)[fold - 1].validation
        assert held == {samples[row].subject for row in rows}
        assert len(held) == 2


def test_unknown_splits_are_refused_by_name():
    samples = Samples([Sample(IMAGE, "a", "sad", "01")])
    with pytest.raises(ValueError, match="fold1 to fold5, or all; got 'fold6'"):
        chosen_split(samples, "fold6")
