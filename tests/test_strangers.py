"""Files from strangers: every reader gives a valid thing or its documented error, soon."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feroi.config import NetworkConfig, to_dict
from feroi.network.description import describe
from feroi.vocabulary import EXPRESSIONS, FER_PLUS_OPTIONS
from support.strangers import readers

CORPUS = Path(__file__).parent / "corpus"
KEPT = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
MOST_SECONDS = 5.0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("strangers") / "there"


def _check(reader, content, place):
    start = time.process_time()
    taken = readers.check(reader, content, place)
    assert time.process_time() - start < MOST_SECONDS
    return taken


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.relative_to(CORPUS).as_posix())
def test_what_was_once_awkward(path, place):
    _check(path.parent.name, path.read_bytes(), place)


@pytest.mark.parametrize("reader", readers.READERS)
def test_the_files_to_begin_from_are_taken(reader, place):
    taken = [_check(reader, seed, place) for seed in readers.seeds(reader)]
    assert sum(taken) >= len(taken) / 2  # the others show what is refused


@pytest.mark.parametrize("reader", [name for name in readers.READERS if name != "images"])  # see test_pixels
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_damage_is_taken_or_refused(reader, place, data):
    seed = bytearray(data.draw(st.sampled_from(readers.seeds(reader))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(seed) - 1))
        seed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        seed = seed or bytearray(b"\0")
    _check(reader, bytes(seed), place)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(sorted(to_dict(NetworkConfig()))), _VALUES, min_size=1))
def test_any_description_is_a_network_or_refused(place, changes):
    _check("configuration", json.dumps(to_dict(readers.TINY) | changes).encode(), place)


@settings(max_examples=50, deadline=None)
@given(values=_VALUES)
def test_any_json_is_taken_or_refused(place, values):
    _check("configuration", json.dumps(values).encode(), place)


@settings(max_examples=15, deadline=None)
@given(change=st.dictionaries(st.sampled_from(["width", "poolings", "head", "input_hw", "inputs"]), _VALUES))
def test_weights_fit_their_description_or_are_refused(place, change):
    header = json.loads(readers.seeds("safetensors")[0][1:])
    header["__metadata__"] = describe(readers.TINY) | {"network": json.dumps(to_dict(readers.TINY) | change)}
    _check("safetensors", b"H" + json.dumps(header, separators=(",", ":")).encode(), place)


_CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [*EXPRESSIONS, "../a.png", "/a.png", "a\0b", "=1+1", '"', "\n", "training", "1 0 0 0 0 0 2"]
    ),
)
_COLUMNS = st.sampled_from(["file", "expression", "subject", "split", "votes", "pipeline", *FER_PLUS_OPTIONS])


@settings(max_examples=60, deadline=None)
@given(
    header=st.lists(_COLUMNS, min_size=1, max_size=12),
    rows=st.lists(st.lists(_CELLS, max_size=12), max_size=4),
)
def test_any_table_is_taken_or_refused(place, header, rows):
    text = "\n".join(",".join(row) for row in [["file", "expression", *header], *rows])
    _check("tables", text.encode(errors="replace"), place)


@settings(max_examples=40, deadline=None)
@given(
    pixels=st.text('0123456789 -.,x"\n\0', max_size=40),
    emotion=st.text(max_size=2),
    usage=st.text(max_size=8),
)
def test_any_row_of_fer2013_is_taken_or_refused(place, pixels, emotion, usage):
    text = f"emotion,pixels,Usage\n3,1 2 3 4,Training\n{emotion},{pixels},{usage}\n"
    _check("fer2013", text.encode(errors="replace"), place)


_PARTS = st.sampled_from(
    ["angry", "Train", "Val", "train", "Rafd090_01_x_y_angry_left.jpg", "a.png", "..", "x\ny"]
)


@settings(max_examples=40, deadline=None)
@given(names=st.lists(st.lists(_PARTS | st.text(min_size=1, max_size=6), min_size=1, max_size=3), max_size=5))
def test_any_names_of_files_are_taken_or_refused(place, names):
    content = "\0".join("/".join(parts).replace("\0", "") for parts in names)
    _check("folders", content.encode(errors="replace"), place)
