"""Readers and clients, real and made up, that the tests of the server share."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from skimage import data

from feroi.reader import Reader
from feroi.results import Photo
from feroi.server.app import create_app
from feroi.server.limits import Limits


class Gate:
    """A reader that finds no face, and that only while the gate is open."""

    name = "gate"

    def __init__(self) -> None:
        self.open, self.begun = threading.Event(), 0

    def read_many(self, photos: list[np.ndarray]) -> Iterator[Photo]:
        for pixels in photos:
            self.begun += 1
            assert self.open.wait(20)
            yield Photo("", "no face", pixels, [], [])


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture(scope="session")
def face() -> Image.Image:
    """One face, 220 x 220 px."""
    return Image.fromarray(data.astronaut()).crop((120, 20, 340, 240))


@pytest.fixture(scope="session")
def encode():
    def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()

    return encoded


@pytest.fixture(scope="session")
def grey(encode) -> bytes:
    """A photo without a face."""
    return encode(Image.new("L", (40, 30), 99))


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.fixture(scope="session")
def client(reader: Reader) -> Iterator[TestClient]:
    """Of a server with a real reader and low limits, within this process."""
    limits = Limits(photo_bytes=300_000, batch_bytes=600_000, batch_photos=4, pixels=1_000_000)
    with TestClient(create_app(reader, limits), "http://127.0.0.1") as client:
        yield client
