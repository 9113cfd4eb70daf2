"""A cluster's readings against those of the local command, on clusters that lose machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from pyarrow import parquet

from feroi.analysis.run import Counts, Outputs, Readers, write_analysis
from feroi.analysis.tables import Tables
from feroi.cluster import readings
from feroi.cluster.cluster import connected
from feroi.cluster.readings import MODEL, RUN, Job, ShardReader, analyze_on_cluster
from feroi.cluster.shards import cut, fingerprint
from feroi.network.description import shipped
from feroi.reader import Reader
from feroi.reading import ReadingOptions
from support.packed import write_table, write_tar

PLAIN, ABSTAINING = ReadingOptions(), ReadingOptions(abstain=True)


def _locally(folder: Path, out: Path) -> tuple[pa.Table, Counts]:
    files = sorted(folder.glob("*.png"))
    counts = write_analysis(files, Readers(Reader().read_many), Outputs(Tables(parquet=out)), {})
    return parquet.read_table(out), counts


def _renamed(table: pa.Table, folder: Path) -> pa.Table:
    """With the names that files have in the folder `folder`."""
    names = [str(folder / Path(name).name) for name in table["file"].to_pylist()]
    return table.set_column(0, "file", pa.array(names))


@pytest.fixture
def alone(monkeypatch):
    """A cluster of this process: what Ray would do, one shard after another."""
    from contextlib import nullcontext

    def read(shards, job):
        worker = ShardReader(job)
        for shard in shards:
            (error,) = worker(pa.table({"shard": [json.dumps(shard)]}))["error"].to_pylist()
            if error:
                raise ValueError(error)
            yield {"error": ""}

    monkeypatch.setattr(readings, "_read", read)
    monkeypatch.setattr(readings, "connected", lambda _: nullcontext())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["photos", "uri", "tar", "table"])
def test_rows_are_those_of_the_local_command_however_the_photos_are_packed(
    alone, tmp_path, folder, encoded, kind
):
    local, counts = _locally(folder, tmp_path / "local.parquet")
    ordered = dict(sorted(encoded.items()))
    source = {
        "photos": lambda: str(folder),
        "uri": lambda: folder.as_uri(),
        "tar": lambda: str(write_tar(tmp_path / "a.tar", ordered)),
        "table": lambda: str(write_table(tmp_path / "a.parquet", ordered, 2)),
    }[kind]()
    told = []
    found = analyze_on_cluster(
        [source],
        str(tmp_path / "out"),
        "",
        options=PLAIN,
        photos_each=2,
        on_progress=lambda *n: told.append(n),
    )
    assert found == counts == Counts(sources=6, faces=4, refused=0, faceless=1, unreadable=1)
    parts = pads.dataset(tmp_path / "out")
    assert len(parts.files) == (1 if kind == "tar" else 3)
    assert _renamed(parts.to_table(), folder).equals(local)
    assert told[0] == (0, len(parts.files))
    assert told[-1] == (len(parts.files), len(parts.files))


@pytest.mark.slow
def test_called_again_reads_only_what_is_missing(alone, tmp_path, folder):
    out = tmp_path / "out"
    whole = analyze_on_cluster([str(folder)], str(out), "", options=PLAIN, photos_each=2)
    before = {path: path.read_bytes() for path in out.iterdir()}
    (out / "part-0000001.parquet").unlink()
    (out / ".part-0000001.parquet.torn").write_bytes(b"PAR1")
    for path in before:
        if path.exists():
            os.utime(path, (1, 1))
    assert analyze_on_cluster([str(folder)], str(out), "", options=PLAIN, photos_each=2) == whole
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    written = {
        path.name for path in out.iterdir() if path.name.startswith("part") and path.stat().st_mtime > 1
    }
    assert written == {"part-0000001.parquet"}


def test_a_folder_of_other_readings_is_refused(alone, tmp_path, folder, monkeypatch):
    out = tmp_path / "out"
    run = {"sources": [str(folder)], "destination": str(out), "address": ""}
    monkeypatch.setattr(ShardReader, "__call__", lambda self, _: pa.table({"error": ["stopped"]}))
    with pytest.raises(ValueError, match="stopped"):
        analyze_on_cluster(**run)
    with pytest.raises(ValueError, match="stopped"):  # nothing is read, so it may become anything
        analyze_on_cluster(**run, options=ABSTAINING)
    (out / "part-0000000.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="differ in model, options"):
        analyze_on_cluster(**run, model="ferplus")
    with pytest.raises(ValueError, match=r"part-0000000.parquet is damaged .*; delete it"):
        analyze_on_cluster(**run | {"sources": [f"{folder}/"]}, options=ABSTAINING)
    (folder / "new.png").touch()
    with pytest.raises(ValueError, match="differ in photos"):
        analyze_on_cluster(**run, options=ABSTAINING)


def test_places_that_cannot_be_meant_are_refused(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no photos, tar archives or Parquet tables"):
        analyze_on_cluster([str(tmp_path / "empty")], str(tmp_path / "other"), "")
    with pytest.raises(FileNotFoundError, match="phots: no such file or folder"):
        analyze_on_cluster([str(tmp_path / "phots")], str(tmp_path / "out"), "")
    assert not (tmp_path / "out").exists()
    for inside in (folder, folder / "out", folder / "x" / ".." / "out"):
        with pytest.raises(ValueError, match="would be read as a part of it"):
            analyze_on_cluster([str(folder)], str(inside), "")
    with pytest.raises(ValueError, match="would be read as a part of it"):
        analyze_on_cluster([folder.as_uri()], (folder / "out").as_uri(), "")
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"file/out cannot be made: .*; name a folder"):
        analyze_on_cluster([str(folder)], str(tmp_path / "file" / "out"), "")


def test_machines_that_do_not_share_the_storage_or_the_version_say_so(tmp_path, folder):
    import feroi

    job = Job(f"{MODEL}.onnx", PLAIN, (str(folder),), str(tmp_path), str(tmp_path), feroi.__version__)

    def error(job: Job) -> str:
        (shard, *_) = cut([str(folder)])
        return ShardReader(job)(pa.table({"shard": [json.dumps(shard)]}))["error"][0].as_py()

    assert error(job) == f"a machine does not see {tmp_path}; name storage that all machines share"
    (tmp_path / RUN).write_text("{}")
    assert "/nowhere; name storage" in error(job._replace(sources=("/nowhere",)))
    assert error(job._replace(version="0")) == f"a machine has feroi {feroi.__version__}, this one has 0"


def test_no_cluster_is_a_clear_message():
    with (
        pytest.raises(ConnectionError, match=r"no Ray cluster at 127.0.0.1:1 .*ray start --head"),
        connected("127.0.0.1:1"),
    ):
        pass


def _nodes():
    """A head without processors, and two nodes with one each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    return cluster, nodes


