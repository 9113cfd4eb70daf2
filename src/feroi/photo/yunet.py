"""YuNet, a small convolutional face detector: pixels to boxes with five points.

Wu, Peng and Yu, YuNet: A Tiny Millisecond-level Face Detector (2023); see models/README.md. It answers
on three grids of cells, 8, 16 and 32 px apart. A cell that sees a face of about 10 to 300 px gives its
middle, its size and its points relative to itself, and two probabilities whose geometric mean is the score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.inference import CPU, Compute, shipped_session

_STRIDES_PX = (8, 16, 32)
_OUTPUTS = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in _STRIDES_PX]

Floats = NDArray[np.float64]


def find(pictures: NDArray[np.uint8], least: float, compute: Compute = CPU) -> list[Floats]:
    """What may be a face in each of `pictures` (N, H, W, 3) RGB, unordered and many times over.

    least: the lowest score to be told.
    Returns for each picture (K, 7): x and y of the middle, width and height in px, score 0..1, and the way
    from the right eye to the left one, x and y in px. Boxes reach from the forehead to the chin, and may
    leave the picture; (0, 0) is its upper left corner.
    """
    images, height, width, _ = pictures.shape
    coarsest = _STRIDES_PX[-1]
    padded = np.zeros(
        (images, 3, -(-height // coarsest) * coarsest, -(-width // coarsest) * coarsest), np.float32
    )
    padded[:, :, :height, :width] = pictures[..., ::-1].transpose(0, 3, 1, 2)  # blue first
    found = shipped_session("photo/models/yunet.onnx", compute).run(_OUTPUTS, {"input": padded})
    answers = dict(zip(_OUTPUTS, found, strict=True))
    rows: list[list[Floats]] = [[] for _ in range(images)]
    for stride in _STRIDES_PX:
        sure = answers[f"cls_{stride}"][..., 0] * answers[f"obj_{stride}"][..., 0]
        image, cell = np.nonzero(sure > least**2)
        down, across = np.divmod(cell, padded.shape[3] // stride)
        box = answers[f"bbox_{stride}"][image, cell].astype(np.float64)
        eyes = answers[f"kps_{stride}"][image, cell, :4].astype(np.float64)
        seen = np.stack(
            [
                (across + box[:, 0]) * stride,
                (down + box[:, 1]) * stride,
                *(np.exp(np.minimum(box[:, 2:], 10)) * stride).T,
                np.sqrt(np.minimum(sure[image, cell], 1)),
                *((eyes[:, 2:] - eyes[:, :2]) * stride).T,
            ],
            axis=1,
        )
        for number in range(images):
            rows[number].append(seen[image == number])
    return [np.concatenate(each) for each in rows]
