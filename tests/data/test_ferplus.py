from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from feroi.data.decoded import decode
from feroi.data.readers import read_dataset
from feroi.data.samples import LayoutError, fingerprint

HEADER = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
VOTES = {
    "0": "4,0,0,1,3,2,0,0,0,0",  # neutral
    "1": "0,0,0,5,5,0,0,0,0,0",  # sad or angry
    "2": "1,0,0,0,0,0,0,9,0,0",  # contempt
    "3": "0,0,0,0,0,0,0,0,0,10",  # no face
    "4": "0,6,0,0,0,0,0,0,4,0",  # happy
}


@pytest.fixture
def root(tmp_path):
    lines = ["file," + HEADER]
    for name, votes in VOTES.items():
        path = tmp_path / "train" / "angry" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((48, 48), int(name), np.uint8)).save(path)
        lines.append(f"train/angry/{name}.png,{votes}")
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(path.with_name("unvoted.png"))
    (tmp_path / "ferplus_votes.csv").write_text("\n".join(lines))
    return tmp_path


def test_most_votes_decide(root):
    samples = read_dataset(root, "ferplus")
    assert [(row.name[-5:], row.expression) for row in samples] == [("0.png", "neutral"), ("4.png", "happy")]
    # angry, disgust, fear, happy, neutral, sad, surprise
    np.testing.assert_allclose(samples.votes, [[0.3, 0.2, 0, 0, 0.4, 0.1, 0], [0, 0, 0, 1, 0, 0, 0]])
    assert samples[0].attributes["split"] == "training"
    assert read_dataset(root).votes is None  # FER-2013 as it is


def test_votes_beside_the_csv_go_by_row(root):
    pixels = " ".join(["7"] * 48**2)
    rows = [f"0,{pixels},Training"] * 4 + [f"0,{pixels},PublicTest"]
    (root / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    voted = [f"Training,fer{name}.png,{votes}" for name, votes in VOTES.items()]
    (root / "fer2013new.csv").write_text("\n".join(["Usage,Image name," + HEADER, *voted]))
    (root / "ferplus_votes.csv").unlink()
    samples = read_dataset(root, "ferplus")
    assert [(row.name, row.expression) for row in samples] == [
        ("Training_00000", "neutral"),
        ("PublicTest_00000", "happy"),
    ]
    (root / "fer2013new.csv").write_text("\n".join(["Usage,Image name," + HEADER, *voted[:3]]))
    with pytest.raises(LayoutError, match="votes on 3 images, and there are 5"):
        read_dataset(root, "ferplus")


def test_other_votes_are_other_data(root):
    pixels = np.zeros((2, 48, 48), np.uint8)
    before = fingerprint(read_dataset(root, "ferplus"), pixels)
    votes = root / "ferplus_votes.csv"
    votes.write_text(votes.read_text().replace("0,6,0,0", "0,5,1,0"))
    assert fingerprint(read_dataset(root, "ferplus"), pixels) != before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,neutral", "has no column NF, anger"),
        (
            f"file,{HEADER}\ntrain/angry/0.png,4,many,0,1,3,2,0,0,0,0",
            "votes on train/angry/0.png are no numbers",
        ),
        (f"file,{HEADER}\nelsewhere.png,4,0,0,1,3,2,0,0,0,0", "no image has votes"),
    ],
)
def test_broken_votes_are_refused(root, text, says):
    (root / "ferplus_votes.csv").write_text(text)
    with pytest.raises(LayoutError, match=says):
        read_dataset(root, "ferplus")


def test_one_row_of_votes_that_are_no_numbers_costs_one_image(root):
    table = root / "ferplus_votes.csv"
    names = [row.name for row in read_dataset(root, "ferplus")]
    lines = table.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(names[0]))
    lines[at] = f"{names[0]},many"
    table.write_text("\n".join(lines))
    decoded = decode(read_dataset(root, "ferplus"), (48, 48))
    assert [row.name for row in decoded.rejected if "votes" in row.reason] == names[:1]
    assert names[0] not in [row.name for row in decoded.samples]


def test_missing_votes_are_refused(tmp_path, root):
    (root / "ferplus_votes.csv").unlink()
    with pytest.raises(LayoutError, match="has no votes"):
        read_dataset(root, "ferplus")


def test_both_label_sets_are_mixed(root):
    samples = read_dataset(root, "fer2013+votes")
    assert {row.expression for row in samples} == {"angry"}  # FER-2013's own label
    assert [row.name[-5:] for row in samples] == ["0.png", "1.png", "2.png", "4.png"]  # 3 shows no face
    # by hand: .7 of what ten people said, and what is left on the label: .3, and their contempt and unknown
    np.testing.assert_allclose(
        samples.votes,
        [
            [0.3 + 0.21, 0.14, 0, 0, 0.28, 0.07, 0],
            [0.3 + 0.35, 0, 0, 0, 0, 0.35, 0],
            [0.93, 0, 0, 0, 0.07, 0, 0],
            [0.58, 0, 0, 0.42, 0, 0, 0],
        ],
        atol=1e-6,
    )
