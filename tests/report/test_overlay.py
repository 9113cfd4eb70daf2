"""What is drawn on photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from feroi.network.load import Model
from feroi.photo.detect import Face
from feroi.reading import analyze_photos
from feroi.report.overlay import draw_overlay, free_spot, heat, moved_inside
from feroi.results import Photo, Refused
from support.network import CONFIG, ONE, forward


def test_heat_colours_only_where_the_weight_is_above_uniform():
    grey = np.full((4, 4), 100, np.uint8)
    roi = np.ones((4, 4))
    roi[0, 0] = 3.0
    coloured = heat(grey, roi)
    assert (coloured[1:] == 100).all()
    assert coloured[0, 0].tolist() == [168, 170, 129]  # 0.45 of the bright end of the scale, 0.55 of 100
    roi[0, 0] = 2.0
    assert 4 < np.abs(heat(grey, roi)[0, 0].astype(int) - 100).max() < 60  # half as opaque
    assert np.abs(heat(grey, roi, full=30)[0, 0].astype(int) - 100).max() < 4  # far from its end
    assert (heat(grey, roi, strength=0) == 100).all()
    assert (grey == 100).all()


def test_the_overlay_marks_the_box(astronaut):
    wide = np.concatenate([astronaut, np.zeros_like(astronaut)], axis=1)
    (photo,) = analyze_photos([wide], Model(CONFIG, forward), ONE)
    picture = np.asarray(draw_overlay(photo))
    assert picture.shape == wide.shape
    x0, y0, _, y1 = (round(value) for value in photo.faces[0].box_xyxy_px)
    edge = picture[y0 + 20 : y1 - 20, x0].mean(0)
    assert edge[0] > 200
    assert edge[2] < 80
    assert (picture[:20, :20] == astronaut[:20, :20]).all()


def test_a_face_that_was_not_read_has_a_grey_box(astronaut):
    wide = np.concatenate([astronaut, np.zeros_like(astronaut)], axis=1)
    face = Face((600.0, 100.0, 700.0, 200.0), 1.0)
    photo = Photo("p", "no face to read", wide, [], [Refused(face, "too small to be read")])
    picture = np.asarray(draw_overlay(photo))
    changed = np.argwhere((picture != wide).any(2))
    assert changed.min(0).tolist() == [100, 600]
    assert changed.max(0).tolist() == [200, 700]
    assert picture[150, 600].tolist() == [170, 170, 170]
    assert (picture[101:200, 602:699] == 0).all()


def test_a_small_photo_is_drawn_larger(astronaut):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, forward), ONE)
    picture = np.asarray(draw_overlay(photo)).astype(int)
    assert picture.shape == (1024, 1024, 3)
    x0, y0, _, y1 = (2 * round(value) for value in photo.faces[0].box_xyxy_px)
    edge = picture[y0 + 40 : y1 - 40, x0 - 2 : x0 + 3].mean(0)  # the box is known to a part of a px
    assert edge[:, 0].max() > 200


def test_the_heat_fades_out_at_the_border_of_the_crop(astronaut):
    (photo,) = analyze_photos([astronaut], Model(CONFIG, forward), ONE)
    hot = replace(photo.faces[0], crop_roi=np.full((48, 48), 3.0))
    plain = replace(hot, crop_roi=None)
    with_heat, without = (
        np.asarray(draw_overlay(photo._replace(faces=[face]))).astype(int) for face in (hot, plain)
    )
    change = np.abs(with_heat - without).max(2)
    patch = hot.on_photo(hot.crop_roi)
    middle = patch.columns.start + patch.columns.stop  # twice the middle: the picture is twice as large
    column = change[2 * patch.rows.start : 2 * patch.rows.stop, middle]
    assert column[len(column) // 2] > 20
    assert max(column[:4].max(), column[-4:].max()) < 8


def test_labels_go_where_they_are_whole_and_hide_nothing():
    box = (40.0, 0.0, 90.0, 50.0)  # touches the upper edge
    above, below = (40.0, -12.0), (40.0, 50.0)
    assert free_spot((60, 12), [above, below], [box], (100, 100)) == (40, 50, 100, 62)
    assert free_spot((61, 12), [above, below], [box], (100, 100)) is None
    assert free_spot((60, 12), [above, below], [box, (95, 60, 99, 70)], (100, 100)) is None
    assert moved_inside((61, 12), above, (100, 100)) == (39, 0, 100, 12)
