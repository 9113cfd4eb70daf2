"""The OBJ reader on made-up files, and FaceKit itself where there is a clone."""

from __future__ import annotations

import numpy as np
import pytest

from feroi.synthetic.facekit import EYE, FACE, FaceKitError, load_facekit, read_obj

_OBJ = """\
# a square and a triangle
mtllib none.mtl
v 0 0 0
v 1 0 0
v 1 1 0.5
v 0 1 0
v 2 2 2
vt 0.1 0.2
vt 0.9 0.2
vt 0.9 0.8
vt 0.1 0.8
vn 0 0 1
usemtl skin
f 1/1 2/2 3/3 4/4
f 2/1/1 5/2/1 3/3/1
"""


def test_polygons_become_fans(tmp_path):
    path = tmp_path / "square.obj"
    path.write_text(_OBJ)
    obj = read_obj(path)
    assert obj.vertices.shape == (5, 3)
    np.testing.assert_array_equal(obj.vertices[2], [1, 1, 0.5])
    np.testing.assert_array_equal(obj.triangles, [[0, 1, 2], [0, 2, 3], [1, 4, 2]])
    np.testing.assert_array_equal(obj.texture_triangles, [[0, 1, 2], [0, 2, 3], [0, 1, 2]])
    np.testing.assert_array_equal(obj.texture[3], [0.1, 0.8])


@pytest.mark.parametrize(
    ("face", "words"), [("f 1 2 3", "no texture"), ("f 1/1 2/2 9/3", "v that is not there")]
)
def test_broken_faces_are_named(tmp_path, face, words):
    path = tmp_path / "broken.obj"
    path.write_text(_OBJ + face + "\n")
    with pytest.raises(FaceKitError, match=words):
        read_obj(path)


@pytest.mark.parametrize("name", ["nothing", "."])
def test_wrong_folder_shows_layout_and_source(tmp_path, name):
    with pytest.raises(FaceKitError, match="generic_neutral_mesh") as caught:
        load_facekit(tmp_path / name)
    assert "git clone" in str(caught.value)


def test_real_model_is_symmetric_and_whole(real_model):
    assert real_model.vertices.shape == (26719, 3)
    assert real_model.identity.shape == (100, 26719, 3)
    assert len(real_model.shapes) == 57
    assert (real_model.part == FACE).sum() == 18878
    assert (real_model.part == EYE).sum() == 3072
    marks = real_model.vertices[real_model.landmarks]
    mirrored = marks[16::-1] * [-1, 1, 1]
    np.testing.assert_allclose(marks[:17], mirrored, atol=1e-3)
    np.testing.assert_allclose(marks[36:48, 1].mean(), real_model.eyes[0].centre[1], atol=0.3)
