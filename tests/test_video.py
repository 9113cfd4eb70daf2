"""Videos to readings, with a made-up network that tells what it was shown."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

import feroi
from feroi import video
from feroi.config import NetworkConfig
from feroi.inference import Compute
from feroi.network.load import Model
from feroi.outputs import NetworkOutput
from feroi.photo import video as decoding
from feroi.photo.video import Pace
from feroi.reading import ReadingOptions, analyze_photos
from feroi.results import Photo
from feroi.video import NO_FACE, Smoother, VideoOptions, video_parts
from feroi.vocabulary import EXPRESSIONS
from support.videos import group_photo, write_sound, write_video

CONFIG = NetworkConfig("attention", (48, 48), pipeline="wild")
ONE = ReadingOptions(compute=Compute(threads=1))


def _forward(faces):
    """Logits from the faces' own brightness, so that equal faces have equal answers."""
    logits = np.zeros((len(faces), 7))
    logits[:, 3] = 5 * faces.mean((1, 2, 3))
    return NetworkOutput(logits, np.ones((len(faces), 3, 3)) / 9, logits)


NETWORK = Model(CONFIG, _forward)


@pytest.fixture(scope="module")
def photo():
    pixels, faces = group_photo("library")
    x0, y0, x1, y1 = map(int, faces[0])
    return np.ascontiguousarray(pixels[y0 - 120 : y1 + 121, x0 - 110 : x1 + 110])


@pytest.fixture(scope="module")
def still(photo, tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "still.mkv", [photo] * 6, codec="ffv1")


@pytest.mark.slow
def test_each_frame_of_a_still_video_reads_as_the_photo_does(photo, still):
    (known,) = analyze_photos([photo], Model(CONFIG, _forward), ONE)
    for search_s in (0, 1.0):  # the detector in each frame, or in the first alone
        frames = list(feroi.Reader(threads=1).read_video(still, search_s=search_s))
        assert [frame.frame for frame in frames] == list(range(6))
        assert [frame.time_s for frame in frames] == pytest.approx(np.arange(6) / 25, abs=1e-3)
        (exact,) = feroi.Reader(threads=1).read(photo)
        for frame in frames:
            (face,) = frame.faces
            assert face.track == 0
            np.testing.assert_array_equal(frame.pixels, photo)
            if not math.isnan(face.score):
                assert face.box_xyxy_px == known.faces[0].box_xyxy_px
                assert face.probabilities == pytest.approx(exact.probabilities, abs=1e-5)
                np.testing.assert_array_equal(face.crop, exact.crop)
            else:  # followed: the mesh begins where it ended, which moves it a little
                assert face.box_xyxy_px == pytest.approx(known.faces[0].box_xyxy_px, abs=3)
                assert face.probabilities == pytest.approx(exact.probabilities, abs=0.1)
                assert np.abs(face.crop.astype(int) - exact.crop).mean() < 3
        scores = [frame.faces[0].score for frame in frames]
        assert math.isnan(scores[1]) == (search_s > 0)
        assert scores[0] == known.faces[0].score


@pytest.mark.slow
def test_a_video_begun_again_behind_any_part_ends_alike(photo, tmp_path, monkeypatch):
    frames = [np.roll(photo, 6 * number, axis=1) for number in range(8)]
    path = write_video(tmp_path / "f.mkv", frames, codec="ffv1")
    monkeypatch.setattr(video, "_PART_PX", 2 * photo.shape[0] * photo.shape[1])
    settings = VideoOptions(Pace(), 0.1, smooth_s=0.5)

    def seen(parts):
        return [
            (
                each.frame,
                each.time_s,
                [(f.track, f.box_xyxy_px, f.probabilities, f.smoothed) for f in each.faces],
            )
            for part in parts
            for each in part.frames
        ]

    whole = list(video_parts(path, NETWORK, ONE, settings))
    assert [len(part.frames) for part in whole] == [2, 2, 2, 2]
    for done in (1, 3, 4):
        state = json.loads(json.dumps(whole[done - 1].state))
        rest = video_parts(path, NETWORK, ONE, settings, state)
        assert seen(rest) == seen(whole[done:])


