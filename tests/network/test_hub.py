from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import feroi
from feroi.cli.app import app
from feroi.config import NetworkConfig
from feroi.data.groups import group_photos
from feroi.network import onnx_export as export
from feroi.network.calibration import Calibration
from feroi.network.hub import pretrained_folder, push_to_hub, save_pretrained
from feroi.network.model import Network
from feroi.network.weights import load_calibration, load_network, save_network

PHOTO = next(iter(group_photos()))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    torch.manual_seed(0)
    network = Network(NetworkConfig("attention", (48, 48), convolutions=(1, 1, 1, 1), pipeline="wild"))
    save_network(network, folder / "mine.safetensors", Calibration(True, 0.8, 0.9, 0.2))
    save_pretrained(folder / "mine.safetensors", folder / "network")
    return folder


def test_a_folder_reads_as_the_network_it_was_made_of(published):
    folder = published / "network"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "config.json", "model.onnx", "model.safetensors",
    ]  # fmt: skip
    original, again = load_network(published / "mine.safetensors"), load_network(folder)
    assert again.config == original.config
    assert load_calibration(folder) == Calibration(True, 0.8, 0.9, 0.2)
    for name, value in original.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])

    photo = PHOTO
    by_folder = feroi.Reader.from_pretrained(folder, threads=1).read(photo)
    by_file = feroi.Reader(published / "mine.safetensors", threads=1).read(photo)
    assert by_folder
    for one, other in zip(by_folder, by_file, strict=True):
        np.testing.assert_allclose(
            list(one.probabilities.values()), list(other.probabilities.values()), atol=1e-4
        )


def test_a_model_card_that_people_wrote_in_is_kept(published, monkeypatch):
    monkeypatch.setattr(export, "export_onnx", lambda *arguments: None)  # it takes seconds
    card = published / "network" / "README.md"
    assert card.read_text().startswith("---\nlibrary_name: feroi\n")
    card.write_text("mine")
    save_pretrained(published / "mine.safetensors", card.parent)
    assert card.read_text() == "mine"


def test_what_is_uploaded_is_the_folder_to_a_private_repository(published, monkeypatch):
    said = []

    class Api:
        def __init__(self, token):
            said.append(token)

        def create_repo(self, *names, **options):
            said.append((names, options))

        def upload_folder(self, **options):
            said.append(options)
            return type("Done", (), {"commit_url": "https://hub/anna/faces/commit/1"})

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert push_to_hub(published / "network", "anna/faces", token="t").endswith("anna/faces/commit/1")
    token, created, uploaded = said
    assert token == "t"
    assert created == (("anna/faces",), {"private": True, "exist_ok": True})
    assert uploaded["repo_id"] == "anna/faces"
    assert not any("pickle" in name or name.endswith(".bin") for name in uploaded["allow_patterns"])
    with pytest.raises(ValueError, match="USER/NAME, got 'faces'"):
        push_to_hub(published / "network", "faces")
    with pytest.raises(FileNotFoundError, match=r"lacks model\.safetensors"):
        push_to_hub(published, "anna/faces")


def test_what_is_no_folder_and_no_repository_is_refused(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no folder, and no repository"):
        pretrained_folder(tmp_path / "nothing" / "there")
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda *a, **k: (_ for _ in ()).throw(OSError("no network"))
    )
    with pytest.raises(FileNotFoundError, match="the hub did not give anna/faces: no network"):
        pretrained_folder("anna/faces")


def test_the_command_writes_a_folder_commands_can_read(published, tmp_path):
    made = CliRunner().invoke(app, ["export", "ferplus", "--folder", str(tmp_path / "f")])
    assert made.exit_code == 0, made.output
    config = json.loads((tmp_path / "f" / "config.json").read_text())
    assert config["id2label"]["3"] == "happy"
    assert config["calibration"] == load_calibration("ferplus")._asdict()
    read = CliRunner().invoke(app, ["analyze", str(PHOTO), "--model", str(tmp_path / "f")])
    assert read.exit_code == 0, read.output


@pytest.mark.slow
def test_the_hub_library_downloads_only_what_is_safe(published, tmp_path):
    """A repository on this machine that speaks as much of the hub's protocol as a download needs."""
    files = {path.name: path.read_bytes() for path in (published / "network").iterdir()}
    files["pytorch_model.bin"] = b"a pickle"
    asked = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._answer(body=False)

        def do_GET(self):
            self._answer(body=True)

        def _answer(self, body):
            path = self.path.split("?")[0]
            name = path.rsplit("/", 1)[-1]
            if "/tree/" in path:
                tree = [
                    {"type": "file", "path": n, "size": len(c), "oid": "2" * 40} for n, c in files.items()
                ]
                self._send(json.dumps(tree).encode(), "application/json", body)
            elif path.startswith("/api/models/anna/faces"):
                listing = {"id": "anna/faces", "sha": "1" * 40, "siblings": [{"rfilename": n} for n in files]}
                self._send(json.dumps(listing).encode(), "application/json", body)
            elif name in files and "/resolve/" in path:
                asked.append(name)
                self._send(files[name], "application/octet-stream", body)
            else:
                self.send_error(404)

        def _send(self, content, kind, body):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Repo-Commit", "1" * 40)
            self.send_header("ETag", f'"{hash(content) & 0xFFFFFFFF:08x}"')
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        code = (
            "import feroi; reader = feroi.Reader.from_pretrained('anna/faces');"
            "print(reader.model.calibration.temperature)"
        )
        environment = {
            **os.environ,
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(tmp_path),
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
        )
    finally:
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0.8"
    assert "pytorch_model.bin" not in asked
    assert {"model.safetensors", "model.onnx"} <= set(asked)
