"""Small files that would take much memory or time, for tests."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

SIDE = 7000
"""Of pictures that are within the limit of pixels, in px."""


def zeros(count):
    """`count` bytes of 0, deflated."""
    return zlib.compress(bytes(count), 1)


def png(side, *chunks, pixels=None):
    """A grey PNG of `side` px with `chunks`, pairs of kind and body, before its pixels."""
    body = zeros((side + 1) * side) if pixels is None else pixels
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    whole = [(b"IHDR", header), *chunks, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in whole)


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg(side, scans):
    """A progressive JPEG of so many scans that hold nothing and go over all of its `side` x `side` px."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG", progressive=True, subsampling=0)
    content, at, tables, frame = file.getvalue(), 2, [], b""
    while content[at + 1] != 0xD9:
        length = 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        segment = content[at : at + length]
        if segment[1] in (0xDB, 0xC4):
            tables.append(segment)
        elif segment[1] == 0xC2:
            frame = segment[:5] + struct.pack(">HH", side, side) + segment[9:]
        at = content.index(b"\xff", at + length)
        while content[at + 1] == 0:  # within the data of a scan
            at = content.index(b"\xff", at + 2)
    first = b"\xff\xda" + struct.pack(">H", 12) + bytes([3, 1, 0, 2, 0, 3, 0, 0, 0, 0])
    more = b"\xff\xda" + struct.pack(">H", 8) + bytes([1, 1, 0, 1, 63, 0])
    return b"\xff\xd8" + b"".join(tables) + frame + first + more * (scans - 1) + b"\xff\xd9"


def run_length_bmp(side):
    """A BMP of `side` px whose rows all end after one pixel."""
    body = b"\x01\x00\x00\x00" * side
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 0, 0, 256, 0)
    start = 14 + len(header) + 1024
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + bytes(1024) + body


def endless_gif(frames):
    """A GIF of 16 x 16 px that shows `frames` and breaks off."""
    picture = b"," + struct.pack("<HHHH", 0, 0, 16, 16) + _gif_pixels()
    return b"GIF89a" + struct.pack("<HH", 16, 16) + b"\x80\0\0" + bytes(3) + b"\xff" * 3 + picture * frames


def _gif_pixels():
    file = io.BytesIO()
    Image.new("L", (16, 16)).save(file, "GIF")
    content = file.getvalue()
    return b"\0" + content[content.rindex(b",") + 10 : -1]


@cache  # a second of work
def bombs():
    """Files by name, and how the reason begins why each is not read; None where it is read."""
    small = {"save_all": True, "append_images": [Image.new("L", (16, 16), level) for level in range(1, 200)]}
    moving = {}
    for kind in ("PNG", "WEBP"):
        file = io.BytesIO()
        Image.new("L", (16, 16)).save(file, kind, **small)
        moving[kind] = file.getvalue()
    frames = moving["PNG"].index(b"acTL") + 4
    billions = struct.pack(">II", 2**31 - 1, 0)
    frames_chunk = billions + struct.pack(">I", zlib.crc32(b"acTL" + billions))
    tag = b"II*\0\x08\0\0\0" + struct.pack(
        "<HHHIIHHIIHHIII", 3, 256, 4, 1, 16, 257, 4, 1, 16, 273, 4, 2**30, 8, 0
    )
    text = [(b"iTXt", b"a%d\0\1\0\0\0" % number + zeros(1_000_000)) for number in range(100)]
    return {
        "fifty-thousand.png": (png(50_000, pixels=zeros(1_000_000)), "too many pixels"),
        "absurd.jpg": (
            b"\xff\xd8\xff\xc0\0\x0b\x08" + b"\xff" * 4 + b"\1\1\x11\0\xff\xd9",
            "too many pixels",
        ),
        "scans.jpg": (jpeg(SIDE, 100_000), "a JPEG of more than 100 scans"),
        "run-length.bmp": (run_length_bmp(SIDE), "a run-length encoded BMP"),
        "text.png": (png(16, (b"zTXt", b"a\0\0" + zeros(300_000_000))), "damaged picture"),
        "texts.png": (png(16, *text), "damaged picture"),
        "profile.png": (png(16, (b"iCCP", b"a\0\0" + zeros(300_000_000))), "damaged picture"),
        "tag.tif": (tag, "damaged picture"),
        "endless.gif": (endless_gif(50_000), None),
        "billions.png": (moving["PNG"][:frames] + frames_chunk + moving["PNG"][frames + 12 :], None),
        "moving.webp": (moving["WEBP"], None),
    }
