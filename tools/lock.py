"""Write requirements/: the exact versions and SHA-256 of all that the Makefile installs. Run by `make lock`.

Arguments are handed to `uv pip compile`. What the files hold already stays, unless pyproject.toml speaks
against it or an argument asks for newer: --upgrade, or --upgrade-package NAME.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMPILE = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--custom-compile-command", "make lock"]
COMPILE += ["--universal", "--python-version", "3.11", "--generate-hashes"]
BUILD, LOCK = Path("requirements/build.txt"), Path("requirements/lock.txt")

# For Linux, PyPI's torch needs gigabytes of CUDA. Where this build for the CPU lies in a folder of wheels
# that pip is told of (PIP_FIND_LINKS), the Makefile takes it: 2.13.0+cpu for Python 3.11 on x86-64.
CPU_TORCH = "torch==2.13.0", "sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"


def main() -> None:
    """Resolve the tools of the build, then everything else beside them."""
    build = ["--group", "pyproject.toml:build", "--output-file", BUILD]
    extras = ["pyproject.toml", "--all-extras", "--constraint", BUILD, "--output-file", LOCK]
    for asked in (build, extras):
        subprocess.run([*COMPILE, *asked, *sys.argv[1:]], check=True)
    pin, sha256 = CPU_TORCH
    head, found, tail = LOCK.read_text().partition(f"\n{pin} \\\n")
    if not found:
        sys.exit(f"{pin} was not resolved; give CPU_TORCH in {__file__} the version in {LOCK} and its hash")
    if sha256 not in tail:
        LOCK.write_text(f"{head}{found}    --hash={sha256} \\\n{tail}")


if __name__ == "__main__":
    main()
