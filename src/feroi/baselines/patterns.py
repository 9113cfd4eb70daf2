"""Histograms of local codes: local binary patterns and local phase quantization.

Letters: N images, H and W their height and width in px.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from skimage.feature import local_binary_pattern

GRID = (7, 6)
"""Rows and columns of cells a face is divided into: 42 regions, as Shan et al. [36]."""

LBP_POINTS, LBP_RADIUS_PX = 8, 2
LBP_LABELS = 59
"""58 uniform patterns of eight points, and one label for all others."""

LPQ_WINDOW_PX = 7
LPQ_CORRELATION = 0.9
"""Of neighbouring pixels, in the model of the picture that the coefficients are decorrelated by."""

_LPQ_CODES = 256
_ROUNDING = 1e-6  # grey levels: below it a coefficient is 0 but for rounding, as on flat ground

Images = NDArray[np.uint8]
Features = NDArray[np.float32]
Floats = NDArray[np.float64]


def lbp(images: Images) -> Features:
    """Uniform local binary patterns of (N, H, W) images: (N, 42 * 59), histograms of cells.

    Eight points at 2 px, 59 labels, as Shan et al. [36] use them on faces of 110x150 px, whose regions
    are 18x21 px; here a face of any size is divided into GRID. A point between pixels is interpolated.
    Ours: pixels within 2 px of the rim have no code, and each cell's histogram sums to 1.
    """
    return grid_histograms(lbp_codes(images), LBP_LABELS)


def lbp_codes(images: Images) -> NDArray[np.int64]:
    """The labels 0..58 of (N, H, W) images, (N, H - 4, W - 4), as `lbp` counts them."""
    rim = LBP_RADIUS_PX
    codes = [
        local_binary_pattern(image, LBP_POINTS, LBP_RADIUS_PX, "nri_uniform")[rim:-rim, rim:-rim]
        for image in images
    ]
    return np.stack(codes).astype(np.int64)


def lpq(images: Images) -> Features:
    """Local phase quantization of (N, H, W) images: (N, 42 * 256), histograms of cells.

    Window, frequencies and decorrelation are those of Ojansivu and Heikkilä [39]; the cells are ours,
    since they describe textures by one histogram a picture. Each cell's histogram sums to 1.
    """
    return grid_histograms(np.stack([lpq_codes(image) for image in images]), _LPQ_CODES)


def lpq_codes(image: NDArray[np.uint8], decorrelate: bool = True) -> NDArray[np.int64]:
    """Codes 0..255 of an (H, W) image, (H - 6, W - 6): one for each window that fits into it.

    The Fourier transform of the 7x7 window about x, F(u, x) = sum over y of f(x - y) exp(-2 pi i u.y), at
    the frequencies (a, 0), (0, a), (a, a) and (a, -a), across and down, with a = 1/7. Bit j of the code
    is 1 if the j-th of the four real and then the four imaginary parts is 0 or more.
    decorrelate: first turn the eight numbers by the principal axes they would have if the correlation
        of two pixels were 0.9 to the power of their distance.
    """
    along = _wave()
    flat = np.ones_like(along)
    values = image.astype(np.float64)
    smooth, waved = _across(values, flat), _across(values, along)
    coefficients = [
        _down(waved, flat),
        _down(smooth, along),
        _down(waved, along),
        _down(waved, along.conj()),
    ]
    parts = np.stack([each.real for each in coefficients] + [each.imag for each in coefficients])  # (8, h, w)
    if decorrelate:
        parts = np.tensordot(_principal_axes().T, parts, 1)
    bits = parts >= -_ROUNDING
    return np.asarray(np.tensordot(2 ** np.arange(8), bits.astype(np.int64), 1))


def grid_histograms(codes: NDArray[np.int64], labels: int, grid: tuple[int, int] = GRID) -> Features:
    """Shares of the codes 0..labels-1 in each cell of (N, h, w) maps: (N, rows * columns * labels).

    Cells are equal but for rounding, row by row; a cell without pixels, as on tiny maps, is all 0.
    """
    (count, height, width), (rows, columns) = codes.shape, grid
    row = np.arange(height) * rows // height
    column = np.arange(width) * columns // width
    cell = row[:, None] * columns + column  # (h, w)
    size = rows * columns * labels
    place = (np.arange(count)[:, None, None] * rows * columns + cell) * labels + codes
    counts = np.bincount(place.ravel(), minlength=count * size).reshape(count, rows * columns, labels)
    shares = counts / np.maximum(counts.sum(2, keepdims=True), 1)
    return np.asarray(shares.reshape(count, size), dtype=np.float32)


def _wave() -> NDArray[np.complex128]:
    """exp(+2 pi i a d) at the distances d = -3..3 from the middle of the window: y of F is -d."""
    half = LPQ_WINDOW_PX // 2
    return np.asarray(np.exp(2j * np.pi * np.arange(-half, half + 1) / LPQ_WINDOW_PX))


def _across(image: Floats, weights: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Weighted sums of neighbours in a row, (H, W) to (H, W - 6)."""
    width = image.shape[1] - len(weights) + 1
    return np.asarray(sum(w * image[:, k : k + width] for k, w in enumerate(weights)))


def _down(image: NDArray[np.complex128], weights: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Weighted sums of neighbours in a column, (H, W) to (H - 6, W)."""
    height = image.shape[0] - len(weights) + 1
    return np.asarray(sum(w * image[k : k + height] for k, w in enumerate(weights)))


@lru_cache(maxsize=1)
def _principal_axes() -> Floats:
    """(8, 8), one column per axis: eigenvectors of the coefficients' covariance D = M C M^T."""
    half = LPQ_WINDOW_PX // 2
    down, across = (each.ravel() for each in np.mgrid[-half : half + 1, -half : half + 1])
    frequencies = np.array([(1, 0), (0, 1), (1, 1), (1, -1)]) / LPQ_WINDOW_PX
    waves = np.exp(2j * np.pi * (frequencies @ np.stack([across, down])))  # (4, 49)
    transform = np.concatenate([waves.real, waves.imag])
    pixels = LPQ_CORRELATION ** np.hypot(down[:, None] - down, across[:, None] - across)
    covariance = transform @ pixels @ transform.T
    # By symmetry some axes are equally long, and any pair in their plane would do: one is preferred.
    preference = 1 + 1e-6 * np.arange(8, 0, -1)
    _, axes = np.linalg.eigh(covariance * preference[:, None] * preference)
    leading = axes[np.argmax(np.abs(axes) > 1e-3, axis=0), np.arange(8)]
    return np.asarray(axes * np.sign(leading))
