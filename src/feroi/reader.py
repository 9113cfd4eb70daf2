"""The reader people import: load a network once, then read photos."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from feroi.inference import Compute
from feroi.network.description import DEFAULT, SHIPPED, named_members
from feroi.network.load import load_model
from feroi.photo.decode import UnreadableImage
from feroi.photo.detect import check_detector
from feroi.photo.handed import Handed, as_source, is_one_photo
from feroi.photo.landmarks import check_model
from feroi.photo.video import Pace
from feroi.reading import ReadingOptions, analyze_photos, with_pipeline
from feroi.results import Photo, Reading
from feroi.video import Part, VideoOptions, camera_parts, video_parts


class Reader:
    """A loaded network with its way of finding and preparing faces.

    model: "default" (shipped; needs no torch), an .onnx file, a .safetensors file, a run folder or what
        `feroi export --folder` makes; or several of them, as "default,ferplus", or the .json file of such a
        committee (`network.committee`).
    detector: "yunet", "hog" (needs feroi[dlib]) or "none", for pictures that are a face; see `photo.detect`.
    only_biggest: read the biggest face of each photo alone.
    pipeline: how faces are prepared, for a model that does not say it itself.
    threads: how many the networks may use; all cores if None.
    landmarks: "face-mesh" (shipped) or "dlib-68" (needs feroi[dlib68]); see `photo.landmarks`.
    device: "cpu", or "cuda" for an NVIDIA graphics card (needs onnxruntime-gpu).
    abstain: leave faces too small, too blurred or turned too far unread; see `photo.quality`. `read_many`
        says which in `Photo.refused`.
    It has a `name`, its model's without the folder. It can be pickled, and so be handed to other processes,
    which load the model anew.
    Raises FileNotFoundError or ValueError for a model that cannot be used, ValueError for unknown names,
    ModuleNotFoundError if detector or landmarks need a package that is not installed.
    """

    def __init__(
        self,
        model: Path | str = DEFAULT,
        detector: str = "yunet",
        only_biggest: bool = False,
        pipeline: str | None = None,
        threads: int | None = None,
        landmarks: str = "face-mesh",
        abstain: bool = False,
        device: str = "cpu",
    ) -> None:
        check_detector(detector)
        check_model(landmarks)
        compute = Compute(device, threads).checked()
        options = ReadingOptions(detector, only_biggest, pipeline, landmarks, abstain, compute)
        self.options = options.checked()
        loaded = load_model(model, compute)
        self.model = loaded if pipeline is None else with_pipeline(loaded, pipeline)
        members = named_members(model)
        self.name = ",".join(Path(each).name for each in members)
        self._file = ",".join(each if each in SHIPPED else str(Path(each).absolute()) for each in members)

    def __reduce__(self) -> tuple[Any, ...]:
        return reader_with, (self._file, self.options)

    @classmethod
    def from_pretrained(cls, name: Path | str, revision: str | None = None, **options: Any) -> Reader:
        """A reader of a network in a folder, or in the repository USER/NAME of the Hugging Face hub.

        revision: a branch, tag or commit of the repository. options: those of `Reader`, but for the model.
        Raises as `network.hub.pretrained_folder` and `Reader`.
        """
        from feroi.network.hub import pretrained_folder  # here: most readers need no hub

        return cls(pretrained_folder(name, revision), **options)

    @overload
    def read(self, photo: Handed) -> list[Reading]: ...
    @overload
    def read(self, photo: list[Handed]) -> list[list[Reading]]: ...
    def read(self, photo: Any) -> Any:
        """Every face of one photo, biggest first; none if it holds none. Of a list of photos, a list of
        those.

        photo: the name of a file, a path, the bytes of a picture file, an open file, a Pillow image, or an
        array
            (H, W, 3) RGB, (H, W, 4) RGBA, or (H, W) or (H, W, 1) intensity, of uint8, or of floats from 0 to
            1, which is white. Of an animation the first picture that shows a face is read.
        Raises `photo.pixels.UnreadableImage` for a file that holds no picture, TypeError or ValueError
        for what is no photo.
        """
        if isinstance(photo, list) or type(photo) is tuple:
            return [self.read(each) for each in photo]
        (found,) = self.read_many([as_source(photo)])
        if found.pixels is None:
            raise UnreadableImage(f"{found.name}: {found.status}")
        return found.faces

    def read_many(self, photos: Iterable[Handed] | Handed) -> Iterator[Photo]:
        """Every face of many photos, in order, each as soon as it is read; of a single photo, that alone.

        photos: each as for `read`. One that cannot be read, or is no photo, has a status that says why.
        """
        many: Any = [photos] if is_one_photo(photos) else photos
        return analyze_photos(many, self.model, self.options)

    def read_video(
        self,
        video: Path | str,
        every: int = 1,
        fps: float | None = None,
        smooth_s: float | None = None,
        search_s: float = 1.0,
        rest_s: float | None = None,
    ) -> Iterator[Photo]:
        """The frames of a video as they are read, in order, in bounded memory; needs feroi[video].

        every: read each so many frames. fps: at most so many a second. smooth_s: see `video.Smoother`.
        search_s: seconds between searches by the detector; between them faces are followed.
        rest_s: learn each person's resting face from so many seconds, and compare with it; see `resting`.
        A frame is a `Photo` with its number `frame` and `time_s`, and its faces have the `track` of their
        person. If the video has no face, cannot be read, or is damaged, a last one without pixels says so.
        Raises ValueError for numbers that are out of range.
        """
        for part in self.video_parts(Path(video), VideoOptions(Pace(every, fps), search_s, smooth_s, rest_s)):
            yield from part.frames

    read_film = read_video  # its name until 2026-11-26

    def video_parts(
        self, video: Path, options: VideoOptions, begun: dict[str, Any] | None = None
    ) -> Iterator[Part]:
        """As `read_video`, in parts with what it takes to go on behind each; see `video.video_parts`."""
        return video_parts(video, self.model, self.options, options, begun)

    def camera_parts(
        self, camera: str, options: VideoOptions, seconds: float | None = None
    ) -> Iterator[Part]:
        """What a camera shows, one frame per part; see `video.camera_parts`."""
        return camera_parts(camera, self.model, self.options, options, seconds)


def reader_with(model: Path | str, options: ReadingOptions) -> Reader:
    """A reader whose options are handed whole. Raises as `Reader`."""
    detector, only_biggest, pipeline, landmarks, abstain, (device, threads) = options
    return Reader(model, detector, only_biggest, pipeline, threads, landmarks, abstain, device)


@lru_cache(maxsize=8)
def _kept_reader(changed_ns: tuple[int, ...], model: Path | str, options: ReadingOptions) -> Reader:
    """The reader of a model, which stays loaded until its file changes."""
    return reader_with(model, options)


@overload
def analyze(
    photo: Handed,
    model: Path | str = DEFAULT,
    detector: str = "yunet",
    only_biggest: bool = False,
    pipeline: str | None = None,
    landmarks: str = "face-mesh",
    abstain: bool = False,
    device: str = "cpu",
) -> list[Reading]:
    """Every face of a photo."""


@overload
def analyze(
    photo: list[Handed],
    model: Path | str = DEFAULT,
    detector: str = "yunet",
    only_biggest: bool = False,
    pipeline: str | None = None,
    landmarks: str = "face-mesh",
    abstain: bool = False,
    device: str = "cpu",
) -> list[list[Reading]]:
    """Every face of each photo of a list."""


def analyze(
    photo: Any,
    model: Path | str = DEFAULT,
    detector: str = "yunet",
    only_biggest: bool = False,
    pipeline: str | None = None,
    landmarks: str = "face-mesh",
    abstain: bool = False,
    device: str = "cpu",
) -> Any:
    """Every face of `photo`; see `Reader.read` and `results.Reading`.

    for face in feroi.analyze("party.jpg"):
        print(face.expression, face.confidence, face.regions)

    The options are those of `Reader`. The networks of the last eight combinations stay loaded.
    """
    try:
        files = [Path(each) for each in named_members(model) if each not in SHIPPED]
        changed_ns = tuple(file.stat().st_mtime_ns for file in files)
    except OSError:
        changed_ns = ()  # the reader says what is wrong with it
    options = ReadingOptions(detector, only_biggest, pipeline, landmarks, abstain, Compute(device))
    return _kept_reader(changed_ns, str(model), options).read(photo)
