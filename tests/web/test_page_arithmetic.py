"""The page's arithmetic in Node against that of the Python it repeats."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation
from skimage import data

from feroi.explain.regions import region_masks
from feroi.explain.roi import project, region_of_interest
from feroi.network.calibration import UNCALIBRATED, Calibration
from feroi.photo import quality as quality_module
from feroi.photo.action_units import action_units, eyes_closed, gaze, in_words
from feroi.photo.crop import Crop, prepare
from feroi.photo.decode import to_intensity
from feroi.photo.detect import detect
from feroi.photo.face_mesh import frame_around
from feroi.photo.landmarks import FacePoints, locate
from feroi.photo.pose import head_pose, mean_mesh
from feroi.photo.squares import Frame, cut
from feroi.vocabulary import EXPRESSIONS, REGIONS

MATHS = Path(__file__).parent / "page" / "maths.js"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="needs node")


class Node:
    """Calls of the page's functions, gathered and answered in one run of Node."""

    def __init__(self, page: Path) -> None:
        self.page, self.cases = page, []

    def call(self, name: str, *given: Any) -> None:
        self.cases.append({"call": name, "given": given})

    def answers(self) -> list[Any]:
        command = [str(NODE), str(MATHS), str(self.page)]
        made = subprocess.run(
            command, input=json.dumps(self.cases), capture_output=True, text=True, check=True
        )
        return json.loads(made.stdout)


def as_picture(pixels: np.ndarray) -> dict[str, Any]:
    height, width, channels = (*pixels.shape, 1)[:3]
    return {"width": width, "height": height, "channels": channels, "data": pixels.ravel().tolist()}


def as_array(picture: dict[str, Any]) -> np.ndarray:
    shape = (picture["height"], picture["width"], picture["channels"])
    return np.array(picture["data"], np.uint8).reshape(shape if shape[2] > 1 else shape[:2])


@needs_node
def test_pictures_are_resized_as_pillow_does_to_the_last_bit(page):
    rng, node, wanted = np.random.default_rng(0), Node(page), []
    for shape in ((37, 53, 3), (90, 140), (3, 7), (64, 64, 3)):
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        picture = Image.fromarray(pixels)
        for scale in (0.11, 0.23, 0.31, 0.7, 1.3, 2.0):
            height, width = (max(round(scale * side), 1) for side in shape[:2])
            for name, kind in (
                ("bilinear", Image.Resampling.BILINEAR),
                ("bicubic", Image.Resampling.BICUBIC),
            ):
                node.call("resize", as_picture(pixels), width, height, name)
                wanted.append(picture.resize((width, height), kind))
                node.call("resizeByGap", as_picture(pixels), width, height, name)
                wanted.append(picture.resize((width, height), kind, reducing_gap=2.0))
        for across, down in ((2, 2), (3, 5), (9, 9)):
            node.call("reduce", as_picture(pixels), across, down)
            wanted.append(picture.reduce((across, down)))
        node.call("crop", as_picture(pixels), -2, 1, 12, 50)
        wanted.append(picture.crop((-2, 1, 10, 51)))
        node.call("intensity", as_picture(pixels))
        wanted.append(to_intensity(pixels))
        for quarters in (-1, 0, 1, 2, 3):
            node.call("quarterTurned", as_picture(pixels), quarters)
            wanted.append(np.rot90(pixels, quarters))
        for degrees in (17.3, -50.0, 130.2):
            node.call("rotated", as_picture(pixels), degrees)
            wanted.append(picture.rotate(degrees, Image.Resampling.BILINEAR, expand=True))
    for found, expected in zip(node.answers(), wanted, strict=True):
        np.testing.assert_array_equal(as_array(found), np.asarray(expected))


@needs_node
def test_squares_are_cut_as_pillow_does_to_the_last_bit(page):
    photo = np.random.default_rng(1).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    node, wanted = Node(page), []
    for middle, side, roll in (
        (40 + 30j, 24.0, 0.0), (40.3 + 31.7j, 61.7, 0.4), (5 + 66j, 50.0, -2.3), (60 + 20j, 230.0, 3.0),
        (45 + 35j, 8.5, math.pi / 4), (900 + 20j, 30.0, 0.1), (40 + 30j, 400.0, 0.2),
    ):  # fmt: skip
        frame = {"x": middle.real, "y": middle.imag, "side": side, "roll": roll}
        node.call("cut", as_picture(photo), frame, 32)
        wanted.append(cut(photo, Frame(middle, side, roll), 32))
    for found, expected in zip(node.answers(), wanted, strict=True):
        np.testing.assert_array_equal(as_array(found), expected)


