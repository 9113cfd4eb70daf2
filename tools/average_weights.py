"""The mean of two networks' weights, where the second was begun from the first (Wortsman et al. 2022).

    python tools/average_weights.py FIRST.safetensors SECOND.safetensors OUT.safetensors

Statistics of batch normalisation are averaged as weights are; counters are the first's. Calibration is not
carried over: it is to be measured anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from feroi.network.weights import load_network, save_network


def main(first: Path, second: Path, out: Path) -> None:
    network, other = load_network(first), load_network(second)
    if network.config != other.config:
        sys.exit(f"{first} and {second} are not of one kind")
    theirs = other.state_dict()
    means = {
        name: (tensor + theirs[name]) / 2 if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    network.load_state_dict(means)
    save_network(network, out)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
