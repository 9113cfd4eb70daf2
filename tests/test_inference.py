"""What networks run on: names, threads, and a graphics card that is not there."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import feroi
from feroi import inference
from feroi.inference import CPU, Compute, load_onnxruntime, open_session, shipped_session
from feroi.shipped import shipped_path

YUNET = "photo/models/yunet.onnx"
NO_CUDA = "CUDAExecutionProvider" not in load_onnxruntime().get_available_providers()
no_cuda = pytest.mark.skipif(not NO_CUDA, reason="this onnxruntime knows graphics cards")


@no_cuda
def test_a_device_that_cannot_be_used_is_refused_with_what_it_needs():
    said = r"the device cuda cannot be used .* NVIDIA graphics card and pip install onnxruntime-gpu"
    with pytest.raises(ValueError, match=said):
        Compute("cuda").checked()
    with pytest.raises(ValueError, match=said):
        open_session(shipped_path(YUNET).read_bytes(), Compute("cuda"))
    with pytest.raises(ValueError, match=said):
        feroi.Reader(device="cuda")
    with pytest.raises(ValueError, match=said):
        feroi.analyze(np.zeros((9, 9, 3), np.uint8), device="cuda")


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match="unknown device 'tpu'; choose one of cpu, cuda"):
        Compute("tpu").checked()
    with pytest.raises(ValueError, match="unknown device 'tpu'"):
        feroi.Reader(device="tpu")


def test_a_card_whose_libraries_are_missing_is_not_taken_for_one(monkeypatch):
    """onnxruntime-gpu names the card whether it can use it or not, and then goes on without."""
    real = load_onnxruntime()

    class Pretending:
        SessionOptions = real.SessionOptions

        @staticmethod
        def get_available_providers():
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

        @staticmethod
        def InferenceSession(model, options, providers, enable_fallback):  # noqa: N802
            assert providers == ["CUDAExecutionProvider", "CPUExecutionProvider"]
            return real.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(inference, "load_onnxruntime", lambda: Pretending)
    with pytest.raises(ValueError, match="the device cuda cannot be used"):
        open_session(shipped_path(YUNET).read_bytes(), Compute("cuda"))


def test_the_processor_can_always_be_used():
    assert CPU.checked() is CPU
    assert open_session(shipped_path(YUNET).read_bytes()).get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_are_as_many_as_asked_for(threads):
    session = open_session(shipped_path(YUNET).read_bytes(), Compute(threads=threads))
    options = session.get_session_options()
    assert options.intra_op_num_threads == threads
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_a_process_among_several_takes_one_core(monkeypatch):
    monkeypatch.setattr(inference.multiprocessing, "parent_process", lambda: object())
    options = open_session(shipped_path(YUNET).read_bytes()).get_session_options()
    assert options.intra_op_num_threads == 1
    asked = open_session(shipped_path(YUNET).read_bytes(), Compute(threads=2)).get_session_options()
    assert asked.intra_op_num_threads == 2


def test_a_shipped_network_is_opened_once_for_each_compute():
    one = shipped_session(YUNET, Compute(threads=1))
    assert shipped_session(YUNET, Compute(threads=1)) is one
    assert shipped_session(YUNET, Compute(threads=2)) is not one


def test_a_reader_asks_every_network_for_its_threads():
    reader = feroi.Reader(threads=1)
    assert reader.options.compute == Compute("cpu", 1)


def test_no_reports_of_use_are_made_unless_asked_for():
    code = (
        "import os; os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "from feroi.inference import load_onnxruntime\n"
        "load_onnxruntime(); print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
        "os.environ['ORT_DISABLE_TELEMETRY'] = '0'\n"
        "load_onnxruntime(); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["1", "0"]
