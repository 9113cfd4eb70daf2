"""What `soak.py` asks of the server: good and bad requests, each with the answers that are right.

A request is bytes with pauses between them. What is right is known from the local command `feroi analyze`,
run on the same photos before the server starts, or, for what is to be refused, from docs/server.md.
"""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image
from skimage import data

import feroi
from feroi.data.groups import group_photos
from feroi.vocabulary import EXPRESSIONS

_PHOTO_BYTES = 20_000_000  # the server's limit
_PATIENCE_S = 60.0  # its limit for those who send slowly
_BOUNDARY = b"soak"
_JPEG_LOSS = 3.0  # grey levels, in the mean over the picture
_MULTIPART = "multipart/form-data; boundary=soak"

Check = Callable[[bytes], bool]
Piece = tuple[float, bytes]


@dataclass(frozen=True)
class Request:
    """kind: for the count. pieces: seconds to wait before sending, and what is sent.
    statuses: what is right to answer, beside 503 if `takes_place`; none if nothing is waited for.
    check: whether the body of a 200 is right. hangs_up_s: the client goes so long after its last byte.
    may_be_cut: the connection may end without an answer, as when headers never come.
    """

    kind: str
    pieces: tuple[Piece, ...]
    statuses: tuple[int, ...]
    check: Check = bool
    takes_place: bool = True
    hangs_up_s: float | None = None
    may_be_cut: bool = False


@dataclass(frozen=True)
class Known:
    """A photo and what the local command says of it."""

    encoded: bytes
    answer: dict[str, Any]
    overlay: bytes | None


