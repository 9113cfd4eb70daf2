"""What reaches beyond this machine: from Python in this process, and from any program in a closed namespace.

As a program, `closed_network.py FILE COMMAND...` runs the command where only loopback is up (Linux, inside
`unshare --net`), writes into FILE how often it reached out, and exits as the command did.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

NAMESPACE = ["unshare", "--map-root-user", "--net"]
SET_FLAGS, UP_AND_RUNNING = 0x8914, 0x41  # SIOCSIFFLAGS; IFF_UP | IFF_RUNNING
COUNTERS = ("Ip: OutNoRoutes", "Udp: NoPorts", "Ip6OutNoRoutes", "Udp6NoPorts")
CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
LOOKS_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

reached: list[str] = []
"""What left this machine since the test began, refused."""


def watch() -> None:
    """From now on refuse and note what Python connects to, sends to or looks up beyond this machine."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple) -> None:
    if event in CONNECTS:
        opened, address = arguments
        # Connecting a datagram socket sends nothing; it is how programs learn their own address.
        sends = event != "socket.connect" or opened.type != socket.SOCK_DGRAM
        host = address[0] if sends and isinstance(address, tuple) else None
    elif event in LOOKS_UP:
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        reached.append(f"{event} {host}")
        raise ConnectionRefusedError(f"tests reach no network, and {event} asked for {host}")


def _is_here(host: str | bytes | None) -> bool:
    """Whether it names this machine: no host, a path, one of its names, or an address it can listen at."""
    name = os.fsdecode(host or "localhost")
    if name in ("localhost", socket.gethostname()):
        return True
    try:
        version = ipaddress.ip_address(name).version
        with socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET) as trial:
            trial.bind((name, 0))
    except (ValueError, OSError):
        return False
    return True


def attempts_of(command: list[str], folder: Path) -> int:
    """How often `command`, run in `folder`, and its children reached beyond loopback, native code included.

    It runs in a network namespace of its own, without proxies; skips the test where none can be made.
    Raises AssertionError with what it printed if it fails.
    """
    try:
        subprocess.run([*NAMESPACE, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespace can be made here: {error}")
    counts = folder / "attempts"
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    run = [*NAMESPACE, sys.executable, __file__, str(counts), *command]
    result = subprocess.run(run, cwd=folder, env=kept, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return int(counts.read_text())


def main() -> int:
    """Run the command of the arguments and count."""
    import fcntl  # not on Windows, where this is not run

    with socket.socket() as control:
        fcntl.ioctl(control, SET_FLAGS, struct.pack("16sh", b"lo", UP_AND_RUNNING))
    file, *command = sys.argv[1:]
    status = subprocess.run(command).returncode
    Path(file).write_text(str(_attempts()))
    return status


def _attempts() -> int:
    """Packets without a way out, and datagrams to ports of loopback where nobody listens: a resolver, say."""
    counted = {}
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        counted |= {f"{names[0]} {name}": value for name, value in zip(names, values, strict=True)}
    counted |= dict(line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    return sum(int(counted[name]) for name in COUNTERS)


if __name__ == "__main__":
    sys.exit(main())
