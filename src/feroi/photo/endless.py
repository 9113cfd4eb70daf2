"""JPEG files that lack no more than the mark of their end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO

from PIL import Image

_END = b"\xff\xd9"
_FILLER = bytes((37 * at + 90) % 255 for at in range(64))  # no 255, with which marks begin


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
        if encoded.endswith(_END) or _pixels_mark(opener, encoded) != _pixels_mark(opener, encoded + _FILLER):
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
