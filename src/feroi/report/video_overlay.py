"""A video with its readings drawn on it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from feroi.files import atomic_path, name_path_in_errors
from feroi.report.overlay import draw_overlay
from feroi.results import Photo

_CODECS = {"libx264": {"preset": "veryfast", "crf": "20", "bf": "0"}, "mpeg4": {"qmin": "3", "qmax": "6"}}
"""H.264 where FFmpeg was built with it, else MPEG-4 Part 2. No frames out of order, so that pieces can be
joined."""
_MS = Fraction(1, 1000)


class VideoDrawer:
    """Draws the frames of a video into pieces that are joined at its end, so that a killed run can go on.

    folder: of the pieces. state: as of another drawer, whose later piece, if any, is overwritten.
    """

    def __init__(self, folder: Path, state: dict[str, Any] | None = None) -> None:
        self._folder = folder
        self._pieces, self._last_ms, self._size = 0, -1, (0, 0)
        if state:
            self._pieces, self._last_ms, self._size = state["pieces"], state["last_ms"], tuple(state["size"])
        self._container: Any = None

    def add(self, photo: Photo) -> None:
        """Draw a frame; what is said of the whole video is left out."""
        if photo.pixels is None or photo.time_s is None:
            return
        import av

        picture = draw_overlay(photo)
        if self._last_ms < 0:
            self._size = picture.width // 2 * 2, picture.height // 2 * 2  # colours have half the resolution
        if picture.size != self._size:
            picture = picture.crop((0, 0, *self._size))
        if self._container is None:
            self._begin()
        frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
        self._last_ms = max(round(1000 * photo.time_s), self._last_ms + 1)
        frame.pts, frame.time_base = self._last_ms, _MS
        with name_path_in_errors(self._piece(self._pieces)):
            self._container.mux(self._container.streams.video[0].encode(frame))

    def close_piece(self) -> dict[str, Any]:
        """End the piece that is open; the state, of numbers and lists alone."""
        if self._container is not None:
            with name_path_in_errors(self._piece(self._pieces)):
                self._container.mux(self._container.streams.video[0].encode(None))
                self._container.close()
            self._container, self._pieces = None, self._pieces + 1
        return {"pieces": self._pieces, "last_ms": self._last_ms, "size": list(self._size)}

    def join(self, path: Path) -> None:
        """Write all pieces as one video to `path` (.mp4), whole or not at all."""
        self.close_piece()
        pieces = [self._piece(number) for number in range(self._pieces)]
        if not pieces:  # nothing could be read, for want of av perhaps
            return
        import av

        with atomic_path(path) as temporary, av.open(str(temporary), "w") as joined:
            stream = None
            for piece in pieces:
                with av.open(str(piece)) as container:
                    source = container.streams.video[0]
                    stream = stream or joined.add_stream_from_template(source)
                    for packet in container.demux(source):
                        if packet.dts is not None:
                            packet.stream = stream
                            joined.mux(packet)

    def _begin(self) -> None:
        import av

        self._folder.mkdir(parents=True, exist_ok=True)
        codec = next(name for name in _CODECS if name in av.codecs_available)
        self._container = av.open(str(self._piece(self._pieces)), "w")
        stream = self._container.add_stream(codec, rate=25, options=_CODECS[codec])
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _MS

    def _piece(self, number: int) -> Path:
        return self._folder / f"piece-{number:05d}.mkv"
