"""A whole data set of synthetic faces, named as RaFD names its files, with the truth of each."""

from __future__ import annotations

import io
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi import __version__
from feroi.files import atomic_path, open_run, write_json, write_text
from feroi.synthetic.camera import FRONT_HW, MOST_JITTER, YAW_DEG
from feroi.synthetic.difficulty import Difficulty, difficulty_named
from feroi.synthetic.expressions import EXPRESSION_ACTION_UNITS
from feroi.synthetic.facekit import FaceModel, load_facekit
from feroi.synthetic.scene import GAZES, Scene, make_scene
from feroi.synthetic.skin import Canvas, canvas
from feroi.synthetic.subject import Subject, make_subject
from feroi.synthetic.traits import SUBJECTS, Traits, draw_traits, subject_numbers
from feroi.synthetic.truth import MOVEMENT_STEP, Truth, truth_path, write_truth

PROVENANCE = "provenance.json"
FRONTAL = 90
_JPEG_QUALITY = 90
_SMALLEST_PX = 48
_NOTICE = """\
The pictures in this folder are rendered from the ICT Face Model Light (ICT-FaceKit), which is
under the following licence.

MIT License

Copyright (c) 2020 USC Institute for Creative Technologies

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


@dataclass(frozen=True)
class Order:
    """What to photograph. crop: `pose` (size x size px, whole head) or `front` (125 x 160 px, eyes
    and mouth in fixed places). jitter: how far heads lie from there, as `Camera.misplaced`."""

    angles: tuple[int, ...]
    gazes: tuple[str, ...]
    size: int
    difficulty: str
    seed: int
    crop: str
    jitter: float = 0.0

    def check(self) -> None:
        """Raises ValueError naming the first setting that cannot be had, and what can."""
        difficulty_named(self.difficulty)
        for what, given, known in (
            ("angle", self.angles, YAW_DEG),
            ("gaze", self.gazes, GAZES),
            ("crop", (self.crop,), ("pose", "front")),
        ):
            wrong = [each for each in given if each not in known]
            if wrong or not given:
                names = ", ".join(str(each) for each in known)
                raise ValueError(f"unknown {what} {', '.join(map(str, wrong))}; choose of {names}")
        if self.crop == "front" and self.angles != (FRONTAL,):
            raise ValueError(f"aligned pictures are frontal; give angles {FRONTAL} alone")
        if not 0 <= self.jitter <= MOST_JITTER:
            raise ValueError(f"jitter is a share of the picture of 0 to {MOST_JITTER}, got {self.jitter}")
        if self.size < _SMALLEST_PX:
            raise ValueError(f"pictures of {self.size} px show no face; give {_SMALLEST_PX} or more")

    @property
    def looks(self) -> dict[str, Any]:
        """The settings on which the pixels of one picture depend."""
        size = list(FRONT_HW[::-1]) if self.crop == "front" else [self.size, self.size]
        return {
            "difficulty": self.difficulty,
            "seed": self.seed,
            "crop": self.crop,
            "size_wh_px": size,
            **({"jitter": self.jitter} if self.jitter else {}),
        }


class Studio:
    """Everything that photographs need and subjects share."""

    def __init__(self, model: FaceModel, order: Order, out: Path) -> None:
        self.model = model
        self.order = order
        self.out = out
        self.difficulty: Difficulty = difficulty_named(order.difficulty)
        self._canvas: Canvas | None = None

    def photograph(self, number: int) -> int:
        """Write what is missing of one subject's pictures; how many there are then."""
        subject: Subject | None = None
        count = 0
        for expression, gaze in self._displays():
            names = {
                angle: picture_name(draw_traits(number, self.order.seed), expression, gaze, angle)
                for angle in self.order.angles
            }
            missing = {angle: name for angle, name in names.items() if not self._is_there(name)}
            if missing:
                subject = subject or self._subject(number)
                self._photograph_scene(subject, expression, gaze, missing)
            count += len(names)
        return count

    def scene(self, subject: Subject, expression: str, gaze: str) -> Scene:
        """The subject showing an expression, always the same for one seed."""
        rng = self._rng(subject.traits.number, expression, gaze)
        return make_scene(self.model, self.canvas, subject, expression, gaze, self.difficulty, rng)

    @property
    def canvas(self) -> Canvas:
        """The model's texture laid out, made when first asked for."""
        if self._canvas is None:
            self._canvas = canvas(self.model)
        return self._canvas

    def _displays(self) -> Iterator[tuple[str, str]]:
        return ((word, gaze) for word in EXPRESSION_ACTION_UNITS for gaze in self.order.gazes)

    def _is_there(self, name: str) -> bool:
        return (self.out / name).is_file() and truth_path(self.out, name).is_file()

    def _subject(self, number: int) -> Subject:
        return make_subject(self.model, self.canvas, number, self.order.seed)

    def _photograph_scene(self, subject: Subject, expression: str, gaze: str, names: dict[int, str]) -> None:
        scene = self.scene(subject, expression, gaze)
        size = None if self.order.crop == "front" else self.order.size
        for angle, name in names.items():
            rng = self._rng(subject.traits.number, expression, gaze, angle)
            shot = scene.shoot(angle, size, self.difficulty, rng, self.order.jitter)
            truth = Truth(
                action_units={unit: both.greater for unit, both in scene.units.items()},
                sides=dict(scene.units),
                landmarks=shot.landmarks,
                movement=shot.movement,
                movement_of=shot.movement_of,
            )
            write_truth(self.out, name, truth)
            _write_jpeg(self.out / name, shot.image)

    def _rng(self, number: int, expression: str, gaze: str, *more: int) -> np.random.Generator:
        words = list(EXPRESSION_ACTION_UNITS).index(expression), list(GAZES).index(gaze)
        return np.random.default_rng([self.order.seed, number, 5, *words, *more])


