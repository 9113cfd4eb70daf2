"""How much of what a network reads is left when faces are small, blurred or turned, and what `quality` says.

    python benchmarks/quality.py --data FER2013 --facekit ICT-FaceKit --seed 0

Crops of DATA's training split are made small and large again, or blurred. With FACEKIT, people who do not
exist are rendered at known yaws and pitches and read where they are, with points found. For each level:
accuracy; the share left of what is read above always saying the commonest expression; the measure; the part
of the score by it, and how many faces it puts below the limit.

The curves in `feroi.photo.quality` are columns of these tables: median of the measure, share left. Takes
about 4 minutes of processor time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from feroi.data.batches import as_faces
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import TRAINING
from feroi.inference import Compute
from feroi.network.load import Model, load_model
from feroi.outputs import Forward
from feroi.photo.crop import prepare
from feroi.photo.landmarks import HOG_SHARE, frame_of, locate
from feroi.photo.pose import head_pose
from feroi.photo.quality import LIMIT, SHARPNESS, SIZE, TURN, Curve, part, sharpness, turn_deg
from feroi.photo.squares import Frame
from feroi.photo.warp import sample
from feroi.synthetic.camera import rotation, whole_head
from feroi.synthetic.difficulty import background, difficulty_named, photograph
from feroi.synthetic.expressions import EXPRESSION_ACTION_UNITS
from feroi.synthetic.facekit import load_facekit
from feroi.synthetic.scene import make_scene
from feroi.synthetic.skin import canvas
from feroi.synthetic.subject import make_subject
from feroi.vocabulary import EXPRESSIONS, IGNORED_EXPRESSIONS, expression_named

SIDES_PX = (48, 40, 32, 28, 24, 20, 16, 12, 10, 8, 6)
SIGMAS_PX = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
NOISE = (0.0, 4.0)
YAWS_DEG = (0, 15, 30, 40, 50, 60, 75, 90)
PITCHES_DEG = (-45, -30, -15, 15, 30, 45)
PHOTO_PX = 284
ONE_THREAD = Compute(threads=1)
Images = NDArray[np.uint8]


class Level(NamedTuple):
    """right: (N,) bool. values: (N,) the measure of each face."""

    name: str
    right: NDArray[np.bool_]
    values: NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="FER-2013")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--facekit", type=Path, help="a clone of ICT-FaceKit")
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--model", default="default")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    model = load_model(chosen.model, ONE_THREAD)
    everything = read_dataset(chosen.data).split(TRAINING)
    order = np.random.default_rng(chosen.seed).permutation(len(everything))
    decoded = decode(everything.take(sorted(order[: chosen.images].tolist())), (48, 48))
    images, labels = decoded.pixels, decoded.samples.labels
    guess = np.bincount(labels).max() / len(labels)

    def levels(made: dict[str, Images]) -> list[Level]:
        """Faces of each level with their sharpness."""
        return [
            Level(name, answers(model.forward, faces) == labels, np.array(list(map(sharpness, faces))))
            for name, faces in made.items()
        ]

    small = levels({f"{side} px": np.stack([resized(face, side) for face in images]) for side in SIDES_PX})
    shares = [np.full(len(labels), side / 48) for side in SIDES_PX]
    sizes = [level._replace(values=share) for level, share in zip(small, shares, strict=True)]
    report("side of the crop in the photo; size", sizes, SIZE, guess)
    report("the same; sharpness", small, SHARPNESS, guess)
    rng = np.random.default_rng(chosen.seed)
    for noise in NOISE:
        soft = levels({f"{sigma} px": blurred(images, sigma, noise, rng) for sigma in SIGMAS_PX})
        report(f"sigma of the blur, then noise of {noise:.0f} of 255; sharpness", soft, SHARPNESS, guess)
    if chosen.facekit:
        yaws, pitches = rendered(chosen.facekit, chosen.people, chosen.seed, model)
        report("true yaw; turn found, degrees", yaws, TURN, 1 / 7)
        report("true pitch (up is above 0); turn found, degrees", pitches, TURN, 1 / 7)


def answers(forward: Forward, faces: Images) -> NDArray[np.int64]:
    parts = [faces[start : start + 100] for start in range(0, len(faces), 100)]
    return np.concatenate([np.asarray(forward(as_faces(each)).logits).argmax(1) for each in parts])


def resized(face: Images, side: int) -> Images:
    """The face (48, 48) as it comes out of a photo that shows it `side` px wide."""
    photo = np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC))
    places = (np.arange(48) + 0.5) * side / 48 - 0.5
    return sample(photo, np.stack(np.meshgrid(places, places), -1))


def blurred(images: Images, sigma: float, noise: float, rng: np.random.Generator) -> Images:
    soft = gaussian_filter(images.astype(np.float32), (0, sigma, sigma), mode="nearest")
    return np.clip(soft + noise * rng.standard_normal(images.shape) + 0.5, 0, 255).astype(np.uint8)


def rendered(facekit: Path, people: int, seed: int, model: Model) -> tuple[list[Level], list[Level]]:
    """Every expression of every person at each yaw (to a side by lot) and each pitch, with the turn found."""
    turns = [(yaw, 0) for yaw in YAWS_DEG] + [(0, pitch) for pitch in PITCHES_DEG]
    right: dict[tuple[int, int], list[bool]] = {turn: [] for turn in turns}
    found: dict[tuple[int, int], list[float]] = {turn: [] for turn in turns}
    pipeline = str(model.config.pipeline)
    for turn, expression, photo, frame in shots(facekit, people, seed, turns):
        (points,) = locate(photo, [frame], compute=ONE_THREAD)
        crop = prepare(photo, points, pipeline, model.config.stored_hw)
        right[turn].append(answers(model.forward, crop.image[None])[0] == expression)
        found[turn].append(turn_deg(head_pose(points.mesh.points_xyz_px)))
    levels = [Level(f"{sum(turn)}", np.array(right[turn]), np.array(found[turn])) for turn in turns]
    return levels[: len(YAWS_DEG)], [levels[0], *levels[len(YAWS_DEG) :]]


def shots(
    facekit: Path, people: int, seed: int, turns: list[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], int, Images, Frame]]:
    """Turn, expression, photo, and the mesh's frame where the face truly is, as if no detector missed one."""
    kit = load_facekit(facekit)
    paper, studio = canvas(kit), difficulty_named("clean")
    for person in range(1, people + 1):
        subject = make_subject(kit, paper, person, seed)
        for word in EXPRESSION_ACTION_UNITS:
            if word in IGNORED_EXPRESSIONS:
                continue
            expression = EXPRESSIONS.index(expression_named(word))
            rng = np.random.default_rng([seed, person, expression])
            scene = make_scene(kit, paper, subject, word, "frontal", studio, rng)
            side = rng.choice([-1, 1])
            for turn in turns:
                camera = whole_head(rotation(side * turn[0], turn[1], 0), PHOTO_PX, rng)
                light = scene.paint_over(background((PHOTO_PX, PHOTO_PX), studio, rng), camera)
                places, _ = camera.project(scene.mesh.vertices[scene.landmarks])
                box = frame_of((places - 0.5) @ np.array([1, 1j]))
                frame = Frame(box.centre, box.side / HOG_SHARE, 0.0)
                yield turn, expression, photograph(light, studio, rng), frame


def report(title: str, levels: list[Level], curve: Curve, guess: float) -> None:
    intact = levels[0].right.mean()
    print(f"\n| {title} | accuracy | share left | median (10 %, 90 %) | part: median | below the limit |")
    print("|---|---:|---:|---:|---:|---:|")
    for level in levels:
        accuracy, values = level.right.mean(), level.values
        low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
        parts = np.array([part(curve, value) for value in values])
        print(
            f"| {level.name} | {100 * accuracy:.1f} % | {(accuracy - guess) / (intact - guess):.2f} "
            f"| {middle:.3f} ({low:.3f}, {high:.3f}) | {np.median(parts):.2f} "
            f"| {100 * np.mean(parts < LIMIT):.1f} % |",
            flush=True,
        )


if __name__ == "__main__":
    main()
