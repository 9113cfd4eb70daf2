"""Pages as programs that read them aloud go through them."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

import feroi

PAGES = sorted(Path(feroi.__file__).parent.glob("report/*.html"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_headings_go_down_by_one_level_at_a_time(page):
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", page.read_text())]
    assert levels[:1] == ([] if page.name == "photo.html" else [1])  # that one holds parts of the others
    assert all(below != 1 and below - above <= 1 for above, below in pairwise(levels))
