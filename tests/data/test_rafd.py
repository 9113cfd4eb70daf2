from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from feroi.data.rafd import read_rafd
from feroi.progress import Note


def test_pictures_of_other_names_are_told_of(tmp_path):
    for name in ("Rafd090_01_Caucasian_male_sad_frontal.jpg", "one.png", "more/two.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / name, "JPEG")
    with pytest.warns(Note, match="left out are 2 pictures that are not named as RaFD's are"):
        assert len(read_rafd(tmp_path)) == 1
    (tmp_path / "one.png").unlink()
    (tmp_path / "more" / "two.jpg").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_rafd(tmp_path)
