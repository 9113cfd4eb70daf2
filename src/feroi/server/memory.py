"""Memory that is free, and the C library keeps."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Give what is free back to the system, which glibc alone can be asked for.

    It keeps freed memory in a heap a thread; decoded photos of ever other sizes leave hundreds of MB there.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
