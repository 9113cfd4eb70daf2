"""Rendered films of people at rest who show each expression once, with the times at which it moves.

    python benchmarks/motion_films.py OUT --facekit ICT-FaceKit [--people 60] [--seed 22]

Of each person OUT gets `NN.mp4`, 200 px, 10 frames a second, about 36 s, and `NN.npz` with the truth: first
rest for 4 to 6 s, then angry, disgust, fear, happy, sad and surprise in any order, each rising for 0.3 to 1
s, staying for 0.4 to 2 s and falling for 0.4 to 1.5 s (ease in and out), at 0.4 to 1.05 of the full display
and as loosely as the difficulty `varied`, with 1 to 3 s of rest between. Eyes blink every 1.5 to 6 s, the
head sways by some degrees, and twice, at rest, the mouth moves as if a few words were said. Light and creases
are of the same renderer as `feroi synth`; how light falls is computed at rest and at each apex, and mixed
between. If interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from feroi.synthetic.camera import rotation, whole_head
from feroi.synthetic.dataset import FRONTAL, Order, Studio
from feroi.synthetic.difficulty import Difficulty, background, photograph
from feroi.synthetic.expressions import ActionUnits, Strength, displacements, sample_action_units
from feroi.synthetic.facekit import load_facekit
from feroi.synthetic.light import studio
from feroi.synthetic.raster import Floats, irradiance, vertex_normals
from feroi.synthetic.scene import Scene
from feroi.synthetic.skin import crease, crease_habits
from feroi.synthetic.subject import Subject, make_subject
from feroi.synthetic.traits import subject_numbers

FPS = 10
SIZE_PX = 200
SHOWN = {
    "angry": "angry", "disgusted": "disgust", "fearful": "fear", "happy": "happy", "sad": "sad",
    "surprised": "surprise",
}  # fmt: skip
"""RaFD's word to feroi's."""
_STRENGTH = (0.4, 1.05)


class Display(NamedTuple):
    """One expression: Action Units at the apex; when it begins to rise, is up, begins to fall, is gone."""

    expression: str
    units: ActionUnits
    onset_s: float
    up_s: float
    down_s: float
    offset_s: float

    def share(self, time_s: float) -> float:
        """How much of the apex is shown, 0..1."""
        rise = np.clip((time_s - self.onset_s) / (self.up_s - self.onset_s), 0, 1)
        fall = np.clip((time_s - self.down_s) / (self.offset_s - self.down_s), 0, 1)
        return float(_eased(rise) - _eased(fall))


class Script(NamedTuple):
    """What a person does.

    rest: the muscle tone of all of the film. blinks, words: middle and half length of each in s.
    sway: (3, 2, 3), amplitude in degrees, frequency in Hz and phase of two waves for yaw, pitch and roll.
    """

    rest: ActionUnits
    displays: list[Display]
    blinks: list[tuple[float, float]]
    words: list[tuple[float, float]]
    sway: Floats
    end_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--facekit", type=Path, required=True)
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seed", type=int, default=22)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    order = Order((FRONTAL,), ("frontal",), SIZE_PX, "varied", asked.seed, "pose")
    place = Studio(load_facekit(asked.facekit), order, asked.out)
    for number in subject_numbers(asked.people):
        if not (asked.out / f"{number:02d}.npz").exists():
            film(place, number, asked.out)


def film(place: Studio, number: int, out: Path) -> None:
    rng = np.random.default_rng([place.order.seed, number, 22])
    script = written(place.difficulty, rng)
    times_s = np.arange(0, script.end_s, 1 / FPS)
    subject = make_subject(place.model, place.canvas, number, place.order.seed)
    with av.open(str(out / f"{number:02d}.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "20"})
        stream.width = stream.height = SIZE_PX
        stream.pix_fmt = "yuv420p"
        for picture in pictures(place, subject, script, times_s, rng):
            frame = av.VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, 2), format="rgb24")
            frame.time_base = Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    shares = np.array([[each.share(time_s) for each in script.displays] for time_s in times_s])
    at = shares.argmax(1)
    names = np.array([each.expression for each in script.displays])
    np.savez_compressed(
        out / f"{number:02d}.npz",
        time_s=times_s,
        share=shares.max(1),
        shown=np.where(shares.max(1) >= 0.5, names[at], "neutral"),
        expression=names,
        # (E, 4): begins to rise, is up, begins to fall, is gone
        moments_s=np.array([each[2:] for each in script.displays]),
        strength=np.array([sum(map(max, each.units.values())) for each in script.displays]),
        words=np.array(script.words),
    )


def written(difficulty: Difficulty, rng: np.random.Generator) -> Script:
    rest = sample_action_units("neutral", difficulty.strength, rng, difficulty.looseness / 2)
    displays, words = [], []
    now_s = rng.uniform(4, 6)
    spoken = set(rng.choice(len(SHOWN), 2, replace=False))
    for number, word in enumerate(rng.permutation(list(SHOWN))):
        up_s = now_s + rng.uniform(0.3, 1.0)
        down_s = up_s + rng.uniform(0.4, 2.0)
        offset_s = down_s + rng.uniform(0.4, 1.5)
        units = sample_action_units(word, _STRENGTH, rng, difficulty.looseness)
        displays.append(Display(SHOWN[word], units, now_s, up_s, down_s, offset_s))
        now_s = offset_s + rng.uniform(1, 3)
        if number in spoken:
            half_s = rng.uniform(0.3, 0.8)
            words.append((now_s + half_s, half_s))
            now_s += 2 * half_s + rng.uniform(0.5, 1)
    blinks, next_s = [], rng.uniform(0.5, 3)
    while next_s < now_s:
        blinks.append((next_s, rng.uniform(0.1, 0.2)))
        next_s += rng.uniform(1.5, 6)
    sway = np.stack(
        [
            np.array([4.0, 3.0, 2.0])[:, None] * rng.uniform(0.2, 1, (3, 2)),
            rng.uniform(0.05, 0.4, (3, 2)),
            rng.uniform(0, 2 * np.pi, (3, 2)),
        ],
        axis=2,
    )
    return Script(rest, displays, blinks, words, sway, now_s)


def pictures(
    place: Studio, subject: Subject, script: Script, times_s: Floats, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    light, wall = studio(rng), background((SIZE_PX, SIZE_PX), place.difficulty, rng)
    folds = crease_habits(subject.traits.number, place.difficulty.habits)
    head = len(place.model.vertices)
    camera = whole_head(np.eye(3), SIZE_PX, rng)

    def posed(units: ActionUnits, blink: float = 0.0) -> Floats:
        vertices = subject.mesh.vertices.copy()
        for moved in displacements(place.model, units).values():
            vertices[:head] += moved
        if blink:
            vertices[:head] += place.model.displacement({f"eyeBlink_{side}": blink for side in "LR"})
        return vertices

    def received(vertices: Floats) -> Floats:
        mesh = subject.mesh
        normals = vertex_normals(vertices, mesh.triangles)
        return irradiance(vertices, normals, mesh.cut, mesh.triangles, light.directions, light.radiance)

    at_rest = received(posed(script.rest))
    at_apex = [received(posed(mixed(script.rest, each.units, 1.0))) for each in script.displays]
    for time_s in times_s:
        units, fallen = script.rest, at_rest
        for display, lit in zip(script.displays, at_apex, strict=True):
            if share := display.share(time_s):
                units = mixed(units, display.units, share)
                fallen = at_rest + share * (lit - at_rest)
        units = mixed(units, spoken(script.words, time_s), 1.0)
        blink = max([0.0, *(1 - abs(time_s - middle) / half for middle, half in script.blinks)])
        vertices = posed(units, min(1.2 * blink, 1.0))
        normals = vertex_normals(vertices, subject.mesh.triangles)
        skin = subject.skin * crease(place.canvas, units, folds)
        mesh = subject.mesh._replace(vertices=vertices)
        scene = Scene(subject, units, mesh, normals, light, fallen, skin, {}, place.model.landmarks)
        high, fast, phase = np.moveaxis(script.sway, 2, 0)
        angles = (high * np.sin(2 * np.pi * fast * time_s + phase)).sum(1)
        seen = camera._replace(rotation=rotation(*angles))
        yield photograph(scene.paint_over(wall, seen), place.difficulty, rng)


def mixed(units: ActionUnits, more: ActionUnits, share: float) -> dict[int, Strength]:
    """Both together, the second at this share."""
    none = Strength(0.0, 0.0)
    return {
        unit: Strength(
            *(a + share * b for a, b in zip(units.get(unit, none), more.get(unit, none), strict=True))
        )
        for unit in {**units, **more}
    }


def spoken(words: list[tuple[float, float]], time_s: float) -> dict[int, Strength]:
    """The mouth of somebody who says a few words: opened four times a second."""
    if not any(abs(time_s - middle) < half for middle, half in words):
        return {}
    open_now = np.sin(4 * np.pi * time_s) ** 2
    return {unit: Strength(full * open_now, full * open_now) for unit, full in ((25, 0.5), (26, 0.35))}


def _eased(share: float) -> float:
    """0..1 to 0..1 with the least jerk."""
    return share**3 * (10 - 15 * share + 6 * share**2)


if __name__ == "__main__":
    main()
