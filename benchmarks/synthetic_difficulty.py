"""How hard are synthetic faces for a method of before the networks, HOG and a linear SVM?

Cross-validates over the paper's five folds by subject, on sets that `feroi synth` made or that are shipped.

    python benchmarks/synthetic_difficulty.py embedded embedded-wild embedded-poses embedded-poses-wild
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
from feroi.data.readers import read_dataset
from feroi.data.samples import Sample, Samples
from feroi.photo.decode import read_intensity

HEIGHT = 128
CELL = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", help="folders, or names of faces shipped")
    print("per cent read right, mean +- standard deviation over five folds by subject")
    for name in parser.parse_args().data:
        samples = read_dataset(name)
        right = 100 * accuracies(samples)
        print(f"{name:24} {len(samples):5} pictures {right.mean():6.1f} +- {right.std():.1f}", flush=True)


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
