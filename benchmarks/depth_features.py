"""What depth adds to classical features, estimated and true, on faces rendered by `feroi synth --crop front`.

    python benchmarks/depth_features.py FACES PATH/TO/ICT-FaceKit

Each feature is that of the photo beside that of a picture of depth (as `NAME+fe-gem`), or of the depth
alone, with the same SVM, on the five folds by subject. Depth is estimated from the landmarks found in the
picture, or from its exact ones, or it is that of the rendered head itself, at the points of the elastic face.
Prints accuracy in %, mean ± standard deviation (n - 1) over the folds, and each fold.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feroi.baselines.descriptors import DESCRIPTORS, describe
from feroi.baselines.svm import learn
from feroi.data.channels import depth_pictures
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import Samples
from feroi.evaluation.crossval import cross_validate, in_percent
from feroi.photo.depth import ELASTIC_FILE, depth_at, depth_map, depth_picture, relative_depth
from feroi.photo.geometry import FRAME_HW
from feroi.synthetic.camera import aligned, rotation
from feroi.synthetic.dataset import FRONTAL, PROVENANCE, Order, Studio, picture_name
from feroi.synthetic.expressions import EXPRESSION_ACTION_UNITS
from feroi.synthetic.facekit import load_facekit
from feroi.synthetic.subject import make_subject
from feroi.synthetic.traits import draw_traits
from feroi.synthetic.truth import read_truth

NAMES = ("ds", "lbp", "gabor", "lpq")
HALF_PX = 0.5  # the renderer's first pixel has its centre there, `feroi.photo`'s at 0


def main(faces: Path, facekit: Path) -> None:
    samples = decode(read_dataset(faces), FRAME_HW).shared
    photos = np.stack([np.asarray(row.image, np.uint8) for row in samples])
    true = dict(true_depth(faces, facekit))
    exact = [depth_at(read_truth(faces, row.name).landmarks - HALF_PX, FRAME_HW) for row in samples]
    depths = {
        "landmarks found": depth_pictures(samples),
        "exact landmarks": np.stack(exact),
        "the head itself": np.stack([true[row.name] for row in samples]),
    }
    for name in NAMES:
        photo = describe(photos, DESCRIPTORS[name])
        tell(f"{name}, photo alone", samples, photo)
        for what, pictures in depths.items():
            depth = describe(pictures, DESCRIPTORS[name])
            tell(f"{name}, with depth of {what}", samples, np.concatenate([photo, depth], axis=1))
            tell(f"{name}, depth of {what} alone", samples, depth)


def tell(title: str, samples: Samples, features: NDArray[np.float32]) -> None:
    known = dict(zip((row.name for row in samples), features, strict=True))

    def fit(number, division):
        training, asked = (
            np.stack([known[row.name] for row in side]) for side in (division.training, division.validation)
        )
        return learn(division.training, training, asked, 0).predicted

    result = cross_validate(samples, fit)
    folds = " ".join(f"{100 * fold.accuracy:.1f}" for fold in result.folds)
    print(f"{title}: {in_percent(result.spread('accuracy'))} ({folds})", flush=True)


def true_depth(faces: Path, facekit: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Names and pictures of depth (H, W) of the heads that the pictures in `faces` were rendered from."""
    told = json.loads((faces / PROVENANCE).read_text(encoding="utf-8"))
    model, kept = load_facekit(facekit), np.load(ELASTIC_FILE)["vertices"]
    studio = Studio(
        model, Order((FRONTAL,), ("frontal",), 284, told["difficulty"], told["seed"], "front"), Path()
    )
    for person in told["subjects"]:
        subject = make_subject(model, studio.canvas, person["number"], told["seed"])
        for word in EXPRESSION_ACTION_UNITS:
            scene = studio.scene(subject, word, "frontal")
            rng = studio._rng(person["number"], word, "frontal", FRONTAL)  # of the view, as `Scene.shoot`
            most = studio.difficulty.yaw_deg, studio.difficulty.pitch_deg, studio.difficulty.roll_deg
            turn = rotation(*(each * rng.uniform(-1, 1) for each in most))
            head = scene.mesh.vertices[kept]
            places = aligned(turn, scene.mesh.vertices[scene.landmarks]).project(head)[0] - HALF_PX
            name = picture_name(draw_traits(person["number"], told["seed"]), word, "frontal", FRONTAL)
            missed = np.abs(places[:68] + HALF_PX - read_truth(faces, name).landmarks).max()
            assert missed < 0.01, f"{name} was rendered from another view"
            depth = depth_map(places, relative_depth(head, turn[2]), FRAME_HW)
            yield name, depth_picture(depth)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
