"""How fast a Ray cluster on this machine reads photos; and that packed photos take no memory.

    OMP_NUM_THREADS=1 python benchmarks/scale.py read --photos 400
    OMP_NUM_THREADS=1 python benchmarks/scale.py stream --images 2000000

`read` cuts windows with a few faces out of the shipped group photos and reads them as `feroi analyze` does, then
on clusters of one and two processors, whose time begins when they have read a first shard. `stream` packs small
JPEGs into tar archives and a Parquet table, then has one process decode them all, as a worker does, and gives its
memory on the way; with --readings it also reads so many of them.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from feroi.analysis.run import Outputs, Readers, write_analysis
from feroi.analysis.tables import Tables
from feroi.cluster.readings import analyze_on_cluster
from feroi.cluster.shards import cut, photos_of
from feroi.data.groups import group_photos
from feroi.photo.decode import EncodedPhoto, photo_pixels
from feroi.reader import Reader

WINDOW_HW = 400, 480
SMALL_PX = 48
IN_ARCHIVE = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("read", "stream"))
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--images", type=int, default=2_000_000)
    parser.add_argument("--readings", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to pack them; else a temporary one")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        if chosen.what == "read":
            read(Path(folder), chosen.photos)
        else:
            stream(Path(folder), chosen.images, chosen.readings)


def read(folder: Path, photos: int) -> None:
    source = folder / "photos"
    source.mkdir()
    for number, photo in enumerate(windows(photos)):
        photo.save(source / f"{number:06d}.jpg", quality=90)
    size = sum(path.stat().st_size for path in source.iterdir())
    print(f"{photos} photos, {size / 1e6:.1f} MB")

    start, busy = time.monotonic(), time.process_time()
    counts = write_analysis(
        sorted(source.iterdir()),
        Readers(Reader(threads=1).read_many),
        Outputs(Tables(parquet=folder / "local.parquet")),
        {},
    )
    report("local command", photos, start, time.process_time() - busy)
    print(f"  {counts}")
    local = parquet.read_table(folder / "local.parquet")
    for processors in (1, 2):
        on_cluster(folder, source, photos, processors, local)


def on_cluster(folder: Path, source: Path, photos: int, processors: int, local: pa.Table) -> None:
    import ray

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    up = time.monotonic()
    ray.init(num_cpus=processors, include_dashboard=False, logging_level="error", log_to_driver=False)
    print(f"cluster of {processors} up after {time.monotonic() - up:.1f} s")
    done: list[tuple[float, int]] = []
    out = folder / f"out{processors}"
    analyze_on_cluster(
        [str(source)],
        str(out),
        "",
        photos_each=10,
        on_progress=lambda n, _: done.append((time.monotonic(), n)),
    )
    ray.shutdown()
    (begun, first), (ended, last) = done[1], done[-1]
    print(f"  first shard after {begun - done[0][0]:.1f} s, all after {ended - done[0][0]:.1f} s")
    print(
        f"  {processors} workers: {10 * (last - first) / (ended - begun):.2f} photos/s between first and last"
    )
    names = parquet.ParquetDataset(out).read()
    print(f"  rows equal those of the local command: {names.equals(local)}")


def windows(number: int) -> Iterator[Image.Image]:
    """Parts of the shipped group photos, one after another from each, moving on by a few pixels."""
    photos = [Image.open(path).convert("RGB") for path in group_photos()]
    height, width = WINDOW_HW
    rng = np.random.default_rng(0)
    for at in range(number):
        photo = photos[at % len(photos)]
        left = rng.integers(0, photo.width - width + 1)
        top = rng.integers(0, photo.height - height + 1)
        yield photo.crop((left, top, left + width, top + height))


def stream(folder: Path, images: int, readings: int) -> None:
    start = time.monotonic()
    size = pack(folder, images)
    print(f"{images} images packed, {size / 1e9:.2f} GB, {time.monotonic() - start:.0f} s")
    process, start, seen, most = psutil.Process(), time.monotonic(), 0, 0.0
    for shard in cut([str(folder)]):
        for photo in photos_of(shard):
            assert isinstance(photo, EncodedPhoto)
            seen += photo_pixels(photo).shape[0] > 0
            if seen % (images // 10) == 0:
                most = max(most, process.memory_info().rss / 1e6)
                print(f"  {seen} decoded, {process.memory_info().rss / 1e6:.0f} MB", flush=True)
    took = time.monotonic() - start
    print(f"{seen} decoded, {seen / took:.0f} images/s, at most {most:.0f} MB")
    if readings:
        reader, start = Reader(threads=1), time.monotonic()
        some = (photo for shard in cut([str(folder)]) for photo in photos_of(shard))
        taken = (photo for _, photo in zip(range(readings), some, strict=False))
        for number, _ in enumerate(reader.read_many(taken), 1):
            if number % (readings // 10) == 0:
                print(f"  {number} read, {process.memory_info().rss / 1e6:.0f} MB", flush=True)
        print(f"{readings} read, {readings / (time.monotonic() - start):.1f} images/s")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def pack(folder: Path, images: int) -> int:
    """So many small pictures, half of them in tar archives, half in a table; the bytes written."""
    rng = np.random.default_rng(0)
    faces = [encoded(rng) for _ in range(997)]
    for first in range(0, images // 2, IN_ARCHIVE):
        with tarfile.open(folder / f"{first:09d}.tar", "w") as tar:
            for number in range(first, min(first + IN_ARCHIVE, images // 2)):
                content = faces[number % len(faces)]
                member = tarfile.TarInfo(f"{number:09d}.jpg")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    schema = pa.schema([("path", pa.string()), ("image", pa.binary())])
    with parquet.ParquetWriter(
        folder / "images.parquet", schema, compression="none", use_dictionary=False
    ) as writer:
        for first in range(images // 2, images, IN_ARCHIVE):
            numbers = range(first, min(first + IN_ARCHIVE, images))
            cells = [faces[number % len(faces)] for number in numbers]
            writer.write_table(pa.table([[f"{n:09d}.jpg" for n in numbers], cells], schema=schema))
    return sum(path.stat().st_size for path in folder.iterdir())


def encoded(rng: np.random.Generator) -> bytes:
    picture = Image.fromarray(rng.integers(60, 200, (12, 12)).astype(np.uint8)).resize((SMALL_PX, SMALL_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def report(name: str, photos: int, start: float, busy: float) -> None:
    took = time.monotonic() - start
    print(f"{name}: {photos / took:.2f} photos/s, {busy / photos:.3f} processor s a photo")


if __name__ == "__main__":
    main()
