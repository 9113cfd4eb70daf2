"""The reader people import: load a network once, then read photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feroi.config import PIPELINES
from feroi.deliver.runtime import load_model
from feroi.network.description import DEFAULT
from feroi.photo.pixels import UnreadableImage
from feroi.reading import Photo, Reading, Settings, analyze_photos


class Reader:
    """A loaded network with its way of finding and preparing faces.

    model: "default" (shipped; needs no torch), an .onnx file, a .safetensors file or a run folder.
    detector: "both", "cnn" or "hog"; see `photo.detect`.
    only_biggest: read the biggest face of each photo alone.
    pipeline: how faces are prepared, for a model that does not say it itself.
    threads: how many the network may use; all cores if None.
    Raises FileNotFoundError or ValueError for a model that cannot be used.
    """

    def __init__(
        self,
        model: Path | str = DEFAULT,
        detector: str = "both",
        only_biggest: bool = False,
        pipeline: str | None = None,
        threads: int | None = None,
    ) -> None:
        loaded = load_model(model, threads)
        self.config, self.forward = loaded.config, loaded.forward
        if pipeline is not None:
            if self.config.pipeline not in (None, pipeline):
                raise ValueError(
                    f"the model learned from faces prepared by {self.config.pipeline!r} and would "
                    f"misread those of {pipeline!r}; leave the pipeline out"
                )
            if pipeline not in PIPELINES:
                raise ValueError(f"unknown pipeline {pipeline!r}; choose one of {', '.join(PIPELINES)}")
            self.config = replace(self.config, pipeline=pipeline)
        self.settings = Settings(detector, only_biggest)

    def read(self, photo: Path | str | NDArray[np.uint8]) -> list[Reading]:
        """Every face of one photo, biggest first; none if it holds none.

        photo: a file, or an array (H, W, 3) RGB or (H, W) intensity, uint8.
        Raises `photo.pixels.UnreadableImage` for a file that holds no picture.
        """
        (found,) = self.read_many([Path(photo) if isinstance(photo, str) else photo])
        if found.pixels is None:
            raise UnreadableImage(f"{photo}: {found.status}")
        return found.faces

    def read_many(self, photos: Iterable[Path | NDArray[np.uint8]]) -> Iterator[Photo]:
        """Every face of many photos, in order; one that cannot be read has a status that says why."""
        return analyze_photos(photos, self.forward, self.config, self.settings)


@lru_cache(maxsize=1)
def _default_reader() -> Reader:
    return Reader()


def analyze(photo: Path | str | NDArray[np.uint8]) -> list[Reading]:
    """Every face of `photo`, read by the shipped network; see `Reader.read` and `reading.Reading`.

    for face in feroi.analyze("party.jpg"):
        print(face.expression, face.confidence, face.regions)
    """
    return _default_reader().read(photo)
