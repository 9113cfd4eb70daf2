"""Videos to frames: times, turns, and what is broken."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from feroi.photo import video
from feroi.photo.video import Pace, UnreadableVideo, camera_source, fresh_frames, is_video, video_frames
from support.videos import write_sound, write_video


def _grey(level, size_hw=(48, 64)):
    return np.full((*size_hw, 3), level, np.uint8)


def test_frames_come_back_at_the_times_written(tmp_path):
    times_ms = [0, 40, 80, 200, 210, 1000]  # a variable rate
    frames = [_grey(40 * number) for number in range(6)]
    for name in ("video.mp4", "video.mkv"):
        found = list(video_frames(write_video(tmp_path / name, frames, times_ms)))
        assert [frame.number for frame in found] == list(range(6))
        assert [frame.time_s for frame in found] == pytest.approx([ms / 1000 for ms in times_ms], abs=1e-4)
        assert [frame.pixels.shape for frame in found] == [(48, 64, 3)] * 6
        assert [round(frame.pixels.mean() / 40) for frame in found] == list(range(6))


def test_a_lossless_video_gives_the_very_pixels(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (3, 40, 56, 3), dtype=np.uint8)
    found = list(video_frames(write_video(tmp_path / "f.mkv", noise, codec="ffv1")))
    np.testing.assert_array_equal([frame.pixels for frame in found], noise)


def test_time_begins_with_the_video(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / "f.ts", noise, [5000 + 40 * number for number in range(30)], "mpeg4")
    assert [f.time_s for f in video_frames(path)] == pytest.approx(np.arange(30) / 25, abs=1e-3)


def test_which_frames_are_read():
    def numbers(pace, times_s):
        last, read = None, []
        for number, time_s in enumerate(times_s):
            if pace.reads(number, time_s, last):
                read.append(number)
                last = time_s
        return read

    times_s = [number / 25 for number in range(50)]
    assert numbers(Pace(), times_s) == list(range(50))
    assert numbers(Pace(every=20), times_s) == [0, 20, 40]
    assert len(numbers(Pace(fps=10), times_s)) == 20
    assert numbers(Pace(fps=5), times_s)[:4] == [0, 5, 10, 15]
    assert numbers(Pace(fps=1), [0.0, 0.9, 3.2, 3.3, 4.0]) == [0, 2, 4]
    for wrong in (Pace(every=0), Pace(fps=0), Pace(fps=float("nan"))):
        with pytest.raises(ValueError, match="got"):
            wrong.checked()


def test_a_video_goes_on_after_a_frame(tmp_path):
    path = write_video(tmp_path / "f.mp4", [_grey(20 * number) for number in range(10)])
    whole = list(video_frames(path, Pace(fps=10)))
    for cut in range(len(whole)):
        rest = list(video_frames(path, Pace(fps=10), whole[cut].number, whole[cut].time_s))
        assert [frame.number for frame in rest] == [frame.number for frame in whole[cut + 1 :]]


@pytest.mark.parametrize(("turn", "times"), [(90, 3), (180, 2), (270, 1)])
def test_videos_are_turned_upright(tmp_path, turn, times):
    """The matrix of ISO 14496-12, 8.3.2, written into the track header by hand, as cameras do.

    A clockwise turn of `turn` degrees for display, which is `times` quarter turns the other way."""
    picture = _grey(20, (48, 64))
    picture[:24, :32] = 220  # the upper left corner
    path = write_video(tmp_path / "f.mp4", [picture] * 3)
    one, content = 0x10000, bytearray(path.read_bytes())
    a, b = {90: (0, one), 180: (-one, 0), 270: (0, -one)}[turn]
    at = content.index(b"tkhd") + 4 + 40
    content[at : at + 36] = struct.pack(">9i", a, b, 0, -b, a, 0, 0, 0, 0x40000000)
    path.write_bytes(content)
    expected = np.rot90(picture, times)
    found = next(video_frames(path)).pixels
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("a", [-1, 0, 1])
@pytest.mark.parametrize("d", [-1, 0, 1])
def test_videos_are_turned_and_mirrored_as_their_matrix_says(tmp_path, a, d):
    """All eight ways; each block goes by hand where ISO 14496-12 sends it: (a x + c y, b x + d y)."""
    if (a == 0) != (d == 0):
        pytest.skip("no turn by right angles")
    for b, c in [(0, 0)] if a else [(1, 1), (1, -1), (-1, 1), (-1, -1)]:
        picture = _grey(20, (48, 64))
        picture[:16, :16], picture[:16, 48:] = 220, 120  # upper left and upper right
        path = write_video(tmp_path / "f.mp4", [picture] * 3)
        one, content = 0x10000, bytearray(path.read_bytes())
        at = content.index(b"tkhd") + 4 + 40
        content[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 0x40000000)
        path.write_bytes(content)
        found = next(video_frames(path)).pixels
        assert found.shape[:2] == ((48, 64) if a else (64, 48))
        for (x, y), level in {(-24, -16): 220, (24, -16): 120, (0, 10): 20}.items():  # from the middle
            right, down = a * x + c * y, b * x + d * y
            shown = found[found.shape[0] // 2 + down, found.shape[1] // 2 + right]
            assert abs(int(shown[0]) - level) < 12


@pytest.mark.parametrize(
    ("name", "codec"),
    [("f.mkv", "mpeg4"), ("f.webm", "libvpx"), ("f.wmv", "msmpeg4v3"), ("f.mp4", "mpeg4"), ("f.flv", "flv1")],
)
def test_a_video_whose_time_begins_late_is_whole(tmp_path, name, codec):
    noise = np.random.default_rng(0).integers(0, 256, (50, 48, 64, 3), dtype=np.uint8)
    try:
        path = write_video(tmp_path / name, noise, [5000 + 40 * number for number in range(50)], codec)
    except av.FFmpegError as error:
        pytest.skip(f"this FFmpeg does not write it: {error}")
    found = list(video_frames(path))
    assert (len(found), found[0].time_s) == (50, 0)
    assert found[-1].time_s == pytest.approx(1.96, abs=1e-3)
    if name != "f.mkv":
        return
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    frames_read, error = _frames_and_error(path)
    assert 2 < frames_read < 25
    assert error.endswith(" s of 2.0 s; what is there was read")


def test_damage_the_decoder_hides_is_said(tmp_path):
    """MPEG-4 fills in what it cannot decode, and gives every frame nevertheless."""
    rng = np.random.default_rng(1)
    frames = np.repeat(np.repeat(rng.integers(0, 256, (30, 12, 16, 3), dtype=np.uint8), 8, 1), 8, 2)
    path = write_video(tmp_path / "f.mkv", frames, codec="mpeg4")
    assert len(list(video_frames(path))) == 30
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux() if packet.size]
    content = bytearray(path.read_bytes())
    for start, size in packets[10:14]:
        content[start + size // 2 : start + size - 8] = bytes(rng.integers(0, 256, size - 8 - size // 2))
    path.write_bytes(content)
    frames_read, error = _frames_and_error(path)
    assert frames_read > 25
    assert "damaged in" in error


def test_pixels_are_made_square(tmp_path):
    path = write_video(tmp_path / "f.mkv", [_grey(9)] * 2, codec="mpeg4", sample_aspect_ratio=2)
    assert next(video_frames(path)).pixels.shape == (48, 128, 3)


def _frames_and_error(path):
    found = []
    with pytest.raises(UnreadableVideo) as caught:
        found.extend(video_frames(path))
    return len(found), str(caught.value)


def test_what_is_no_video_says_why(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video " * 100)
    write_video(tmp_path / "none.mkv", [])
    sound = write_sound(tmp_path / "sound.mp4")
    assert _frames_and_error(tmp_path / "empty.mp4") == (0, "empty file")
    assert _frames_and_error(tmp_path / "gone.mp4") == (0, "file not found")
    assert _frames_and_error(tmp_path / "text.mp4")[1].startswith("no video that can be read")
    assert _frames_and_error(sound) == (0, "no pictures in it, only sound")
    assert _frames_and_error(tmp_path / "none.mkv")[0] == 0


@pytest.mark.parametrize("name", ["f.mkv", "f.avi", "f.mp4"])
def test_a_cut_off_video_gives_what_it_has(tmp_path, name):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (100, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / name, frames, codec="mpeg4")
    if name == "f.mp4":  # its index stands at the end, and is lost with it
        path.write_bytes(path.read_bytes()[:-5000])
        frames_read, error = _frames_and_error(path)
        assert (frames_read, "no video that can be read" in error) == (0, True)
        return
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 4])
    frames_read, error = _frames_and_error(path)
    assert 10 < frames_read < 70
    assert error.startswith("breaks off at ")
    assert error.endswith(" s of 4.0 s; what is there was read")


def test_a_video_damaged_in_the_middle_is_read_around_it(tmp_path):
    frames = np.random.default_rng(1).integers(0, 256, (60, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / "f.mkv", frames, codec="ffv1", rate=25)
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux() if packet.size]
    content = bytearray(path.read_bytes())
    start, size = packets[30]
    content[start + 20 : start + size // 2] = b"\xff" * (size // 2 - 20)
    path.write_bytes(content)
    frames_read, error = _frames_and_error(path)
    assert 55 < frames_read < 60
    assert "damaged in" in error


@pytest.mark.parametrize("name", ["f.mp4", "f.mkv"])
def test_what_the_decoder_of_h264_fills_in_is_said(tmp_path, name):
    rng = np.random.default_rng(2)
    scene = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    frames = [np.roll(scene, 3 * number, axis=1) for number in range(30)]
    path = write_video(tmp_path / name, frames)
    assert len(list(video_frames(path))) == 30
    content = bytearray(path.read_bytes())
    for start in range(len(content) // 4, 3 * len(content) // 4, len(content) // 8):
        content[start : start + 40] = rng.bytes(40)
    path.write_bytes(content)
    frames_read, error = _frames_and_error(path)
    assert frames_read > 20
    assert error.startswith("damaged in")


@pytest.mark.parametrize("pace", [Pace(fps=np.inf), Pace(fps=np.nan), Pace(every=0), Pace(every=1.5)])
def test_paces_out_of_range_are_refused(pace):
    with pytest.raises(ValueError, match="; got "):
        pace.checked()


def test_what_is_no_video_is_named(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.gif")
    (tmp_path / "b.mp4").write_text("<html></html>")
    assert _frames_and_error(tmp_path / "a.gif") == (0, "a picture, not a video; Reader.read reads it")
    assert _frames_and_error(tmp_path / "b.mp4")[1].startswith("not a video: a web page")
    assert _frames_and_error(Path("https://example.org/a.mp4"))[1].startswith("URLs are not fetched")


def test_videos_are_told_by_suffix_and_content(tmp_path):
    video = write_video(tmp_path / "video.mp4", [_grey(1)] * 2)
    for name in ("CLIP", "video.dat"):
        assert is_video(video.rename(tmp_path / name))
        video = tmp_path / name
    assert is_video(Path("gone.MOV"))
    assert not is_video(Path("._gone.mov"))
    (tmp_path / "photo.avif").write_bytes(b"\0\0\0 ftypavif\0\0\0\0")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    assert not is_video(tmp_path / "photo.avif")
    assert not is_video(tmp_path / "photo.jpg")
    assert not is_video(tmp_path)
    assert not is_video(tmp_path / "gone")


def test_without_pyav_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UnreadableVideo, match=r"videos need feroi\[video\]: pip install 'feroi\[video\]'"):
        next(video_frames(tmp_path / "f.mp4"))
    with pytest.raises(ModuleNotFoundError) as caught:
        next(video.camera_frames("0"))
    assert caught.value.name == "av"


def test_cameras_by_system():
    assert camera_source("1", "linux") == ("/dev/video1", "v4l2")
    assert camera_source("/dev/v4l/by-id/cam", "linux") == ("/dev/v4l/by-id/cam", "v4l2")
    assert camera_source("0", "darwin") == ("0", "avfoundation")
    assert camera_source("HD Webcam", "win32") == ("video=HD Webcam", "dshow")
    with pytest.raises(ValueError, match="names on Windows"):
        camera_source("0", "win32")


def test_a_camera_that_is_not_there_says_so():
    with pytest.raises(UnreadableVideo, match=r"camera 99 \(/dev/video99\) cannot be opened"):
        next(video.camera_frames("99"))


def test_a_slow_reader_gets_fresh_frames():
    """FFmpeg's test picture at 1000 frames a second of its own time, as fast as it can be made."""
    source = av.open("testsrc=size=64x48:rate=1000", format="lavfi")
    frames, numbers = fresh_frames(source, seconds=2.0), []
    for frame in frames:
        numbers.append(frame.number)
        assert frame.time_s == pytest.approx((frame.number - numbers[0]) / 1000, abs=1e-6)
        assert frame.pixels.shape == (48, 64, 3)
        for _ in range(5):
            np.linalg.svd(np.random.default_rng(0).random((100, 100)))
    assert numbers == sorted(set(numbers))
    assert len(numbers) < numbers[-1]  # some were left out


@pytest.mark.parametrize("name", ["pipe.mp4", "pipe"])
def test_a_pipe_is_no_video_and_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    assert not is_video(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "times_s", "error"),
    [
        ("time-not-finite", [0], "bytes are missing or changed"),  # 3600 ticks of no known length
        ("colours-of-no-kind.mpg", [], "no pictures: the decoder filled in what is missing"),
        ("no-whole-packet", [], "no pictures: bytes are missing or changed"),
    ],
)
def test_what_cannot_be_shown_is_passed_over_and_told(name, times_s, error):
    frames = video_frames(Path(__file__).parents[1] / "corpus" / "videos" / name)
    assert [next(frames).time_s for _ in times_s] == times_s
    with pytest.raises(UnreadableVideo, match=error):
        next(frames)
