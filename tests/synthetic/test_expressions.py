"""Expressions against the paper's Table 4 and the rules of FACS."""

from __future__ import annotations

import numpy as np
import pytest

from feroi.synthetic.expressions import (
    EXPRESSION_ACTION_UNITS,
    SHAPES_OF_ACTION_UNIT,
    Strength,
    blend_weights,
    displacements,
    sample_action_units,
)
from feroi.synthetic.skin import crease_habits
from feroi.vocabulary import IGNORED_EXPRESSIONS, TABLE_4, expression_named

SHOWN = [word for word in EXPRESSION_ACTION_UNITS if word not in IGNORED_EXPRESSIONS]


@pytest.mark.parametrize("word", [word for word in SHOWN if word != "neutral"])
def test_every_form_has_the_action_units_of_table_4(word):
    needed = set(TABLE_4[expression_named(word)].action_units)
    for form in EXPRESSION_ACTION_UNITS[word]:
        assert needed <= {unit for unit, strength in form.items() if strength > 0}


def test_rafd_s_eight_words_are_there():
    assert len(EXPRESSION_ACTION_UNITS) == 8
    assert {expression_named(word) for word in SHOWN} == {*TABLE_4, "neutral"}


def test_strength_scales_the_whole_display():
    weak = sample_action_units("fearful", (0.3, 0.3), np.random.default_rng(5))
    full = sample_action_units("fearful", (1.0, 1.0), np.random.default_rng(5))
    for unit in full:
        np.testing.assert_allclose(weak[unit], 0.3 * np.array(full[unit]))


def test_contempt_is_one_sided_and_neutral_nearly_still():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        corner = sample_action_units("contemptuous", (1, 1), rng)[14]
        assert min(corner) < 0.1 * max(corner)
        neutral = sample_action_units("neutral", (0.3, 1), rng)
        assert 2 <= len(neutral) <= 3
        assert all(strength.greater < 0.08 for strength in neutral.values())


def test_sides_reach_their_own_shapes():
    weights = blend_weights(23, Strength(left=1.0, right=0.0))
    assert weights["mouthPress_L"] == SHAPES_OF_ACTION_UNIT[23]["mouthPress_"]
    assert weights["mouthPress_R"] == 0
    assert weights["mouthPucker"] == SHAPES_OF_ACTION_UNIT[23]["mouthPucker"] / 2


def test_displacements_add_the_shapes_up(made_up_model):
    moved = displacements(made_up_model, {6: Strength(0.5, 1.0)})[6]
    expected = np.zeros_like(made_up_model.vertices)
    for name, weight in (("cheekSquint_L", 0.4), ("cheekSquint_R", 0.8),
                         ("cheekRaiser_L", 0.3), ("cheekRaiser_R", 0.6)):  # fmt: skip
        shape = made_up_model.shapes[name]
        for vertex, offset in zip(shape.vertices, shape.offsets, strict=True):
            expected[vertex] += weight * offset
    np.testing.assert_allclose(moved, expected, atol=1e-7)


def test_every_shape_named_is_facekit_s(real_model):
    for unit in SHAPES_OF_ACTION_UNIT:
        for name in blend_weights(unit, Strength(1, 1)):
            assert name in real_model.shapes


def test_loose_displays_drop_blend_and_exaggerate_action_units():
    rng = np.random.default_rng(0)
    shown = [sample_action_units("surprised", (1.0, 1.0), rng, looseness=0.3) for _ in range(400)]
    # 1 and 2 are in every form of surprise; what drops out may come back by a blend, but weakly
    for unit in (1, 2):
        full = [unit in each and each[unit].greater > 0.45 for each in shown]
        assert 0.6 < np.mean(full) < 0.78
    blended = [12 in each for each in shown]  # a smile is in no form of surprise
    assert 0.1 < np.mean(blended) < 0.4
    assert max(each[unit].greater for each in shown for unit in each) < 1.3 * 1.12 * 1.09 + 1e-9
    assert np.std([each[2].greater for each in shown if 2 in each]) > 0.2


def test_habits_of_creases_belong_to_the_person():
    assert crease_habits(3, 0.0) == {}
    assert crease_habits(3, 0.3) == crease_habits(3, 0.3) != crease_habits(4, 0.3)
    depths = [habit.depth for number in range(60) for habit in crease_habits(number, 0.3).values()]
    assert np.mean(np.array(depths) == 0) == pytest.approx(0.3, abs=0.04)
    assert np.std(np.log([depth for depth in depths if depth])) == pytest.approx(0.3, abs=0.03)