def write_dataset(
    out: Path,
    facekit: Path | FaceModel,
    subjects: int = SUBJECTS,
    angles: Sequence[int] | None = None,
    gazes: Sequence[str] = ("left", "frontal", "right"),
    size: int = 284,
    difficulty: str = "clean",
    seed: int = 0,
    workers: int = 1,
    crop: str = "pose",
    jitter: float = 0.0,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a data set below `out` and return its number of pictures.

    Pictures of eight expressions (contempt among them, which RaFD's reader leaves out) lie in `out`
    under RaFD's names; `read_truth` reads what is known of each. `provenance.json` says how the set
    was made. The same seed gives the same bytes on one kind of machine, whatever the number of
    workers; the same subject number is the same person for any number of subjects.

    facekit: a clone of ICT-FaceKit, or a model already read.
    subjects: 1..67, numbered within 1..73 and spread over the paper's five folds.
    angles: of 0 45 90 135 180, 90 being frontal; all five if left out, 90 alone for crop `front`.
    size: px a side for crop `pose`; crop `front` is always 125 x 160.
    difficulty: `clean` (a studio) or `wild` (weak expressions, tilted heads, any light, street
        backgrounds, glasses, hands, hair, blur, noise, low resolution) or `turned` (`wild`, with heads
        turned by up to 23 degrees to either side of their angle, so that no yaw is left out) or `varied` (a
        studio; people blend, drop and exaggerate Action Units, and their creases differ).
    jitter: how badly heads are placed, 0..0.2: shifted by up to this share of the picture, and larger or
        smaller by up to e ** (5 / 6 of it). The heads are those of a set without jitter.
    on_progress: called with the pictures there are and those ordered, after every subject.

    A killed run resumes: pictures already there are not made again.
    Raises FaceKitError for a wrong folder, ValueError for settings that cannot be had or for a
    folder that holds a set of other settings.
    """
    default = (FRONTAL,) if crop == "front" else tuple(YAW_DEG)
    order = Order(tuple(angles or default), tuple(gazes), size, difficulty, seed, crop, jitter)
    order.check()
    numbers = subject_numbers(subjects)
    model = facekit if isinstance(facekit, FaceModel) else load_facekit(facekit)
    total = len(numbers) * len(order.angles) * len(order.gazes) * len(EXPRESSION_ACTION_UNITS)
    done = 0
    looks = order.looks | {"feroi": __version__, "facekit_sha256": model.fingerprint()}
    with open_run(out / PROVENANCE, looks, [*looks, "jitter"]) as before:
        write_json(out / PROVENANCE, looks | _holds(order, numbers, before or {}))
        write_text(out / "LICENSE-ICT-FaceKit", _NOTICE)
        for count in _photographed(model, order, out, numbers, workers):
            done += count
            if on_progress is not None:
                on_progress(done, total)
    return done


def picture_name(traits: Traits, expression: str, gaze: str, angle: int) -> str:
    """RaFD's name of a picture."""
    return f"Rafd{angle:03}_{traits.number:02}_{traits.population}_{traits.gender}_{expression}_{gaze}.jpg"


def _photographed(
    model: FaceModel, order: Order, out: Path, numbers: list[int], workers: int
) -> Iterator[int]:
    """Pictures of each subject, as they are finished, in order of the subjects."""
    if workers <= 1:
        studio = Studio(model, order, out)
        yield from map(studio.photograph, numbers)
        return
    context = multiprocessing.get_context("spawn")  # forking a process that has threads may hang
    with ProcessPoolExecutor(workers, context, _open_studio, (model, order, out)) as pool:
        yield from pool.map(_photograph, numbers)


_studio: Studio | None = None  # of a worker process


def _open_studio(model: FaceModel, order: Order, out: Path) -> None:
    global _studio
    _studio = Studio(model, order, out)


def _photograph(number: int) -> int:
    assert _studio is not None
    return _studio.photograph(number)


def _holds(order: Order, numbers: list[int], before: dict[str, Any]) -> dict[str, Any]:
    """What is in a set, that is not the same for each of its pictures, with what was there `before`."""
    known = [each["number"] for each in before.get("subjects", [])]
    people = [draw_traits(number, order.seed) for number in sorted({*known, *numbers})]
    return {
        "angles": sorted({*before.get("angles", []), *order.angles}),
        "gazes": sorted({*before.get("gazes", []), *order.gazes}),
        "expressions": list(EXPRESSION_ACTION_UNITS),
        "movement_cell_px": MOVEMENT_STEP,
        "model": "ICT Face Model Light, https://github.com/ICT-VGL/ICT-FaceKit, MIT licence",
        "subjects": [
            {"number": each.number, "gender": each.gender, "age": round(each.age)} for each in people
        ],
    }


def _write_jpeg(path: Path, image: NDArray[np.uint8]) -> None:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
