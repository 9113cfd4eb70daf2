"""Videos and cameras to frames, by FFmpeg's libraries (PyAV, of feroi[video])."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.photo.decode import NO_PERMISSION, NOT_FOUND
from feroi.photo.handed import why_no_name
from feroi.photo.kinds import HEAD_BYTES, is_transport_stream, kind_of, other_kind

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts"),
        *(".wmv", ".flv", ".3gp", ".ogv", ".vob", ".mxf"),
    }
)

SHARED_SUFFIXES = frozenset({".ts", ".mts"})
"""Those that texts have, too: TypeScript's. What the file holds decides."""
_NO_PYAV = "videos need feroi[video]: pip install 'feroi[video]'"

_MOST_PIXELS = 40_000_000
"""Of a frame; those of 8K videos have 33 million. Decoders hold a dozen frames at once."""
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,mxf,m4v,h264,hevc"
"""What FFmpeg may take a video for. It knows lists, too, and would open the files that they name."""

_AT_MOST = f"at most {_MOST_PIXELS:,} are read"
_STATE_THEIR_END = frozenset({"matroska,webm", "asf"})
"""Containers that state when the video ends by its time stamps, not how long it is."""
_FILLED_IN = "the decoder filled in what is missing"
_LOST_BYTES = "bytes are missing or changed"
_ENDS_EARLY_S, _ENDS_EARLY_SHARE = 1.0, 0.02
"""A video whose pictures end by more than this before the end its header states was cut off."""


class Frame(NamedTuple):
    """A picture of a video.

    number: from 0, counting every frame of the video, also those that are passed over.
    time_s: when it is shown, by its time stamp, after the video begins.
    pixels: (H, W, 3) uint8 RGB, upright, with square pixels.
    """

    number: int
    time_s: float
    pixels: NDArray[np.uint8]


class UnreadableVideo(ValueError):
    """A video that holds no picture, or none after those that were given; the message says why."""


class Pace(NamedTuple):
    """Which frames of a video are read.

    every: each so many. fps: at most so many a second of video, by their time stamps; None for all.
    """

    every: int = 1
    fps: float | None = None

    def checked(self) -> Pace:
        """Itself. Raises ValueError unless `every` is whole and 1 or more, `fps` above 0 and finite."""
        if not (self.every >= 1 and self.every % 1 == 0):
            raise ValueError(f"every so many frames is a whole number, 1 or more; got {self.every}")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise ValueError(f"frames a second are above 0 and finite; got {self.fps:g}")
        return self

    def reads(self, number: int, time_s: float, last_s: float | None) -> bool:
        """Whether that frame is read, `last_s` being the time of the last one that was."""
        if number % self.every:
            return False
        if self.fps is None or last_s is None:
            return True
        # the first frame in each period, so that the rate holds on average
        return int(time_s * self.fps + 1e-6) > int(last_s * self.fps + 1e-6)


