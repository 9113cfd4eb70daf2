"""What people hand over as a photo: names, paths, bytes, open files, pictures in memory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image

from feroi.photo.arrays import ARRAY
from feroi.photo.decode import EncodedPhoto, NoPhoto, Source, as_photo

_SCHEMES = (
    "https?|ftps?|sftp|scp|smb|rtsps?|rtmps?|s3a?|gs|gcs|hdfs|abfss?|wasbs?|az|azure|dbfs|oss|r2|hf|blob|file"
)
_URL = re.compile(rf"(?i)\s*(?:[a-z][a-z0-9+.-]+://|(?:{_SCHEMES}):)")
"""Any scheme with two slashes; those people use with one, too, which is what paths make of them."""
_NO_URL = "URLs are not fetched; download the picture, and give its file or its bytes"
_DATA_URI = re.compile(r"(?i)\s*[\"']?data:[^,]{0,200},")
_BASE64 = re.compile(r"\s*[\"']?(?:[/_]9j[/_]|iVBORw0KGgo|R0lGOD|UklGR|SUkqA|TU0AK|AAAA.{2}Z0eX|Qk[0-3])")
_NO_BASE64 = "a photo as base64 text; give its bytes: base64.b64decode(text)"
_NO_NAME = "a text that names no file, and is too long to; give a file's name, or the bytes of one"
_SHORTEST_BASE64, _LONGEST_NAME, _KEPT_OF_NAME = 100, 1000, 60


@runtime_checkable
class ReadableFile(Protocol):
    """An open file, or what reads like one."""

    def read(self) -> bytes:
        """All of it."""


Handed = str | os.PathLike[str] | bytes | bytearray | memoryview | ReadableFile | Source
"""A photo: the name of its file, what the file holds, an open file, or as `photo.pixels.Source`."""

_ONE = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, EncodedPhoto, NoPhoto, ReadableFile)


def as_source(photo: Handed) -> Source:
    """What is to be read. Raises TypeError or ValueError for what is no photo, as `pixels.as_photo`.

    A file object is read from its beginning, if it can go there. An address, a text that is a photo in
    base64, and a file that fails become a `NoPhoto` that says so.
    """
    if isinstance(photo, EncodedPhoto | NoPhoto | Image.Image):
        return photo
    if isinstance(photo, np.ndarray):
        return as_photo(photo)
    if isinstance(photo, str):
        return photo_named(photo)
    if isinstance(photo, os.PathLike):
        return photo_named(os.fsdecode(photo))
    if isinstance(photo, bytes | bytearray | memoryview):
        return EncodedPhoto("", bytes(photo))
    if isinstance(photo, ReadableFile):
        return _of_file(photo)
    raise TypeError(_why_none(photo))


def as_row(photo: Handed, number: int) -> Source:
    """`photo` as `as_source`; what is no photo becomes a `NoPhoto`, so that others are read beside it."""
    try:
        return as_source(photo)
    except (TypeError, ValueError) as error:
        return NoPhoto(f"photo {number}", str(error))


def photo_named(name: str) -> Path | NoPhoto:
    """The file of that name; where there is none, what else the text is, if it is something else."""
    if not name:
        return NoPhoto("", "an empty text in place of a file's name")
    if os.path.exists(name):  # noqa: PTH110 (pathlib raises for names that are too long)
        return Path(name)
    reason = why_no_name(name)
    if reason is None:
        return Path(name)
    return NoPhoto(_cut(name) if reason == _NO_URL else "", reason)


def why_no_name(text: str) -> str | None:
    """What a text that names no file is instead; None if it may be the name of one."""
    if _DATA_URI.match(text) or (len(text) >= _SHORTEST_BASE64 and _BASE64.match(text)):
        return _NO_BASE64
    if _URL.match(text):
        return _NO_URL
    return _NO_NAME if len(text) > _LONGEST_NAME else None


def _why_none(photo: object) -> str:
    hint = ""
    if hasattr(photo, "__array__"):  # a tensor
        hint = "; numpy.asarray makes an array of it"
    elif isinstance(photo, Iterable):
        hint = "; Reader.read_many takes many photos"
    return (
        f"a photo is a file's name, its bytes, an open file, a Pillow image, or {ARRAY}; "
        f"got {type(photo).__name__}{hint}"
    )


def is_one_photo(photos: object) -> bool:
    """Whether what was handed over in place of many photos is one."""
    if isinstance(photos, np.ndarray):
        return photos.ndim == 2 or (photos.ndim == 3 and photos.shape[2] in (1, 3, 4))
    return isinstance(photos, _ONE)


def _of_file(file: ReadableFile) -> EncodedPhoto | NoPhoto:
    name = getattr(file, "name", "")
    name = name if isinstance(name, str) else ""
    try:
        if getattr(file, "seekable", lambda: False)():
            file.seek(0)  # type: ignore[attr-defined]
        content = file.read()
    except (OSError, ValueError) as error:  # a closed file, or one opened as text
        return NoPhoto(name, f"the open file cannot be read: {error}")
    if not isinstance(content, bytes | bytearray | memoryview):
        raise TypeError(
            f"an open file gives bytes, as by open(name, 'rb'); this one gave {type(content).__name__}"
        )
    return EncodedPhoto(name, bytes(content))


def _cut(name: str) -> str:
    """A name as it is told: nobody reads more of it."""
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_KEPT_OF_NAME]}... ({len(name)} characters)"
