"""What a file holds, told by its first bytes; names may say anything."""

from __future__ import annotations

import re
from typing import Literal

HEAD_BYTES = 1024
"""So many bytes are enough to tell."""

Kind = Literal["picture", "heif", "video"]

_PICTURES = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF
)
_PORTABLE = re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+\d+\s")  # PBM, PGM, PPM
_VIDEOS = (
    *(b"\x1aE\xdf\xa3", b"FLV\x01", b"OggS"),  # Matroska, Flash, Ogg
    *(b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"),  # MPEG program streams, MPEG video alone
    *(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"\x06\x0e\x2b\x34\x02\x05\x01\x01"),  # ASF, MXF
)
_QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevm", b"hevs", b"hevx", b"heif"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_EITHER_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})  # the brands behind them say which
_RAW_BRANDS = frozenset({b"crx "})
_CONVERT = "which is not read; convert it to JPEG or PNG"
_OTHERS = {
    b"\0\0\0\x0cjP  ": f"a JPEG 2000 picture, {_CONVERT}",
    b"\xff\x4f\xff\x51": f"a JPEG 2000 picture, {_CONVERT}",
    b"\0\0\0\x0cJXL ": f"a JPEG XL picture, {_CONVERT}",
    b"\xff\x0a": f"a JPEG XL picture, {_CONVERT}",
    b"\0\0\1\0": f"an icon, {_CONVERT}",
    b"8BPS": f"a Photoshop picture, {_CONVERT}",
    b"DDS ": f"a DDS picture, {_CONVERT}",
    b"qoif": f"a QOI picture, {_CONVERT}",
    b"v/1\x01": f"an OpenEXR picture, {_CONVERT}",
    b"FUJIFILMCCD-RAW": f"a camera's raw picture, {_CONVERT}",
    b"%PDF-": "a PDF document; save its pictures as JPEG or PNG",
    b"%!PS": "a PostScript document; convert it to JPEG or PNG",
    b"\x1f\x8b": "compressed by gzip; unpack it first",
    b"PK\3\4": "a zip archive; unpack it first",
}
_TEXTS = {
    b"<!doctype html": "a web page, as servers send where they have no picture",
    b"<html": "a web page, as servers send where they have no picture",
    b"<svg": "an SVG drawing; convert it to PNG",
    b"version https://git-lfs": "a pointer of Git LFS; git lfs pull fetches the picture",
    b"data:image/": "a data URI, whose base64 is to be decoded first",
}
_BASE64 = re.compile(rb"(?:/9j/|iVBORw0KGgo|R0lGOD|UklGR)[A-Za-z0-9+/\r\n]{80}")
_PACKETS = (188, 192, 204)  # bytes of a packet of an MPEG transport stream, plain and in two wrappings
_SYNC = 0x47


def kind_of(head: bytes) -> Kind | None:
    """What a file is that begins with `head`, HEAD_BYTES of it or all; None if it is nothing known here.

    "picture": JPEG, PNG, GIF, WebP, AVIF, TIFF, BMP, PPM. "heif": HEIF, as HEIC. "video": ISO media (MP4,
    MOV), Matroska, AVI, MPEG, ASF, Flash, Ogg, MXF, which may hold sound alone.
    """
    if head[4:8] == b"ftyp":
        return _of_iso_media(head)
    if head.startswith(b"RIFF"):
        return {b"WEBP": "picture", b"AVI ": "video"}.get(head[8:12])  # type: ignore[return-value]
    if head.startswith(_PICTURES) or _PORTABLE.match(head) or _is_bmp(head):
        return "picture"
    if head.startswith(_VIDEOS) or head[4:8] in _QUICKTIME_ATOMS or is_transport_stream(head, anywhere=False):
        return "video"
    return None


def other_kind(head: bytes) -> str | None:
    """In words, what is known here of a file that begins with `head` and is none of `kind_of`; else None."""
    for beginning, what in _OTHERS.items():
        if head.startswith(beginning):
            return what
    if head[4:12] == b"ftypcrx ":
        return f"a camera's raw picture, {_CONVERT}"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for mark, what in _TEXTS.items():
        if text.startswith(mark) or (mark == b"<svg" and text.startswith(b"<?xml") and mark in text):
            return what
    return "base64 text, to be decoded first" if _BASE64.match(head) else None


def is_transport_stream(head: bytes, anywhere: bool = True) -> bool:
    """Whether `head` holds packets of an MPEG transport stream, from its first byte or, if `anywhere`, later:
    recordings of broadcasts may begin within a packet."""
    if b"\0" not in head:  # a text may have the mark of packets, a G, at any place
        return False
    for size in _PACKETS:
        for start in range(size if anywhere else size - 187):
            marks = head[start : start + 3 * size : size]
            if len(marks) == 3 and set(marks) == {_SYNC}:
                return True
    return False


def _of_iso_media(head: bytes) -> Kind | None:
    length = int.from_bytes(head[:4], "big")
    brands = {head[at : at + 4] for at in range(16, min(length, len(head)) - 3, 4)}
    major = head[8:12]
    if major in _AVIF_BRANDS or (major in _EITHER_BRANDS and brands & _AVIF_BRANDS):
        return "picture"
    if major in _HEIF_BRANDS | _EITHER_BRANDS:
        return "heif"
    return None if major in _RAW_BRANDS else "video"


def _is_bmp(head: bytes) -> bool:
    """By more than its two letters, with which a text may begin."""
    return head.startswith(b"BM") and head[6:10] == b"\0\0\0\0" and b"\0" in head[14:18]
