"""A photo with its readings drawn on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from feroi.outputs import FloatArray
from feroi.results import Photo, Reading, Refused

# Twelve even steps of matplotlib's inferno, the colours of every region of interest.
INFERNO = np.array(
    [
        (0, 0, 4), (22, 11, 57), (66, 10, 104), (106, 23, 110), (147, 38, 103), (188, 55, 84),
        (221, 81, 58), (243, 120, 25), (252, 165, 10), (246, 215, 70), (249, 245, 120), (252, 255, 164),
    ],
    dtype=np.float64,
)  # fmt: skip
_FRAME, _INK, _PAPER = (255, 214, 10), (255, 255, 255), (20, 20, 30)
_UNREAD = (170, 170, 170)
FULL_HEAT = 3.0
"""Times a uniform map: the end of the colour scale of `heat`, which begins at 1."""
_MOST_OPAQUE = 0.45
_FADE = 0.2  # of a crop's side, over which the heat on a photo falls to nothing
_ROOMY_PX = 1000  # a photo smaller than this is drawn larger, or its letters would hide its faces
_MOST_ENLARGED = 4

Point = tuple[float, float]
Spot = tuple[float, float, float, float]  # left, top, right, bottom
Layout = Callable[[float], tuple[Point, list[Point]]]


def heat(
    image: NDArray[np.uint8], roi: FloatArray, strength: float = 1.0, full: float = FULL_HEAT
) -> NDArray[np.uint8]:
    """`image` (H, W) or (H, W, 3) under its region of interest, as (H, W, 3) RGB.

    roi: (H, W), in multiples of a uniform map; where it is 0 or 1 the image stays as it is, from
        there to `full` the colours grow stronger, and the face stays visible under them. strength: 0
        draws nothing, 1 all of it.
    """
    rgb = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
    level = np.clip((roi - 1) / (full - 1), 0, 1)
    place = level * (len(INFERNO) - 1)
    steps = np.arange(len(INFERNO))
    colour = np.stack([np.interp(place, steps, INFERNO[:, c]) for c in range(3)], axis=-1)
    alpha = (strength * _MOST_OPAQUE * level)[..., None]
    return np.asarray(rgb * (1 - alpha) + colour * alpha + 0.5).astype(np.uint8)


def draw_overlay(photo: Photo) -> Image.Image:
    """The photo with number, box, answer, probability bars and region of interest of each face.

    Beside the answer of a face of poor quality stands what is wrong with it; a face that was found and not
    read has a thin grey box.
    Numbers are those of the column `face` of the tables, in a video of the column `track`. The heat is
    brightest where most of the evidence lies, at FULL_HEAT or more, and fades out towards the border of what
    the network saw. Photos of less than 1000 px are drawn up to four times as large.
    Raises ValueError for a photo that could not be read.
    """
    if photo.pixels is None:
        raise ValueError(f"{photo.name} could not be read: {photo.status}")
    grey = photo.pixels.ndim == 2
    pixels = np.repeat(photo.pixels[..., None], 3, 2) if grey else photo.pixels.copy()
    for face in photo.faces:
        if face.crop_roi is None:
            continue
        patch = face.on_photo(_faded(face.crop_roi))
        here = patch.rows, patch.columns
        # A scale of its own for each face: one that ends at FULL_HEAT paints all of a narrow map alike.
        pixels[here] = heat(pixels[here], patch.roi, full=max(FULL_HEAT, float(patch.roi.max())))
    picture = Image.fromarray(pixels)
    times = min(-(-_ROOMY_PX // max(picture.size)), _MOST_ENLARGED)
    if times > 1:
        picture = picture.resize((times * picture.width, times * picture.height), Image.Resampling.BICUBIC)
    _draw_faces(picture, photo.faces, times)
    _draw_refused(picture, photo.refused, times)
    return picture


def _faded(roi: FloatArray) -> FloatArray:
    """A map (h, w) of a crop, drawn to uniform at its border."""
    sides = []
    for side in roi.shape:
        inwards = np.minimum(np.arange(side), np.arange(side)[::-1]) / (_FADE * side)
        sides.append((1 - np.cos(np.pi * np.minimum(inwards, 1))) / 2)
    return np.asarray(1 + (roi - 1) * np.outer(*sides))


class _Pen(NamedTuple):
    """What faces are drawn with, and the spots of the picture that are taken."""

    draw: ImageDraw.ImageDraw
    size: tuple[int, int]
    line: int
    taken: list[Spot]

    def fit(self, wanted: float, smallest: float, layout: Layout) -> tuple[float, Spot]:
        """Height of letters, and where what they are part of goes: as wanted if there is room, else small.

        layout: from letters' height to size (width, height) and corners (x, y) to try in turn.
        """
        for height in (wanted, smallest):
            size, corners = layout(height)
            spot = free_spot(size, corners, self.taken, self.size)
            if spot:
                break
        else:
            spot = moved_inside(size, corners[0], self.size)
        self.taken.append(spot)
        return height, spot


def free_spot(
    size: Point, corners: Sequence[Point], taken: Sequence[Spot], picture: tuple[int, int]
) -> Spot | None:
    """The first of `corners` (left, top) where `size` (width, height) lies in the picture and on nothing."""
    for x, y in corners:
        right, bottom = x + size[0], y + size[1]
        within = x >= 0 and y >= 0 and right <= picture[0] and bottom <= picture[1]
        if within and not any(x < x1 and x0 < right and y < y1 and y0 < bottom for x0, y0, x1, y1 in taken):
            return x, y, right, bottom
    return None


def moved_inside(size: Point, corner: Point, picture: tuple[int, int]) -> Spot:
    """`size` at `corner`, moved no further than it takes to lie in the picture."""
    x, y = (max(0.0, min(at, whole - part)) for at, part, whole in zip(corner, size, picture, strict=True))
    return x, y, x + size[0], y + size[1]


def _draw_faces(picture: Image.Image, faces: Sequence[Reading], times: int) -> None:
    right, bottom = picture.width - 1, picture.height - 1
    boxes = []
    for face in faces:
        x0, y0, x1, y1 = (times * value for value in face.box_xyxy_px)
        boxes.append((max(x0, 0), max(y0, 0), min(x1, right), min(y1, bottom)))
    line = max(2, round(max(picture.size) / 500))
    pen = _Pen(ImageDraw.Draw(picture, "RGBA"), picture.size, line, list(boxes))
    for box in boxes:
        pen.draw.rectangle(box, outline=_FRAME, width=line)
    for number, (face, box) in enumerate(zip(faces, boxes, strict=True)):
        _draw_answer(pen, number if face.track is None else face.track, face, box)
    for face, box in zip(faces, boxes, strict=True):
        _draw_bars(pen, face, box)


def _draw_refused(picture: Image.Image, refused: Sequence[Refused], times: int) -> None:
    draw = ImageDraw.Draw(picture)
    for face, _, _ in refused:
        x0, y0, x1, y1 = (times * value for value in face.box_xyxy_px)
        draw.rectangle((x0, y0, x1, y1), outline=_UNREAD, width=max(1, round(max(picture.size) / 800)))


def _draw_answer(pen: _Pen, number: int, face: Reading, box: Spot) -> None:
    x0, y0, x1, y1 = box
    badge, text = f"{number}", f"{face.answer} {100 * face.confidence:.0f} %"
    remark = f"  {face.quality.remark}" if face.quality.remark else ""

    def layout(letters: float) -> tuple[Point, list[Point]]:
        font = ImageFont.load_default(letters)
        width = sum(pen.draw.textlength(words, font) for words in (badge, text, remark)) + letters
        above = y0 - 1.4 * letters
        corners = [(x0, above), (x1 - width, above), (x0, y1), (x1 - width, y1)]
        return (width, 1.4 * letters), corners

    smallest = 7.5 * pen.line
    letters, spot = pen.fit(min(max((x1 - x0) / 9, smallest), 60.0), smallest, layout)
    font, pad = ImageFont.load_default(letters), letters / 4
    middle = (spot[1] + spot[3]) / 2
    end = spot[0] + pen.draw.textlength(badge, font) + 2 * pad
    pen.draw.rectangle(spot, fill=(*_PAPER, 210))
    pen.draw.rectangle((spot[0], spot[1], end, spot[3]), fill=_FRAME)
    pen.draw.text((spot[0] + pad, middle), badge, font=font, fill=_PAPER, anchor="lm")
    pen.draw.text((end + pad, middle), text, font=font, fill=_INK, anchor="lm")
    beyond = end + pad + pen.draw.textlength(text, font)
    pen.draw.text((beyond, middle), remark, font=font, fill=(*_INK, 160), anchor="lm")


def _draw_bars(pen: _Pen, face: Reading, box: Spot) -> None:
    """One row per expression, named by its first three letters."""
    x0, y0, x1, y1 = box
    gap = pen.line

    def layout(row: float) -> tuple[Point, list[Point]]:
        width, height = max(x1 - x0, 5.2 * row), (len(face.probabilities) + 0.4) * row
        beside = y1 - height
        corners = [(x0, y1 + gap), (x1 + gap, beside), (x0 - gap - width, beside), (x0, y0 - gap - height)]
        return (width, height), corners

    smallest = 5.5 * pen.line
    row, (left, top, right, bottom) = pen.fit(min(max((y1 - y0) / 14, smallest), 40.0), smallest, layout)
    font = ImageFont.load_default(0.85 * row)
    pen.draw.rectangle((left, top, right, bottom), fill=(*_PAPER, 150))
    start = left + 2.2 * row
    length = right - start - 0.3 * row
    for number, (name, share) in enumerate(face.probabilities.items()):
        at = top + (number + 0.2) * row
        pen.draw.text((left + 0.2 * row, at + row / 2), name[:3], font=font, fill=_INK, anchor="lm")
        high, low = at + 0.15 * row, at + 0.85 * row
        pen.draw.rectangle((start, high, start + length, low), fill=(*_INK, 45))
        pen.draw.rectangle((start, high, start + share * length, low), fill=(*_FRAME, 240))
