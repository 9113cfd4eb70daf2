"""Photos in folders, tar archives and Parquet tables, cut into shards that one worker reads at a time."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from feroi.cluster.storage import is_uri, opened, public
from feroi.photo.decode import EncodedPhoto, NoPhoto, Source, is_image_name
from feroi.photo.handed import photo_named
from feroi.photo.sources import photo_files

PHOTOS_EACH = 250
"""Photos of a folder in a shard: about a minute of one core, which is the most a dead worker costs."""

_TAR = (".tar", ".tar.gz", ".tgz")
_PARQUET = (".parquet",)
_END = "end of file header"  # what tarfile says of the mark
_LARGEST_BYTES = 200_000_000
_ROWS = 64
_NO_FILE = (
    "a link or no file within the archive, which is read once from its start; pack files in place of links"
)


Kind = Literal["photos", "tar", "parquet"]
Stamps = dict[str, tuple[int, int] | None]


class Shard(NamedTuple):
    """What one worker reads.

    number: from 0, in the order of the sources. kind: what `files` are: photos, or one tar archive or Parquet
        table. root: the URI that tells their file system, empty for paths. group: the row group of the table.
    """

    number: int
    kind: Kind
    root: str
    files: tuple[str, ...]
    group: int = 0
    stamp: str = ""

    @property
    def part(self) -> str:
        """The name of the file its readings are written to."""
        return f"part-{self.number:07d}.parquet"


def cut(sources: Sequence[str], photos_each: int = PHOTOS_EACH) -> list[Shard]:
    """The shards of paths, globs and URIs of folders, photos, tar archives and Parquet tables.

    Of each source first its photos, then its archives, one a shard, then its tables, a row group a shard;
    all in the order of names. Depends on nothing but what is there.
    """
    shards: list[Shard] = []
    for source in sources:
        root, files = source if is_uri(source) else "", _files(source)
        for kind, names, group in _portions(root, list(files), photos_each):
            stamp = _digest(files[name] for name in names)
            shards.append(Shard(len(shards), kind, root, tuple(names), group, stamp))
    return shards


def fingerprint(shards: Sequence[Shard]) -> str:
    """A SHA-256 of the shards, to tell whether a source has changed."""
    return _digest(shard._replace(root=public(shard.root)) for shard in shards)


def photos_of(shard: Shard) -> Generator[Source]:
    """The photos of a shard as they are read, one at a time.

    Members of archives that are no picture by name are passed over; links have a row that says so. A table
    has its photos, as bytes of their files, in a column `image`, beside a `path` or within a structure, as
    the Hugging Face hub has them.
    """
    if shard.kind == "photos":
        yield from (_photo(shard.root, name) for name in shard.files)
    elif shard.kind == "tar":
        yield from _members(shard.root, shard.files[0])
    else:
        yield from _cells(shard.root, shard.files[0], shard.group)


def _portions(root: str, names: Sequence[str], photos_each: int) -> Iterator[tuple[Kind, Sequence[str], int]]:
    """What makes up a shard each: its kind, its files, and the row group."""
    archives = [name for name in names if name.lower().endswith(_TAR)]
    tables = [name for name in names if name.lower().endswith(_PARQUET)]
    packed = {*archives, *tables}
    photos = [name for name in names if name not in packed]
    for start in range(0, len(photos), photos_each):
        yield "photos", photos[start : start + photos_each], 0
    for archive in archives:
        yield "tar", [archive], 0
    for table in tables:
        for group in range(_row_groups(root, table)):
            yield "parquet", [table], group


def _digest(values: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for value in values:
        digest.update(json.dumps(value).encode())
    return digest.hexdigest()


def _files(source: str) -> Stamps:
    """The photos, tar archives and Parquet tables of a source, with their sizes and times."""
    if is_uri(source):
        return _remote_files(source)
    path = Path(source)
    names = [str(_place(file)) for file in photo_files([source])]
    if path.is_dir():
        below = (Path(root, name) for root, _, files in os.walk(path) for name in files)
        names += sorted(str(file) for file in below if file.name.lower().endswith((*_TAR, *_PARQUET)))
    return {name: _stamp(name) for name in names}


def _place(photo: Path | NoPhoto) -> Path | str:
    """Its name: whoever reads it there finds the same reason, or none any more."""
    return photo.name if isinstance(photo, NoPhoto) else photo


def _stamp(name: str) -> tuple[int, int] | None:
    try:
        found = Path(name).stat()
    except (OSError, ValueError):  # it gets a row that says why
        return None
    return found.st_size, found.st_mtime_ns


def _remote_files(source: str) -> Stamps:
    from pyarrow.fs import FileSelector, FileType

    system, path = opened(source)
    info = system.get_file_info(path)
    if info.type == FileType.Directory:
        found = system.get_file_info(FileSelector(path, recursive=True))
    else:
        found = [info]
    files = {each.path: (each.size, each.mtime_ns) for each in found if each.type != FileType.Directory}
    return {name: files[name] for name in sorted(files) if name == path or _is_meant(Path(name))}


def _is_meant(path: Path) -> bool:
    packed = path.name.lower().endswith((*_TAR, *_PARQUET)) and not path.name.startswith(".")
    return packed or is_image_name(path)


def _photo(root: str, name: str) -> Source:
    if not root:
        return photo_named(name)
    try:
        system, _ = opened(root)
        with system.open_input_stream(name, compression=None) as file:
            return EncodedPhoto(name, file.read())
    except OSError as error:
        return NoPhoto(name, _reason(error))


def _members(root: str, archive: str) -> Iterator[Source]:
    """The photos in a tar archive, which is read once from its start and never whole."""
    system, _ = opened(root or "/")
    try:
        with (
            system.open_input_stream(archive, compression=None) as stream,
            tarfile.open(fileobj=stream, mode="r|*", tarinfo=_Header) as tar,
        ):
            for member in tar:
                if member.isdir() or not is_image_name(Path(member.name)):
                    continue
                name = f"{archive}/{member.name}"
                if not member.isfile():
                    yield NoPhoto(name, _NO_FILE)
                    continue
                content = tar.extractfile(member)
                if content is None or member.size > _LARGEST_BYTES:
                    yield NoPhoto(name, f"larger than {_LARGEST_BYTES:,} bytes")
                    continue
                yield EncodedPhoto(name, content.read())
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        yield NoPhoto(archive, f"damaged archive: {_reason(error)}")


class _Header(tarfile.TarInfo):
    """A header in an archive, which is to end with its mark; tarfile takes anything else for the end, too."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:
            if str(error) == _END:
                raise
            raise tarfile.ReadError(f"{error} before the mark of its end") from None


