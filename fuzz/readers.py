"""What each reader owes to a file from a stranger, given the file's bytes; and files to begin from.

A reader gives a valid thing or raises the error its docstring names, with a message. `fuzz/run.py` and
tests/test_strangers.py hold them to it; the first needs atheris, the second nothing that tests do not need.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from feroi.config import NETWORKS, NetworkConfig
from feroi.data import tables
from feroi.data.decoded import decode
from feroi.data.prepare import _crop_names
from feroi.data.readers import read_dataset
from feroi.data.samples import Broken, LayoutError, Samples, pipeline_of
from feroi.files import open_run
from feroi.inference import Compute
from feroi.network.calibration import read_calibration
from feroi.network.committee import FORMAT, read_committee
from feroi.network.description import describe, described, shipped
from feroi.photo.decode import TooManyPixels, UnreadableImage, decode_photo, read_photo
from feroi.photo.video import UnreadableVideo, video_frames, is_video
from feroi.recipe import RECIPES
from feroi.analysis.journal import Journal
from feroi.settings import with_settings
from feroi.vocabulary import EXPRESSIONS, FER_PLUS_OPTIONS

Image.init()  # now, so that the fuzzer sees the branches of every decoder
FEW_PIXELS = 4_000_000
"""Pictures of more are not decoded here, so that an input takes milliseconds."""

LONGEST_REASON = 6000
"""Letters of a refusal, also of one that names the longest path and lists every layout of data sets there is."""

TINY = NetworkConfig("attention", (16, 16), convolutions=(1, 1, 1, 1), pipeline="wild")


class Reader(NamedTuple):
    """owes: what the reader owes to a file, given its bytes and an empty folder; whether it took the file.
    Raises whatever breaks the promise. seeds: small valid files.
    """

    owes: Callable[[bytes, Path], bool]
    seeds: Callable[[], Iterator[bytes]]


def _refused(error: Exception) -> bool:
    assert str(error).strip(), "a refusal without a reason"
    assert len(str(error)) <= LONGEST_REASON, f"a refusal of {len(str(error))} letters"
    return False


def images(content: bytes, folder: Path) -> bool:
    """A picture is read alike from bytes and from its file, or refused by both."""
    try:
        photo = decode_photo(content, FEW_PIXELS)
    except TooManyPixels:
        return False
    except UnreadableImage as error:
        photo = None
        _refused(error)
    path = folder / "photo"
    path.write_bytes(content)
    try:
        from_file = read_photo(path)
    except UnreadableImage as error:
        from_file = None
        _refused(error)
    assert (photo is None) == (from_file is None), "refused only from bytes, or only from the file"
    if photo is None:
        return False
    assert photo.dtype == np.uint8
    assert photo.ndim == 3
    assert photo.shape[2] == 3
    assert photo.size
    assert np.array_equal(photo, from_file)
    return True


def _images() -> Iterator[bytes]:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8))
    moving = {"save_all": True, "append_images": [picture.rotate(180)]}
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds: list[tuple[str, dict[str, object]]] = [
        ("JPEG", {"exif": exif}), ("JPEG", {"progressive": True}), ("PNG", {"exif": exif}), ("PNG", moving),
        ("GIF", moving), ("WEBP", {"lossless": True}), ("WEBP", moving), ("AVIF", {}), ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg"}), ("BMP", {}), ("PPM", {}),
        ("MPO", moving),
    ]  # fmt: skip
    for kind, options in kinds:
        file = BytesIO()
        picture.save(file, kind, **options)
        yield file.getvalue()
    for mode in ("1", "L", "P", "LA", "RGBA", "I;16", "CMYK", "F"):
        file = BytesIO()
        kind = "TIFF" if mode in ("CMYK", "F") else "PNG"
        (picture.convert("I").convert(mode) if mode == "I;16" else picture.convert(mode)).save(file, kind)
        yield file.getvalue()


def videos(content: bytes, folder: Path) -> bool:
    """The first frames of a video, or why there are none."""
    path = folder / "video"
    path.write_bytes(content)
    is_video(path)
    found = 0
    try:
        for frame in islice(video_frames(path), 20):
            assert frame.number == found
            assert frame.pixels.dtype == np.uint8
            assert frame.pixels.ndim == 3
            assert frame.pixels.size
            assert np.isfinite(frame.time_s)
            found += 1
    except UnreadableVideo as error:
        _refused(error)
    return found > 0


def _videos() -> Iterator[bytes]:
    import av

    kinds = [("mp4", "mpeg4"), ("mp4", "libx264"), ("mkv", "ffv1"), ("webm", "libvpx-vp9"), ("avi", "mjpeg"),
             ("mpg", "mpeg1video"), ("ts", "mpeg2video"), ("flv", "flv"), ("mxf", "mpeg2video"),
             ("asf", "wmv2"), ("ogg", "libvpx"), ("h264", "libx264")]  # fmt: skip
    noise = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(noise[::4, ::4]).resize((48, 32)))
    for kind, codec in kinds:
        pixels = noise if kind == "ts" else smooth  # few bytes, but not so few that they pass for none of it
        file = BytesIO()
        with av.open(
            file, "w", format={"mkv": "matroska", "mpg": "mpeg", "ts": "mpegts"}.get(kind, kind)
        ) as video:
            stream = video.add_stream(codec, rate=25)
            stream.height, stream.width = pixels.shape[:2]
            stream.pix_fmt = {"mjpeg": "yuvj420p", "ffv1": "bgr0"}.get(codec, "yuv420p")
            for turn in range(3):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(pixels, turn, 1)), "rgb24")
                video.mux(stream.encode(frame))
            video.mux(stream.encode(None))
        yield file.getvalue()


def safetensors(content: bytes, folder: Path) -> bool:
    """A network whose answers are numbers, or ValueError.

    What begins with H is a header alone, as JSON: its length and zeros for its tensors are put to it, so that
    small inputs reach behind the format's own check.
    """
    from feroi.network.load import load_model

    if content[:1] == b"H":
        header = content[1:]
        content = len(header).to_bytes(8, "little") + header + bytes(_stated_bytes(header))
    path = folder / "network.safetensors"
    path.write_bytes(content)
    return _owes_answers(lambda: load_model(path, Compute(threads=1)))


def onnx(content: bytes, folder: Path) -> bool:
    """A network whose answers are numbers, or ValueError."""
    from feroi.network.load import load_model

    path = folder / "network.onnx"
    path.write_bytes(content)
    return _owes_answers(lambda: load_model(path, Compute(threads=1)))


def _owes_answers(load: Callable[[], object]) -> bool:
    try:
        model = load()
    except ValueError as error:
        return _refused(error)
    config = model.config  # type: ignore[attr-defined]
    if max(config.input_hw) > 64 or config.width > 1:
        return True  # a face of that size takes too long here
    faces = np.full((1, config.channels_in, *config.input_hw), 0.5, np.float32)
    look = model.forward(faces)  # type: ignore[attr-defined]
    assert look.logits.shape == (1, len(EXPRESSIONS))
    assert np.isfinite(look.logits).all()
    assert look.attention is None or np.isfinite(look.attention).all()
    return True


def _stated_bytes(header: bytes) -> int:
    """How many bytes of tensors a header of safetensors states, as far as it can be read; at most 2 MB."""
    ends = re.findall(rb'"data_offsets":\[\d+,(\d{1,7})\]', header)
    return min(max(map(int, ends), default=0), 2_000_000)


def _safetensors() -> Iterator[bytes]:
    from safetensors.torch import save

    from feroi.network.model import Network

    for config in (TINY, NetworkConfig("gap", (16, 16), convolutions=(1, 1, 1, 1), batch_norm=True)):
        file = save(Network(config).state_dict(), describe(config) | {"calibration": _CALIBRATION})
        length = int.from_bytes(file[:8], "little")
        yield b"H" + file[8 : 8 + length]
        yield file[: 8 + length]


_CALIBRATION = '{"mirror": true, "temperature": 1.5, "coverage": 0.9, "threshold": 0.2}'


def tiny_onnx() -> bytes:
    """A network of a few weights in the form that `network.onnx_export` gives, with its description."""
    from onnx import TensorProto, helper, numpy_helper

    weight = np.linspace(-1, 1, 7, dtype=np.float32).reshape(7, 1)
    nodes = [
        helper.make_node("ReduceMean", ["faces"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["mean", "w"], ["logits"], transB=1),
        helper.make_node("MaxPool", ["faces"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Squeeze", ["pooled"], ["score"], axes=[1]),
        helper.make_node("Softmax", ["score"], ["attention"], axis=2),
        helper.make_node("Identity", ["mean"], ["focus"]),
    ]
    number = TensorProto.FLOAT
    faces = helper.make_tensor_value_info("faces", number, ["n", 1, "h", "w"])
    outputs = [
        helper.make_tensor_value_info("logits", number, ["n", 7]),
        helper.make_tensor_value_info("attention", number, ["n", "rows", "columns"]),
        helper.make_tensor_value_info("focus", number, ["n", 1]),
        helper.make_tensor_value_info("score", number, ["n", "rows", "columns"]),
    ]
    graph = helper.make_graph(nodes, "tiny", [faces], outputs, [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    helper.set_model_props(model, describe(TINY) | {"calibration": _CALIBRATION})
    return bytes(model.SerializeToString())


def _onnx() -> Iterator[bytes]:
    yield tiny_onnx()


def configuration(content: bytes, folder: Path) -> bool:
    """The text as description of a network, calibration, settings, committee, run.json, and note of a
    journal."""
    text = content.decode(errors="replace")
    path, taken = Path("model"), 0
    plain = describe(TINY)
    for metadata in (plain | {"network": text}, plain | {"expressions": text}):
        try:
            config = described(path, metadata)
        except ValueError as error:
            _refused(error)
            continue
        taken += metadata["network"] == text
        for field in fields(NetworkConfig):
            value, like = getattr(config, field.name), getattr(TINY, field.name)
            assert type(value) is type(like) or (field.name == "pipeline" and value is None), field.name
        assert all(type(number) is int for number in (*config.input_hw, *config.convolutions))
        assert config.reach_px >= 0
        assert min(config.stored_hw) >= 16
    try:
        calibration = read_calibration(path, {"calibration": text})
        logits = np.linspace(-9, 9, 7) / calibration.temperature
        assert np.isfinite(logits).all()
        assert calibration.likely(np.full((1, 7), 1 / 7)).any()
        taken += 1
    except ValueError as error:
        _refused(error)
    try:
        with_settings(NETWORKS["paper-attention"], RECIPES["onecycle"], text.split("\n"))
        taken += 1
    except ValueError as error:
        _refused(error)
    (folder / "committee.json").write_bytes(content)
    try:
        committee = read_committee(folder / "committee.json")
        assert len(committee.members) == len(committee.weights) >= 2
        taken += 1
    except (ValueError, FileNotFoundError) as error:
        _refused(error)
    return _claimed(content, folder) or taken > 0


def _claimed(content: bytes, folder: Path) -> bool:
    taken = 0
    (folder / "run.json").write_bytes(content)
    try:
        with open_run(folder / "run.json", {"seed": 0}, ["seed"]):
            pass
        taken += 1
    except ValueError as error:
        _refused(error)
    (folder / "run.json").write_text('{"seed": 0}')
    (folder / "note.json").write_bytes(content)
    try:
        with Journal(folder, {"seed": 0}) as journal:
            journal.open(folder.parent / "table.csv")
            taken += 1
    except ValueError as error:
        _refused(error)
    return taken > 0


def _configuration() -> Iterator[bytes]:
    yield describe(TINY)["network"].encode()
    yield describe(TINY)["expressions"].encode()
    yield _CALIBRATION.encode()
    yield b"beta=4\npoolings=2\nconvolutions=2,2,4,2\nbounded=false\nguidance=0.5"
    sha256 = hashlib.sha256(shipped("default", ".onnx").read_bytes()).hexdigest()
    member = f'{{"model": "default", "sha256": "{sha256}", "weight": 0.5}}'
    yield f'{{"format": "{FORMAT}", "members": [{member}, {member}], "calibration": {_CALIBRATION}}}'.encode()
    yield b'{"seed": 0}'
    yield b'{"state": {"frame": 3}, "sizes": {"table.csv": 120}}'


def dataset_tables(content: bytes, folder: Path) -> bool:
    """The text as samples.csv and as the votes of FER+."""
    (folder / "samples.csv").write_bytes(content)
    taken = 0
    for layout in ("auto", "table"):
        try:
            samples = read_dataset(folder / "samples.csv", layout)
        except LayoutError as error:
            _refused(error)
            continue
        taken += 1
        assert len(samples)
        assert all(row.expression in EXPRESSIONS for row in samples)
        for use in (_votes, pipeline_of, _crop_names, _decoded):
            try:
                use(samples[:20])
            except ValueError as error:
                _refused(error)
    (folder / "train" / "angry").mkdir(parents=True)
    Image.new("L", (8, 8)).save(folder / "train" / "angry" / "0.png")
    (folder / "ferplus_votes.csv").write_bytes(content)
    try:
        assert read_dataset(folder, "ferplus").votes is not None
        taken += 1
    except LayoutError as error:
        _refused(error)
    return taken > 0


def _votes(samples: Samples) -> None:
    assert samples.votes is None or np.isfinite(samples.votes).all()


def _decoded(samples: Samples) -> None:
    found = decode(samples, (16, 16))
    assert len(found.samples) + len(found.rejected) == len(samples)


def _dataset_tables() -> Iterator[bytes]:
    yield b"file,expression,subject,gender,split\na.png,Joy,s1,female,training\nb.png,contempt,s2,male,\n"
    yield b'\xef\xbb\xbfFile, Expression ,votes,pipeline\n"a\n.png",sad,1 0 0 0 0 0 2,wild\nb.png,fear,,\n'
    votes = ",".join(FER_PLUS_OPTIONS)
    yield f"file,{votes}\ntrain/angry/0.png,4,0,0,1,3,2,0,0,0,0\n".encode()
    yield f"file,{votes}\n./0.png,1,9,0,0,0,0,0,0,0,0\n".encode()


def fer2013(content: bytes, folder: Path) -> bool:
    """FER-2013's CSV, its images of 2x2 px so that small inputs are valid."""
    path = folder / "fer2013.csv"
    path.write_bytes(content)
    side, tables._FER2013_SIDE = tables._FER2013_SIDE, 2
    taken = 0
    try:
        for layout in ("auto", "fer2013"):
            try:
                samples = read_dataset(path, layout)
            except LayoutError as error:
                _refused(error)
                continue
            taken += 1
            images = [row.image for row in samples if not isinstance(row.image, Broken)]
            assert images
            assert all(image.shape == (2, 2) for image in images)
            assert len({row.name for row in samples}) == len(samples)
    finally:
        tables._FER2013_SIDE = side
    return taken > 0