class Mix:
    """Draws requests; `folder` takes the photos and what the local command makes of them."""

    def __init__(self, folder: Path) -> None:
        self._photos = _known(folder)
        self._report_of = self._photos[0].encoded
        self._report = _local_report(folder, self._report_of)
        self._large = bytes(_PHOTO_BYTES + 1_000_000)
        self._makers: tuple[tuple[int, Callable[[Random], Request]], ...] = (
            (30, self._read),
            (6, self._slow),
            (4, self._overlay),
            (3, self._page),
            (6, self._batch),
            (5, lambda _: Request("health", _get("/v1/health"), (200,), _well, takes_place=False)),
            (22, self._bad_photo),
            (6, self._bad_batch),
            (5, _foreign),
            (6, self._gone),
            (1, self._silent),
        )

    def draw(self, rng: Random) -> Request:
        """The next request."""
        weights, makers = zip(*self._makers, strict=True)
        return rng.choices(makers, weights)[0](rng)

    def first(self) -> Request:
        """A photo to be read."""
        return self._good("read", self._photos[1], "/v1/read")

    def _some(self, rng: Random) -> Known:
        # the group photos, which come first, take ten times as long as a face
        return rng.choices(self._photos, [1] * 3 + [4] * (len(self._photos) - 3))[0]

    def _good(self, kind: str, known: Known, path: str) -> Request:
        return Request(
            kind, _post(path, known.encoded), (200,), lambda body: says(json.loads(body), known.answer)
        )

    def _read(self, rng: Random) -> Request:
        known = self._some(rng)
        request = self._good("read", known, "/v1/read")
        if rng.random() < 0.2:
            return replace(request, pieces=_post("/v1/read", known.encoded, chunked=True))
        return request

    def _slow(self, rng: Random) -> Request:
        request = self._good("read, sent slowly", self._some(rng), "/v1/read")
        return replace(request, pieces=_trickled(request.pieces, 10, rng.uniform(1, 12)))

    def _overlay(self, rng: Random) -> Request:
        known = self._some(rng)
        if known.overlay is None:
            return self._overlay(rng)
        return Request("overlay", _post("/v1/overlay", known.encoded), (200,), _has_pixels(known.overlay))

    def _page(self, _: Random) -> Request:
        pieces = _post("/v1/report", self._report_of)
        return Request("report", pieces, (200,), lambda body: body == self._report)

    def _batch(self, rng: Random) -> Request:
        sent = [self._some(rng) for _ in range(rng.randint(1, 3))]
        entries = [{"file": f"{number}.jpg", **known.answer} for number, known in enumerate(sent)]
        files = [known.encoded for known in sent]
        if rng.random() < 0.5:
            files.append(b"no picture")
            none = {"width": None, "height": None, "faces": [], "refused": []}
            entries.append({"file": f"{len(sent)}.jpg", "status": "not a picture", **none})
        pieces = _post("/v1/batch", _parts(files), _MULTIPART)
        return Request("batch", pieces, (200,), lambda body: says(json.loads(body), entries))

    def _bad_photo(self, rng: Random) -> Request:
        photo = self._some(rng).encoded
        path = rng.choice(("/v1/read", "/v1/read", "/v1/overlay", "/v1/report"))
        cut = photo[: rng.randint(len(photo) // 4, len(photo) - 100)]
        kinds: tuple[tuple[str, Callable[[], tuple[Piece, ...]], tuple[int, ...]], ...] = (
            ("truncated", lambda: _post(path, cut), (415, 422)),
            ("no picture", lambda: _post(path, rng.randbytes(rng.randint(1, 100_000))), (415,)),
            ("empty", lambda: _post(path, b""), (422,)),
            ("wrong content type", lambda: _post(path, photo, "text/html"), (415,)),
            ("too large, said", lambda: _post(path, self._large), (413,)),
            ("too large, in chunks", lambda: _post(path, self._large, chunked=True), (413,)),
            ("bomb, PNG of zeros", lambda: _post(path, _png_of_zeros(10_000)), (413,)),
            ("bomb, GIF that claims", lambda: _post(path, _gif_that_claims(60_000)), (413,)),
        )
        kind, pieces, statuses = rng.choice(kinds)
        return Request(kind, pieces(), statuses)

    def _bad_batch(self, rng: Random) -> Request:
        good = _parts([self._some(rng).encoded])
        kinds = (
            ("batch, noise", _post("/v1/batch", rng.randbytes(3000), _MULTIPART), 422),
            ("batch, ends early", _post("/v1/batch", good[: len(good) // 2], _MULTIPART), 422),
            ("batch, no boundary", _post("/v1/batch", good, "multipart/form-data"), 422),
            ("batch, of 33", _post("/v1/batch", _parts([b"x"] * 33), _MULTIPART), 422),
            ("batch, of no photo", _post("/v1/batch", _parts([]), _MULTIPART), 422),
            ("batch, other names", _post("/v1/batch", _parts([b"x"], b"files"), _MULTIPART), 422),
            ("batch, no multipart", _post("/v1/batch", good, "image/jpeg"), 415),
        )
        kind, pieces, status = rng.choice(kinds)
        return Request(kind, pieces, (status,))

    def _gone(self, rng: Random) -> Request:
        (_, head), (_, body) = _post("/v1/read", self._some(rng).encoded)
        kinds = (
            ("gone at once", ((0.0, b""),), 0.0),
            ("gone in the headers", ((0.0, head[:30]),), 0.5),
            ("gone in the body", ((0.0, head), (0.1, body[: len(body) // 2])), rng.uniform(0, 2)),
            ("gone before the answer", ((0.0, head), (0.0, body)), rng.uniform(0, 5)),
        )
        kind, pieces, wait = rng.choice(kinds)
        return Request(kind, pieces, (), hangs_up_s=wait)

    def _silent(self, rng: Random) -> Request:
        (_, head), (_, body) = _post("/v1/read", self._some(rng).encoded)
        if rng.random() < 0.5:
            return Request("silent in the headers", ((0.0, head[:30]),), (), may_be_cut=True)
        pieces = _trickled(((0.0, head), (0.0, body[:5000])), 50, 1.5 * _PATIENCE_S)
        return Request("too slow", pieces, (408,))


def says(answer: Any, expected: Any) -> bool:
    """Whether an answer holds all that is expected; it may say more, as the server does of a face."""
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(
            name in answer and says(answer[name], value) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(answer, list)
            and len(answer) == len(expected)
            and all(says(one, like) for one, like in zip(answer, expected, strict=True))
        )
    return bool(answer == expected)


def _has_pixels(expected: bytes) -> Check:
    """Whether a picture is `expected`, which is a JPEG where the photo is one: equal but for its losses."""
    return lambda body: _apart(_pixels(body), _pixels(expected)) < _JPEG_LOSS


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference in grey levels; infinite for pictures of other sizes."""
    return float(np.abs(one - other).mean()) if one.shape == other.shape else np.inf


def _pixels(encoded: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"), np.float32)


def _well(body: bytes) -> bool:
    return json.loads(body)["status"] == "ok"


def _foreign(rng: Random) -> Request:
    kinds: tuple[tuple[str, tuple[Piece, ...], int], ...] = (
        ("other host", _post("/v1/read", b"x", Host="example.org"), 400),
        ("other origin", _post("/v1/read", b"x", Origin="http://example.org"), 403),
        ("no such path", _get("/v1/nothing"), 404),
        ("wrong method", _get("/v1/read"), 405),
        ("no HTTP", ((0.0, b"\x16\x03\x01\x02\x00" + rng.randbytes(200) + b"\r\n\r\n"),), 400),
    )
    kind, pieces, status = rng.choice(kinds)
    return Request(kind, pieces, (status,), takes_place=False)


def _post(
    path: str, body: bytes, kind: str = "image/jpeg", chunked: bool = False, **headers: str
) -> tuple[Piece, ...]:
    lines = {"Host": "127.0.0.1", "Content-Type": kind, **headers}
    if chunked:
        lines["Transfer-Encoding"] = "chunked"
        steps = [body[at : at + 500_000] for at in range(0, len(body), 500_000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(step), step) for step in steps) + b"0\r\n\r\n"
    else:
        lines["Content-Length"] = str(len(body))
    return (0.0, _head(f"POST {path}", lines)), (0.0, body)


def _get(path: str) -> tuple[Piece, ...]:
    return ((0.0, _head(f"GET {path}", {"Host": "127.0.0.1"})),)


def _head(line: str, headers: dict[str, str]) -> bytes:
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _trickled(pieces: tuple[Piece, ...], steps: int, seconds: float) -> tuple[Piece, ...]:
    """Head at once, the body in equal parts over `seconds`."""
    head, (_, body) = pieces
    edges = np.linspace(0, len(body), steps + 1).astype(int)
    return head, *((seconds / steps, body[a:b]) for a, b in pairwise(edges))


def _parts(files: list[bytes], name: bytes = b"photos") -> bytes:
    head = b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%d.jpg"\r\n\r\n%s\r\n'
    parts = [head % (_BOUNDARY, name, number, file) for number, file in enumerate(files)]
    return b"".join(parts) + b"--%s--\r\n" % _BOUNDARY


@cache
def _png_of_zeros(side: int) -> bytes:
    """A black grey PNG: of 10,000 px a side, 100 megapixels in 100 kB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        summed = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + summed

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((side + 1) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _gif_that_claims(side: int) -> bytes:
    """A GIF of 26 bytes with a first frame of `side` squared."""
    frame = struct.pack("<BHHHHB", 0x2C, 0, 0, side, side, 0)
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0, 0, 0) + frame + b"\x08\x00\x3b"


def _known(folder: Path) -> list[Known]:
    """Photos with what the local command says of them, the three group photos first."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, (kind, picture) in enumerate(_pictures()):
        files.append(folder / f"{number:02d}.{kind}")
        picture.save(files[-1], **({"quality": 92} if kind != "png" else {}))
    _local(*files, "--jsonl", folder / "local.jsonl", "--overlay", folder / "overlay")
    rows = [json.loads(line) for line in (folder / "local.jsonl").read_text().splitlines()]
    coverage = feroi.analyze(data.astronaut())[0].coverage
    known = []
    for number, file in enumerate(files):
        own = [row for row in rows if row["file"] == str(file)]
        drawn = next((folder / "overlay").glob(f"{number:05d}-*"), None)
        answer = _answer(own, Image.open(file).size, coverage)
        known.append(Known(file.read_bytes(), answer, drawn.read_bytes() if drawn else None))
    return known


def _pictures() -> list[tuple[str, Image.Image]]:
    groups = group_photos()
    pictures = [("jpg", Image.open(path)) for path in groups]
    for path, faces in groups.items():
        for face in faces[:3]:
            x0, y0, x1, y1 = face.box_xyxy_px
            reach = x1 - x0
            pictures.append(("jpg", Image.open(path).crop((x0 - reach, y0 - reach, x1 + reach, y1 + reach))))
    embedded = sorted(Path(feroi.__file__).parent.glob("data/embedded/frontal/*_frontal.jpg"))
    enlarged = [Image.open(path).resize((375, 480)) for path in embedded[::20]]
    pictures += zip(("jpg", "webp", "png") * 9, enlarged, strict=False)
    pictures += [("jpg", Image.fromarray(data.astronaut())), ("png", Image.new("RGB", (300, 200), "white"))]
    return pictures


def _answer(rows: list[dict[str, Any]], size: tuple[int, int], coverage: float | None) -> dict[str, Any]:
    """What the server is to say, from the rows of the local command's table."""
    read = [row for row in rows if row["face"] is not None]
    refused = [row for row in rows if row["face"] is None and row["x0"] is not None]
    place = ("x0", "y0", "x1", "y1", "score", "quality", "quality_problem")
    faces = [
        {name: row[name] for name in ("face", "expression", "confidence", *place)}
        | {"likely": row["likely"].split("|"), "coverage": coverage}
        | {"probabilities": {name: row[name] for name in EXPRESSIONS}}
        | {"regions": {name[4:]: value for name, value in row.items() if name.startswith("roi_")}}
        for row in read
    ]
    left = [{name: row[name] for name in ("status", *place)} for row in refused]
    whole = rows[0]["status"] if read or not refused else "no face to read"
    return {"status": whole, "width": size[0], "height": size[1], "faces": faces, "refused": left}


def _local_report(folder: Path, encoded: bytes) -> bytes:
    """The page the local command writes of a file of the name that the server gives to photos."""
    (folder / "photo").write_bytes(encoded)
    _local("photo", "--report", "report.html", cwd=folder)
    return (folder / "report.html").read_bytes()


def _local(*arguments: str | Path, cwd: Path | None = None) -> None:
    command = [sys.executable, "-m", "feroi.cli.app", "analyze", *map(str, arguments)]
    subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
