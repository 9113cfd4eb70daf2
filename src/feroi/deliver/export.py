"""A trained network as an ONNX file. Needs torch and onnxscript."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import torch

from feroi.files import atomic_path
from feroi.network.model import Network
from feroi.network.weights import network_metadata

INPUT = "faces"
OUTPUTS = ["logits", "attention", "focus"]


def export_onnx(network: Network, path: Path) -> None:
    """Write `network` to `path`, with its description as metadata.

    Inputs and outputs have the names above. Number and size of the faces are free; for `flatten`,
    the number alone. An output a head does not have (the map of `flatten`) is left out.
    """
    height, width = network.config.input_hw
    example = torch.zeros(2, 1, height, width)
    free = {0: torch.export.Dim.DYNAMIC}
    outputs = OUTPUTS
    if network.config.head == "flatten":
        outputs = ["logits", "focus"]
    else:
        free |= {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    with warnings.catch_warnings():  # the exporter warns of its own insides
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            network.eval(),
            (example,),
            input_names=[INPUT],
            output_names=outputs,
            dynamic_shapes={INPUT: free},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(network_metadata(network))
    with atomic_path(path) as temporary:
        program.save(temporary)
