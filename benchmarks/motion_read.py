"""What feroi reads in each frame of the films of `motion_films.py`, kept for `motion.py`.

    python benchmarks/motion_read.py FILMS OUT
    python benchmarks/motion_read.py LONDON OUT --photographs

Of each film OUT gets `NN.npz`: of each frame in which the one person was found its time, the probabilities
(T, 7), the focused feature z (T, 128), Action Units (T, 13), angles of head and eyes in degrees (T, 5), and
whether the quality was good enough. Read by `feroi.Reader`; frames between searches are followed, as
`feroi analyze` does.

With --photographs, LONDON holds folders `neutral` and `happy` of photographs whose names begin with the
person's number. Of each person a film is made up of the two: neutral for 5 s, the smile faded in within .5 s,
there for 1.5 s and faded out within .5 s, neutral for 2 s. Each photograph is read four times, 300 px wide,
a little shifted and noisy, and its frames are drawn from these. The truth stands in the same file.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import feroi
from feroi.outputs import NetworkOutput
from feroi.results import Reading
from feroi.vocabulary import EXPRESSIONS

FPS = 10
_MOMENTS_S = (5.0, 5.5, 7.0, 7.5)
_VARIANTS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--photographs", action="store_true")
    parser.add_argument("--model", default="default")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    reader = feroi.Reader(asked.model, only_biggest=True, threads=1)
    forward, kept = reader.model.forward, []

    def remembering(faces: np.ndarray) -> NetworkOutput:
        look = forward(faces)
        kept.extend(look.focus)
        return look

    reader.model = reader.model._replace(forward=remembering)
    if asked.photographs:
        for person, pictures in photographed(asked.films):
            kept.clear()
            found = [reader.read(picture) for picture in pictures]
            if len(kept) == len(pictures):  # a face in each
                made_up(asked.out / f"{person}.npz", [faces[0] for faces in found], np.array(kept))
        return
    for truth in sorted(asked.films.glob("*.npz")):
        out = asked.out / truth.name
        if out.exists():
            continue
        kept.clear()
        frames = [frame for frame in reader.read_video(truth.with_suffix(".mp4")) if frame.faces]
        faces = [frame.faces[0] for frame in frames]
        assert len(kept) == len(faces)
        np.savez_compressed(
            out,
            time_s=np.array([frame.time_s for frame in frames]),
            frame=np.array([frame.frame for frame in frames]),
            track=np.array([face.track for face in faces]),
            **told(faces, np.array(kept)),
        )
        people = {face.track for face in faces}
        print(f"{truth.stem}: {len(frames)} frames with a face, {len(people)} numbers")


def told(faces: list[Reading], focus: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "shares": np.array([[face.probabilities[name] for name in EXPRESSIONS] for face in faces]),
        "focus": focus.astype(np.float32),
        "unit_names": np.array(list(faces[0].action_units)),
        "units": np.array([list(face.action_units.values()) for face in faces]),
        "angles": np.array([[*face.pose, *face.gaze] for face in faces]),
        "good": np.array([not face.quality.problem for face in faces]),
    }


def photographed(folder: Path) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Of each person _VARIANTS pictures at rest, as many smiling, and four faded between."""
    smiles = {path.name[:3]: path for path in sorted((folder / "happy").glob("*.jpg"))}
    for path in sorted((folder / "neutral").glob("*.jpg")):
        if path.name[:3] in smiles:
            rng = np.random.default_rng(int(path.name[:3]))
            rest, smile = (_small(each) for each in (path, smiles[path.name[:3]]))
            shares = [*[0.0] * _VARIANTS, *[1.0] * _VARIANTS, 0.2, 0.4, 0.6, 0.8]
            yield path.name[:3], [_shaken((1 - share) * rest + share * smile, rng) for share in shares]


def _small(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        small = picture.convert("RGB").resize((300, 300 * picture.height // picture.width))
    return np.asarray(small, dtype=np.float64)


def _shaken(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    moved = np.roll(picture, rng.integers(-2, 3, 2), (0, 1))
    return np.clip(moved + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def made_up(out: Path, faces: list[Reading], focus: np.ndarray) -> None:
    """The film of one photographed person, with its truth."""
    rng = np.random.default_rng(int(out.stem))
    time_s = np.arange(95) / FPS
    share = np.interp(time_s, _MOMENTS_S, [0, 1, 1, 0])
    between = 2 * _VARIANTS - 1 + np.round(share * 5).astype(int)
    chosen = rng.integers(0, _VARIANTS, len(time_s)) + np.where(share >= 0.9, _VARIANTS, 0)
    at = np.where((share > 0.1) & (share < 0.9), between, chosen)
    np.savez_compressed(
        out,
        time_s=time_s,
        frame=np.arange(len(time_s)),
        track=np.zeros(len(time_s), dtype=int),
        shown=np.where(share >= 0.5, "happy", "neutral"),
        expression=np.array(["happy"]),
        moments_s=np.array([_MOMENTS_S]),
        **{
            name: values if name == "unit_names" else values[at]
            for name, values in told(faces, focus).items()
        },
    )


if __name__ == "__main__":
    main()
