"""The map of movement against hand computation."""

from __future__ import annotations

import numpy as np

from feroi.synthetic.camera import Camera
from feroi.synthetic.facekit import EYE, FACE, TEETH
from feroi.synthetic.mesh import Mesh, join, plain
from feroi.synthetic.raster import visible_triangles
from feroi.synthetic.scene import Screen, movement_maps
from feroi.synthetic.truth import MOVEMENT_STEP

_PX_A_CM = 10.0
_SIDE_PX = 42  # not a multiple of the step, so the last cells are smaller


def _square(half: float, z: float, part: int) -> Mesh:
    """Nine vertices around the middle one, number 4, in the plane z."""
    y, x = np.meshgrid([half, 0, -half], [-half, 0, half], indexing="ij")
    vertices = np.stack([x, y, np.full_like(x, z)], axis=-1).reshape(-1, 3)
    cells = [(0, 1), (1, 2), (3, 4), (4, 5)]
    triangles = [[a, a + 3, a + 4] for a, _ in cells] + [[a, a + 4, b] for a, b in cells]
    return plain(vertices, np.array(triangles, dtype=np.int32), part)


def _front_camera() -> Camera:
    linear = np.diag([_PX_A_CM, -_PX_A_CM])
    return Camera(np.eye(3), np.zeros(3), linear, np.full(2, _SIDE_PX / 2))


def _screen(mesh: Mesh, fineness: int) -> Screen:
    places, near = _front_camera().enlarged(fineness).project(mesh.vertices)
    x, y = places.T.copy()
    side = _SIDE_PX * fineness
    seen, _ = visible_triangles(x, y, near, mesh.cut, mesh.triangles, side, side)
    return Screen(x, y, near, seen, fineness)


def _maps(mesh, facial, moved, landmarks):
    return movement_maps(mesh, facial, moved, landmarks, _front_camera(), _screen(mesh, 2))


def test_one_vertex_moved_by_a_centimetre():
    """A tent of ten pixels over the middle vertex, which falls linearly to the edges of the six
    triangles that share it: 1 - max(|u|, |v|, |u - v|) for this diagonal."""
    mesh = _square(2.0, 0.0, FACE)
    moved = np.zeros((9, 3))
    moved[4] = [0.6, 0.8, 0.0]
    found = _maps(mesh, np.ones(9), [moved], np.zeros(68, dtype=np.int32))
    sample = np.arange(_SIDE_PX) + 0.25  # the middle of the first of two finer pixels
    u = (sample - _SIDE_PX / 2) / 20
    across, down = np.meshgrid(u, u)
    height = 1 - np.maximum.reduce([np.abs(across), np.abs(down), np.abs(across - down)])
    tent = _PX_A_CM * np.clip(height, 0, None)
    cells = -(-_SIDE_PX // MOVEMENT_STEP)
    expected = [
        [
            tent[4 * i : 4 * i + 4, 4 * j : 4 * j + 4].mean()  # short slices at the rim
            for j in range(cells)
        ]
        for i in range(cells)
    ]
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    np.testing.assert_array_equal(found[0], found[1])


def test_opposite_movements_cancel_in_the_whole_only():
    mesh = _square(2.0, 0.0, FACE)
    moved = np.zeros((9, 3))
    moved[4, 0] = 0.5
    found = _maps(mesh, np.ones(9), [moved, -moved], np.zeros(68, dtype=np.int32))
    assert found[0].max() == 0
    np.testing.assert_allclose(found[1], found[2], atol=1e-6)
    assert found[1].max() > 3


def test_only_the_face_counts_and_what_hides_it_does_not():
    face, glasses = _square(2.0, 0.0, FACE), _square(1.0, 0.5, FACE)
    moved = np.ones((9, 3)) * [1.0, 0.0, 0.0]
    facial = np.ones(9)
    facial[[0, 1, 2]] = 0.0  # the upper edge is hair
    found = _maps(join([face, glasses]), facial, [moved], np.zeros(68, dtype=np.int32))[0]
    assert found[5, 5] == 0  # behind the glasses
    assert found[1, 5] < 0.4 * found[9, 5]
    np.testing.assert_allclose(found[9, 5], _PX_A_CM, rtol=1e-5)


def test_openings_take_the_largest_movement_on_their_rim():
    """Teeth and an eye do not move; landmarks 60 and 42 stand on moved corners of the skin."""
    skin = _square(2.0, 0.0, FACE)
    teeth = _square(0.5, 0.2, TEETH)
    teeth = teeth._replace(vertices=teeth.vertices + np.array([0.0, -1.2, 0.0]))
    eye = _square(0.4, 0.2, EYE)
    eye = eye._replace(vertices=eye.vertices + np.array([1.2, 1.2, 0.0]))  # on the subject's left
    mesh = join([skin, teeth, eye])
    moved = np.zeros((9, 3))
    moved[8, 1], moved[2, 0] = -0.7, 0.3
    landmarks = np.full(68, 4, dtype=np.int32)
    landmarks[60], landmarks[42] = 8, 2
    found = _maps(mesh, np.ones(9), [moved], landmarks)[0]
    np.testing.assert_allclose(found[8, 5], 7.0, rtol=1e-5)
    np.testing.assert_allclose(found[2, 8], 3.0, rtol=1e-5)


def test_no_movement_without_action_units():
    found = _maps(_square(2.0, 0.0, FACE), np.ones(9), [], np.zeros(68, dtype=np.int32))
    assert found.shape == (1, 11, 11)
    assert found.max() == 0
