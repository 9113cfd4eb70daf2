"""Bodies of requests, received within limits and kept in memory alone."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from feroi.files import display_name, json_object
from feroi.server.limits import Limits

PHOTO, PHOTOS = "photo", "photos"
"""The name of a photo in JSON, and of those of a batch, in forms too."""
FORM, JSON = "multipart/form-data", "application/json"

_LONGEST_NAME = 255
_ENVELOPE_BYTES = 10_000  # what a form or JSON adds to a photo
_DATA_URI = re.compile(r"(?i)\s*data:[^,]{0,100};base64,")
_URL_SAFE = str.maketrans("-_", "+/")


class Sent(NamedTuple):
    """A photo of a batch. file: what the client calls it, for people alone; no such file is ever opened.
    problem: why it is none, if it is not."""

    file: str
    encoded: bytes
    problem: str = ""


async def receive_photo(request: Request, limits: Limits) -> bytes:
    """The bytes of a picture file: the body itself, the one file of a form, or base64 in JSON.

    Raises HTTPException 408, 413, 415 or 422.
    """
    _check_plain(request)
    kind = _kind(request) or "application/octet-stream"
    if kind == FORM:
        form = await _form(request, limits, limits.photo_bytes + _ENVELOPE_BYTES, 1)
        try:
            return _checked(_files(form)[0].encoded, limits)
        finally:
            await form.close()
    if kind == JSON:
        body = await _received(request, limits, _as_base64(limits.photo_bytes))
        return _checked(_decoded(_only_field(body, PHOTO, "its bytes in base64")), limits)
    if not (kind.startswith("image/") or kind == "application/octet-stream"):
        raise HTTPException(
            415,
            f"the body is the photo itself, image/* or application/octet-stream, a form of one file, or JSON "
            f'{{"{PHOTO}": "its bytes in base64"}}; got {display_name(kind)!r}. '
            "curl: --data-binary @photo.jpg -H 'Content-Type: image/jpeg'",
        )
    return await _received(request, limits, limits.photo_bytes)


async def receive_batch(request: Request, limits: Limits) -> list[Sent]:
    """The photos of a form, or of JSON, in order. Raises HTTPException 408, 413, 415 or 422."""
    _check_plain(request)
    kind = _kind(request)
    if kind == JSON:
        body = await _received(request, limits, _as_base64(limits.batch_bytes))
        return _listed(_only_field(body, PHOTOS, "a list"), limits)
    if kind != FORM:
        raise HTTPException(
            415,
            f"a batch is {FORM}, each photo in a part named {PHOTOS!r}, or JSON "
            f'{{"{PHOTOS}": ["bytes in base64", ...]}}; got {display_name(kind)!r}. '
            f"curl: -F {PHOTOS}=@a.jpg -F {PHOTOS}=@b.jpg",
        )
    form = await _form(request, limits, limits.batch_bytes, limits.batch_photos)
    try:
        for name, _ in form.multi_items():
            if name != PHOTOS:
                raise HTTPException(
                    422, f"a part is named {display_name(name)!r}; each photo is a file named {PHOTOS!r}"
                )
        return _files(form)
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


async def _form(request: Request, limits: Limits, most_bytes: int, most_files: int) -> FormData:
    parser = _InMemory(request.headers, _limited(request, most_bytes), max_files=most_files, max_fields=0)
    try:
        async with asyncio.timeout(limits.client_seconds):
            return await parser.parse()
    except TimeoutError:
        raise _too_slow(limits) from None
    except MultiPartException as error:
        wanted = (
            "a photo alone" if most_files == 1 else f"a batch of at most {most_files} files and nothing else"
        )
        why = error.message
        if why.startswith("Too many fields"):
            why = "it has a field of text; send photos as files, and options in the address"
        raise HTTPException(422, f"not {wanted}: {why}") from None


def _files(form: FormData) -> list[Sent]:
    parts = [part for _, part in form.multi_items()]
    if not parts:
        raise HTTPException(422, f"no photo in the form; send each in a part named {PHOTOS!r}")
    files = [part for part in parts if isinstance(part, UploadFile)]
    if len(files) != len(parts):
        raise HTTPException(422, "a part is no file; send photos as files, and nothing else")
    # what is still of the file object goes to no decoder, which might ask it for a file on disk
    return [Sent(_short(part.filename or ""), part.file.read()) for part in files]


def _only_field(body: bytes, name: str, what: str) -> Any:
    """The value of the only field of a JSON object. Raises HTTPException 422 for any other JSON, or none."""
    try:
        fields = json_object(body)
    except ValueError as error:
        raise HTTPException(422, f"not JSON: {error}") from None
    if set(fields) != {name}:
        there = ", ".join(repr(_short(key)) for key in [*fields][:9]) or "nothing"
        raise HTTPException(422, f'the body is {{"{name}": {what}}} and holds nothing else; got {there}')
    return fields[name]


def _listed(photos: Any, limits: Limits) -> list[Sent]:
    if not isinstance(photos, list) or not 1 <= len(photos) <= limits.batch_photos:
        raise HTTPException(422, f"{PHOTOS!r} is a list of 1 to {limits.batch_photos} photos in base64")
    if not all(isinstance(photo, str) for photo in photos):
        raise HTTPException(422, f"{PHOTOS!r} is a list of texts, each a photo in base64")
    sent = []
    for number, photo in enumerate(photos):
        try:
            sent.append(Sent(f"photo {number}", _decoded(photo)))
        except HTTPException as error:
            sent.append(Sent(f"photo {number}", b"", error.detail))
    return sent


def _decoded(text: Any) -> bytes:
    """The bytes of a photo in base64, in lines or not, of either alphabet, with its filling or without; or
    in a data URI. Raises HTTPException 422."""
    try:
        if not isinstance(text, str):
            raise ValueError
        plain = "".join(_DATA_URI.sub("", text, count=1).split()).translate(_URL_SAFE).rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        address = isinstance(text, str) and "://" in text[:_LONGEST_NAME]
        why = "; URLs are not fetched" if address else ""
        raise HTTPException(422, f"a photo in JSON is a text: the bytes of its file in base64{why}") from None


def _checked(encoded: bytes, limits: Limits) -> bytes:
    if len(encoded) > limits.photo_bytes:
        raise HTTPException(413, f"too many bytes: at most {limits.photo_bytes:,} are received")
    return encoded


def _as_base64(most_bytes: int) -> int:
    return most_bytes * 4 // 3 + _ENVELOPE_BYTES


def _short(name: str) -> str:
    return display_name(name)[:_LONGEST_NAME]


async def _received(request: Request, limits: Limits, most_bytes: int) -> bytes:
    try:
        async with asyncio.timeout(limits.client_seconds):
            return b"".join([chunk async for chunk in _limited(request, most_bytes)])
    except TimeoutError:
        raise _too_slow(limits) from None


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


def _check_plain(request: Request) -> None:
    """Raises HTTPException 415 for a body that is compressed, beside what its photos are."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        told = f"the body is encoded by {display_name(coding)[:100]!r}; send it as it is"
        raise HTTPException(415, told, {"Accept-Encoding": "identity"})


def _kind(request: Request) -> str:
    """The media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_slow(limits: Limits) -> HTTPException:
    return HTTPException(408, f"the body was not received within {limits.client_seconds:g} s")
