"""The pyramid, against loops over every cell of every level."""

from __future__ import annotations

import math

import numpy as np

from feroi.baselines.phog import edge_gradients, phog

RNG = np.random.default_rng(2)


def _slow(magnitude, direction):
    height, width = magnitude.shape
    vector = []
    for level in range(4):
        parts = 2**level
        cells = {(down, across): [0.0] * 8 for down in range(parts) for across in range(parts)}
        for i in range(height):
            for j in range(width):
                # Cells of 8 by 8 first, as the pyramid is built from its finest level.
                bins = cells[(i * 8 // height) * parts // 8, (j * 8 // width) * parts // 8]
                place = direction[i, j] / (math.pi / 4)
                low = math.floor(place)
                bins[low % 8] += magnitude[i, j] * (1 - (place - low))
                bins[(low + 1) % 8] += magnitude[i, j] * (place - low)
        vector += [value for bins in cells.values() for value in bins]
    return np.array(vector) / sum(vector)


def test_the_pyramid_is_that_of_the_definition():
    image = RNG.integers(0, 256, (19, 21), dtype=np.uint8)
    found = phog(image[None])[0]
    assert found.shape == (680,)
    np.testing.assert_allclose(found, _slow(*edge_gradients(image)), atol=1e-7)


def test_an_edge_counts_in_its_own_cell_and_direction():
    image = np.zeros((32, 32), np.uint8)
    image[:, 20:] = 200  # dark left, bright right: direction 0
    whole = phog(image[None])[0, :8]
    # Each of the four levels holds all edges once.
    np.testing.assert_allclose(whole, [0.25, 0, 0, 0, 0, 0, 0, 0], atol=1e-6)
    quarters = phog(image[None])[0, 8:40].reshape(2, 2, 8)
    assert not quarters[:, 0].any()
    np.testing.assert_allclose(quarters[:, 1, 0], 0.125, atol=0.02)
    turned = phog(image[:, ::-1][None])[0, :8]
    np.testing.assert_allclose(turned, np.roll(whole, 4), atol=1e-6)


def test_a_flat_picture_has_no_edges():
    assert not phog(np.full((1, 20, 20), 90, np.uint8)).any()