@needs_node
def test_numbers_are_rounded_as_in_python(page):
    node = Node(page)
    values = [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6, 7.0]
    for value in values:
        node.call("round", value)
    assert node.answers() == [round(value) for value in values]


@needs_node
def test_frames_crop_pose_quality_and_regions_are_those_of_python(page):
    upright = data.astronaut()
    tilted = np.asarray(Image.fromarray(upright).rotate(25, Image.Resampling.BICUBIC))
    node, wanted = Node(page), []
    for photo in (upright, tilted):
        intensity = to_intensity(photo)
        (face,) = detect(photo)
        (points,) = locate(photo, [face.frame])
        crop = prepare(intensity, points, "wild", (48, 48))
        mesh = points.mesh.points_xyz_px.ravel().tolist()
        node.call("meshFrame", {"box": face.box_xyxy_px, "roll": face.roll_deg})
        node.call("frameAround", mesh)
        node.call("prepare", as_picture(intensity), mesh, (48, 48))
        node.call("quality", as_picture(intensity), mesh, (48, 48))
        node.call("regions", crop.landmarks_xy_px.ravel().tolist(), (48, 48))
        wanted.append((face, points, crop, quality_of(intensity, points, crop)))
    node.call("prepare", as_picture(intensity), np.ones((478, 3)).ravel().tolist(), (48, 48))
    away = points.mesh.points_xyz_px + np.array([5000, 0, 0])
    node.call("prepare", as_picture(intensity), away.ravel().tolist(), (48, 48))
    *answers, no_face, outside = node.answers()
    assert "no face" in no_face["thrown"]
    assert outside["thrown"] == "the face lies outside the photo of 512x512 px"
    for at, (face, points, crop, shown_well) in enumerate(wanted):
        begun, ended, made, poor, region = answers[5 * at : 5 * at + 5]
        for found, frame in ((begun, face.frame), (ended, frame_around(points.mesh.points_xyz_px))):
            assert [found["x"], found["y"], found["side"], found["roll"]] == pytest.approx(
                [frame.centre.real, frame.centre.imag, frame.side, frame.roll_rad], abs=1e-9
            )
        # where a place lies as good as between two grey values, the last bit of a sine decides
        assert np.abs(as_array(made["image"]).astype(int) - crop.image).max() <= 1
        assert np.mean(as_array(made["image"]) != crop.image) < 0.01
        np.testing.assert_allclose(np.reshape(made["points"], (68, 2)), crop.landmarks_xy_px, atol=1e-9)
        np.testing.assert_allclose(made["corner"], crop.places_xy_px[0, 0], atol=1e-9)
        np.testing.assert_allclose(made["step"], crop.places_xy_px[0, 1] - crop.places_xy_px[0, 0], atol=1e-9)
        assert [poor[name] for name in ("score", "sizePx", "sharpness")] == pytest.approx(
            [shown_well.score, shown_well.size_px, shown_well.sharpness], rel=1e-5
        )
        masks = region_masks(crop.landmarks_xy_px, (48, 48))
        drawn = {name: np.array([word == name for word in region]).reshape(48, 48) for name in REGIONS}
        # both draw the same shapes, Pillow with a pen of whole px: borders may differ by a pixel
        assert sum(np.sum(drawn[name] != masks[name]) for name in REGIONS) < 0.06 * 48 * 48


def quality_of(intensity: np.ndarray, points: FacePoints, crop: Crop) -> quality_module.Quality:
    return quality_module.quality(intensity, points, crop, head_pose(points.mesh.points_xyz_px))


@needs_node
def test_the_pose_of_a_head_is_that_of_python(page):
    rng, node, wanted = np.random.default_rng(2), Node(page), []
    for turn in (*Rotation.random(8, rng=rng), Rotation.identity()):
        points = 40 * turn.apply(mean_mesh().points_cm) * [1, -1, -1] + [200, 300, 0]
        points += rng.normal(0, 5, points.shape)
        node.call("pose", points.ravel().tolist())
        wanted.append(head_pose(points))
    for found, pose in zip(node.answers(), wanted, strict=True):
        assert [found["yaw"], found["pitch"], found["roll"]] == pytest.approx(pose, abs=1e-3)


