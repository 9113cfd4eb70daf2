"""Does a face in a photo reach the network as the faces it was trained on did?

Crops of FER-2013's validation split are pasted, enlarged, into larger photos, found again by the
detector, prepared by the pipeline `wild`, and read. The accuracy should stay close to that on the
crops themselves; what is lost comes from missed faces and from framing.

    python benchmarks/framing.py --data FER2013 --images 200 --seed 1

Takes 0.4 s of processor time an image.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feroi.data.readers import read_dataset
from feroi.data.samples import VALIDATION, Sample, Samples
from feroi.evaluation.evaluate import read
from feroi.inference import Compute
from feroi.network.load import load_model
from feroi.photo.decode import read_intensity
from feroi.reading import ReadingOptions, analyze_photos
from feroi.vocabulary import EXPRESSIONS

MARGIN_PX = 100
ONE_THREAD = Compute(threads=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="FER-2013")
    parser.add_argument("--images", type=int, default=350)
    parser.add_argument("--model", default="default")
    parser.add_argument("--detector", default="yunet")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    everything = read_dataset(chosen.data).split(VALIDATION)
    samples = everything.take(sorted(rng.permutation(len(everything))[: chosen.images].tolist()))
    model = load_model(chosen.model, ONE_THREAD)

    on_crops = read(model.forward, model.config, samples).predicted
    photos = (photo_of(row, rng) for row in samples)
    settings = ReadingOptions(chosen.detector, only_biggest=True, compute=ONE_THREAD)
    found = analyze_photos(photos, model, settings)
    on_photos = np.array(
        [EXPRESSIONS.index(photo.faces[0].expression) if photo.faces else -1 for photo in found]
    )
    report(samples, on_crops, on_photos)


def photo_of(row: Sample, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The crop, three to six times as large, somewhere in a smooth random photo 100 px larger."""
    assert isinstance(row.image, Path)
    side = int(48 * rng.uniform(3, 6))
    crop = Image.fromarray(read_intensity(row.image)).resize((side, side), Image.Resampling.BICUBIC)
    coarse = rng.integers(40, 200, (6, 8), dtype=np.uint8)
    photo = Image.fromarray(coarse).resize((side + MARGIN_PX,) * 2, Image.Resampling.BICUBIC)
    photo.paste(crop, (int(rng.integers(0, MARGIN_PX)), int(rng.integers(0, MARGIN_PX))))
    return np.asarray(photo)


def report(samples: Samples, on_crops: NDArray[np.int64], on_photos: NDArray[np.int64]) -> None:
    """Print what was found and how well it was read, as rows of a table."""
    labels, found = samples.labels, on_photos >= 0
    rows = [
        ("images", f"{len(labels)}"),
        ("face not found in the photo", f"{100 * (~found).mean():.1f} %"),
        ("accuracy on the crops, all", f"{100 * (on_crops == labels).mean():.1f} %"),
        ("accuracy on the crops, those found", f"{100 * (on_crops == labels)[found].mean():.1f} %"),
        ("accuracy on the photos, those found", f"{100 * (on_photos == labels)[found].mean():.1f} %"),
        ("same expression on crop and photo", f"{100 * (on_crops == on_photos)[found].mean():.1f} %"),
    ]
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
