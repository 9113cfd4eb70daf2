"""Freed memory goes back to the system."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from feroi.server.queue import give_back


def _resident_mb() -> float:
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc that keeps it")
def test_what_a_thread_freed_below_what_it_holds_is_given_back():
    held = []

    def work():
        pieces = [b"x" * 50_000 for _ in range(2000)]  # 100 MB in its own heap, too small to be mapped
        held.append(pieces[-1])  # the heap's end, so that it cannot shrink of itself

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before = _resident_mb()
    give_back()
    assert before - _resident_mb() > 50
    assert held
