"""onnxruntime as a part that talks to nobody."""

from __future__ import annotations

import os
from typing import Any


def load_onnxruntime() -> Any:
    """The module onnxruntime, without the reports of use that its official builds make.

    Otherwise they keep an identity of the machine under the home folder, a file in the folder of temporary
    ones, and send what they gather to their maker. The environment variable ORT_DISABLE_TELEMETRY, where it
    is set, is left as it is; a program that imported onnxruntime before has decided for itself.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime
