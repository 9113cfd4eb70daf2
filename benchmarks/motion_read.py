"""What feroi reads in each frame of the films of `motion_films.py`, kept for `motion.py`.

    python benchmarks/motion_read.py FILMS OUT

Of each film OUT gets `NN.npz`: of each frame, in which the one person was found, its time, the probabilities
(T, 7), the focused feature z (T, 128), Action Units (T, 13), pose and gaze in degrees (T, 5), and whether the
quality was good enough. Read by `feroi.Reader`, frames between searches followed, as `feroi analyze` does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import feroi
from feroi.outputs import NetworkOutput
from feroi.vocabulary import EXPRESSIONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("films", type=Path)
    parser.add_argument("out", type=Path)
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
            shares=np.array([[face.probabilities[name] for name in EXPRESSIONS] for face in faces]),
            focus=np.array(kept, dtype=np.float32),
            unit_names=np.array(list(faces[0].action_units)),
            units=np.array([list(face.action_units.values()) for face in faces]),
            angles=np.array([[*face.pose, *face.gaze] for face in faces]),
            good=np.array([not face.quality.problem for face in faces]),
        )
        people = {face.track for face in faces}
        print(f"{truth.stem}: {len(frames)} frames with a face, {len(people)} numbers")


if __name__ == "__main__":
    main()
