"""JPEG files that lack no more than the mark of their end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO

from PIL import Image

_END = b"\xff\xd9"
_STARTS = (0b01010101, 0b10101010, 0b11111110, 0b00110011)
_FILLERS = tuple(bytes((start, *range(0, 250, 7))) for start in _STARTS)
"""No byte of them is 255, with which marks begin; codes that are cut short end differently in them."""


def load_whole(image: Image.Image, opener: Callable[[BytesIO], Image.Image]) -> Image.Image:
    """`image`, which was opened and not decoded, decoded; a JPEG without its last two bytes as if it had
    them.

    Some programs leave that mark out, and some downloads lose it; nothing of the picture is in it. Whether
    something of the picture is missing, too, shows in whether bytes in the place of what is missing change
    it.
    opener: opens the bytes of a file. Raises as `Image.load`.
    """
    try:
        image.load()
        return image
    except OSError:
        file = getattr(image, "fp", None)
        if image.format != "JPEG" or file is None:
            raise
        file.seek(0)
        encoded = file.read().removesuffix(_END[:1])
        mark = _pixels_mark(opener, encoded)
        if encoded.endswith(_END) or any(mark != _pixels_mark(opener, encoded + each) for each in _FILLERS):
            raise
    whole = opener(BytesIO(encoded + _END))
    whole.load()
    return whole


def _pixels_mark(opener: Callable[[BytesIO], Image.Image], encoded: bytes) -> bytes | None:
    try:
        with opener(BytesIO(encoded + _END)) as image:
            return hashlib.sha256(image.tobytes()).digest()
    except OSError:
        return None
