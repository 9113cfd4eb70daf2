from __future__ import annotations

import errno
import os

import numpy as np
import pytest
import typer

from feroi.cli.results import chosen_split, clear_errors, listed
from feroi.data.folds import subject_folds
from feroi.data.samples import Sample, Samples

IMAGE = np.zeros((4, 4), np.uint8)


def test_a_fold_is_what_training_with_it_holds_out():
    samples = Samples(Sample(IMAGE, f"{n}", "sad", f"{n:02}") for n in range(1, 11))
    for fold in range(1, 6):
        held = {row.subject for row in chosen_split(samples, f"fold{fold}")}
        rows = subject_folds(samples, 5, seed=0)[fold - 1].validation
        assert held == {samples[row].subject for row in rows}
        assert len(held) == 2


def test_unknown_splits_are_refused_by_name():
    samples = Samples([Sample(IMAGE, "a", "sad", "01")])
    with pytest.raises(ValueError, match="fold1 to fold5, or all; got 'fold6'"):
        chosen_split(samples, "fold6")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "run\n1"), "error: run\\n1: Read-only file system"),
        (FileNotFoundError("no model there"), "error: no model there"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "error: [Errno 5] Input/output error"),
    ],
)
def test_errors_of_the_system_name_the_file_first(capsys, error, said):
    with pytest.raises(typer.Exit), clear_errors():
        raise error
    assert capsys.readouterr().err.strip() == said


def test_lists_of_names_by_line_or_by_nul():
    assert list(listed([b"a.jpg\r\n", b"\n", b"b c.jpg\n"])) == ["a.jpg", "b c.jpg"]
    assert list(listed([b"./a.jpg\0", b"./two\nlines.jpg\0"])) == [
        "./a.jpg",
        "./two\nlines.jpg",
    ]  # find -print0
