"""Files packed into archives and tables."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def write_table(path: Path, files: dict[str, bytes], group: int) -> Path:
    """As the Hugging Face hub has images: a structure of bytes and path."""
    images = [{"bytes": content, "path": name} for name, content in files.items()]
    parquet.write_table(pa.table({"image": images, "label": range(len(images))}), path, row_group_size=group)
    return path
