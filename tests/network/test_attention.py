"""Eq. 1–5 against slow loops written straight from the equations, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from feroi.network import attention

HEIGHT, WIDTH, CHANNELS, UNITS, BETA = 3, 4, 5, 6, 1.7
SCORES = arrays(np.float64, (HEIGHT, WIDTH), elements=st.floats(-1, 1))


def _random(*shape):
    return torch.from_numpy(np.random.default_rng(len(shape)).normal(size=shape))


def _score_module():
    torch.manual_seed(1)
    score = attention.Score(CHANNELS, UNITS).double()
    for bias in (score.hidden.bias, score.output.bias):
        torch.nn.init.normal_(bias)
    return score


def test_focus_is_equation_1():
    a0, b = _random(1, CHANNELS, HEIGHT, WIDTH), _random(1, HEIGHT, WIDTH)
    z = [
        sum(b[0, k, j] * a0[0, i, k, j] for j in range(WIDTH) for k in range(HEIGHT)) for i in range(CHANNELS)
    ]
    assert attention.focus(a0, b)[0].tolist() == pytest.approx([float(v) for v in z], abs=1e-12)


def test_evidence_is_what_each_location_adds_to_a_logit_above_their_mean():
    a0, b, w = _random(1, CHANNELS, HEIGHT, WIDTH), _random(1, HEIGHT, WIDTH), _random(7, CHANNELS)
    found = attention.evidence(a0, b, w)
    assert found.shape == (1, 7, HEIGHT, WIDTH)
    for k in range(HEIGHT):
        for j in range(WIDTH):
            locals_ = [sum(w[e, i] * a0[0, i, k, j] for i in range(CHANNELS)) for e in range(7)]
            logits = [float(b[0, k, j] * value) for value in locals_]
            expected = [logit - sum(logits) / 7 for logit in logits]
            assert found[0, :, k, j].tolist() == pytest.approx(expected, abs=1e-12)


def test_score_is_equations_2_and_3():
    score, a0 = _score_module(), _random(1, CHANNELS, HEIGHT, WIDTH)
    w1, b1 = score.hidden.weight.detach().T, score.hidden.bias.detach()
    w2, b2 = score.output.weight.detach()[0], score.output.bias.detach()[0]
    result = score(a0)
    for i in range(WIDTH):
        for j in range(HEIGHT):
            a1 = [
                math.tanh(sum(w1[c, k] * a0[0, c, j, i] for c in range(CHANNELS)) + b1[k])
                for k in range(UNITS)
            ]
            a2 = math.tanh(sum(w2[k] * a1[k] for k in range(UNITS)) + b2)
            assert result[0, j, i].item() == pytest.approx(a2, abs=1e-12)


def _loop_map(a2, symmetric):
    total = sum(math.exp(BETA * a2[k, j]) for j in range(WIDTH) for k in range(HEIGHT))
    b = np.empty((HEIGHT, WIDTH))
    for i in range(WIDTH):
        for j in range(HEIGHT):
            if symmetric:
                numerator = math.exp(BETA * a2[j, i] / 2 + BETA * a2[j, WIDTH - 1 - i] / 2)
            else:
                numerator = math.exp(BETA * a2[j, i])
            b[j, i] = numerator / total
    return b


@given(SCORES)
def test_free_map_is_equation_4(a2):
    b = attention.softmax_map(torch.from_numpy(a2)[None], BETA)[0].numpy()
    np.testing.assert_allclose(b, _loop_map(a2, symmetric=False), rtol=0, atol=1e-12)


@given(SCORES)
def test_symmetric_map_is_equation_5(a2):
    b = attention.symmetric_map(torch.from_numpy(a2)[None], BETA)[0].numpy()
    np.testing.assert_allclose(b, _loop_map(a2, symmetric=True), rtol=0, atol=1e-12)


@given(SCORES)
def test_equation_5_sums_to_at_most_1_by_am_gm(a2):
    assert attention.symmetric_map(torch.from_numpy(a2)[None], BETA).sum() <= 1 + 1e-12
    mirrored = a2 + a2[:, ::-1]
    symmetric = attention.symmetric_map(torch.from_numpy(mirrored)[None], BETA)
    assert float(symmetric.sum()) == pytest.approx(1, abs=1e-12)


def test_equation_5_of_an_uneven_score_sums_to_less_than_1():
    # By hand, beta = 1: two cells of score 0 and 1; numerators e^0.5 each, denominator 1 + e.
    b = attention.symmetric_map(torch.tensor([[[0.0, 1.0]]], dtype=torch.float64), 1.0)
    assert float(b.sum()) == pytest.approx(2 * math.exp(0.5) / (1 + math.e))


@given(SCORES)
def test_renormalised_map_is_equation_5_over_its_own_sum(a2):
    printed = _loop_map(a2, symmetric=True)
    b = attention.symmetric_map_renormalized(torch.from_numpy(a2)[None], BETA)[0].numpy()
    np.testing.assert_allclose(b, printed / printed.sum(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [attention.symmetric_map, attention.symmetric_map_renormalized])
@given(a2=SCORES)
def test_symmetric_maps_do_not_change_when_the_score_is_mirrored(make, a2):
    score = torch.from_numpy(a2)[None]
    b = make(score, BETA)
    np.testing.assert_allclose(b, b.flip(-1), atol=1e-12)
    np.testing.assert_allclose(make(score.flip(-1), BETA), b, atol=1e-12)


def test_uniform_map_is_one_over_the_locations():
    assert attention.uniform_map(torch.zeros(2, 9, 7)).unique().tolist() == pytest.approx([1 / 63])


def test_scores_and_maps_stay_finite_for_extreme_features():
    score = _score_module()(1e30 * _random(1, CHANNELS, HEIGHT, WIDTH))
    assert score.abs().max() <= 1
    for make in (attention.softmax_map, attention.symmetric_map):
        assert torch.isfinite(make(1e4 * score, BETA)).all()
