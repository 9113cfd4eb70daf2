"""The group photos shipped, and whom a box in them stands for."""

from __future__ import annotations

from PIL import Image

from feroi.data.groups import KnownFace, group_photos, match
from feroi.vocabulary import EXPRESSIONS


def test_every_known_face_lies_whole_in_its_photo_and_all_expressions_are_there():
    shown = set()
    for path, faces in group_photos().items():
        with Image.open(path) as image:
            width, height = image.size
        assert 1e6 < width * height < 2e6
        assert len({face.box_xyxy_px[3] - face.box_xyxy_px[1] for face in faces}) > 3  # of different size
        for face in faces:
            x0, y0, x1, y1 = face.box_xyxy_px
            assert 0 < x0 < x1 < width
            assert 0 < y0 < y1 < height
        shown |= {face.expression for face in faces}
    assert shown == set(EXPRESSIONS)


def test_photos_and_truth_fit_the_package():
    sizes = [path.stat().st_size for path in group_photos()]
    assert len(sizes) == 3
    assert sum(sizes) < 1_000_000


def test_boxes_stand_for_the_faces_they_lie_on():
    near, far = KnownFace("happy", (10, 10, 50, 50)), KnownFace("sad", (100, 10, 120, 30))
    boxes = [(95.0, 8.0, 125.0, 36.0), (200.0, 0.0, 240.0, 40.0), (0.0, 0.0, 60.0, 60.0)]
    assert match(boxes, [near, far]) == [far, None, near]
    # a box round everyone holds the middles of both, but its own middle lies on neither
    assert match([(0.0, 0.0, 130.0, 60.0)], [near, far]) == [None]
    # a face is found once
    assert match([(8.0, 8.0, 52.0, 52.0), (12.0, 12.0, 48.0, 48.0)], [near]) == [near, None]
