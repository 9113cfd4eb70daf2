"""Ask for known vulnerabilities of all that requirements/ pins. Run by `make lint`.

A finding fails. Where the advisories cannot be reached, one line says so and nothing fails: the next run that
reaches them asks anew. pip-audit alone says "no known vulnerabilities" of packages it was told nothing about.
"""

from __future__ import annotations

import json
import subprocess
import sys

FILES = ["--requirement", "requirements/build.txt", "--requirement", "requirements/lock.txt"]
SECONDS = 120
OUT_OF_REACH = ("requests.exceptions.", "ServiceError", "Could not connect", "not redirecting")


def main() -> None:
    """Print what is known, and exit with 1 where that is a vulnerability."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--disable-pip", "--require-hashes", *FILES]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        print(f"audit: no answer about advisories within {SECONDS} s; nothing was audited")
        return
    if told.stdout:
        sys.exit(verdict(json.loads(told.stdout)["dependencies"]))
    reasons = [line for line in told.stderr.splitlines() if any(text in line for text in OUT_OF_REACH)]
    if not reasons:
        sys.exit(f"audit: pip-audit failed:\n{told.stderr}")
    print(f"audit: advisories are out of reach ({reasons[-1][:80]}); nothing was audited")


def verdict(packages: list[dict]) -> int:
    """1 if a vulnerability of one of `packages`, as pip-audit lists them, is known, else 0; prints which."""
    unknown = [package for package in packages if "skip_reason" in package]
    found = [(package, known) for package in packages for known in package.get("vulns", ())]
    if unknown:
        print(f"audit: advisories of {len(unknown)} of {len(packages)} packages are out of reach")
    for package, known in found:
        remedy = " or ".join(known["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {known['id']}, mended in {remedy}: ", end="")
        print(known["description"])
    if found:
        print("Take a mended version: make lock UPGRADE='--upgrade-package NAME'")
    elif not unknown:
        print(f"audit: no known vulnerability in {len(packages)} packages")
    return 1 if found else 0


if __name__ == "__main__":
    main()
