"""The elastic face, on faces made from it and on made-up depth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from feroi.baselines.descriptors import features
from feroi.data.channels import depth_pictures
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import Sample, Samples
from feroi.photo.depth import (
    FARTHEST,
    NEAREST,
    depth_map,
    depth_picture,
    elastic_face,
    fit_face,
    relative_depth,
)

RNG = np.random.default_rng(6)


def _seen(weights, angles_deg, scale=8.0):
    """A face of the model, seen: its points, their places in px, and the direction to the camera."""
    face = elastic_face()
    points = face.mean_cm + np.tensordot(weights, face.modes_cm, 1)
    turn = Rotation.from_euler("ZXY", angles_deg, degrees=True).as_matrix()
    places = scale * points @ turn[:2].T * [1, -1] + [62, 70]
    return points, places, turn[2]


@pytest.mark.parametrize("angles_deg", [(0, 0, 0), (4, -6, 10), (-10, 8, -20)])
def test_the_mean_face_is_found_in_any_view(angles_deg):
    points, places, towards = _seen(np.zeros(42), angles_deg)
    fitted = fit_face(places[:68])
    np.testing.assert_allclose(fitted.weights, 0, atol=1e-6)
    np.testing.assert_allclose(fitted.points_px, places, atol=1e-6)
    np.testing.assert_allclose(fitted.depth, relative_depth(points, towards), atol=1e-6)


def test_another_person_s_depth_is_nearer_than_the_mean_face_s():
    errors = {True: [], False: []}
    for _ in range(20):
        points, places, towards = _seen(RNG.normal(size=42), (0, 0, 0))
        truth = relative_depth(points, towards)
        for elastic, kept in errors.items():
            difference = fit_face(places[:68], elastic).depth - truth
            kept.append(np.median(np.abs(difference - np.median(difference))))
    assert np.mean(errors[True]) < 0.75 * np.mean(errors[False])


def test_no_move_of_the_picture_changes_the_face():
    _, places, _ = _seen(RNG.normal(size=42), (0, 0, 5))
    fitted, moved = fit_face(places[:68]), fit_face(3 * places[:68] + [100, -40])
    np.testing.assert_allclose(moved.depth, fitted.depth, atol=1e-8)
    np.testing.assert_allclose(moved.points_px, 3 * fitted.points_px + [100, -40], atol=1e-6)


def test_depth_is_interpolated_between_the_points():
    corners = np.array([[2.0, 2.0], [8.0, 2.0], [2.0, 8.0], [8.0, 8.0]])
    found = depth_map(corners, corners @ [0.1, 0.01], (10, 12))
    rows, columns = np.mgrid[2:9, 2:9]
    np.testing.assert_allclose(found[2:9, 2:9], 0.1 * columns + 0.01 * rows)
    assert np.isnan(found[0, 0])
    assert np.isnan(found[5, 11])


def test_pictures_of_depth_use_the_whole_range():
    depth = np.array([[FARTHEST, NEAREST, np.nan, FARTHEST - 1, (NEAREST + FARTHEST) / 2]])
    assert depth_picture(depth).tolist() == [[1, 255, 0, 1, 128]]


def test_the_nose_is_nearest_and_who_has_no_face_has_no_depth():
    rows = read_dataset("embedded").take([0])
    image = decode(rows, (160, 125)).pixels[0]
    samples = Samples([Sample(image, "face", "happy"), Sample(np.full_like(image, 128), "wall", "sad")])
    face, wall = depth_pictures(samples)
    row, column = np.unravel_index(face.argmax(), face.shape)
    assert 60 < row < 115
    assert 50 < column < 75
    assert not wall.any()
    assert features(samples, "ds+fe-gem").shape == (2, 240)


def test_landmarks_that_are_no_face_are_refused():
    for landmarks in (np.zeros((68, 2)), np.zeros((5, 2)), np.full((68, 2), np.nan)):
        with pytest.raises(ValueError, match="68 finite landmarks"):
            fit_face(landmarks)
