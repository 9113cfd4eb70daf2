"""How hard are the synthetic faces for a method of before the networks, HOG and a linear SVM?

Renders frontal and half-turned faces of each difficulty, one gaze, and cross-validates over the
paper's five folds by subject. Pictures already in the folder are not made again.

    python benchmarks/synthetic_difficulty.py --facekit ICT-FaceKit --out /tmp/difficulty --workers 2
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.feature import hog
from skimage.transform import resize
from sklearn.svm import LinearSVC

from feroi.data.folds import subject_folds
from feroi.data.rafd import read_rafd
from feroi.data.samples import Sample, Samples
from feroi.photo.pixels import read_intensity
from feroi.synthetic.dataset import write_dataset
from feroi.synthetic.difficulty import DIFFICULTIES
from feroi.synthetic.facekit import load_facekit

VIEWS = {
    "aligned, frontal": ("front", 90),
    "whole head, frontal": ("pose", 90),
    "whole head, 45 degrees": ("pose", 135),
}
HEIGHT = 128
CELL = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--facekit", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--subjects", type=int, default=67)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    model = load_facekit(chosen.facekit)
    print(f"{chosen.subjects} subjects, seed {chosen.seed}; mean +- standard deviation over five folds")
    for view, (crop, angle) in VIEWS.items():
        for difficulty in DIFFICULTIES:
            out = chosen.out / f"{crop}-{angle}-{difficulty}"
            write_dataset(
                out, model, chosen.subjects, (angle,), ("frontal",),
                difficulty=difficulty, seed=chosen.seed, workers=chosen.workers, crop=crop,
            )  # fmt: skip
            right = 100 * accuracies(read_rafd(out))
            print(f"{view:24} {difficulty:6} {right.mean():5.1f} +- {right.std():.1f} %", flush=True)


def accuracies(samples: Samples) -> NDArray[np.float64]:
    """(5,) share read right in each fold."""
    features = np.stack([described(row) for row in samples])
    labels = samples.labels
    shares = []
    for training, validation in subject_folds(samples):
        machine = LinearSVC(C=0.1, random_state=0).fit(features[training], labels[training])
        shares.append(np.mean(machine.predict(features[validation]) == labels[validation]))
    return np.array(shares)


def described(row: Sample) -> NDArray[np.float64]:
    """Histograms of 9 orientations in cells of 8 x 8 px, of the picture at 128 px of height."""
    assert isinstance(row.image, Path)
    picture = read_intensity(row.image)
    width = CELL * round(HEIGHT * picture.shape[1] / picture.shape[0] / CELL)
    small = resize(picture, (HEIGHT, width), anti_aliasing=True)
    return np.asarray(hog(small, orientations=9, pixels_per_cell=(CELL, CELL), cells_per_block=(2, 2)))


if __name__ == "__main__":
    main()
