"""Do FER-2013's faces, joined to SFEW, lie where `front` puts faces?

The face mesh is fitted to each picture as `paper.datasets.join_fer2013` shows it, to the middle of the
picture enlarged alone, and to what `front` makes of the same face. Printed are where the centres of the eyes
and of the mouth's corners lie in the frame of 125x160 px, and how far from where `front` puts them.

    python benchmarks/registration.py FER2013 --images 300 --seed 1

Takes 0.1 s of processor time an image.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import TRAINING
from feroi.paper.datasets import FER2013_FRONT_BOX_XYXY_PX
from feroi.photo.align import FER_HW, crop_fixed
from feroi.photo.crop import face_frame, prepare
from feroi.photo.cropped import PRESENT
from feroi.photo.decode import cover
from feroi.photo.geometry import FRAME_HW, anchor_points
from feroi.photo.landmarks import FacePoints, locate
from feroi.photo.squares import Frame

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="FER-2013")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    everything = read_dataset(asked.data).split(TRAINING)
    drawn = np.random.default_rng(asked.seed).choice(len(everything), asked.images, replace=False)
    found = [places(picture) for picture in decode(everything.take(drawn.tolist()), FER_HW).pixels]
    seen = np.stack([face for face in found if face is not None])  # (N, 4, 3, 2)
    print(f"{len(seen)} of {asked.images} faces seen in all four pictures; seed {asked.seed}")
    print("in the 48x48 px:", np.median(seen[:, 3], axis=0).round(2).tolist())
    for at, name in enumerate(("joined", "the middle alone", "front")):
        middle = (seen[:, at] - seen[:, 2]).mean(1)  # (N, 2), of the three points of a face
        print(
            f"{name}: median {np.median(seen[:, at], axis=0).round(1).tolist()}, mean less that of front "
            f"{(seen[:, at] - seen[:, 2]).mean(0).round(1).tolist()}; middle of a face off by "
            f"{np.median(middle, axis=0).round(1).tolist()}, half by less than "
            f"{np.median(np.hypot(*middle.T)):.1f} px"
        )


def places(picture: NDArray[np.uint8]) -> Floats | None:
    """Eyes and mouth of a face joined, enlarged, frontalised, and as it is, (4, 3, 2) px; None if unsure."""
    own = _located(picture, face_frame("wild", FER_HW))
    if own is None:
        return None
    try:
        front = prepare(picture, own, "front", FRAME_HW).image
    except ValueError:  # turned too far
        return None
    joined = crop_fixed(picture, FER2013_FRONT_BOX_XYXY_PX, FRAME_HW)
    frame = face_frame("front", FRAME_HW)
    fitted = [_located(image, frame) for image in (joined, cover(picture, FRAME_HW), front)]
    if None in fitted:
        return None
    return np.stack([anchor_points(each.landmarks_xy_px) for each in [*fitted, own] if each is not None])


def _located(image: NDArray[np.uint8], frame: Frame) -> FacePoints | None:
    (points,) = locate(image, [frame])
    return points if points.mesh.presence > PRESENT else None


if __name__ == "__main__":
    main()
