from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from feroi.data import tables
from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import TEST, TRAINING, VALIDATION, LayoutError


def _fer2013_row(code: int | str, usage: str, values=range(2304)) -> str:
    return f"{code},{' '.join(str(v % 256) for v in values)},{usage}\n"


def _zipped(content: bytes) -> bytes:
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("fer2013.csv", content)
        return buffer.getvalue()


@pytest.mark.slow
def test_fer2013_csv_has_the_challenges_splits(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_FER2013_SIDE", 2)  # 35,887 rows are enough to write without 2304 px each
    splits = {"Training": 28709, "PublicTest": 3589, "PrivateTest": 3589}
    pixels = "7 7 7 7"
    with (tmp_path / "fer2013.csv").open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for usage, count in splits.items():
            file.writelines(f"{number % 7},{pixels},{usage}\n" for number in range(count))
    samples = read_dataset(tmp_path)
    assert [len(samples.split(name)) for name in (TRAINING, VALIDATION, TEST)] == list(splits.values())


def test_fer2013_csv_rows_become_images(tmp_path):
    path = tmp_path / "icml_face_data.csv"
    path.write_text("emotion, pixels, Usage\n".replace(" ", "") + _fer2013_row(6, "PublicTest"))
    (sample,) = read_dataset(path)
    assert (sample.expression, sample.name) == ("neutral", "PublicTest_00000")
    assert sample.image.shape == (48, 48)
    assert sample.image[1, 2] == 50


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (_fer2013_row(7, "Training"), "line 3: emotion is 0 to 6, got '7'"),
        (_fer2013_row("", "Training"), "line 3: emotion is 0 to 6, got ''"),
        (_fer2013_row("contempt", "Training"), "line 3: emotion is 0 to 6, got 'contempt'"),
        (_fer2013_row(0, "Holiday"), "line 3: unknown Usage 'Holiday'"),
    ],
)
def test_a_broken_fer2013_row_is_named(tmp_path, row, says):
    path = tmp_path / "fer2013.csv"
    whole = _fer2013_row(0, "Training")
    path.write_text("emotion,pixels,Usage\n" + whole + row)  # half of the rows: the table means another thing
    with pytest.raises(LayoutError, match=says):
        read_dataset(path)
    path.write_text("emotion,pixels,Usage\n" + whole + row + whole)
    decoded = decode(read_dataset(path), (48, 48))
    assert [sample.name for sample in decoded.samples] == ["Training_00000", "Training_00002"]
    assert decoded.rejected == [("Training_00001", says)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (_fer2013_row(0, "Training", range(2303)), "line 3: expected 2304 pixels, got 2303"),
        ("0,1 2 x,Training\n", "line 3: pixels are not whole numbers of 0 to 255"),
        ("0,1 2 256,Training\n", "line 3: pixels are not whole numbers of 0 to 255"),
        ("0\n", "line 3: expected 2304 pixels, got 0"),
    ],
)
def test_a_row_that_is_no_image_is_left_out_by_its_line(tmp_path, row, says):
    path, whole = tmp_path / "fer2013.csv", _fer2013_row(0, "Training")
    path.write_text("emotion,pixels,Usage\n" + whole + row + whole)
    decoded = decode(read_dataset(path), (48, 48))
    assert [sample.name for sample in decoded.samples] == ["Training_00000", "Training_00002"]
    assert decoded.rejected == [("Training_00001", says)]
    path.write_text("emotion,pixels,Usage\n\n" + row)
    with pytest.raises(LayoutError, match=f"has no image: {says}"):
        read_dataset(path)


def test_emotions_that_go_from_1_to_7_are_refused(tmp_path):
    rows = [_fer2013_row(1 + number % 7, "Training") for number in range(70)]
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n" + "".join(rows))
    with pytest.raises(LayoutError, match="emotion is 0 to 6, and here 1 to 7"):
        read_dataset(tmp_path)


def test_fer2013_is_read_as_other_programs_write_it(tmp_path):
    pixels = [number % 256 for number in range(2304)]
    rows = [f"3.0,{' '.join(map(str, pixels))},training", f'Happiness,"{pixels}",public test',
            f'3,"{",".join(map(str, pixels))}",Test']  # fmt: skip
    (tmp_path / "FER2013.CSV").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    samples = read_dataset(tmp_path)
    assert [row.expression for row in samples] == ["happy"] * 3
    assert samples.attribute("split") == [TRAINING, VALIDATION, TEST]
    assert all(row.image.ravel().tolist() == pixels for row in samples)


@pytest.mark.parametrize(
    ("pack", "said"), [(gzip.compress, "compressed by gzip"), (_zipped, "a zip archive")]
)
def test_archives_are_named(tmp_path, pack, said):
    path = tmp_path / "fer2013.csv"
    path.write_bytes(pack(("emotion,pixels,Usage\n" + _fer2013_row(0, "Training")).encode()))
    with pytest.raises(LayoutError, match=f"is {said}; unpack it first"):
        read_dataset(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-32", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "header", ["emotion,pixels,Usage", "emotion, Usage, pixels", " Emotion ;PIXELS; usage"]
)
@pytest.mark.parametrize("name", ["fer2013.csv", "icml_face_data.csv"])
def test_fer2013_is_read_as_kaggle_and_spreadsheets_write_it(tmp_path, name, header, encoding):
    rows = [{"emotion": "6", "usage": "PublicTest", "pixels": " ".join(str(n % 251) for n in range(2304))},
            {"emotion": "3", "usage": "Training", "pixels": " ".join(["7"] * 2304)}]  # fmt: skip
    separator = ";" if ";" in header else ","
    columns = [column.strip().lower() for column in header.split(separator)]
    lines = [header, *(separator.join(row[column] for column in columns) for row in rows)]
    (tmp_path / name).write_bytes("\r\n".join(lines).encode(encoding))
    for place in (tmp_path, tmp_path / name):
        first, second = read_dataset(place)
        assert (first.name, first.expression, first.attributes["split"]) == (
            "PublicTest_00000", "neutral", VALIDATION,
        )  # fmt: skip
        assert first.image[1, 2] == 50
        assert (second.expression, int(second.image.sum())) == ("happy", 7 * 2304)


@pytest.mark.parametrize("text", ["sep=;\nfile;expression\na.png;sad\n", "file\texpression\na.png\tsad"])
def test_tables_are_read_with_any_separator(tmp_path, text):
    (tmp_path / "samples.csv").write_text(text, encoding="utf-16")
    (sample,) = read_dataset(tmp_path)
    assert (sample.name, sample.expression) == ("a.png", "sad")
    (tmp_path / "samples.csv").write_text(text.replace("sad", "bored"))
    with pytest.raises(LayoutError, match=f"line {len(text.splitlines())}: unknown expression 'bored'"):
        read_dataset(tmp_path)