def _row_groups(root: str, table: str) -> int:
    """How many row groups a table has; one if it is damaged, so that it is reported when it is read."""
    try:
        with _parquet(root, table) as file:
            return int(file.num_row_groups)
    except (OSError, ValueError):
        return 1


def _cells(root: str, table: str, group: int) -> Iterator[Source]:
    """The photos in one row group of a table."""
    row = 0
    try:
        with _parquet(root, table) as file:
            first = sum(file.metadata.row_group(before).num_rows for before in range(group))
            columns = _image_columns(file.schema_arrow)
            for batch in file.iter_batches(_ROWS, row_groups=[group], columns=columns):
                for cell in batch.to_pylist():
                    yield _cell(cell, table, first + row)
                    row += 1
    except (OSError, ValueError) as error:
        yield NoPhoto(table, f"damaged table: {_reason(error)}")


def _image_columns(schema: Any) -> list[str]:
    import pyarrow.types as kinds

    column = schema.field("image").type if "image" in schema.names else None
    named = column is not None and kinds.is_struct(column) and column.get_field_index("bytes") >= 0
    if column is None or not (named or kinds.is_binary(column) or kinds.is_large_binary(column)):
        raise ValueError(
            f"no column 'image' of bytes, or of a structure with 'bytes'; there are {', '.join(schema.names)}"
        )
    return ["image", *(["path"] if "path" in schema.names else [])]


def _cell(cell: dict[str, Any], table: str, row: int) -> Source:
    image = cell["image"]
    inner = image if isinstance(image, dict) else {"bytes": image}
    path = cell.get("path") or inner.get("path") or f"row {row}"
    name, encoded = f"{table}/{path}", inner.get("bytes")
    return NoPhoto(name, "no picture in this row") if encoded is None else EncodedPhoto(name, encoded)


def _parquet(root: str, table: str) -> Any:
    from pyarrow.parquet import ParquetFile

    system, _ = opened(root or "/")
    return ParquetFile(table, filesystem=system)


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
