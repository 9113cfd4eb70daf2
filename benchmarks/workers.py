"""What training on several processes costs: images a second, processor time, and bytes between the processes.

    python benchmarks/workers.py --data embedded-wild --workers 1 2
    unshare -n sh -c 'ip link set lo up; python benchmarks/workers.py ...'   # bytes of nobody else (as root)

Each number of workers trains the same few epochs; the first one, which warms up, does not count. Processor
time is of the whole command, start and decoding included. Bytes are those of the loopback device, so of whatever
else talks on it, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="embedded-wild")
    parser.add_argument("--network", default="lateral-attention")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    settings = [
        "train", "--data", asked.data, "--network", asked.network, "--recipe", "wild", "--set", "guidance=0",
        "--epochs", str(asked.epochs), "--batch-size", str(asked.batch_size),
    ]  # fmt: skip
    print("workers  images/s  processor s  loopback MB  loss of the last epoch")
    for number in asked.workers:
        start = [sys.executable, "-m"]
        if number > 1:
            start += ["torch.distributed.run", "--nproc-per-node", str(number), "-m", "--"]
        with tempfile.TemporaryDirectory() as folder:
            before = _loopback_bytes()
            command = [*start, "feroi", *settings, "--run", folder + "/run"]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            if status:
                sys.exit(f"{' '.join(command)} failed")
            lines = (Path(folder) / "run" / "metrics.jsonl").read_text().splitlines()
            moved = _loopback_bytes() - before
        epochs = [json.loads(line) for line in lines]
        speed = median(row["images_per_s"] for row in epochs[1:])
        seconds = used.ru_utime + used.ru_stime
        print(f"{number:7}  {speed:8.1f}  {seconds:11.1f}  {moved / 1e6:11.1f}  {epochs[-1]['loss']:.6f}")


def _loopback_bytes() -> int:
    """Bytes sent on the loopback device since the machine started; Linux only."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, figures = line.partition(":")
        if name.strip() == "lo":
            return int(figures.split()[8])
    return 0


if __name__ == "__main__":
    main()
