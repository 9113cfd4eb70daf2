"""Who is answered: tokens, hosts, pages of other sites."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from feroi.cli.app import app as commands
from feroi.server.access import LOOPBACK, Access, access_at
from feroi.server.app import create_app

TOKEN = "correct-horse-battery"


@pytest.fixture
def guarded(gate):
    gate.open.set()
    with TestClient(create_app(gate, access=Access(TOKEN, ("*",))), "http://feroi.example") as client:
        yield client


@pytest.fixture
def local(gate):
    gate.open.set()
    with TestClient(create_app(gate), "http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.parametrize("path", ["read", "overlay", "report", "batch"])
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer \xff"]
)
def test_without_the_token_nothing_is_read(guarded, gate, path, given):
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    answer = guarded.post(f"/v1/{path}", headers=headers, content=b"")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert gate.begun == 0


def test_with_the_token_photos_are_read(guarded, grey):
    answer = guarded.post("/v1/read", content=grey, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json()["status"] == "no face"
    documented = guarded.get("/openapi.json").json()
    assert "401" in documented["paths"]["/v1/read"]["post"]["responses"]
    assert documented["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_health_needs_no_token(guarded):
    assert guarded.get("/v1/health").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "[::1]:8000", "LOCALHOST"])
def test_names_of_this_machine_are_answered(local, host):
    assert local.get("/v1/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", ""]
)
def test_a_name_that_was_pointed_here_is_not_answered(local, gate, grey, host):
    answer = local.post("/v1/read", content=grey, headers={"Host": host})
    assert answer.status_code == 400
    assert gate.begun == 0


def test_pages_of_other_sites_are_not_answered(local, grey):
    for origin in ("http://evil.example", "null", "http://127.0.0.1:9000"):
        answer = local.post("/v1/read", content=grey, headers={"Origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    own = local.post("/v1/read", content=grey, headers={"Origin": "http://127.0.0.1:8000"})
    assert own.status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
def test_on_loopback_no_token_is_needed(host):
    access = access_at(host, None)
    assert access.token is None
    assert set(LOOPBACK) <= set(access.hosts)
    assert "*" not in access.hosts
    assert access_at(host, TOKEN).token == TOKEN


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.0.7", "feroi.example", "localhost.evil.example", ""]
)
def test_elsewhere_a_token_is_needed(host):
    with pytest.raises(ValueError, match="a token is needed in FEROI_TOKEN"):
        access_at(host, None)
    assert access_at(host, TOKEN) == Access(TOKEN, ("*",))


@pytest.mark.parametrize("token", ["", "short", "with spaces in between them", "ümläute-and-others"])
def test_a_token_must_be_worth_something(token):
    with pytest.raises(ValueError, match="16 or more"):
        access_at("127.0.0.1", token)


def test_the_command_refuses_to_be_open_to_all(monkeypatch):
    monkeypatch.delenv("FEROI_TOKEN", raising=False)
    result = CliRunner().invoke(commands, ["serve", "--host", "0.0.0.0"])
    assert result.exit_code == 1
    assert "a token is needed" in result.output
    monkeypatch.setenv("FEROI_TOKEN", "guess")
    result = CliRunner().invoke(commands, ["serve", "--host", "0.0.0.0"])
    assert result.exit_code == 1
    assert "16 or more" in result.output


def test_the_command_serves_whole_pages_only(tmp_path):
    result = CliRunner().invoke(commands, ["serve", "--page", str(tmp_path)])
    assert result.exit_code == 1
    assert "holds no index.html" in result.output
