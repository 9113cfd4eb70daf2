"""What the paper says of its maps, tested on the networks that `benchmarks/claims.py` trained.

    python benchmarks/claimed_maps.py OUT placed --network small-pose-attention
    python benchmarks/claimed_maps.py OUT front --network small-front-attention

Each network is asked about the faces its fold held out. For the attention and the region of interest:

- agreement (Figs. 5 and 6): cosine with where Action Units moved the face, its lead over the template, the
  mean of the regions of Table 4, and over one mean map for all faces;
- pose invariance (Fig. 6): cosine with where they moved at the face's own pose, of its own map and of the map
  of the same person with the same expression at the opposite pose. If the map follows the face, its own is
  ahead by far;
- one-sidedness (Fig. 5a): the share of the map on its heavier half, of frontal faces, .5 for a symmetric map;
  and the share on the left half, which says whether it is the same half for all;
- size and variety (section 4.4): the share of the picture a map covers, e to its entropy over the pixels, 1
  for a uniform map; and its cosine with the mean map, which is low where maps vary;
- group photos (Fig. 7): on the three shipped ones, the share of the unsuppressed attention inside the boxes
  that a detector draws, over the boxes' share of the photo. 1 is chance.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feroi.data.decoded import decode
from feroi.data.groups import group_photos
from feroi.data.readers import read_dataset
from feroi.data.samples import Samples
from feroi.evaluation.agreement import FRONTAL
from feroi.evaluation.attention_targets import LeftOut, targets_of
from feroi.evaluation.bootstrap import Interval, bootstrap_means
from feroi.evaluation.evaluate import read
from feroi.evaluation.map_similarity import cosine
from feroi.explain.roi import project, region_of_interest
from feroi.explain.whole_photo import look_at_group, soft_boxes
from feroi.inference import Compute
from feroi.network.load import load_model
from feroi.network.torch_forward import torch_forward
from feroi.network.weights import load_network
from feroi.outputs import FloatArray
from feroi.photo.decode import read_photo, to_intensity
from feroi.photo.detect import detect
from feroi.training.loop import LAST_WEIGHTS

TRUTH = "units"
OPPOSITE = {"000": "180", "045": "135", "135": "045", "180": "000"}


class Found(NamedTuple):
    name: str
    value: float
    subject: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="as it was given to benchmarks/claims.py")
    parser.add_argument("data", type=Path, help="the folder of one of its sets")
    parser.add_argument("--network", default="small-pose-attention")
    parser.add_argument("--plain", action="store_true", help="networks without batch normalisation")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    arguments = parser.parse_args()
    samples = read_dataset(arguments.data)
    norm = "plain" if arguments.plain else "norm"
    runs = arguments.out / "runs" / arguments.data.name / norm / arguments.network
    folders = sorted(path.parent for path in runs.glob(f"*/{LAST_WEIGHTS}"))
    found: list[Found] = []
    for folder in folders:
        found += measure(folder, samples)
        found += group_photos_measured(folder)
    print(f"{len(folders)} trainings")
    for name in dict.fromkeys(each.name for each in found):
        mine = [each for each in found if each.name == name]
        values = np.array([each.value for each in mine])[:, None]
        interval = bootstrap_means(values, [each.subject for each in mine], arguments.seed)[0]
        print(f"{name}: {spread(interval)}, {len(mine)} faces")


def measure(folder: Path, samples: Samples) -> list[Found]:
    """What each face gives that the network in `folder` did not see in training."""
    names = set(json.loads((folder / "read.json").read_text())["names"])
    network = load_network(folder / LAST_WEIGHTS)
    config = network.config
    rows = [index for index, row in enumerate(samples) if row.name in names]
    readings = read(torch_forward(network), config, samples.take(rows))
    if readings.attention is None or readings.evidence is None:
        raise SystemExit(f"{folder}: a {config.head} network has no map")
    stored = decode(readings.samples, config.stored_hw).pixels
    maps = {
        "attention": project(readings.attention, config.input_hw),
        "roi": region_of_interest(readings.evidence, config.input_hw),
    }
    truths: dict[int, FloatArray] = {}
    templates: dict[int, FloatArray] = {}
    for index, row in enumerate(readings.samples):
        try:
            targets = targets_of(row, stored[index], config, ("units", "movement", "regions"))
        except LeftOut:
            continue
        truths[index] = targets.truths[TRUTH].astype(np.float64)
        templates[index] = np.mean(list(targets.textbook.values()), axis=0)
    where = {
        (row.subject, row.expression, row.attributes["pose"]): index
        for index, row in enumerate(readings.samples)
    }
    found: list[Found] = []
    for kind, map_ in maps.items():
        mean = map_.mean(0).ravel()

        for index, row in enumerate(readings.samples):
            pose = row.attributes["pose"]
            flat = map_[index].ravel()
            values = {
                "share of the picture covered": covered(flat),
                "cosine with the mean map": cosine(flat, mean),
            }
            if pose == FRONTAL:
                half = config.input_hw[1] // 2
                left = float(map_[index][:, :half].sum() / map_[index].sum())
                values["frontal faces: share on the heavier half"] = max(left, 1 - left)
                values["frontal faces: share on the left half"] = left
            if index in truths:
                truth = truths[index].ravel()
                own, average = cosine(flat, truth), cosine(mean, truth)
                values["agreement"] = own
                values["agreement, lead over the template"] = own - cosine(templates[index].ravel(), truth)
                values["agreement, lead over one mean map"] = own - average
                other = where.get((row.subject, row.expression, OPPOSITE.get(pose, "")))
                if other is not None:
                    turned = cosine(map_[other].ravel(), truth)
                    values["turned faces: own map"] = own
                    values["turned faces: map at the opposite pose"] = turned
                    values["turned faces: lead"] = own - turned
                    values["turned faces: one mean map"] = average
            found += [Found(f"{kind}: {name}", value, str(row.subject)) for name, value in values.items()]
    return found


def covered(weights: FloatArray) -> float:
    shares = weights[weights > 0] / weights.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()) / len(weights))


def group_photos_measured(folder: Path) -> list[Found]:
    """How many times its share of the area the boxes of faces hold of the attention, for each group photo."""
    model = load_model(folder / LAST_WEIGHTS, Compute(threads=1))
    found = []
    for path in group_photos():
        photo = read_photo(path)
        faces = detect(photo)
        if model.score is None:
            return []
        attention = look_at_group(to_intensity(photo), faces, model.score, model.config).attention
        inside = soft_boxes(faces, photo.shape[:2], attention.shape) == 1
        gain = float(attention[inside].sum() / inside.mean())
        found.append(Found("group photos: attention inside boxes, times their area", gain, path.name))
    return found


def spread(value: Interval) -> str:
    if value.low is None or value.high is None:
        return f"{value.mean:.3f}"
    return f"{value.mean:.3f} ({value.low:.3f} to {value.high:.3f})"


if __name__ == "__main__":
    main()
