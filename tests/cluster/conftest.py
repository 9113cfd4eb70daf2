"""A folder of small photos."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data


@pytest.fixture(scope="session")
def encoded() -> dict[str, bytes]:
    """Six files: four of one face in other light, a grey one and a broken one."""
    face = Image.fromarray(data.astronaut()).crop((120, 20, 340, 240)).resize((140, 140))
    pictures = {f"face{n}.png": face.point(lambda v, n=n: min(255, v * (8 + n) // 8)) for n in range(4)}
    pictures["grey.png"] = Image.fromarray(np.full((60, 60), 90, np.uint8))
    files = {}
    for name, picture in pictures.items():
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        files[name] = buffer.getvalue()
    return files | {"broken.png": files["face0.png"][:900]}


@pytest.fixture
def folder(tmp_path: Path, encoded: dict[str, bytes]) -> Path:
    root = tmp_path / "photos"
    root.mkdir()
    for name, content in encoded.items():
        (root / name).write_bytes(content)
    return root
