"""A network that leans towards an expression: a number is added to its logit, for good.

    python tools/lean.py MODEL.safetensors EXPRESSION BY OUT.safetensors

Labels of one data set make an expression rarer, or its weak forms less of it, than it is elsewhere.
Calibration is not carried over: it is to be measured anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from feroi.network.weights import load_network, save_network
from feroi.vocabulary import EXPRESSIONS


def main(model: str, expression: str, by: str, out: str) -> None:
    network = load_network(model)
    with torch.no_grad():
        network.classifier.bias[EXPRESSIONS.index(expression)] += float(by)
    save_network(network, Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
