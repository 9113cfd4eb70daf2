"""What an ONNX file holds, told from its bytes before anything runs it. Needs no onnx.

The fields are those of onnx.proto: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

Value = int | memoryview

_MODEL_GRAPH, _MODEL_FUNCTIONS = 7, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_FUNCTION_NODE = 7
_NODE_OPERATOR, _NODE_ATTRIBUTE = 4, 5
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
_TENSOR_KIND, _TENSOR_FLOATS, _TENSOR_DOUBLES, _TENSOR_RAW = 2, 4, 10, 9
_TENSOR_ELSEWHERE = (13, 14)

_FLOATING: Mapping[int, str] = {1: "<f4", 10: "<f2", 11: "<f8"}


def check_graph(content: bytes) -> None:
    """Raises ValueError for an ONNX file that is no plain computation with all its weights in it.

    Refused are weights in other files, which may be anybody's; graphs within operators, which are loops
    and branches; sparse weights; weights that are not finite.
    """
    for graph in _parts(memoryview(content), _MODEL_GRAPH):
        if any(True for _ in _parts(graph, _GRAPH_SPARSE)):
            raise ValueError("it has sparse weights")
        for tensor in _parts(graph, _GRAPH_INITIALIZER):
            _check_tensor(tensor)
        for node in _parts(graph, _GRAPH_NODE):
            _check_node(node)
    for function in _parts(memoryview(content), _MODEL_FUNCTIONS):
        for node in _parts(function, _FUNCTION_NODE):
            _check_node(node)


def _check_node(node: memoryview) -> None:
    operator = b"".join(bytes(name) for name in _parts(node, _NODE_OPERATOR)).decode(errors="replace")
    for attribute in _parts(node, _NODE_ATTRIBUTE):
        if any(True for _ in _parts(attribute, *_ATTRIBUTE_GRAPHS)):
            raise ValueError(f"its operator {operator!r:.60} runs a graph of its own, as loops do")
        if any(True for _ in _parts(attribute, *_ATTRIBUTE_SPARSE)):
            raise ValueError("it has sparse weights")
        for tensor in _parts(attribute, *_ATTRIBUTE_TENSORS):
            _check_tensor(tensor)


def _check_tensor(tensor: memoryview) -> None:
    kind = 0
    numbers: list[tuple[str, memoryview]] = []
    for field, value in _fields(tensor):
        if field in _TENSOR_ELSEWHERE and value != 0:
            raise ValueError("it keeps weights in another file; export it with all weights inside")
        if field == _TENSOR_KIND and isinstance(value, int):
            kind = value
        elif isinstance(value, memoryview) and field in (_TENSOR_FLOATS, _TENSOR_DOUBLES, _TENSOR_RAW):
            numbers.append(({_TENSOR_FLOATS: "<f4", _TENSOR_DOUBLES: "<f8"}.get(field, ""), value))
    for form, stored in numbers:
        form = form or _FLOATING.get(kind, "")
        whole = form and len(stored) % np.dtype(form).itemsize == 0
        if whole and not np.isfinite(np.frombuffer(stored, form)).all():
            raise ValueError("it holds weights that are not finite")


def _parts(message: memoryview, *wanted: int) -> Iterator[memoryview]:
    for field, value in _fields(message):
        if field in wanted and isinstance(value, memoryview):
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message of Protocol Buffers by their numbers; values of fixed length are left as bytes.

    Raises ValueError where it is no such message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind not in (1, 2, 5):
            raise ValueError("it is damaged")
        length = {1: 8, 5: 4}.get(kind, 0)
        if kind == 2:
            length, at = _varint(message, at)
        if at + length > len(message):
            raise ValueError("it is cut off")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for turn in range(10):
        if at >= len(message):
            raise ValueError("it is cut off")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << (7 * turn)
        if byte < 0x80:
            return value, at
    raise ValueError("it is damaged")
