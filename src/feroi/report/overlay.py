"""A photo with its readings drawn on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from feroi.look import FloatArray
from feroi.reading import Photo, Reading

# Twelve even steps of matplotlib's inferno, the colours of every region of interest.
_INFERNO = np.array(
    [
        (0, 0, 4), (22, 11, 57), (66, 10, 104), (106, 23, 110), (147, 38, 103), (188, 55, 84),
        (221, 81, 58), (243, 120, 25), (252, 165, 10), (246, 215, 70), (249, 245, 120), (252, 255, 164),
    ],
    dtype=np.float64,
)  # fmt: skip
_FRAME, _INK, _PAPER = (255, 214, 10), (255, 255, 255), (20, 20, 30)
_FULL_HEAT = 3.0  # times a uniform map: the end of the colour scale
_MOST_OPAQUE = 0.6


def heat(image: NDArray[np.uint8], roi: FloatArray, strength: float = 1.0) -> NDArray[np.uint8]:
    """`image` (H, W) or (H, W, 3) under its region of interest, as (H, W, 3) RGB.

    roi: (H, W), in multiples of a uniform map; where it is 0 or 1 the image stays as it is, from
        there to 3 the colours grow stronger. strength: 0 draws nothing, 1 all of it.
    """
    rgb = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
    level = np.clip((roi - 1) / (_FULL_HEAT - 1), 0, 1)
    place = level * (len(_INFERNO) - 1)
    steps = np.arange(len(_INFERNO))
    colour = np.stack([np.interp(place, steps, _INFERNO[:, c]) for c in range(3)], axis=-1)
    alpha = (strength * _MOST_OPAQUE * np.sqrt(level))[..., None]
    return np.asarray(rgb * (1 - alpha) + colour * alpha + 0.5).astype(np.uint8)


def draw_overlay(photo: Photo) -> Image.Image:
    """The photo with box, expression, probability bars and region of interest of each face.

    Raises ValueError for a photo that could not be read.
    """
    if photo.pixels is None:
        raise ValueError(f"{photo.name} could not be read: {photo.status}")
    grey = photo.pixels.ndim == 2
    pixels = np.repeat(photo.pixels[..., None], 3, 2) if grey else photo.pixels.copy()
    for face in photo.faces:
        patch = face.attention_patch
        if patch is not None:
            here = patch.rows, patch.columns
            pixels[here] = heat(pixels[here], patch.roi)
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture, "RGBA")
    for face in photo.faces:
        _draw_face(draw, face, max(2, round(max(picture.size) / 500)))
    return picture


def _draw_face(draw: ImageDraw.ImageDraw, face: Reading, line: int) -> None:
    x0, y0, x1, y1 = face.box_xyxy_px
    size = min(max((x1 - x0) / 9, 6.0 * line), 60.0)
    font = ImageFont.load_default(size)
    draw.rectangle((x0, y0, x1, y1), outline=_FRAME, width=line)
    text = f"{face.expression} {100 * face.confidence:.0f} %"
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    height, pad = bottom - top, size / 4
    label_y = y0 - height - 2 * pad if y0 > height + 2 * pad else y0
    draw.rectangle(
        (x0, label_y, x0 + right - left + 2 * pad, label_y + height + 2 * pad), fill=(*_PAPER, 200)
    )
    draw.text((x0 + pad - left, label_y + pad - top), text, font=font, fill=_INK)
    bar = max((y1 - y0) / 40, 2.0)
    for row, share in enumerate(face.probabilities.values()):
        at = y1 + bar * (0.6 + 1.5 * row)
        draw.rectangle((x0, at, x1, at + bar), fill=(*_PAPER, 130))
        draw.rectangle((x0, at, x0 + share * (x1 - x0), at + bar), fill=(*_FRAME, 230))
