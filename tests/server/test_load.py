"""A real server on a port of its own: many at once, slow ones, endless ones, and those who hang up."""

from __future__ import annotations

import resource
import socket
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx2
import numpy as np
import pytest
from PIL import Image

from feroi.server.app import create_app
from feroi.server.limits import Limits
from feroi.server.run import server_of

PNG = {"Content-Type": "image/png"}


@contextmanager
def running(reader: object, **limits: float) -> Iterator[httpx2.Client]:
    """A client of a real server, which must have no place taken in the end."""
    within = Limits(**limits)
    server = server_of(create_app(reader, within), "127.0.0.1", 0, within)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert soon(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
            assert soon(lambda: taken(client) == 0)
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def soon(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether `condition` comes true in time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def taken(client: httpx2.Client) -> int:
    return client.get("/v1/health").json()["taken"]


@contextmanager
def line(client: httpx2.Client, sent: bytes) -> Iterator[socket.socket]:
    """A connection on which `sent` went, bytes as they are."""
    with socket.create_connection(("127.0.0.1", client.base_url.port), timeout=10) as line:
        line.sendall(sent)
        yield line


def head(length: str, path: str = "/v1/read", kind: str = "image/png") -> bytes:
    """The head of a request with a body; length: the header that tells how long it is."""
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n{length}\r\n\r\n".encode()


def read(client: httpx2.Client, photo: bytes) -> httpx2.Response:
    return client.post("/v1/read", content=photo, headers=PNG)


@pytest.mark.slow
def test_answers_at_once_equal_those_of_one_after_the_other(reader, face, encode):
    photos = [encode(face.resize((side, side))) for side in (180, 200, 220, 260)]
    with running(reader, workers=2) as client, ThreadPoolExecutor(4) as pool:
        alone = [read(client, photo).json() for photo in photos]
        together = list(pool.map(partial(read, client), photos * 3))
    assert [answer["faces"][0]["expression"] for answer in alone] == [
        reader.read(face.resize((side, side)))[0].expression for side in (180, 200, 220, 260)
    ]
    assert [answer.json() for answer in together] == alone * 3


@pytest.mark.slow
def test_of_a_hundred_at_once_some_are_told_to_come_again(gate, grey):
    with running(gate, workers=1, waiting=4) as client, ThreadPoolExecutor(100) as pool:
        limits = httpx2.Limits(max_connections=None)
        with httpx2.Client(base_url=client.base_url, limits=limits, timeout=30) as wide:
            answers = [pool.submit(read, wide, grey) for _ in range(100)]
            assert soon(lambda: sum(answer.done() for answer in answers) == 95)
            gate.open.set()
            found = [answer.result() for answer in answers]
    assert Counter(answer.status_code for answer in found) == {200: 5, 503: 95}
    assert gate.begun == 5
    for answer in found:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
            assert "5 places are taken" in answer.json()["detail"]
        else:
            assert answer.json()["status"] == "no face"


def test_a_batch_lets_others_in_between(gate, grey):
    with running(gate, workers=1) as client, ThreadPoolExecutor(2) as pool:
        batch = pool.submit(client.post, "/v1/batch", files=[("photos", grey)] * 3)
        assert soon(lambda: gate.begun == 1)
        other = pool.submit(read, client, grey)
        assert soon(lambda: taken(client) == 2)
        gate.open.set()
        assert other.result().status_code == 200
        assert [entry["status"] for entry in batch.result().json()] == ["no face"] * 3


def test_an_endless_body_ends_at_the_limit(gate):
    """Sent in pieces whose number nobody knows; no more than the limit is ever held."""
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    with (
        running(gate, photo_bytes=1_000_000) as client,
        line(client, head("Transfer-Encoding: chunked")) as sent,
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(1600):  # 100 MB
            sent.sendall(chunk)
        assert sent.recv(100).startswith(b"HTTP/1.1 413")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000
        assert taken(client) == 0


def test_a_body_said_to_be_too_long_is_not_waited_for(gate):
    with running(gate) as client, line(client, head("Content-Length: 99999999999")) as sent:
        assert sent.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_longer_than_it_says_is_cut(gate, grey):
    gate.open.set()
    sent_bytes = head(f"Content-Length: {len(grey)}") + grey + b"and more, which is no request\r\n\r\n"
    with running(gate) as client, line(client, sent_bytes) as sent:
        assert b"".join(iter(partial(sent.recv, 4096), b"")).count(b"HTTP/1.1 ") == 2
        assert taken(client) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "kind"), [("/v1/read", "image/png"), ("/v1/batch", "multipart/form-data; boundary=x")]
)
def test_a_slow_body_is_given_up(gate, path, kind):
    with (
        running(gate, client_seconds=1) as client,
        line(client, head("Content-Length: 1000", path, kind) + b"--x") as sent,
    ):
        assert soon(lambda: taken(client) == 1)
        assert sent.recv(100).startswith(b"HTTP/1.1 408")
        assert taken(client) == 0


@pytest.mark.slow
@pytest.mark.parametrize("begun", [b"", b"POST /v1/read HTTP/1.1\r\nHost: 127"])
def test_a_silent_connection_is_cut(gate, begun):
    with running(gate, client_seconds=0.3) as client, line(client, begun) as silent:
        assert silent.recv(100) == b""


@pytest.mark.slow
def test_an_answer_that_is_not_taken_is_given_up(gate, encode):
    """The picture is larger than what the system keeps between the two."""
    gate.open.set()
    noise = np.random.default_rng(0).integers(0, 255, (2000, 2000, 3), dtype=np.uint8)
    photo = encode(Image.fromarray(noise), "BMP")
    with running(gate, client_seconds=1) as client:
        with line(client, head(f"Content-Length: {len(photo)}", "/v1/overlay") + photo) as sent:
            assert soon(lambda: gate.begun == 1 and taken(client) == 0)
            time.sleep(3)
            received = b"".join(iter(partial(sent.recv, 1 << 20), b""))
            assert received.startswith(b"HTTP/1.1 200")
            assert len(received) < int(received.partition(b"content-length: ")[2].partition(b"\r")[0])
        assert taken(client) == 0


def test_who_hangs_up_gives_the_place_back(gate, grey):
    request = head(f"Content-Length: {len(grey)}") + grey
    with running(gate, workers=1, waiting=1) as client:
        with line(client, request):
            assert soon(lambda: gate.begun == 1)
            with line(client, request):
                assert soon(lambda: taken(client) == 2)
                assert read(client, grey).status_code == 503
            assert soon(lambda: taken(client) == 1)
        assert soon(lambda: taken(client) == 0)
        gate.open.set()
        assert read(client, grey).status_code == 200
        assert gate.begun == 2  # the photo nobody waited for was not read


def test_who_hangs_up_within_a_batch_stops_it(gate, grey):
    part = b"--x\r\nContent-Disposition: form-data; name=photos; filename=a\r\n\r\n" + grey + b"\r\n"
    body = 5 * part + b"--x--\r\n"
    with running(gate, workers=1) as client:
        kind = "multipart/form-data; boundary=x"
        with line(client, head(f"Content-Length: {len(body)}", "/v1/batch", kind) + body):
            assert soon(lambda: gate.begun == 1)
        assert soon(lambda: taken(client) == 0)
        gate.open.set()
        assert read(client, grey).status_code == 200
        assert gate.begun == 2


def test_an_answer_that_takes_too_long_is_given_up(gate, grey):
    with running(gate, workers=1, answer_seconds=0.5) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(read, client, grey)
        assert soon(lambda: gate.begun == 1)
        second = pool.submit(client.post, "/v1/batch", files=[("photos", ("a", grey))])
        third = read(client, grey)
        assert first.result().status_code == 504
        assert second.result().json()[0]["status"] == "not read within 0.5 s"
        assert third.status_code == 503
        assert int(third.headers["retry-after"]) > 0
        gate.open.set()
        assert soon(lambda: read(client, grey).status_code == 200)


def test_a_picture_that_would_fill_the_memory_is_not_decoded(gate, grey):
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + grey[24:29]
    bomb = grey[:12] + header + struct.pack(">I", zlib.crc32(header)) + grey[33:]
    with running(gate) as client:
        answer = read(client, bomb)
    assert answer.status_code == 413
    assert "60000 x 60000" in answer.json()["detail"]


def test_nothing_of_a_request_is_logged(gate, grey, capfd):
    gate.open.set()
    with running(gate) as client:
        client.post("/v1/batch", files=[("photos", ("secret-name.png", grey))])
        client.post("/v1/secret-path", content=grey)
        with line(client, b"secret nonsense\r\n\r\n") as sent:
            sent.recv(100)
    assert capfd.readouterr() == ("", "")


def test_nothing_of_a_malformed_batch_is_logged(gate, caplog):
    with running(gate) as client:
        noise = {"content": b"\xff" * 3000, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}
        assert client.post("/v1/batch", **noise).status_code == 422
    assert [record.message for record in caplog.records if "httpx" not in record.name] == []
