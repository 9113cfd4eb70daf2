from __future__ import annotations

import errno
import os

import numpy as np
import pytest
import typer
from PIL import Image

from feroi.cli.results import (
    chosen_split,
    clear_errors,
    listed,
    training_callbacks,
    warn_of_originals,
    warn_of_unprepared,
)
from feroi.data.folds import subject_folds
from feroi.data.readers import read_dataset
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


def test_how_long_a_training_takes_is_said_after_its_first_epoch_if_it_is_long(capsys):
    row = {"loss": 1.0, "accuracy": 0.5, "validation_accuracy": 0.5, "images_per_s": 9.0, "seconds": 36.0}
    for epochs, said in ((10_000, "at this pace the other epochs take 4 days, 4:00:00"), (3, "")):
        with training_callbacks(epochs) as callbacks:
            for epoch in (1, 2):
                callbacks.on_epoch({**row, "epoch": epoch})
        printed = capsys.readouterr().err
        assert printed.count("at this pace") == bool(said)
        assert said in printed


@pytest.mark.parametrize(("size_wh", "warns"), [((681, 1024), True), ((125, 160), False)])
def test_whole_photos_of_rafd_are_not_learned_from_without_a_word(tmp_path, capsys, size_wh, warns):
    Image.new("L", size_wh).save(tmp_path / "a.jpg")
    faces = Samples([Sample(tmp_path / "a.jpg", "a", "sad", "01", {"source": "RaFD"})])
    assert warn_of_originals(faces) == warns
    assert ("whole photos" in capsys.readouterr().err) == warns


def test_faces_whose_pipeline_nothing_says_are_told_of(capsys):
    prepared = Sample(IMAGE, "a", "sad", "01", {"pipeline": "wild"})
    warn_of_unprepared(Samples([prepared]))
    warn_of_unprepared(Samples([prepared]), "wild")
    assert not capsys.readouterr().err
    warn_of_unprepared(Samples([prepared, Sample(IMAGE, "b", "sad", "02")]))
    said = capsys.readouterr().err
    assert "will not read photos unless --pipeline names it" in said
    assert said.endswith("feroi prepare folder PHOTOS FACES\n")
    warn_of_unprepared(read_dataset("embedded"), "pose")
    assert "learned from those of pose" in capsys.readouterr().err
    for shipped, kind in (("embedded", "rafd-front"), ("embedded-poses", "rafd-pose")):
        warn_of_unprepared(read_dataset(shipped))
        assert f"feroi prepare {kind} DATA FACES" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_what_is_missing_is_asked_for_once_and_with_the_small_torch(capsys, monkeypatch, there):
    monkeypatch.setattr("feroi.cli.screen.find_spec", lambda name: object() if there else None)
    for extra, missing, wanted in (
        ("train", "torch", "feroi[train]"),
        ("explain", "torch", "feroi[explain]"),
        ("explain", "captum", "feroi[explain]"),
        ("train", "av", "feroi[video]"),
    ):
        with pytest.raises(typer.Exit), clear_errors(extra=extra):
            raise ModuleNotFoundError(name=missing)
        said = capsys.readouterr().err
        assert f"this needs {missing}; pip install '{wanted}'" in said
        assert ("index-url" in said) == (missing != "av" and not there)


def test_lists_of_names_by_line_or_by_nul():
    assert list(listed([b"a.jpg\r\n", b"\n", b"b c.jpg\n"])) == ["a.jpg", "b c.jpg"]
    assert list(listed([b"./a.jpg\0", b"./two\nlines.jpg\0"])) == [
        "./a.jpg",
        "./two\nlines.jpg",
    ]  # find -print0
