"""The z-buffer against rays cast one by one, and light against hand computation."""

from __future__ import annotations

import numpy as np

from feroi.synthetic.raster import interpolate, irradiance, vertex_normals, visible_triangles


def _cast(x, y, depth, triangles, cut, height, width):
    """Each pixel's nearest triangle, by solving for barycentric weights one triangle at a time."""
    seen = np.full((height, width), -1)
    for row in range(height):
        for column in range(width):
            nearest = -np.inf
            for t, corner in enumerate(triangles):
                system = np.stack([x[corner], y[corner], np.ones(3)])
                weights = np.linalg.solve(system, [column + 0.5, row + 0.5, 1.0])
                if weights.min() < 0 or weights @ cut[corner] < 0:
                    continue
                if weights @ depth[corner] > nearest:
                    nearest, seen[row, column] = weights @ depth[corner], t
    return seen


def test_z_buffer_agrees_with_rays():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-4, 24, 15), rng.uniform(-4, 18, 15)
    depth, cut = rng.uniform(0.5, 2, 15), rng.uniform(-0.5, 2, 15)
    triangles = rng.permutation(15).reshape(5, 3).astype(np.int32)
    triangles = np.concatenate([triangles, rng.permutation(15).reshape(5, 3)]).astype(np.int32)
    seen, near = visible_triangles(x, y, depth, cut, triangles, 14, 20)
    expected = _cast(x, y, depth, triangles, cut, 14, 20)
    np.testing.assert_array_equal(seen, expected)
    assert len(np.unique(expected)) > 5
    assert np.isneginf(near[expected < 0]).all()


def test_neighbours_leave_no_gap_and_no_empty_triangle_shows():
    x = np.array([0.0, 8, 8, 0, 4])
    y = np.array([0.0, 0, 8, 8, 4])
    triangles = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [0, 4, 2]], dtype=np.int32)
    seen, _ = visible_triangles(x, y, np.ones(5), np.ones(5), triangles, 8, 8)
    assert set(seen.ravel()) == {0, 1, 2, 3}


def test_attributes_are_those_where_the_ray_meets_the_plane():
    """Pinhole at distance 10 looking along -z: a point (X, Y, Z) falls on 20 X / (10 - Z)."""
    corners = np.array([[-3.0, -2, 1], [4, -1, -6], [0, 5, 2]])
    near = 1 / (10 - corners[:, 2])
    x, y = 20 * corners[:, 0] * near + 15, 20 * corners[:, 1] * near + 15
    triangles = np.array([[0, 1, 2]], dtype=np.int32)
    seen, _ = visible_triangles(x, y, near, np.ones(3), triangles, 30, 30)
    found = interpolate(x, y, near, triangles, seen, corners, 1)
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    for row, column in np.argwhere(seen == 0)[::7]:
        ray = np.array([(column + 0.5 - 15) / 20, (row + 0.5 - 15) / 20, -1.0])
        eye = np.array([0, 0, 10.0])
        hit = eye + ray * (normal @ (corners[0] - eye)) / (normal @ ray)
        np.testing.assert_allclose(found[row, column], hit, atol=1e-9)
    assert (found[seen < 0] == 0).all()


def test_normals_of_an_octahedron_point_away_from_its_middle():
    vertices = np.concatenate([np.eye(3), -np.eye(3)]) * 2.0
    triangles = np.array(
        [[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]],
        dtype=np.int32,
    )
    np.testing.assert_allclose(vertex_normals(vertices, triangles), vertices / 2, atol=1e-12)


def test_light_follows_the_cosine_and_a_roof_shades():
    floor = np.array([[-9.0, 0, -9], [9, 0, -9], [9, 0, 9], [-9, 0, 9], [0, 0, 0]])
    roof = np.array([[-4.5, 4, -4.5], [4.5, 4, -4.5], [4.5, 4, 4.5], [-4.5, 4, 4.5]])
    vertices = np.concatenate([floor, roof])
    triangles = np.array([[0, 4, 1], [1, 4, 2], [2, 4, 3], [3, 4, 0], [5, 7, 6], [5, 8, 7]], dtype=np.int32)
    normals = np.tile([0.0, 1.0, 0.0], (9, 1))
    tilted = np.array([0.6, 0.8, 0.0])
    above = np.array([0.01, np.sqrt(1 - 2e-4), 0.01])
    both = irradiance(
        vertices, normals, np.ones(9), triangles, np.stack([tilted, above]), np.array([2.0, 1.0])
    )
    np.testing.assert_allclose(both[0], 2 * 0.8 + above[1], atol=1e-9)
    np.testing.assert_allclose(both[4], 0.0, atol=1e-9)  # the roof hides both lamps from the middle
