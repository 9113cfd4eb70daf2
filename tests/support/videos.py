"""Videos for tests, written with PyAV from pictures in memory."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from PIL import Image

from feroi.data.groups import group_photos


def write_video(path, frames, times_ms=None, codec="libx264", rate=25, **stream_settings):
    """`frames` (H, W, 3) uint8 shown at `times_ms`; by default one each 1000 / `rate`."""
    with av.open(str(path), "w") as container:
        stream = None
        for number, pixels in enumerate(frames):
            if stream is None:
                stream = container.add_stream(codec, rate=rate)
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
                if codec == "libx264":
                    stream.options = {"preset": "ultrafast", "crf": "12"}
                stream.codec_context.time_base = Fraction(1, 1000)
                for name, value in stream_settings.items():
                    setattr(stream, name, value)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.time_base = Fraction(1, 1000)
            frame.pts = round(1000 * number / rate) if times_ms is None else times_ms[number]
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    return path


def write_sound(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def group_photo(name):
    """Pixels (H, W, 3) of a shipped group photo, and the boxes of its faces."""
    path, faces = next((path, faces) for path, faces in group_photos().items() if path.stem == name)
    return np.asarray(Image.open(path).convert("RGB")), [face.box_xyxy_px for face in faces]


def panned(photo, size_hw, corners):
    """Windows of `size_hw` of `photo` with the upper left `corners` (x, y)."""
    height, width = size_hw
    return [photo[y : y + height, x : x + width] for x, y in corners]
