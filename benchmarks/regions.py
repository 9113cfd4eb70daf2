"""What the region of interest is worth as people are shown it, beside controls, on faces right and misread.

    python benchmarks/regions.py default --data FER2013 --layout ferplus --split validation
    python benchmarks/regions.py default --data LONDON_CROPS

As `feroi.analyze` shows it: mirror images averaged, smoothed, for the expression that was answered. Labels
are the data set's. The table has insertion, deletion, and how many answers stay when only the heaviest 20,
30 and 40 % of the pixels are shown, and fall when those are hidden; means over faces, 95 % intervals over
people, or over faces where nobody is named. A second table lays masks on faces that are not theirs: if the
shape of a mask spelled the answer, the answer of the mask's own face would come out.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feroi.data.batches import as_faces
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.evaluation.bootstrap import Interval, bootstrap_means
from feroi.evaluation.faithfulness import SHARES, area, blurred, curves, hidden, places
from feroi.explain.roi import project, region_of_interest
from feroi.inference import Compute
from feroi.network.load import load_model
from feroi.outputs import FloatArray, Forward, NetworkOutput

BATCH = 128
NOISE_SHARE = 1 / 12
"""Standard deviation of the smoothing of noise, as a share of the side."""
SQUARE_PX, STEP_PX = 12, 3
"""Side of the squares that occlusion hides, and how far apart they lie."""
MASK_SHARE = SHARES[-1]
ROI = "region of interest"


class Faces(NamedTuple):
    """N faces (N, 1, H, W), what each was read as, whose each is, and the maps that belong to them."""

    pixels: NDArray[np.float32]
    answers: NDArray[np.int64]
    people: list[str]
    roi: FloatArray
    attention: FloatArray

    def take(self, rows: NDArray[np.int64]) -> Faces:
        people = [self.people[row] for row in rows]
        return Faces(self.pixels[rows], self.answers[rows], people, self.roi[rows], self.attention[rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a shipped network's name or a file")
    parser.add_argument("--data", required=True)
    parser.add_argument("--layout", default="auto")
    parser.add_argument("--split")
    parser.add_argument("--faces", type=int, default=500, help="read right; half as many misread ones")
    parser.add_argument("--occlusion", action="store_true", help="measure occlusion too, 289 passes a face")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    model = load_model(arguments.model, Compute(threads=1))
    samples = read_dataset(arguments.data, arguments.layout)
    if arguments.split:
        samples = samples.split(arguments.split)
    decoded = decode(samples, model.config.input_hw)
    labels = decoded.samples.labels
    people = [row.subject or row.name for row in decoded.samples]
    faces = read(model.forward, as_faces(decoded.pixels), people)
    right = faces.answers == labels
    for name, chosen, most in (
        ("read right", np.flatnonzero(right), arguments.faces),
        ("misread", np.flatnonzero(~right), arguments.faces // 2),
    ):
        drawn = np.random.default_rng(arguments.seed).permutation(chosen)[:most]
        if len(drawn) >= 10:
            group = faces.take(drawn)
            print(worth(model.forward, group, f"{len(drawn)} {name}", arguments.occlusion, arguments.seed))
            if len(set(group.answers.tolist())) > 1:
                print(masks_of_others(model.forward, group, f"{len(drawn)} {name}", arguments.seed))


def read(forward: Forward, pixels: NDArray[np.float32], people: list[str]) -> Faces:
    def maps(look: NetworkOutput[FloatArray], size_hw: tuple[int, int]) -> tuple[FloatArray, ...]:
        if look.evidence is None or look.attention is None:
            raise SystemExit("only a network with attention shows a region of interest")
        answers = look.logits.argmax(1)
        roi = region_of_interest(look.evidence[np.arange(len(answers)), answers], size_hw)
        return answers, roi, project(look.attention, size_hw)

    size_hw = pixels.shape[2], pixels.shape[3]
    parts = [maps(forward(pixels[i : i + BATCH]), size_hw) for i in range(0, len(pixels), BATCH)]
    answers, roi, attention = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Faces(pixels, answers, people, roi, attention)


def worth(forward: Forward, faces: Faces, group: str, occlusion: bool, seed: int) -> str:
    """One line for each map, and how far the region of interest is ahead of it on the same faces."""
    maps = {
        ROI: faces.roi,
        "attention": faces.attention,
        "its template": np.broadcast_to(faces.roi.mean(0), faces.roi.shape),
        "another face's, same answer": faces.roi[partners(faces.answers, same=True, seed=seed)],
        "smooth noise": noise(faces.roi.shape, seed),
    }
    if occlusion:
        maps["occlusion"] = occluded(forward, faces)
    shares = ", ".join(f"{100 * share:.0f}" for share in SHARES)
    lines = [
        f"| {group} | insertion | deletion | stays with {shares} % shown | falls without them | "
        "the region's lead in insertion | in deletion |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    own: FloatArray | None = None
    for name, weights in maps.items():
        values = measured(forward, faces, weights, seed)
        own = values if own is None else own
        line = [f"{cell.mean:.3f}" for cell in bootstrap_means(values[:, :2], faces.people, seed)]
        rates = bootstrap_means(values[:, 2:], faces.people, seed)
        for first in range(2):
            mine = rates[first::2]
            line.append(", ".join(f"{100 * one.mean:.0f}" for one in mine) + " " + spread(mine[-1], 100, 0))
        lead = bootstrap_means((own - values)[:, :2] * [1, -1], faces.people, seed)
        line += ["" if name == ROI else f"{one.mean:.3f} {spread(one, 1, 3)}" for one in lead]
        lines.append(f"| {name} | " + " | ".join(line) + " |")
    return "\n".join(lines) + "\n"


def measured(forward: Forward, faces: Faces, maps: FloatArray, seed: int) -> FloatArray:
    """Insertion, deletion, and stays and falls at each share: (N, 2 + 2 * len(SHARES))."""
    order, blurs = places(np.asarray(maps), np.random.default_rng(seed)), blurred(faces.pixels)
    columns = [
        area(curves(forward, blurs, faces.pixels, order, faces.answers)),
        area(curves(forward, faces.pixels, blurs, order, faces.answers)),
    ]
    for share in SHARES:
        columns += hidden(forward, faces.pixels, order, faces.answers, share)
    return np.stack(columns, axis=1)


def masks_of_others(forward: Forward, faces: Faces, group: str, seed: int) -> str:
    """What is answered if the region of a face with another answer is all that a face shows."""
    other = partners(faces.answers, same=False, seed=seed)
    lines = [
        f"| {group}, {100 * MASK_SHARE:.0f} % shown through the mask of | the face's own answer, % | "
        "the answer of the other face, % |",
        "| --- | --- | --- |",
    ]
    for name, rows in (("its own region", np.arange(len(other))), ("a face with another answer", other)):
        order = places(faces.roi[rows], np.random.default_rng(seed))
        shown = np.where(order[:, None] < MASK_SHARE, faces.pixels, blurred(faces.pixels))
        answers = forward(shown.astype(np.float32)).logits.argmax(1)
        both = np.stack([answers == faces.answers, answers == faces.answers[other]], axis=1)
        cells = bootstrap_means(both.astype(np.float64), faces.people, seed)
        rates = (f"{100 * one.mean:.1f} {spread(one, 100, 1)}" for one in cells)
        lines.append(f"| {name} | " + " | ".join(rates) + " |")
    return "\n".join(lines) + "\n"


def partners(answers: NDArray[np.int64], same: bool, seed: int) -> NDArray[np.int64]:
    """For each face another one, drawn of those with the same answer, or of those with another."""
    rng = np.random.default_rng(seed)
    drawn = np.arange(len(answers))
    for row, answer in enumerate(answers):
        others = np.flatnonzero((answers == answer) == same)
        others = others[others != row]
        drawn[row] = rng.choice(others) if len(others) else row
    return drawn


def noise(shape: tuple[int, ...], seed: int) -> FloatArray:
    fields = np.random.default_rng(seed).normal(size=shape)
    return np.asarray(gaussian_filter(fields, (0, NOISE_SHARE * shape[1], NOISE_SHARE * shape[2])))


def occluded(forward: Forward, faces: Faces) -> FloatArray:
    """The mean fall of the answer's probability under all squares that cover a pixel: (N, H, W)."""
    height, width = faces.pixels.shape[2:]
    squares = []
    for top in range(-SQUARE_PX // 2, height - SQUARE_PX // 2 + 1, STEP_PX):
        for left in range(-SQUARE_PX // 2, width - SQUARE_PX // 2 + 1, STEP_PX):
            square = np.zeros((height, width), bool)
            square[max(top, 0) : top + SQUARE_PX, max(left, 0) : left + SQUARE_PX] = True
            squares.append(square)
    covers = np.stack(squares)
    maps = []
    for face, blur, answer in zip(faces.pixels, blurred(faces.pixels), faces.answers, strict=True):
        logits = forward(np.where(covers[:, None], blur, face).astype(np.float32)).logits.astype(np.float64)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        lost = 1 - weights[:, answer] / weights.sum(1)
        maps.append((covers * lost[:, None, None]).sum(0) / covers.sum(0))
    return np.stack(maps)


def spread(value: Interval, times: float, digits: int) -> str:
    if value.low is None or value.high is None:
        return ""
    return f"({times * value.low:.{digits}f} to {times * value.high:.{digits}f})"


if __name__ == "__main__":
    main()
