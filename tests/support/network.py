"""A made-up network that tells what it was shown."""

from __future__ import annotations

import numpy as np

from feroi.config import NetworkConfig
from feroi.inference import Compute
from feroi.outputs import NetworkOutput
from feroi.reading import ReadingOptions
from feroi.vocabulary import EXPRESSIONS

CONFIG = NetworkConfig("attention", (48, 48), pipeline="wild")
ONE = ReadingOptions(compute=Compute(threads=1))


def forward(faces):
    """Happy for the first face of a call, sad for the others; all weight on the map's lower middle."""
    logits = np.zeros((len(faces), 7))
    logits[:, EXPRESSIONS.index("sad")] = 3.0
    logits[0] = np.eye(7)[EXPRESSIONS.index("happy")] * 3.0
    attention = np.zeros((len(faces), 3, 3))
    attention[:, 2, 1] = 1.0
    forward.calls.append(len(faces))
    return NetworkOutput(logits, attention, logits)


forward.calls = []
