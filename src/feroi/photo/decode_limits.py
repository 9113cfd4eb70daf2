"""Small picture files that were made to take long."""

from __future__ import annotations

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
        return f"a JPEG of more than {_MOST_SCANS} scans, made to take long; save it anew"
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