def test_what_cannot_be_read_is_one_last_frame(tmp_path, photo):
    def said(path):
        return [
            (each.status, each.pixels is None)
            for part in video_parts(path, NETWORK, ONE)
            for each in part.frames
        ]

    assert said(write_sound(tmp_path / "s.mp4")) == [("no pictures in it, only sound", True)]
    assert said(tmp_path / "gone.mp4") == [("file not found", True)]
    grey = write_video(tmp_path / "grey.mkv", [np.full((64, 64, 3), 99, np.uint8)] * 3)
    assert said(grey) == [("no face", False)] * 3 + [(NO_FACE, True)]


@pytest.mark.slow
def test_which_frames_and_which_face(still):
    def frames(settings, video):
        return [each for part in video_parts(still, NETWORK, settings, video) for each in part.frames]

    assert [each.frame for each in frames(ONE, VideoOptions(Pace(every=4)))] == [0, 4]
    assert [each.frame for each in frames(ONE, VideoOptions(Pace(fps=10)))] == [0, 3, 5]
    assert len(frames(ONE._replace(only_biggest=True), VideoOptions())[0].faces) == 1
    for wrong in (VideoOptions(search_s=-1), VideoOptions(smooth_s=0), VideoOptions(Pace(every=0))):
        with pytest.raises(ValueError, match="got"):
            frames(ONE, wrong)


def test_smoothing_is_the_mean_with_weights_that_fade(photo):
    (read,) = analyze_photos([photo], Model(CONFIG, _forward), ONE)
    rng = np.random.default_rng(0)
    shares, times_s = rng.dirichlet(np.ones(7), 6), np.array([0.0, 0.1, 0.15, 0.5, 0.9, 1.3])
    smoother = Smoother(0.4)
    for at, (row, time_s) in enumerate(zip(shares, times_s, strict=True)):
        probabilities = dict(zip(EXPRESSIONS, row, strict=True))
        face = read.faces[0].__class__(**(vars(read.faces[0]) | {"probabilities": probabilities, "track": 0}))
        (smoothed,) = smoother.smooth(Photo("f", "ok", None, [face], [], at, time_s))
        weights = np.exp(-(time_s - times_s[: at + 1]) / 0.4)
        expected = np.average(shares[: at + 1], axis=0, weights=weights)
        assert list(smoothed.smoothed.values()) == pytest.approx(expected)
        assert smoothed.probabilities == probabilities
    assert Smoother(None).smooth(read) == read.faces


@pytest.mark.slow
def test_parts_hold_few_pixels(still, photo, monkeypatch):
    monkeypatch.setattr(video, "_PART_PX", 3 * photo.shape[0] * photo.shape[1])
    assert [len(part.frames) for part in video_parts(still, NETWORK, ONE)] == [3, 3]
    monkeypatch.setattr(video, "_PART_FACES", 1)
    assert [len(part.frames) for part in video_parts(still, NETWORK, ONE)] == [1] * 6


def test_a_camera_is_read_a_frame_a_part(photo, monkeypatch):
    shots = [decoding.Frame(number, number / 10, photo) for number in range(5)]
    monkeypatch.setattr(video, "camera_frames", lambda camera, seconds: iter(shots))
    parts = list(feroi.Reader(threads=1).camera_parts("0", VideoOptions(Pace(every=2))))
    assert [[(each.name, each.frame) for each in part.frames] for part in parts] == [
        [("camera 0", 0)],
        [("camera 0", 2)],
        [("camera 0", 4)],
    ]
    assert Image.fromarray(parts[0].frames[0].pixels).size == photo.shape[1::-1]
