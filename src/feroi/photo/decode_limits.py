"""Small picture files that were crafted to be slow, and JPEGs that lost their end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO

from PIL import Image

_MOST_SCANS = 100
"""Of a JPEG; libtiff's limit for those in TIFF. Progressive ones have about ten. Each goes over the whole
picture and needs only 10 bytes of the file, so that 1 MB of them could take a quarter of an hour."""
_MOST_RUN_LENGTH_PIXELS = 4_000_000
"""Of a BMP, which Pillow decodes in Python, a second for so many."""

_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_WITHOUT_LENGTH = frozenset({0x00, 0x01, 0xFF, *range(0xD0, 0xD9)})
"""What follows 0xFF in a JPEG where no segment begins."""


def why_costly(image: Image.Image) -> str | None:
    """Why a picture that was opened and not decoded would take minutes; None if it would not."""
    if getattr(image, "fp", None) is None:  # decoded already
        return None
    if image.format in ("JPEG", "MPO") and _scans(image) > _MOST_SCANS:
        return f"a JPEG of more than {_MOST_SCANS} scans, crafted to be slow; save it again"
    run_length = image.format == "BMP" and "bmp_rle" in [tile[0] for tile in image.tile]  # type: ignore[attr-defined]
    if run_length and image.width * image.height > _MOST_RUN_LENGTH_PIXELS:
        return f"a run-length encoded BMP of more than {_MOST_RUN_LENGTH_PIXELS:,} pixels; save it as PNG"
    return None


def _scans(image: Image.Image) -> int:
    """Scans of the first picture in a JPEG file; no more are counted once there are too many."""
    file = image.fp  # type: ignore[attr-defined]
    place = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(place)
    at, scans = content.find(b"\xff", 2), 0
    while 0 <= at < len(content) - 1 and content[at + 1] != _END_OF_IMAGE and scans <= _MOST_SCANS:
        if content[at + 1] in _WITHOUT_LENGTH:
            at += 1
        else:
            scans += content[at + 1] == _SCAN
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        at = content.find(b"\xff", at)
    return scans


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
