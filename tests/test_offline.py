"""Nothing is kept or sent about who reads, and nothing reaches for a network unasked."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import feroi
from feroi.data.groups import group_photos
from support import closed_network

READ = "import feroi, numpy as np; print(feroi.Reader().read(np.zeros((200, 200, 3), np.uint8)))"
REACH = """
import socket
for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
    socket.socket(family).connect_ex((address, 80))
socket.socket(type=socket.SOCK_DGRAM).sendto(b"the address of example.org", ("127.0.0.53", 53))
"""
COMMANDS = """
import importlib, pkgutil, shlex, sys, feroi
from feroi.cli.app import app
for module in pkgutil.walk_packages(feroi.__path__, "feroi."):
    importlib.import_module(module.name)
for line in sys.argv[1].splitlines():
    print(line, app(shlex.split(line), standalone_mode=False))
print(feroi.Reader.from_pretrained("folder").name)
"""
LEARNING = """--help
train --data embedded --run run --size 20x20 --epochs 1 --recipe onecycle
evaluate run --data embedded --json scores.json --reliability reliability.png
calibrate run --data embedded --out calibrated.safetensors
export default --folder folder
explain {photo} --methods attention,saliency --biggest --report explained.html"""
SERVE = """
import socket, subprocess, sys, time, urllib.request
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
feroi = [sys.executable, "-m", "feroi.cli.app"]
server = subprocess.Popen([*feroi, "serve", "--port", str(port)])
try:
    for path, body in (("docs", None), ("v1/read", open(sys.argv[1], "rb").read())):
        url = f"http://127.0.0.1:{port}/{path}"
        asked = urllib.request.Request(url, body, {"Content-Type": "image/jpeg"})
        for _ in range(1000):
            try:
                assert urllib.request.urlopen(asked).status == 200
                break
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionRefusedError) or server.poll() is not None:
                    raise
                time.sleep(0.1)
finally:
    server.terminate()
"""
ELSEWHERE = re.compile(r"""((src|href)=|url\(|import\s|from\s|fetch\()\s*["']?(https?:)?//""")


@pytest.fixture
def photo():
    return str(next(iter(group_photos())))


@pytest.mark.slow
def test_reading_leaves_nothing_behind(tmp_path):
    """Unasked, onnxruntime keeps an identity of the machine and a file of its session."""
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    folders = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    run = [sys.executable, "-B", "-c", READ]
    result = subprocess.run(run, env=kept | folders, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
    assert list(tmp_path.rglob("*")) == []


def test_what_reaches_out_is_counted(tmp_path):
    """A control: IPv4, IPv6, and a question to a resolver of this machine."""
    assert closed_network.attempts_of([sys.executable, "-c", REACH], tmp_path) == 3
    assert closed_network.attempts_of([sys.executable, "-c", "import socket"], tmp_path) == 0


def test_python_that_reaches_out_is_refused():
    for reach in (
        lambda: socket.create_connection(("192.0.2.1", 80)),
        lambda: socket.getaddrinfo("example.org", 80),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 53)),
    ):
        with pytest.raises(ConnectionRefusedError, match="tests reach no network"):
            reach()
    assert len(closed_network.reached) == 3
    closed_network.reached.clear()
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_pages_and_templates_name_nothing_elsewhere():
    package = Path(feroi.__file__).parent
    files = [path for path in package.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    assert len(files) > 20
    assert [str(path) for path in files if ELSEWHERE.search(path.read_text(encoding="utf-8"))] == []
    assert ELSEWHERE.search('<script src="//cdn.example/x.js">')
    assert ELSEWHERE.search("@import url(https://fonts.example/x.css)")


@pytest.mark.slow
def test_importing_learning_and_handing_on_reach_nothing(photo, tmp_path):
    run = [sys.executable, "-c", COMMANDS, LEARNING.format(photo=photo)]
    assert closed_network.attempts_of(run, tmp_path) == 0
    assert (tmp_path / "explained.html").exists()
    assert not ELSEWHERE.search((tmp_path / "explained.html").read_text())


@pytest.mark.slow
def test_reading_with_all_it_can_write_reaches_nothing(photo, tmp_path):
    outputs = ["--csv", "f.csv", "--jsonl", "f.jsonl", "--parquet", "f.parquet", "--overlay", "drawn"]
    run = [sys.executable, "-m", "feroi.cli.app", "analyze", photo, *outputs, "--report", "page.html"]
    assert closed_network.attempts_of(run, tmp_path) == 0
    assert not ELSEWHERE.search((tmp_path / "page.html").read_text())


@pytest.mark.slow
def test_serving_reaches_nothing(photo, tmp_path):
    assert closed_network.attempts_of([sys.executable, "-c", SERVE, photo], tmp_path) == 0
