"""Nothing is kept or sent about who reads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

READ = "import feroi, numpy as np; print(feroi.Reader().read(np.zeros((200, 200, 3), np.uint8)))"


@pytest.mark.slow
def test_reading_leaves_nothing_behind(tmp_path):
    """Unasked, onnxruntime keeps an identity of the machine and a file of its session."""
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    folders = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    run = [sys.executable, "-B", "-c", READ]
    result = subprocess.run(run, env=kept | folders, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
    assert list(tmp_path.rglob("*")) == []
