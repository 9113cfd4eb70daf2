"""Simplifying images (Zhou et al. 2014, the paper's [12], after Biederman [11]).

A face is divided into segments. The segment whose removal costs the expression least is removed, again and
again, for as long as the network keeps its answer; what is left is what the answer needs. Unlike
Zhou et al., segments come from SLIC (Achanta et al. 2012; edges of a 48 px face close no regions), and a
removed one takes the mean intensity of the face.

Shapes: a face H x W px, K segments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from feroi.outputs import FloatArray, Forward

SEGMENTS = 24
"""Asked of SLIC, which makes about as many."""
_COMPACTNESS = 0.1  # of SLIC, for intensities in 0..1: segments follow edges and stay in one piece
_BATCH = 64


def simplify_faces(
    forward: Forward, faces: NDArray[np.float32], labels: NDArray[np.int64], segments: int = SEGMENTS
) -> FloatArray:
    """`simplify` of each of faces (N, 1, H, W), divided by `segment`; maps (N, H, W) in 0..1."""
    maps = [
        simplify(forward, face[0], int(label), segment(face[0], segments))
        for face, label in zip(faces, labels, strict=True)
    ]
    return np.stack(maps)


def simplify(
    forward: Forward, face: NDArray[np.float32], label: int, segments: NDArray[np.int64]
) -> FloatArray:
    """How long each segment stayed, (H, W) in 0..1: 0 for what went first, 1 for what is left at the end.

    face: (H, W) in 0..1. label: the expression whose probability decides what goes next. segments:
    (H, W), numbers 0..K-1. The removal that would change the answer is not made; where the answer
    never changes, down to an empty face, nothing is left and the map is the order alone.
    """
    count = int(segments.max()) + 1
    blank = np.float32(face.mean())
    stayed = np.ones(count)
    remaining = list(range(count))
    current = face
    answer = int(forward(face[None, None]).logits[0].argmax())
    while remaining:
        without = np.stack([np.where(segments == number, blank, current) for number in remaining])
        logits = np.concatenate(
            [forward(without[i : i + _BATCH, None]).logits for i in range(0, len(without), _BATCH)]
        )
        best = int(_probabilities(logits)[:, label].argmax())
        if int(logits[best].argmax()) != answer:
            break
        stayed[remaining[best]] = (count - len(remaining)) / count
        current = without[best]
        del remaining[best]
    return np.asarray(stayed[segments])


def segment(face: NDArray[np.float32], count: int = SEGMENTS) -> NDArray[np.int64]:
    """About `count` segments of a face (H, W) of intensities in 0..1, by SLIC: (H, W), numbers from 0."""
    from skimage.segmentation import slic  # here: only this method needs scikit-image

    found = slic(face, n_segments=count, compactness=_COMPACTNESS, channel_axis=None, start_label=0)
    return np.asarray(np.unique(found, return_inverse=True)[1].reshape(face.shape), dtype=np.int64)


def _probabilities(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