@needs_node
def test_how_a_head_is_held_is_said_in_words(page):
    node = Node(page)
    for yaw, pitch, roll in ((3, -4, 7.9), (31.4, -16, 0), (-50, 20, -25)):
        node.call("headWords", {"yaw": yaw, "pitch": pitch, "roll": roll})
    assert node.answers() == [
        "",
        "turned to the photo's right by 31°, lowered by 16°",
        "turned to the photo's left by 50°, raised by 20°, tilted to the left by 25°",
    ]


@needs_node
def test_action_units_gaze_and_closed_eyes_are_those_of_python(page):
    rng, node, wanted = np.random.default_rng(3), Node(page), []
    for _ in range(6):
        coefficients = rng.random(52) ** 3
        units = action_units(coefficients)
        node.call("movement", coefficients.tolist())
        node.call("inWords", units.both)
        wanted.append((units, gaze(coefficients), eyes_closed(coefficients), in_words(units.both)))
    answers = node.answers()
    for (units, looks, closed, words), moves, said in zip(wanted, answers[::2], answers[1::2], strict=True):
        assert moves["units"] == pytest.approx(units.both, abs=1e-9)
        assert list(moves["sides"]) == list(units.sides)
        for name, sides in units.sides.items():
            assert moves["sides"][name] == pytest.approx(sides, abs=1e-9)
        assert (moves["gaze"]["yaw"], moves["gaze"]["pitch"]) == pytest.approx(looks, abs=1e-9)
        assert moves["eyesClosed"] == pytest.approx(closed, abs=1e-9)
        assert said == words


@needs_node
def test_what_probabilities_are_worth_is_said(page):
    node = Node(page)
    for calibration in (UNCALIBRATED, Calibration(coverage=0.9), Calibration(coverage=0.9, trained_on=17)):
        node.call("promise", calibration._asdict())
    none, clean, warned = node.answers()
    assert "not calibrated" in none
    assert "for 90 % of faces" in clean
    assert "trained on" not in clean
    assert warned == f"{clean} 17 of those were trained on, so on new faces it is fewer."


@needs_node
def test_maps_curves_and_phrases_are_those_of_python(page):
    node, values = Node(page), np.random.default_rng(0).random((3, 6))
    node.call("project", {"values": values.ravel().tolist(), "height": 3, "width": 6}, (48, 40))
    node.call(
        "regionOfInterest", {"values": (values - 0.5).ravel().tolist(), "height": 3, "width": 6}, (48, 40)
    )
    places = [0.0, 0.125, 0.3, 0.6, 20.3, 47.0, 120.0]
    for value in places:
        for name in ("size", "sharpness", "turn"):
            node.call("part", name, value)
    shares = {"expression": "sad", "confidence": 0.4, "likely": ["sad", "neutral"], "coverage": 0.9}
    node.call("phrase", shares)
    node.call("phrase", {**shares, "likely": list(EXPRESSIONS)})
    node.call("phrase", {**shares, "coverage": None})
    projected, region, *parts, two, seven, none = node.answers()
    wanted = region_of_interest(values[None] - 0.5, (48, 40))[0]
    np.testing.assert_allclose(np.reshape(region, (48, 40)), wanted, atol=1e-5)
    np.testing.assert_allclose(np.reshape(projected, (48, 40)), project(values[None], (48, 40))[0], atol=1e-6)
    curves = (quality_module.SIZE, quality_module.SHARPNESS, quality_module.TURN)
    assert parts == pytest.approx([quality_module.part(curve, value) for value in places for curve in curves])
    assert (two, seven, none) == ("sad or neutral (90 %)", "any of the seven (90 %)", "sad?")


@needs_node
def test_a_table_quotes_names_and_says_what_was_not_read(page):
    node = Node(page)
    refused = {
        "box": [1.04, 2, 3, 4],
        "score": 0.5,
        "reason": "what was taken for a face lies outside the photo",
    }
    node.call(
        "table",
        [
            {"name": 'a "b", c.jpg', "status": "no face", "faces": [], "refused": []},
            {"name": "d.jpg", "status": "no face to read", "faces": [], "refused": [refused]},
        ],
    )
    (text,) = node.answers()
    first, second = csv.DictReader(text.splitlines())
    assert (first["file"], first["status"], first["x0"]) == ('a "b", c.jpg', "no face", "")
    assert (second["status"], second["x0"], second["expression"]) == (refused["reason"], "1", "")
