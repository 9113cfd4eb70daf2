"""What can be asked of the server: each method answers one path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import feroi
from feroi.photo.decode import UnreadableImage
from feroi.results import Photo
from feroi.server.answers import (
    BatchAnswer,
    Health,
    PhotoAnswer,
    as_answer,
    as_overlay,
    as_report,
    unreadable,
)
from feroi.server.body import Sent, receive_batch, receive_photo
from feroi.server.queue import Late, ReadingQueue

Told = TypeVar("Told")


class PngResponse(Response):
    """A PNG picture."""

    media_type = "image/png"


class Endpoints:
    """Answers requests through a queue."""

    def __init__(self, queue: ReadingQueue) -> None:
        self._queue = queue

    @property
    def model(self) -> str:
        """The name of the model that reads."""
        return self._queue.reader.name

    async def read(self, request: Request) -> PhotoAnswer:
        """Every face of the photo in the body: expression, probabilities, box, quality, regions."""
        return await self._one(request, as_answer)

    async def overlay(self, request: Request) -> Response:
        """The photo in the body with its readings drawn on it; one of less than 1000 px is drawn larger."""
        return PngResponse(await self._one(request, as_overlay))

    async def report(self, request: Request) -> Response:
        """A page about the photo in the body, one file with all its pictures inside."""
        return HTMLResponse(await self._one(request, partial(as_report, model=self._queue.reader.name)))

    async def batch(self, request: Request) -> list[BatchAnswer]:
        """Every face of many photos, an entry each, in order. One that cannot be read has a status that says
        why; the others are read."""
        with self._queue.place():
            photos = await receive_batch(request, self._queue.limits)
            async with _gone(request) as gone:
                return [await self._entry(sent, gone) for sent in photos]

    async def health(self) -> Health:
        """Whether the server is up, and how busy."""
        queue = self._queue
        return Health(
            version=feroi.__version__,
            model=queue.reader.name,
            taken=queue.taken,
            places=queue.limits.places,
        )

    async def _one(self, request: Request, tell: Callable[[Photo], Told]) -> Told:
        with self._queue.place():
            encoded = await receive_photo(request, self._queue.limits)
            async with _gone(request) as gone:
                return await self._queue.read(encoded, tell, gone)

    async def _entry(self, sent: Sent, gone: asyncio.Future[None]) -> BatchAnswer:
        if sent.problem:
            return unreadable(sent.file, sent.problem)
        most = self._queue.limits.photo_bytes
        if len(sent.encoded) > most:
            return unreadable(sent.file, f"too many bytes: at most {most:,} are read")
        try:
            found = await self._queue.read(sent.encoded, as_answer, gone)
        except (UnreadableImage, Late) as error:
            return unreadable(sent.file, str(error))
        return BatchAnswer(file=sent.file, **dict(found))


@asynccontextmanager
async def _gone(request: Request) -> AsyncIterator[asyncio.Future[None]]:
    """Done as soon as the client of `request`, whose body was received, hangs up."""

    async def hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    watch = asyncio.create_task(hung_up())
    try:
        yield watch
    finally:
        watch.cancel()