ALL = Pace()


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its first bytes; where they do not tell, by its suffix."""
    named = path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")
    try:
        if not path.exists():
            return named
        if not path.is_file():
            return False  # opening a pipe would wait for somebody to write into it
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except PermissionError:
        return named
    except (OSError, ValueError):  # the name is too long, or holds a byte that names cannot
        return False
    kind = kind_of(head)
    if kind is not None or not named:
        return kind == "video"
    return path.suffix.lower() not in SHARED_SUFFIXES or is_transport_stream(head)


def duration_s(path: Path) -> float | None:
    """How long the video says it is; None where it does not say, or cannot be read."""
    try:
        with _opened(path) as container:
            return _stated_s(container, container.streams.video[0])
    except (UnreadableVideo, IndexError):
        return None


def video_frames(
    path: Path, pace: Pace = ALL, after: int = -1, last_s: float | None = None
) -> Iterator[Frame]:
    """The frames of the video in `path`, in the order they are shown.

    pace: which of them. after: none up to this number; they are decoded and left.
    last_s: the time of the frame `after`, if that was read.
    Turned upright, and mirrored, as the video states; pixels that are not square are made so by
    widening; of several pictures streams the first. High dynamic range is not mapped to sRGB, and
    interlaced fields are not put apart.
    Raises UnreadableVideo without feroi[video], if there is no picture, and after the last one if the video
    is damaged or ends before it should.
    """
    pace.checked()
    with _opened(path) as container:
        import av  # of an extra; that it is there is known by now

        if not container.streams.video:
            raise UnreadableVideo(
                "no pictures in it, only sound" if container.streams.audio else "no pictures"
            )
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise UnreadableVideo("pictures in a code that is not known")
        # Threads ahead by whole frames may wait for Python while Python, done early, waits for them; with
        # threads that share a frame the decoder of H.264 does not say what it filled in.
        stream.thread_type = "NONE"
        if stream.width * stream.height > _MOST_PIXELS:
            raise UnreadableVideo(f"too many pixels: {stream.width} x {stream.height} a frame, {_AT_MOST}")
        stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}  # a video may grow on its way
        start_s = (container.start_time or 0) / 1e6
        damage: list[str] = []
        number, time_s, unshown = -1, 0.0, 0
        for number, frame in enumerate(_decoded(container, stream, damage)):
            if frame.is_corrupt:
                damage.append(_FILLED_IN)
            time_s = number / float(stream.guessed_rate or 25)
            if frame.time is not None and math.isfinite(frame.time):  # a stated unit of time may be 1 s / 0
                time_s = frame.time - start_s
            if number > after and pace.reads(number, time_s, last_s):
                try:
                    pixels = _upright(frame, stream)
                except av.FFmpegError as error:  # colours that nothing converts
                    damage.append(str(error.strerror))
                    unshown += 1
                    continue
                last_s = time_s
                yield Frame(number, time_s, pixels)
        _check_end(number + 1 - unshown, time_s, _stated_s(container, stream), damage)


def _check_end(frames: int, time_s: float, stated_s: float | None, damage: list[str]) -> None:
    """Raises UnreadableVideo if a video of `frames`, the last at `time_s`, is not whole."""
    if not frames:
        raise UnreadableVideo(f"no pictures: {damage[0]}" if damage else "no pictures")
    if stated_s is not None and time_s < stated_s - max(_ENDS_EARLY_S, _ENDS_EARLY_SHARE * stated_s):
        raise UnreadableVideo(f"breaks off at {time_s:.1f} s of {stated_s:.1f} s; what is there was read")
    if damage:
        places = f"{len(damage)} place{'' if len(damage) == 1 else 's'}"
        raise UnreadableVideo(f"damaged in {places} ({damage[0]}); the rest was read")


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    try:
        import av
    except ImportError:
        raise UnreadableVideo(_NO_PYAV) from None
    av.logging.set_level(None)  # what is wrong with a video is said by us, once
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise UnreadableVideo("empty file")
        # with its protocol before it, so that a name such as http:video.mp4 is one
        container = av.open(
            f"file:{path}",
            container_options={"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except FileNotFoundError:
        raise UnreadableVideo(why_no_name(str(path)) or NOT_FOUND) from None
    except PermissionError:
        raise UnreadableVideo(NO_PERMISSION) from None
    except av.FFmpegError as error:
        raise UnreadableVideo(_why_unread(path, error)) from None
    with container:
        yield container


def _why_unread(path: Path, error: av.FFmpegError) -> str:
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if kind_of(head) in ("picture", "heif"):
            return "a picture, not a video; Reader.read reads it"
        if (other := other_kind(head)) is not None:
            return f"not a video: {other}"
    return f"no video that can be read: {error.strerror}"


def _decoded(container: InputContainer, stream: Any, damage: list[str]) -> Iterator[av.VideoFrame]:
    """Every frame that can be decoded; what cannot is passed over and said in `damage`."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            # "try again later", says FFmpeg where bytes to go on with are not there
            damage.append(_LOST_BYTES if isinstance(error, av.BlockingIOError) else str(error.strerror))
            packet = None
        if packet is not None and packet.is_corrupt:
            damage.append(_LOST_BYTES)
        try:
            frames = stream.decode(packet)
        except av.FFmpegError as error:
            if not isinstance(error, av.EOFError):
                damage.append(str(error.strerror))
            frames = []
        yield from frames
        if packet is None:
            return


