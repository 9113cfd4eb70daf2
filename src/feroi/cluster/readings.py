"""Photos to readings on a Ray cluster: workers read shards, and write a Parquet part each."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import feroi
from feroi.analysis.run import Counts
from feroi.analysis.tables import parquet_table
from feroi.cluster.cluster import connected
from feroi.cluster.shards import PHOTOS_EACH, Shard, cut, fingerprint, photos_of
from feroi.cluster.storage import Store, is_uri, is_within, normal, public
from feroi.network.description import model_file
from feroi.reader import Reader, reader_with
from feroi.reading import PLAIN, ReadingOptions
from feroi.report.tables import rows

RUN, MODEL = "_run.json", "_model"
"""What was asked for, and the network, with its suffix; readers of Parquet folders pass over such names."""

_COUNTS = "feroi.counts"
_MOST_TASKS = 10_000


class Job(NamedTuple):
    """What workers are told: how to read, from where, and where to write.

    model: the name of its file in the destination. home: the folder that relative paths begin at. version:
    feroi's.
    """

    model: str
    options: ReadingOptions
    sources: tuple[str, ...]
    destination: str
    home: str
    version: str


def analyze_on_cluster(
    sources: Sequence[str],
    destination: str,
    address: str,
    model: Path | str = "default",
    options: ReadingOptions = PLAIN,
    photos_each: int = PHOTOS_EACH,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Counts:
    """Read every face of every photo in `sources`; write a Parquet part a shard to the folder `destination`.

    The rows are those of `feroi analyze --parquet` on the same photos, and the parts, in the order of their
    names, have them in the same order. A part is there whole or not at all; called again, this reads only
    shards without a part, so a worker or a cluster that dies costs the shards it was reading.
    sources, destination: paths, or URIs of pyarrow's file systems; where there is more than one machine, on
        storage that all of them see. address: as `cluster.connected`.
    on_progress: told how many of how many shards are done.
    Raises ValueError if `destination` holds the readings of something else, if a machine has another version
    of feroi or does not see what it is to read or write, or as `Reader`; ConnectionError if there is no
    cluster; OSError if a source is not there or nothing can be written.
    """
    file = model_file(model, ".onnx")
    reader_with(model, options)  # or say why not
    sources, destination = [normal(source) for source in sources], normal(destination)
    _check_places(sources, destination)
    shards = cut(sources, photos_each)
    if not shards:
        raise ValueError(f"no photos, tar archives or Parquet tables in {', '.join(map(public, sources))}")
    store = Store(destination)
    store.make()
    _claim(store, _description(file.read_bytes(), options, sources, shards))
    store.put(file, f"{MODEL}{file.suffix}")  # workers have no other
    there = store.names()
    done = [shard for shard in shards if shard.part in there]
    job = Job(
        f"{MODEL}{file.suffix}",
        options,
        tuple(sources),
        destination,
        str(Path.cwd()),
        feroi.__version__,
    )
    on_progress(len(done), len(shards))
    left = [shard for shard in shards if shard.part not in there]
    if left:
        with connected(address):
            for number, _ in enumerate(_read(left, job), len(done) + 1):
                on_progress(number, len(shards))
    missing = {shard.part for shard in shards} - store.names()
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(shards)} parts are not in {destination} as this machine sees it; name "
            f"storage that all machines share"
        )
    store.clear()
    counts = Counts()
    for shard in shards:
        counts = counts.plus(_counts(store, shard))
    return counts


def _read(shards: Sequence[Shard], job: Job) -> Iterator[dict[str, Any]]:
    """Have the cluster read `shards`; what it says of each, as they are done.

    Ray moves only their names: a worker takes one shard at a time from the storage, so what waits anywhere
    is bounded, and Ray begins the tasks of dead workers anew.
    """
    import ray
    from ray.data import ActorPoolStrategy

    items = [{"shard": json.dumps(shard)} for shard in shards]
    read = ray.data.from_items(items, override_num_blocks=min(len(items), _MOST_TASKS)).map_batches(
        ShardReader,
        batch_size=1,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(min_size=1, max_tasks_in_flight_per_actor=2),
        num_cpus=1,
        fn_constructor_args=(job,),
    )
    for row in read.iter_rows():
        if row["error"]:
            raise ValueError(row["error"])
        yield row


class ShardReader:
    """A worker: reads the shards it is given by one `Reader`, which it loads with the first."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, batch: Any) -> Any:
        """Read a batch of one shard; a table with the `error` that ends the run, empty if all is well."""
        import pyarrow as pa

        errors = []
        for packed in batch["shard"].to_pylist():
            try:
                self._write(_unpacked(packed))
                errors.append("")
            except (ValueError, OSError) as error:
                errors.append(str(error))
        return pa.table({"error": errors})

    def _write(self, shard: Shard) -> None:
        if self._store.has(shard.part):  # a task begun anew
            return
        counts = Counts()
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, shard.part)
            with parquet_table(local) as table, closing(photos_of(shard)) as photos:
                for photo in self._reader.read_many(photos):
                    table.write(rows(photo))
                    counts = counts.plus(Counts.of(photo))
                table.note(_COUNTS, json.dumps(counts))
            self._store.put(local, shard.part)

    @cached_property
    def _store(self) -> Store:
        if self._job.version != feroi.__version__:
            raise ValueError(f"a machine has feroi {feroi.__version__}, this one has {self._job.version}")
        os.chdir(self._job.home)
        store = Store(self._job.destination)
        unseen = [source for source in self._job.sources if not is_uri(source) and not Path(source).exists()]
        if not store.has(RUN):
            unseen.append(store.place)
        if unseen:
            raise ValueError(
                f"a machine does not see {', '.join(unseen)}; name storage that all machines share"
            )
        return store

    @cached_property
    def _reader(self) -> Reader:
        options = self._job.options
        alone = options._replace(compute=options.compute._replace(threads=1))
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder, self._job.model)
            model.write_bytes(self._store.read(self._job.model) or b"")
            return reader_with(model, alone)


