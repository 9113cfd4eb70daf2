"""Videos to readings: frame by frame, each face with the number of its person."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import NetworkConfig
from feroi.files import display_name
from feroi.network.load import Model
from feroi.photo.detect import Face, biggest, detect
from feroi.photo.landmarks import locate
from feroi.photo.tracks import REMEMBERED_S, Tracker
from feroi.photo.video import Frame, Pace, UnreadableVideo, camera_frames, video_frames
from feroi.reading import PLAIN, Found, ReadingOptions, prepared, read_found, with_pipeline
from feroi.resting import RestingFaces
from feroi.results import Photo, Reading
from feroi.vocabulary import EXPRESSIONS

NO_FACE = "no face"
"""What is said of a video in which none was found."""

_PART_PX, _PART_FACES = 32_000_000, 64
"""Frames wait for the network until they have so many pixels, 100 MB, or faces; as many again are made ready
meanwhile."""
_FADED = 8.0  # after so many times the seconds of smoothing, what was counts for less than a thousandth


class VideoOptions(NamedTuple):
    """How videos are read, beside `reading.ReadingOptions`.

    pace: which frames. search_s: seconds of video between searches by the detector; those it found are
    followed in between. smooth_s: average probabilities over about so many seconds; None for not.
    rest_s: compare with each person's resting face, learned from the first so many seconds they are seen;
    None for not (`resting`).
    """

    pace: Pace = Pace()
    search_s: float = 1.0
    smooth_s: float | None = None
    rest_s: float | None = None

    def checked(self) -> VideoOptions:
        """Itself. Raises ValueError for numbers that are out of range."""
        self.pace.checked()
        if not 0 <= self.search_s < math.inf:
            raise ValueError(f"seconds between searches are 0 or more, and finite; got {self.search_s:g}")
        if self.smooth_s is not None and not 0 < self.smooth_s < math.inf:
            raise ValueError(f"seconds to smooth over are above 0; got {self.smooth_s:g}")
        if self.rest_s is not None and not 0 < self.rest_s < math.inf:
            raise ValueError(f"seconds to learn a resting face from are above 0; got {self.rest_s:g}")
        return self


class Part(NamedTuple):
    """Some frames of a video.

    frames: as read, in order. What cannot be read of the video, or that it has no face, is said by a
        last one without pixels and number.
    state: of numbers, texts and lists, from which `video_parts` goes on behind these frames.
    """

    frames: list[Photo]
    state: dict[str, Any]


def video_parts(
    path: Path,
    model: Model,
    options: ReadingOptions = PLAIN,
    video: VideoOptions = VideoOptions(),  # noqa: B008
    begun: dict[str, Any] | None = None,
) -> Iterator[Part]:
    """The video in `path`, read part by part in bounded memory.

    begun: the state of the last part that was read, to go on behind it; the rest is as it would have
        been, for parts end at the same frames and numbers of people go on.
    Raises ValueError as `reading.with_pipeline` and `VideoOptions.checked`.
    """
    model = with_pipeline(model, options.pipeline)
    video.checked()
    state = begun or {"frame": -1, "time_s": None}
    frames = video_frames(path, video.pace, state["frame"], state["time_s"])
    ready = _ready(display_name(path), frames, model.config, options, video, begun, _PART_PX)
    smoother = Smoother(video.smooth_s, begun["smoother"] if begun else None)
    resting = RestingFaces(video.rest_s, begun["resting"] if begun else None)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, ready, None)
        while (part := coming.result()) is not None:
            coming = pool.submit(next, ready, None)
            found, state = part
            yield _read_part(found, state, model, smoother, resting)


def camera_parts(
    camera: str,
    model: Model,
    options: ReadingOptions = PLAIN,
    video: VideoOptions = VideoOptions(),  # noqa: B008
    seconds: float | None = None,
) -> Iterator[Part]:
    """What a camera shows, one frame per part, until `seconds` are over, if ever; see `video.camera_frames`.

    Raises as `video_parts`, UnreadableVideo if the camera cannot be opened, ModuleNotFoundError without
    feroi[video].
    """
    model = with_pipeline(model, options.pipeline)
    frames = _paced(camera_frames(camera, seconds), video.checked().pace)
    smoother, resting = Smoother(video.smooth_s), RestingFaces(video.rest_s)
    for found, state in _ready(f"camera {camera}", frames, model.config, options, video, None, 1):
        part = _read_part(found, state, model, smoother, resting)
        last = part.frames[-1]
        if last.frame is None and last.status != NO_FACE:
            raise UnreadableVideo(last.status)
        yield part


def _paced(frames: Iterator[Frame], pace: Pace) -> Iterator[Frame]:
    last_s = None
    for frame in frames:
        if pace.reads(frame.number, frame.time_s, last_s):
            last_s = frame.time_s
            yield frame


def _ready(
    name: str,
    frames: Iterator[Frame],
    config: NetworkConfig,
    options: ReadingOptions,
    video: VideoOptions,
    begun: dict[str, Any] | None,
    most_px: int,
) -> Iterator[tuple[list[Found], dict[str, Any]]]:
    """Frames ready for the network, as many as it reads together, and the state behind them."""
    tracker = Tracker(
        partial(_find, options=options),
        partial(locate, model=options.landmarks, compute=options.compute),
        video.search_s,
    )
    state: dict[str, Any] = {"frame": -1, "time_s": None, "faces": 0}
    if begun:
        tracker.go_on(begun["tracker"])
        state |= {key: begun[key] for key in state}
    waiting: list[Found] = []
    problem = ""
    try:
        for frame in frames:
            tracked = tracker.step(frame)
            marked = tracked[:1] if options.only_biggest else tracked
            found = prepared(name, frame.pixels, marked, config, options)
            waiting.append(found._replace(frame=frame.number, time_s=frame.time_s))
            state = {
                "frame": frame.number, "time_s": frame.time_s, "faces": state["faces"] + len(tracked),
            }  # fmt: skip
            if _is_enough(waiting, most_px):
                yield waiting, state | {"tracker": tracker.state}
                waiting = []
    except UnreadableVideo as error:
        problem = str(error)
    if not problem and not state["faces"]:
        problem = NO_FACE
    if problem:
        waiting.append(Found(name, problem, None, [], []))
    if waiting:
        yield waiting, state | {"tracker": tracker.state}


def _is_enough(waiting: list[Found], most_px: int) -> bool:
    """Whether so many faces or pixels wait that the network is to read them."""
    pixels = sum(each.pixels.shape[0] * each.pixels.shape[1] for each in waiting if each.pixels is not None)
    return sum(len(each.faces) for each in waiting) >= _PART_FACES or pixels >= most_px


def _find(pixels: NDArray[np.uint8], options: ReadingOptions) -> list[Face]:
    faces = detect(pixels, options.detector, options.compute)
    only = biggest(faces)
    return [only] if options.only_biggest and only else faces


def _read_part(
    found: list[Found], state: dict[str, Any], model: Model, smoother: Smoother, resting: RestingFaces
) -> Part:
    photos = []
    for photo in read_found(found, model):
        photo = photo._replace(faces=smoother.smooth(photo))
        photos.append(photo._replace(faces=resting.compared(photo)))
    return Part(photos, state | {"smoother": smoother.state, "resting": resting.state})


class Smoother:
    """Averages each person's probabilities over the frames before, those `smooth_s` ago counting 1/e.

    It looks back alone, so that it works on what is live, and the answer lags behind by about `smooth_s`.
    smooth_s: None leaves readings as they are. state: that of another, to go on from.
    """

    def __init__(self, smooth_s: float | None, state: list[Any] | None = None) -> None:
        self._smooth_s = smooth_s
        self._sums: dict[int, tuple[float, float, list[float]]] = {
            track: (seen_s, weight, sums) for track, seen_s, weight, sums in state or []
        }

    @property
    def state(self) -> list[Any]:
        """Of numbers and lists alone."""
        return [[track, *rest] for track, rest in self._sums.items()]

    def smooth(self, photo: Photo) -> list[Reading]:
        """The faces of the next frame, with `smoothed` if that was asked for."""
        if self._smooth_s is None or photo.time_s is None:
            return photo.faces
        now_s = photo.time_s
        kept_s = max(REMEMBERED_S, _FADED * self._smooth_s)
        self._sums = {track: held for track, held in self._sums.items() if now_s - held[0] <= kept_s}
        faces = []
        for face in photo.faces:
            assert face.track is not None
            seen_s, weight, sums = self._sums.get(face.track, (now_s, 0.0, [0.0] * len(EXPRESSIONS)))
            fade = math.exp(-(now_s - seen_s) / self._smooth_s)
            weight = fade * weight + 1
            sums = [
                fade * total + face.probabilities[name] for total, name in zip(sums, EXPRESSIONS, strict=True)
            ]
            self._sums[face.track] = (now_s, weight, sums)
            mean = {name: total / weight for name, total in zip(EXPRESSIONS, sums, strict=True)}
            faces.append(replace(face, smoothed=mean))
        return faces
