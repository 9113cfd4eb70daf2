from __future__ import annotations

from pathlib import Path

from feroi.data.contact import evenly_over_subjects
from feroi.data.samples import Sample


def _row(subject: str | None, number: int) -> Sample:
    return Sample(Path("x"), f"{subject}-{number}", "happy", subject)


def test_faces_of_the_sheet_are_even_over_subjects():
    many = [_row(f"{s:02d}", n) for s in range(8) for n in range(4)]
    assert [row.name for row in evenly_over_subjects(many, 4)] == ["00-0", "02-1", "04-2", "06-3"]
    few = [_row("a", n) for n in range(9)] + [_row("b", 0)]
    assert [row.name for row in evenly_over_subjects(few, 4)] == ["a-0", "b-0", "a-1", "a-2"]
    unknown = [_row(None, n) for n in range(8)]
    assert [row.name for row in evenly_over_subjects(unknown, 2)] == ["None-0", "None-4"]
    assert evenly_over_subjects([], 4) == []
