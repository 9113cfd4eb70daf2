"""The shipped networks of others give what their sources give.

The numbers were recorded on 2026-11-26: points, presence and coefficients from the TFLite files in
`face_landmarker.task` by ai-edge-litert 2.3.0, YuNet's from the file of OpenCV Zoo by onnxruntime 1.32.0,
the astronaut in the upper left corner of its 640x640 input. See tools/convert_face_models.py.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from skimage import data

from feroi.shipped import SUMS, shipped_path

TOOL = Path(__file__).parents[2] / "tools" / "convert_face_models.py"

POINTS_XYZ_PX = {  # nose tip, eyes' outer and mouth's corners, chin, pupils
    1: (132.211, 162.02, -45.399),
    33: (75.88, 102.976, 9.511),
    61: (87.304, 179.187, 13.845),
    152: (127.057, 242.021, 16.001),
    263: (195.389, 108.953, 7.695),
    291: (174.473, 182.368, 12.514),
    468: (91.555, 103.423, 1.284),
    473: (176.611, 107.98, 0.847),
}
PRESENCE, PRESENCE_OF_GREY = 28.9306, -14.2038
COEFFICIENTS = {  # mouthSmileRight and Left first: she smiles
    **{45: 0.8918, 44: 0.8917, 35: 0.5408, 48: 0.4388, 49: 0.4115, 34: 0.3810, 19: 0.3250},
    **{20: 0.2472, 4: 0.1317, 5: 0.1304, 47: 0.1195, 18: 0.1175, 17: 0.1138, 37: 0.1029},
}
BEST_CELL = {  # of stride: its row and column, cls, obj, bbox, kps
    8: (
        (14, 27),
        (0.874769, 0.993673),
        (0.889629, 0.946806, 2.419251, 2.650883),
        (
            -1.985502,
            -1.272546,
            3.891706,
            -1.172586,
            0.545895,
            1.568064,
            -2.173390,
            3.846791,
            2.958455,
            3.954760,
        ),
    ),
    32: (
        (4, 7),
        (0.852357, 0.994082),
        (-0.009284, -0.317640, 1.038232, 1.268681),
        (
            -0.709115,
            -0.736903,
            0.637004,
            -0.687313,
            -0.054029,
            -0.075074,
            -0.636237,
            0.427620,
            0.480065,
            0.451248,
        ),
    ),
}
OF_478 = """
    0 1 4 5 6 7 8 10 13 14 17 21 33 37 39 40 46 52 53 54 55 58 61 63 65 66 67 70 78 80 81 82 84 87 88 91 93
    95 103 105 107 109 127 132 133 136 144 145 146 148 149 150 152 153 154 155 157 158 159 160 161 162 163
    168 172 173 176 178 181 185 191 195 197 234 246 249 251 263 267 269 270 276 282 283 284 285 288 291 293
    295 296 297 300 308 310 311 312 314 317 318 321 323 324 332 334 336 338 356 361 362 365 373 374 375 377
    378 379 380 381 382 384 385 386 387 388 389 390 397 398 400 402 405 409 415 454 466 468 469 470 471 472
    473 474 475 476 477
"""  # the points that the coefficients are read from

Named = dict[str, NDArray[np.float32]]


@cache
def session(name: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = shipped_path(f"photo/models/{name}.onnx")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(name: str, fed: NDArray[np.float32]) -> Named:
    (source,) = session(name).get_inputs()
    names = [output.name for output in session(name).get_outputs()]
    return dict(zip(names, session(name).run(None, {source.name: fed}), strict=True))


def test_the_tool_expects_to_make_the_shipped_files() -> None:
    folder = shipped_path("photo/models/yunet.onnx").parent
    sums = dict(line.split("  ")[::-1] for line in (folder / SUMS).read_text().splitlines())
    for name in ("yunet.onnx", "face-mesh.onnx", "blendshapes.onnx"):
        assert f'"{name}": "{sums[name]}"' in TOOL.read_text()


@cache
def her_face() -> NDArray[np.float32]:
    """(3, 256, 256) RGB in 0..1, each pixel twice in both directions."""
    crop = data.astronaut()[50:178, 158:286].repeat(2, axis=0).repeat(2, axis=1)
    return np.ascontiguousarray(crop.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def test_points_and_presence_are_those_of_tflite() -> None:
    found = run("face-mesh", her_face()[None])
    assert found["points"].shape == (1, 478, 3)
    for point, xyz in POINTS_XYZ_PX.items():
        assert found["points"][0, point] == pytest.approx(xyz, abs=5e-3)
    assert found["presence"] == pytest.approx(np.array([[PRESENCE]]), abs=1e-3)


def test_faces_together_are_read_as_alone() -> None:
    grey = np.full((3, 256, 256), 0.5, np.float32)
    alone, together = run("face-mesh", her_face()[None]), run("face-mesh", np.stack([grey, her_face(), grey]))
    assert together["points"].shape == (3, 478, 3)
    assert together["points"][1] == pytest.approx(alone["points"][0], abs=1e-3)
    assert together["presence"][:, 0] == pytest.approx(
        [PRESENCE_OF_GREY, PRESENCE, PRESENCE_OF_GREY], abs=1e-3
    )


def test_coefficients_are_those_of_tflite_wherever_the_face_is_and_however_large() -> None:
    points = run("face-mesh", her_face()[None])["points"][0, [int(point) for point in OF_478.split()], :2]
    found = run("blendshapes", np.stack([points, 0.3 * points + 700]).astype(np.float32))["coefficients"]
    assert found.shape == (2, 52)
    for coefficients in found:
        for at, value in COEFFICIENTS.items():
            assert coefficients[at] == pytest.approx(value, abs=2e-3)
        others = np.delete(coefficients, list(COEFFICIENTS))
        assert 0 <= others.min() <= others.max() < 0.11


def astronaut_bgr(height: int, width: int) -> NDArray[np.float32]:
    """(3, height, width) in 0..255, cut or filled up with black at the right and below."""
    photo = np.zeros((3, height, width), np.float32)
    cut = data.astronaut()[:height, :width, ::-1].transpose(2, 0, 1)
    photo[:, : cut.shape[1], : cut.shape[2]] = cut
    return photo


@pytest.mark.parametrize(
    ("height", "width", "tolerance"),
    [(640, 640, 1e-4), (512, 640, 0.03), (320, 448, 0.06)],  # other sizes see other surroundings of the face
)
def test_yunet_at_any_size_and_number_of_photos(height: int, width: int, tolerance: float) -> None:
    photo = astronaut_bgr(height, width)
    found = run("yunet", np.stack([np.zeros_like(photo), photo]))
    for stride, ((row, column), *expected) in BEST_CELL.items():
        rows, columns = height // stride, width // stride
        for name, size in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items():
            assert found[f"{name}_{stride}"].shape == (2, rows * columns, size)
        score = np.sqrt(found[f"cls_{stride}"] * found[f"obj_{stride}"])[..., 0]
        best = score[1].argmax()
        assert divmod(best, columns) == (row, column)
        assert score[0].max() < 0.1
        cell = {name: found[f"{name}_{stride}"][1, best] for name in ("cls", "obj", "bbox", "kps")}
        for values, wanted in zip(
            ((*cell["cls"], *cell["obj"]), cell["bbox"], cell["kps"]), expected, strict=True
        ):
            assert values == pytest.approx(wanted, abs=tolerance)
