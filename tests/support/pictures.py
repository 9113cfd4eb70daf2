"""Small pictures whose pixels are known."""

from __future__ import annotations

from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def corners() -> Image.Image:
    """Grey 40 x 20 (w x h) with a red block top left and a blue one bottom right."""
    image = Image.new("RGB", (40, 20), (90, 90, 90))
    image.paste(RED, (0, 0, 10, 10))
    image.paste(BLUE, (30, 10, 40, 20))
    return image