def _fer2013() -> Iterator[bytes]:
    yield b"emotion,pixels,Usage\n0,1 2 3 255,Training\n6,0 0 0 0,PublicTest\n3,9 9 9 9,PrivateTest\n"
    yield b'"emotion","pixels"\r\n"4","7 7 7 7"\r\n'


def folders(content: bytes, folder: Path) -> bool:
    """The names of files of a data set, NUL between them."""
    for name in content.split(b"\0")[:20]:
        parts = [part for part in name.split(b"/") if part not in (b"", b".", b"..")]
        try:
            path = folder.joinpath(*(part[:200].decode(errors="surrogateescape") for part in parts))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError:  # a folder or file of that name is there
            continue
    taken = 0
    for layout in ("auto", "rafd", "sfew", "fer2013", "folder"):
        try:
            samples = read_dataset(folder, layout)
        except LayoutError as error:
            _refused(error)
            continue
        taken += 1
        assert all(row.expression in EXPRESSIONS for row in samples)
        assert all("\n" not in row.name and row.name.encode() for row in samples)
    return taken > 0


def _folders() -> Iterator[bytes]:
    yield b"Rafd090_01_Caucasian_female_angry_frontal.jpg\0Rafd045_73_Moroccan_male_contemptuous_left.jpg"
    yield b"Train/Angry/video_000001.png\0Val/Happy/video_000002.png\0Test/video.png"
    yield b"train/angry/Training_00000.png\0validation/happy/PublicTest_00000.png\0test/sad/.hidden.png"
    yield b"angry/one.png\0disgust/two.jpg\0contempt/three.gif\0neutral/notes.txt"


READERS = {
    "images": Reader(images, _images),
    "videos": Reader(videos, _videos),
    "safetensors": Reader(safetensors, _safetensors),
    "onnx": Reader(onnx, _onnx),
    "configuration": Reader(configuration, _configuration),
    "tables": Reader(dataset_tables, _dataset_tables),
    "fer2013": Reader(fer2013, _fer2013),
    "folders": Reader(folders, _folders),
}


def check(name: str, content: bytes, folder: Path) -> bool:
    """Hold the reader `name` to what it owes to a file of `content`; whether it took it.

    folder: is emptied before.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return READERS[name].owes(content, folder)


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Small valid files to begin from."""
    return tuple(READERS[name].seeds())
