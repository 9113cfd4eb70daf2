"""Compare the face detectors on composed photos: faces found, missed, false, and processor time.

    feroi synth cast --facekit ICT-FaceKit --difficulty clean --seed 12 --subjects 10 \\
        --angles 0,45,90 --gazes frontal
    python benchmarks/detectors.py --faces cast --crops FER2013/validation --heads london \\
        --examples EXAMPLES

`cast` is a set of rendered heads, of which 30 are taken a yaw; CROPS any tree of tight 48 x 48 face
crops; HEADS a folder of photographs NAME.jpg of one head each, with NAME.csv beside it, whose columns
x_px and y_px begin with the middles of the eyes. Heads are cut out along an ellipse with a soft edge. The
photos are made here from a fixed seed; with --examples one of each kind is written with its boxes.
A face counts as found if a box lies within half a face of its centre and is 0.5 to 2 times as large, by the
geometric mean of its sides. Time is that of the processor, on one thread, the faster of two runs.
Takes about five minutes on one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from feroi.inference import Compute
from feroi.photo.detect import Face, detect
from feroi.synthetic.truth import read_truth

Photo = NDArray[np.uint8]
ONE_THREAD = Compute(threads=1)
HEADS = 30
DETECTORS = ("yunet", "hog")
MEGAPIXELS = (0.5, 2.0, 12.0)
WIDTHS_PX = ((17, 2.0), (20, 2.0), (20, 12.0), (34, 2.0), (67, 2.0))
"""Of photographed faces from ear to ear, and megapixels of the photo they are in."""
FACE_WIDTH, FACE_DOWN = 2.15, 0.53  # in distances between the eyes: how wide, and its middle below theirs
FACELESS = ("chelsea", "coffee", "rocket", "hubble_deep_field", "retina", "cell", "brick", "grass")
FACELESS += ("gravel", "page", "text", "coins", "moon", "immunohistochemistry")


class Scene(NamedTuple):
    """photo: (H, W, 3). faces_xys_px: (K, 3) centre x, centre y and size of every face in it."""

    kind: str
    photo: Photo
    faces_xys_px: NDArray[np.float64]


class Head(NamedTuple):
    picture: Image.Image
    yaw_deg: int
    landmarks_xy_px: NDArray[np.float64]


def load_heads(folder: Path) -> list[Head]:
    """Thirty heads of each angle in a set of `feroi synth`, spread over subjects and expressions."""
    heads = []
    for angle, yaw_deg in ((90, 0), (45, 45), (0, 90)):
        paths = sorted(folder.glob(f"Rafd{angle:03}_*.jpg"))
        if len(paths) < HEADS:
            raise SystemExit(f"{folder} has {len(paths)} faces of angle {angle}; {HEADS} are needed")
        for index in np.linspace(0, len(paths) - 1, HEADS).round().astype(int):
            picture = Image.open(paths[index]).convert("RGB")
            picture.putalpha(cut_out(picture.size))
            heads.append(Head(picture, yaw_deg, read_truth(folder, paths[index].name).landmarks - 0.5))
    return heads


def cut_out(size: tuple[int, int]) -> Image.Image:
    """White within the ellipse that fills a picture of `size`, softly to black without."""
    edge = round(0.03 * size[0])
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((2 * edge, 2 * edge, size[0] - 2 * edge, size[1] - 2 * edge), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(edge))


def texture(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Coloured noise of several grains, with straight edges: busy, and without a face."""
    total = np.zeros((height, width, 3))
    for cell in (4, 16, 64, 256):
        small = rng.uniform(0, 255, (height // cell + 2, width // cell + 2, 3)).astype(np.uint8)
        total += np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))
    picture = Image.fromarray((total / 4).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(30):
        x, y = rng.integers(0, width), rng.integers(0, height)
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        draw.rectangle((x, y, x + width // 12, y + height // 20), outline=colour, width=3)
    return picture


def sunglasses(head: Head) -> Head:
    """`head` with a dark bar over both eyes, as wide as glasses are."""
    eyes = head.landmarks_xy_px[36:48]
    reach = 0.3 * (np.ptp(head.landmarks_xy_px[:, 1]))
    picture = head.picture.copy()
    x0, y0 = eyes.min(axis=0) - np.array([reach / 3, reach / 3])
    x1, y1 = eyes.max(axis=0) + np.array([reach / 3, reach / 2])
    ImageDraw.Draw(picture).rounded_rectangle((x0, y0, x1, y1), reach / 4, fill=(15, 15, 18, 255))
    return head._replace(picture=picture)


def paste(
    photo: Image.Image, head: Head, centre_xy: tuple[float, float], face_px: float, roll_deg: float
) -> tuple[float, float, float]:
    """Lay `head` on `photo` with its face `face_px` high around `centre_xy`; its truth."""
    points = head.landmarks_xy_px
    low, high = points.min(axis=0), points.max(axis=0)
    scale = face_px / max(high - low)
    size = tuple(max(1, round(scale * side)) for side in head.picture.size)
    picture = head.picture.resize(size, Image.Resampling.LANCZOS)
    anchor = scale * (low + high) / 2
    # Rotated about the face's centre, on a canvas large enough to hold every turn.
    reach = 2 * max(size)
    canvas = Image.new("RGBA", (reach, reach))
    canvas.paste(picture, (round(reach / 2 - anchor[0]), round(reach / 2 - anchor[1])))
    canvas = canvas.rotate(roll_deg, Image.Resampling.BICUBIC)
    corner = (round(centre_xy[0] - reach / 2), round(centre_xy[1] - reach / 2))
    photo.paste(canvas, corner, canvas)
    return (*centre_xy, face_px)


def group(
    kind: str,
    heads: list[Head],
    rng: np.random.Generator,
    megapixels: float,
    grid: tuple[int, int],
    roll_deg: float = 0.0,
    face_share: float = 0.5,
    spread: float = 0.2,
) -> Scene:
    """`heads` in columns x rows over a textured 4:3 photo, each face `face_share` of its cell, give or take
    `spread` of that."""
    width, height = round((megapixels * 4e6 / 3) ** 0.5), round((megapixels * 3e6 / 4) ** 0.5)
    photo, truth = texture(rng, width, height), []
    columns, rows = grid
    for index, head in enumerate(heads):
        cell_w, cell_h = width / columns, height / rows
        x = (index % columns + rng.uniform(0.45, 0.55)) * cell_w
        y = (index // columns + rng.uniform(0.45, 0.55)) * cell_h
        sign = 1 if rng.random() < 0.5 else -1
        face_px = face_share * min(cell_w, cell_h) * rng.uniform(1 - spread, 1 + spread)
        truth.append(paste(photo, head, (x, y), face_px, sign * roll_deg))
    return Scene(kind, np.asarray(photo), np.array(truth))


def load_crops(folder: Path, rng: np.random.Generator, count: int) -> list[Head]:
    """Tight crops as heads whose face is four fifths of the crop, softly cut out."""
    paths = sorted(folder.rglob("*.png")) + sorted(folder.rglob("*.jpg"))
    heads = []
    for index in rng.choice(len(paths), count, replace=False):
        crop = Image.open(paths[index]).convert("RGB").resize((192, 192), Image.Resampling.BICUBIC)
        frame = np.array([[19.0, 19.0], [173.0, 173.0]])
        heads.append(Head(crop.convert("RGBA"), 0, frame))
    return heads


def load_photographed(folder: Path) -> list[Head]:
    """The heads in a folder of photographs, for landmarks the corners of a square as wide as the face."""
    heads = []
    for path in sorted(folder.glob("*.jpg"))[:50]:
        eyes = np.loadtxt(path.with_suffix(".csv"), delimiter=",", skiprows=1, max_rows=2)
        apart = float(np.linalg.norm(eyes[1] - eyes[0]))
        middle, half = eyes.mean(0) + np.array([0, FACE_DOWN * apart]), FACE_WIDTH * apart / 2
        corner, end = (middle + half * np.array(reach) for reach in ((-2.6, -3.2), (2.6, 3.0)))
        box = tuple(np.concatenate([corner, end]).round().astype(int).tolist())
        picture = Image.open(path).convert("RGB").crop(box)
        picture.putalpha(cut_out(picture.size))
        heads.append(Head(picture, 0, middle - corner.round() + [[-half, -half], [half, half]]))
    return heads


def scenes(heads: list[Head], crops: Path, photographed: list[Head]) -> Iterator[Scene]:
    rng = np.random.default_rng(20261123)
    frontal, turned, profile = ([h for h in heads if h.yaw_deg == yaw] for yaw in (0, 45, 90))
    for megapixels in MEGAPIXELS:
        yield group(f"5 faces, {megapixels:g} MP", frontal[:5], rng, megapixels, (3, 2))
        yield group(f"30 faces, {megapixels:g} MP", frontal, rng, megapixels, (6, 5))
    for roll_deg in (15, 30, 45):
        yield group(f"tilted by {roll_deg} degrees", frontal, rng, 2.0, (6, 5), roll_deg)
    yield group("turned by 45 degrees", turned, rng, 2.0, (6, 5))
    yield group("turned by 90 degrees", profile, rng, 2.0, (6, 5))
    yield group("sunglasses", [sunglasses(h) for h in frontal], rng, 2.0, (6, 5))
    for share, size in ((0.15, 40), (0.22, 60), (0.3, 80)):
        yield group(f"small, {size} px", frontal, rng, 2.0, (6, 5), face_share=share)
    real = load_crops(crops, rng, 120)
    for roll_deg in (0, 15, 30, 45):
        for part in range(4):
            faces = real[30 * part : 30 * part + 30]
            yield group(f"FER-2013 crops, tilt {roll_deg}", faces, rng, 2.0, (6, 5), roll_deg, 0.6)
    for name in FACELESS:
        picture = Image.fromarray(getattr(data, name)()).convert("RGB")
        yield Scene("no face at all", np.asarray(picture), np.empty((0, 3)))
    for width_px, megapixels in WIDTHS_PX if photographed else ():
        cell_px = (megapixels * 4e6 / 3) ** 0.5 / 10
        kind = f"photographed heads, {width_px} px, {megapixels:g} MP"
        yield group(kind, photographed, rng, megapixels, (10, 5), face_share=width_px / cell_px, spread=0)
    astronaut = np.array([[222.0, 120.0, 95.0]])
    yield Scene("astronaut", data.astronaut(), astronaut)


def count(faces: list[Face], truth: NDArray[np.float64]) -> tuple[int, int]:
    """Faces of `truth` found, and boxes that belong to none."""
    boxes = np.array([face.box_xyxy_px for face in faces]).reshape(-1, 4)
    centres, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    left = np.ones(len(boxes), dtype=bool)
    found = 0
    for x, y, size in truth:
        near = np.linalg.norm(centres - (x, y), axis=1) < 0.5 * size
        fits = np.flatnonzero(left & near & (sizes > 0.5 * size) & (sizes < 2 * size))
        if len(fits):
            found += 1
            left[fits[0]] = False
    return found, int(left.sum())


def timed(photo: Photo, detector: str) -> tuple[list[Face], float]:
    """What `detector` finds, and the milliseconds of processor time of the faster of two runs."""
    elapsed = []
    for _ in range(2):
        start = time.process_time()
        faces = detect(photo, detector, ONE_THREAD)
        elapsed.append(1000 * (time.process_time() - start))
    return faces, min(elapsed)


def draw(scene: Scene, faces: dict[str, list[Face]], path: Path) -> None:
    picture = Image.fromarray(scene.photo)
    pen = ImageDraw.Draw(picture)
    for colour, found in zip(("lime", "red"), faces.values(), strict=False):
        for face in found:
            pen.rectangle(face.box_xyxy_px, outline=colour, width=max(2, picture.width // 500))
    picture.thumbnail((1600, 1200))
    picture.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--heads", type=Path, help="photographs with the places of the eyes")
    parser.add_argument("--examples", type=Path)
    options = parser.parse_args()
    tally: dict[tuple[str, str], NDArray[np.float64]] = {}
    photographed = load_photographed(options.heads) if options.heads else []
    for scene in scenes(load_heads(options.faces), options.crops, photographed):
        results = {name: timed(scene.photo, name) for name in DETECTORS}
        first = (scene.kind, DETECTORS[0]) not in tally
        for name, (faces, milliseconds) in results.items():
            found, false = count(faces, scene.faces_xys_px)
            row = np.array([len(scene.faces_xys_px), found, false, milliseconds, 1.0])
            tally[scene.kind, name] = tally.get((scene.kind, name), np.zeros(5)) + row
        if options.examples and first:
            options.examples.mkdir(parents=True, exist_ok=True)
            stem = scene.kind.replace(" ", "-").replace(",", "")
            boxes = {name: faces for name, (faces, _) in results.items()}
            draw(scene, boxes, options.examples / f"{stem}.jpg")
    print("| photos | detector | faces | found | missed | false | processor ms a photo |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for (kind, name), (faces, found, false, milliseconds, photos) in tally.items():
        print(
            f"| {kind} | {name} | {faces:.0f} | {found:.0f} | {faces - found:.0f} "
            f"| {false:.0f} | {milliseconds / photos:.0f} |"
        )


if __name__ == "__main__":
    main()