def _asked(folder: Path, out: Path, address: str) -> subprocess.Popen:
    """The cluster asked, in a process of its own, to read a photo a shard."""
    program = (
        "import sys; from feroi.cluster.readings import ReadingOptions, analyze_on_cluster as read; "
        "_, src, dst, at = sys.argv; "
        "print(*read([src], dst, at, options=ReadingOptions(), photos_each=1))"
    )
    command = [sys.executable, "-c", program, str(folder), str(out), address]
    environment = os.environ | {"RAY_gcs_rpc_server_reconnect_timeout_s": "3"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def _until_parts(out: Path, number: int) -> dict[Path, int]:
    """When each of the first finished parts was written, as soon as there are so many."""
    deadline = time.monotonic() + 120
    while len(parts := list(out.glob("part-*"))) < number:
        assert time.monotonic() < deadline, "nothing is read"
        time.sleep(0.05)
    return {part: part.stat().st_mtime_ns for part in parts}


@pytest.mark.slow
def test_a_dead_machine_and_a_dead_cluster_lose_nothing_that_was_written(tmp_path, folder):
    local, counts = _locally(folder, tmp_path / "local.parquet")
    out = tmp_path / "out"

    cluster, nodes = _nodes()
    asked = _asked(folder, out, cluster.address)
    first = _until_parts(out, 1)
    cluster.remove_node(nodes[0], allow_graceful=False)  # a machine dies; the other goes on
    second = _until_parts(out, 3)
    cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)  # and all is over
    asked.wait(60)
    cluster.shutdown()

    cluster, _ = _nodes()
    asked = _asked(folder, out, cluster.address)
    printed, _ = asked.communicate(timeout=120)
    cluster.shutdown()
    assert printed.split() == [str(number) for number in counts]
    assert pads.dataset(out).to_table().equals(local)
    assert {part: part.stat().st_mtime_ns for part in second} == second
    assert {part: part.stat().st_mtime_ns for part in first} == first
    assert not list(out.glob(".*"))


def test_fingerprints_and_models_stand_in_the_run(alone, tmp_path, folder, monkeypatch):
    monkeypatch.setattr(ShardReader, "__call__", lambda self, _: pa.table({"error": ["stopped"]}))
    with pytest.raises(ValueError, match="stopped"):
        analyze_on_cluster([str(folder)], str(tmp_path / "out"), "")
    run = json.loads((tmp_path / "out" / RUN).read_text())
    assert run["photos"] == fingerprint(cut([str(folder)]))
    assert (tmp_path / "out" / f"{MODEL}.onnx").read_bytes() == shipped("default", ".onnx").read_bytes()