def _check_places(sources: Sequence[str], destination: str) -> None:
    """Raises FileNotFoundError for a source that is not there, ValueError if what is written were read."""
    for source in sources:
        if not is_uri(source) and not Path(source).exists() and not glob.has_magic(source):
            raise FileNotFoundError(f"{source}: no such file or folder")
        if is_within(destination, source):
            raise ValueError(
                f"{public(destination)} lies in {public(source)}, and would be read as a part of it; "
                f"write somewhere else"
            )


def _description(
    model: bytes, options: ReadingOptions, sources: Sequence[str], shards: Sequence[Shard]
) -> dict[str, Any]:
    return {
        "version": feroi.__version__,
        "model": hashlib.sha256(model).hexdigest(),
        "options": {key: value for key, value in options._asdict().items() if key != "compute"},
        "sources": [public(source) for source in sources],
        "photos": fingerprint(shards),
    }


def _claim(store: Store, description: dict[str, Any]) -> None:
    there = store.read(RUN)
    if there is None or not any(name.startswith("part-") for name in store.names()):
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, RUN)
            local.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
            store.put(local, RUN)
        return
    try:
        before = json.loads(there)
    except ValueError as error:
        raise ValueError(f"{store.place}/{RUN} is damaged ({error}); choose another folder") from None
    differing = [key for key, value in description.items() if before.get(key) != value]
    if differing:
        raise ValueError(
            f"{store.place} holds readings that differ in {', '.join(differing)} (see {RUN}); "
            f"choose another folder"
        )


def _counts(store: Store, shard: Shard) -> Counts:
    from pyarrow import parquet

    try:
        with store.open(shard.part) as file:
            metadata = parquet.read_metadata(file).metadata or {}
        return Counts(*json.loads(metadata[_COUNTS.encode()]))
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(
            f"{store.place}/{shard.part} is damaged ({error}); delete it, and give the same command again"
        ) from None


def _unpacked(packed: str) -> Shard:
    number, kind, root, files, group, stamp = json.loads(packed)
    return Shard(number, kind, root, tuple(files), group, stamp)
