from __future__ import annotations

import numpy as np
import pytest

from feroi.explain.simplify import segment, simplify, simplify_faces
from feroi.outputs import NetworkOutput

QUARTERS = np.kron(np.array([[0, 1], [2, 3]]), np.ones((8, 8), int))


def _sees(weights, bias=0.0):
    """Reads 1 where the mean of the segments of a 16x16 face under `weights` is above -bias, else 0."""

    def forward(faces):
        means = np.stack([faces[:, 0][:, k == QUARTERS].mean(1) for k in range(4)], axis=1)
        return NetworkOutput(
            np.stack([np.zeros(len(faces)), means @ np.array(weights) + bias], axis=1), None, faces
        )

    return forward


def test_a_network_that_sees_one_segment_keeps_that_one():
    face = np.full((16, 16), 0.2, np.float32)
    face[QUARTERS == 2] = 0.9
    stayed = simplify(_sees([0, 0, 1, 0], bias=-0.5), face, 1, QUARTERS)
    assert (stayed[QUARTERS == 2] == 1).all()
    # The others go in any order, each a quarter of the way after the one before.
    assert sorted(set(stayed[QUARTERS != 2])) == [0, 0.25, 0.5]


def test_what_costs_least_goes_first_and_the_answer_is_kept():
    # Mean of the face .4; a segment loses weight x (value - .4). Values: 0.2 to 0.6.
    face = np.select([k == QUARTERS for k in range(4)], [0.6, 0.5, 0.3, 0.2]).astype(np.float32)
    weights = [2.0, 3.0, 1.0, -1.0]
    change = [-w * (v - 0.4) for w, v in zip(weights, [0.6, 0.5, 0.3, 0.2], strict=True)]
    np.testing.assert_allclose(change, [-0.4, -0.3, 0.1, -0.2])
    logit = sum(w * v for w, v in zip(weights, [0.6, 0.5, 0.3, 0.2], strict=True))
    # In order: segment 2 (+.1), 3 (-.2), 1 (-.3), 0 (-.4). Above 0 until 1 is removed, below with 0.
    stayed = simplify(_sees(weights, bias=0.41 - logit), face, 1, QUARTERS)
    assert [stayed[k == QUARTERS][0] for k in range(4)] == [1, 0.5, 0, 0.25]


def test_an_answer_that_needs_nothing_leaves_the_order_alone():
    face = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    stayed = simplify(_sees([0, 0, 0, 0], bias=5), face, 1, QUARTERS)
    assert sorted(set(stayed.ravel())) == [0, 0.25, 0.5, 0.75]


def test_segments_are_numbered_without_gaps_and_follow_edges():
    pytest.importorskip("skimage")
    face = np.zeros((48, 48), np.float32)
    face[:, 24:] = 1
    segments = segment(face, 16)
    assert set(segments.ravel()) == set(range(segments.max() + 1))
    assert 8 <= segments.max() + 1 <= 24
    assert not set(segments[:, :23].ravel()) & set(segments[:, 25:].ravel())


def test_every_face_has_its_own_segments():
    pytest.importorskip("skimage")
    faces = np.random.default_rng(0).random((2, 1, 16, 16)).astype(np.float32)
    maps = simplify_faces(_sees([0, 0, 1, 0]), faces, np.array([1, 1]), 4)
    assert maps.shape == (2, 16, 16)
