"""A connection to a Ray cluster that talks to nobody else and says little."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCAL = "local"
"""The address of a cluster that is made here, of this machine alone, and ended with the work."""

_WAIT_S = 10


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Ray's cluster at `address`: LOCAL, "auto" (the one this machine is part of), HOST:PORT or ray://HOST:PORT.

    Reports of use, which Ray sends its maker, are off unless RAY_USAGE_STATS_ENABLED says otherwise. Raises
    ConnectionError if there is no cluster, ModuleNotFoundError without feroi[scale].
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what it says below that is for its makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else it warns of a change to come
    import ray
    from ray.data import DataContext

    if ray.is_initialized():
        yield
        return
    dashboard = False if address == LOCAL else None  # Ray refuses the word where the cluster is there
    try:
        _knock(address)
        with _hushed():
            ray.init(address, include_dashboard=dashboard, logging_level=logging.ERROR, log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConnectionError(
            f"no Ray cluster at {address} ({_first_line(error)}); start one with 'ray start --head', or give "
            f"{LOCAL!r} for this machine alone"
        ) from None
    DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _hushed() -> Iterator[None]:
    """Without what native code says on standard error, such as that it will say less."""
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _knock(address: str) -> None:
    """Raises OSError at once if nobody is at HOST:PORT, where Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:
        with socket.create_connection((host, int(port)), _WAIT_S):
            pass


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