def _stated_s(container: InputContainer, stream: Any) -> float | None:
    start_s = (container.start_time or 0) / 1e6 if container.format.name in _STATE_THEIR_END else 0.0
    if container.format.name == "avi" and stream.average_rate:  # its duration is guessed from the file's size
        return float(stream.frames / stream.average_rate)
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base) - start_s
    if container.duration and not container.streams.audio:  # sound may be longer than the pictures
        return container.duration / 1e6 - start_s
    return None


def _upright(frame: av.VideoFrame, stream: Any) -> NDArray[np.uint8]:
    aspect = float(stream.sample_aspect_ratio or 1)
    width = max(1, round(frame.width * aspect))
    if width * frame.height > _MOST_PIXELS:
        raise UnreadableVideo(
            f"too many pixels: {width} x {frame.height} a frame with square ones, {_AT_MOST}"
        )
    pixels = np.asarray(frame.to_ndarray(format="rgb24", width=width, height=frame.height), np.uint8)
    return np.ascontiguousarray(_as_displayed(pixels, frame.side_data.get("DISPLAYMATRIX")))


def _as_displayed(pixels: NDArray[np.uint8], matrix: Any) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) turned and mirrored by the nearest right angles to a display matrix, if there is one.

    It takes (x, y) of the picture to (a x + c y, b x + d y) of what is shown (ISO 14496-12, 6.2.2).
    """
    if matrix is None:
        return pixels
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32, count=5).tolist()
    if abs(a) + abs(d) < abs(b) + abs(c):
        pixels, right, down = pixels.swapaxes(0, 1), c, b
    else:
        right, down = a, d
    return pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]


def camera_source(camera: str, platform: str = sys.platform) -> tuple[str, str]:
    """What FFmpeg calls a camera, and by which of its inputs it is opened.

    camera: its number, from 0, or a name: a device file on Linux, the name of the camera on Windows.
    Raises ValueError for a number on Windows, where cameras have names alone.
    """
    if platform == "darwin":
        return camera, "avfoundation"
    if platform == "win32":
        if camera.isdecimal():
            raise ValueError(
                f"cameras have names on Windows, not numbers; give the name in place of {camera}"
            )
        return f"video={camera}", "dshow"
    return (f"/dev/video{camera}" if camera.isdecimal() else camera), "v4l2"


def camera_frames(camera: str, seconds: float | None = None) -> Iterator[Frame]:
    """Frames of a camera as they come, until `seconds` have gone by, if ever; `camera` as `camera_source`.

    What comes while the last one is being worked on is left out, so that each frame is a fresh one; its
    number counts those left out, too. Times are from the first one.
    Raises UnreadableVideo if the camera cannot be opened or fails.
    """
    import av

    name, kind = camera_source(camera)
    try:
        container = av.open(name, format=kind)
    except av.FFmpegError as error:
        raise UnreadableVideo(f"camera {camera} ({name}) cannot be opened: {error.strerror}") from None
    yield from fresh_frames(container, seconds)


def fresh_frames(container: InputContainer, seconds: float | None) -> Iterator[Frame]:
    """The newest frame of a live source each time one is asked for; see `camera_frames`. Closes it."""
    newest: Queue[Any] = Queue(1)
    stop = Event()

    def fill() -> None:
        try:
            for number, frame in enumerate(container.decode(container.streams.video[0])):
                if stop.is_set():
                    return
                _replace(newest, (number, frame))
            _replace(newest, None)
        except Exception as error:  # to be raised where frames are asked for
            _replace(newest, error)
        finally:
            container.close()

    thread = Thread(target=fill, daemon=True)
    thread.start()
    first_s: float | None = None
    try:
        while True:
            item = newest.get()
            if item is None:
                return
            if isinstance(item, Exception):
                raise UnreadableVideo(f"the camera failed: {item}")
            number, frame = item
            stamp_s = frame.time or 0.0
            first_s = stamp_s if first_s is None else first_s
            if seconds is not None and stamp_s - first_s > seconds:
                return
            yield Frame(number, stamp_s - first_s, frame.to_ndarray(format="rgb24"))
    finally:
        stop.set()
        thread.join(timeout=2)


def _replace(newest: Queue[Any], item: Any) -> None:
    """Put `item` in place of what waits; only one thread puts."""
    while not newest.empty():
        try:
            newest.get_nowait()
        except Exception:  # taken in between
            break
    newest.put(item)
