"""A trained network as an ONNX file. Needs torch and onnxscript."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from feroi.files import atomic_path
from feroi.network.calibration import UNCALIBRATED, Calibration, write_calibration
from feroi.network.description import describe
from feroi.network.model import Network

INPUT = "faces"
OUTPUTS = ["logits", "attention", "focus", "evidence", "score"]


def export_onnx(network: Network, path: Path, calibration: Calibration = UNCALIBRATED) -> None:
    """Write `network` to `path`, with its description and `calibration` as metadata.

    The outputs are the network's own; `network.load` applies the calibration.

    Inputs and outputs have the names above. Number and size of the faces are free; for `flatten`
    and `stacked-max`, the number alone. An output a head does not have (the map of `flatten`, the score of
    `gap`) is left out.
    """
    height, width = network.config.input_hw
    example = torch.zeros(2, network.config.channels_in, height, width)
    free = {0: torch.export.Dim.DYNAMIC}
    exported = _Outputs(network.eval())
    found = exported(example)
    outputs = [name for name in OUTPUTS if name in found]
    if network.config.takes_any_size:
        free |= {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    with torch.no_grad(), warnings.catch_warnings():  # the exporter warns of its own insides
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            exported,
            (example,),
            input_names=[INPUT],
            output_names=outputs,
            dynamic_shapes={INPUT: free},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(describe(network.config) | write_calibration(calibration))
    with atomic_path(path) as temporary:
        program.save(temporary)


class _Outputs(nn.Module):
    """A network with all it can say, by name, in one pass."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> dict[str, Tensor]:
        a0 = self.network.locations(faces)
        said = self.network.head(a0)._asdict()
        if self.network.score is not None:
            said["score"] = self.network.score(a0)
        return {name: values for name, values in said.items() if values is not None}
