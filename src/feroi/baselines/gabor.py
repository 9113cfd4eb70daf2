"""Gabor wavelets, after Liu and Wechsler [38].

Letters: N images, H and W their height and width in px; h = H // 8, w = W // 8.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

SCALES, ORIENTATIONS = 5, 8
SIGMA = 2 * np.pi
"""Width of a wavelet's envelope, in radians of its own wave: one wave length."""
STEP_PX = 8
"""The magnitudes are kept at every 8th pixel of every 8th row: a 64th, the paper's rho."""

_HIGHEST = np.pi / 2  # radians a px
_RIM_PX = 52  # three times the largest envelope, 16 px, and so that kept pixels lie on multiples of the step
_FLAT = 0.01  # grey levels: magnitudes that vary less do so by rounding


def gabor(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Magnitudes of 40 Gabor wavelets on (N, H, W) images: (N, 40 * h * w).

    The wavelet of wave vector k is |k|^2 / s^2 exp(-|k|^2 |z|^2 / 2 s^2) (exp(i k.z) - exp(-s^2 / 2)), with
    |k| = pi/2, divided by the root of 2 from scale to scale, at multiples of 22.5 degrees; s = 2 pi. Each
    map of magnitudes is kept at the middle of each block of 8x8 px and brought to mean 0 and variance 1.
    Ours: the picture is mirrored at its rim, and a map that is flat but for rounding becomes all 0.
    Raises ValueError for images of less than 8 px a side.
    """
    count, height, width = images.shape
    rows, columns = height // STEP_PX, width // STEP_PX
    if not rows or not columns:
        raise ValueError(f"Gabor features need images of at least {STEP_PX} px a side, got {width}x{height}")
    after = [2 * _RIM_PX - (_RIM_PX + side) % STEP_PX for side in (height, width)]
    wider = np.pad(
        images.astype(np.float32), [(0, 0), (_RIM_PX, after[0]), (_RIM_PX, after[1])], mode="symmetric"
    )
    kernels = _spectra(wider.shape[1], wider.shape[2])
    first = (_RIM_PX + STEP_PX // 2) // STEP_PX
    kept = np.empty((count, len(kernels), rows, columns), dtype=np.float32)
    for image, maps in zip(wider, kept, strict=True):
        # Keeping every 8th pixel folds the spectrum 8 times each way, so only small transforms are needed.
        folded = (fft.fft2(image) * kernels).reshape(
            len(kernels), STEP_PX, wider.shape[1] // STEP_PX, STEP_PX, wider.shape[2] // STEP_PX
        )
        coarse = np.abs(fft.ifft2(folded.mean((1, 3))))
        maps[:] = coarse[:, first : first + rows, first : first + columns]
    kept -= kept.mean((2, 3), keepdims=True)
    spread = kept.std((2, 3), keepdims=True)
    return np.where(spread > _FLAT, kept / np.maximum(spread, _FLAT), 0).reshape(count, -1).astype(np.float32)


def wavelet(
    scale: int, orientation: int, down: NDArray[np.float64], across: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """The wavelet of `scale` 0..4 and `orientation` 0..7 at places z = (across, down) in px."""
    wave = _HIGHEST / np.sqrt(2) ** scale
    angle = np.pi * orientation / ORIENTATIONS
    phase = wave * (np.cos(angle) * across + np.sin(angle) * down)
    envelope = (wave / SIGMA) ** 2 * np.exp(-((wave / SIGMA) ** 2) * (down**2 + across**2) / 2)
    return np.asarray(envelope * (np.exp(1j * phase) - np.exp(-(SIGMA**2) / 2)))


@lru_cache(maxsize=2)
def _spectra(height: int, width: int) -> NDArray[np.complex64]:
    """(40, height, width): Fourier transforms of the wavelets, their middles at the first pixel."""
    down = fft.fftfreq(height, 1 / height)[:, None]
    across = fft.fftfreq(width, 1 / width)[None]
    bank = [wavelet(s, o, down, across) for s in range(SCALES) for o in range(ORIENTATIONS)]
    return np.asarray(fft.fft2(np.stack(bank)).astype(np.complex64))
