"""Picture files to arrays, and arrays to a wanted size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm"})


class UnreadableImage(ValueError):
    """A file that holds no picture we can read; the message says why."""


def is_image_name(path: Path) -> bool:
    """Whether a file's name says it is a picture; hidden files are not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def read_intensity(path: Path) -> NDArray[np.uint8]:
    """Intensity channel (ITU-R 601 luma) of the picture in `path`, upright by its EXIF tag, (H, W).

    Transparent pixels are laid on white; of an animation the first frame is read.
    Raises UnreadableImage for anything that is not a whole picture.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            return np.asarray(_to_eight_bit(upright).convert("L"))
    except FileNotFoundError:
        raise UnreadableImage("file not found") from None
    except UnidentifiedImageError:
        size = path.stat().st_size
        raise UnreadableImage("empty file" if size == 0 else "not a picture") from None
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"too many pixels: {error}") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UnreadableImage(f"damaged picture: {error}") from None


def cover(image: NDArray[np.uint8], size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The centre of `image` (H, W) in the proportions of `size_hw`, resized to it; never distorted.

    Pillow's bicubic filter, which averages when it shrinks.
    """
    if image.shape == tuple(size_hw):
        return image
    height, width = size_hw
    scale = min(image.shape[0] / height, image.shape[1] / width)
    used_h, used_w = scale * height, scale * width
    top, left = (image.shape[0] - used_h) / 2, (image.shape[1] - used_w) / 2
    resized = Image.fromarray(image).resize(
        (width, height), Image.Resampling.BICUBIC, box=(left, top, left + used_w, top + used_h)
    )
    return np.asarray(resized)


def _to_eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16-bit grey, or wider
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if values.max() > 255 else 255.0
        return Image.fromarray(np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image
