"""The application behind a port."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from feroi.server.limits import Limits

_LINGER_SECONDS = 5.0  # for whoever still sends a body that was answered already
_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 10  # for what is being read when the server is told to stop


class PatientProtocol(H11Protocol):
    """HTTP/1.1, with an end to the patience with clients that are slow or silent.

    A connection is cut after `seconds` in which the server did not work for it: while headers come in, or an
    answer is not taken. What uvicorn waits for has no end otherwise.
    """

    def __init__(self, *args: Any, seconds: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._seconds = seconds
        self._since = self.loop.time()
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()

    def _watch(self) -> None:
        now = self.loop.time()
        if self.cycle is not None and not self.cycle.response_started:
            self._since = now  # the limits of the application hold
        sends_on = self.cycle is not None and self.conn.their_state is h11.SEND_BODY
        if now - self._since > (min(_LINGER_SECONDS, self._seconds) if sends_on else self._seconds):
            self.transport.abort()
        else:
            self._look = self.loop.call_later(_LOOK_SECONDS, self._watch)


def server_of(app: FastAPI, host: str, port: int, limits: Limits) -> uvicorn.Server:
    """A server of `app`, to be run. It logs faults of its own, and nothing of requests."""
    # the parser of multipart bodies would write a line, with a byte of what was sent, for each malformed one
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host,
            port,
            http=partial(PatientProtocol, seconds=limits.client_seconds),  # type: ignore[arg-type]
            ws="none",
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=limits.connections,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
