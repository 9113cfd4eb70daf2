"""Bodies of requests, received within limits and kept in memory alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import NamedTuple, TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from feroi.deliver.server.limits import Limits
from feroi.files import shown

PHOTOS = "photos"
"""The name of every part of a batch."""

_LONGEST_NAME = 255

Body = TypeVar("Body")


class Sent(NamedTuple):
    """A photo of a batch. file: what the client calls it, for people alone; no such file is ever opened."""

    file: str
    encoded: bytes


async def receive_photo(request: Request, limits: Limits) -> bytes:
    """The body, the bytes of a picture file. Raises HTTPException 408, 413 or 415."""
    kind = _kind(request) or "application/octet-stream"
    if not (kind.startswith("image/") or kind == "application/octet-stream"):
        raise HTTPException(
            415,
            f"the body is the photo itself, image/* or application/octet-stream; got {shown(kind)!r}. "
            "curl: --data-binary @photo.jpg -H 'Content-Type: image/jpeg'",
        )
    stream = _limited(request, limits.photo_bytes)
    try:
        async with asyncio.timeout(limits.client_seconds):
            return b"".join([chunk async for chunk in stream])
    except TimeoutError:
        raise _too_slow(limits) from None


async def receive_batch(request: Request, limits: Limits) -> list[Sent]:
    """The photos of a multipart body, in order. Raises HTTPException 408, 413, 415 or 422."""
    kind = _kind(request)
    if kind != "multipart/form-data":
        raise HTTPException(
            415,
            f"a batch is multipart/form-data, each photo in a part named {PHOTOS!r}; got {shown(kind)!r}. "
            f"curl: -F {PHOTOS}=@a.jpg -F {PHOTOS}=@b.jpg",
        )
    parser = _InMemory(
        request.headers, _limited(request, limits.batch_bytes), max_files=limits.batch_photos, max_fields=0
    )
    try:
        async with asyncio.timeout(limits.client_seconds):
            form = await parser.parse()
    except TimeoutError:
        raise _too_slow(limits) from None
    except MultiPartException as error:
        raise HTTPException(
            422, f"not a batch of at most {limits.batch_photos} files and nothing else: {error.message}"
        ) from None
    try:
        return _photos(form)
    finally:
        await form.close()


class _InMemory(MultiPartParser):
    """Keeps all parts in memory, and refuses a body that ends before its last boundary."""

    spool_max_size = 2**62  # the body is limited already, and nothing may reach the disk
    _ended = False

    def on_end(self) -> None:
        self._ended = True

    async def parse(self) -> FormData:
        form = await super().parse()
        if not self._ended:
            await form.close()
            raise MultiPartException("It ends within a part.")
        return form


def _photos(form: FormData) -> list[Sent]:
    parts = form.multi_items()
    if not parts:
        raise HTTPException(422, f"no photo in the batch; send each in a part named {PHOTOS!r}")
    photos = []
    for name, part in parts:
        if name != PHOTOS or not isinstance(part, UploadFile):
            raise HTTPException(
                422, f"a part is named {shown(name)!r}; each photo is a file named {PHOTOS!r}"
            )
        # what is still of the file object goes to no decoder, which might ask it for a file on disk
        photos.append(Sent(shown(part.filename or "")[:_LONGEST_NAME], part.file.read()))
    return photos


async def _limited(request: Request, most_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises HTTPException 413 once it is known to be longer than `most_bytes`."""
    said = request.headers.get("content-length", "")
    received = int(said) if said.isdecimal() else 0
    if received <= most_bytes:
        received = 0
        async for chunk in request.stream():
            received += len(chunk)
            if received > most_bytes:
                break
            yield chunk
    if received > most_bytes:
        raise HTTPException(413, f"too many bytes: at most {most_bytes:,} are received")


def _kind(request: Request) -> str:
    """The media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_slow(limits: Limits) -> HTTPException:
    return HTTPException(408, f"the body was not received within {limits.client_seconds:g} s")
