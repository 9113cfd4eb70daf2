"""requirements/ holds all that pyproject.toml asks for, with hashes; the audit says what it was told."""

from __future__ import annotations

import importlib.util
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ASKED = {
    "requirements/build.txt": [*PROJECT["build-system"]["requires"], *PROJECT["dependency-groups"]["build"]],
    "requirements/lock.txt": [
        *PROJECT["project"]["dependencies"],
        *(line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines),
    ],
}
FOUND = """{"dependencies": [
    {"name": "rich", "version": "15.0.0", "vulns": [
        {"id": "PYSEC-2026-1", "fix_versions": ["15.0.1"], "aliases": [], "description": "Too rich"}]},
    {"name": "jinja2", "version": "3.1.6", "vulns": []}], "fixes": []}"""
CLEAN = '{"dependencies": [{"name": "rich", "version": "15.0.0", "vulns": []}], "fixes": []}'
PARTLY = FOUND.replace('"jinja2", "version": "3.1.6"', '"jinja2", "skip_reason": "not found"')
SKIPPED = '{"dependencies": [{"name": "rich", "skip_reason": "not found"}], "fixes": []}'
UNREACHED = (
    "Traceback\nrequests.exceptions.ConnectionError: HTTPSConnectionPool(host='pypi.org'): Max retries"
)


def _pins(file):
    """(requirement, its hashes) for each entry of a file of pins."""
    entries = (ROOT / file).read_text().replace("\\\n", " ").splitlines()
    for entry in (line for line in entries if not line.lstrip().startswith("#")):
        pin, *hashes = entry.split(" --hash=")
        yield Requirement(pin), [text.split()[0] for text in hashes]


@pytest.mark.parametrize("file", ASKED)
def test_each_pin_is_one_version_with_hashes(file):
    for pin, hashes in _pins(file):
        assert [specifier.operator for specifier in pin.specifier] == ["=="], pin
        assert hashes, pin
        assert all(len(text) == 71 and text.startswith("sha256:") for text in hashes), pin


@pytest.mark.parametrize("file", ASKED)
def test_what_is_asked_for_is_pinned_within_its_range(file):
    """A change of pyproject.toml without `make lock` is found here, without a network."""
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin, _ in _pins(file)}
    for requirement in map(Requirement, ASKED[file]):
        if requirement.name != PROJECT["project"]["name"]:
            version = pinned.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement} is not in {file}; run make lock"
            assert version in requirement.specifier, f"{file} has {version}, not {requirement}; run make lock"


def test_both_files_agree():
    both = {pin.name: pin for pin, _ in _pins("requirements/build.txt")}
    assert {pin.name: pin for pin, _ in _pins("requirements/lock.txt") if pin.name in both} == both


@pytest.fixture
def audit():
    spec = importlib.util.spec_from_file_location("audit_tool", ROOT / "tools" / "audit.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.parametrize(
    ("told", "complaint", "fails", "says"),
    [
        (FOUND, "", True, "rich 15.0.0: PYSEC-2026-1, mended in 15.0.1: Too rich"),
        (FOUND.replace('"15.0.1"', ""), "", True, "mended in no version yet"),
        (CLEAN, "", False, "no known vulnerability in 1 packages"),
        (SKIPPED, "", False, "1 of 1 packages are out of reach"),
        (PARTLY, "", True, "1 of 2 packages are out of reach"),
        ("", UNREACHED, False, "out of reach (requests.exceptions.ConnectionError: "),
        (
            "",
            "ERROR: Could not connect to PyPI\nERROR: Tip: another",
            False,
            "(ERROR: Could not connect to PyPI)",
        ),
        ("", "ERROR: requirement rich does not contain a hash", True, "rich does not contain a hash"),
    ],
)
def test_the_audit_fails_for_findings_and_says_what_it_could_not_ask(
    audit, monkeypatch, capsys, told, complaint, fails, says
):
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, told, complaint)
    )
    try:
        audit.main()
        status = 0
    except SystemExit as end:
        status = end.code
    assert bool(status) == fails
    assert says in capsys.readouterr().out + str(status)


def test_the_audit_waits_for_no_answer_for_ever(audit, monkeypatch, capsys):
    def hang(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    audit.main()
    assert "no answer about advisories within 120 s; nothing was audited" in capsys.readouterr().out
