"""Frontalisation: a generic face painted with a known texture, rendered turned, must come back."""

import numpy as np
import pytest
from scipy import ndimage

from feroi.photo.frontalize import frontalize, visibility
from feroi.photo.geometry import (
    FRAME_EYES_PX,
    MIRROR_ORDER,
    PX_PER_CM,
    Camera,
    Pose,
    anchor_points,
    frame_grid_cm,
    frame_px,
    generic_face,
    rotation_of,
)

PHOTO_HW = (260, 300)


def texture(x, y):
    """Grey 40..220 on the face, without any symmetry."""
    return 130 + 50 * np.sin(1.3 * x + 0.4 * y) + 40 * np.cos(1.1 * y - 0.3 * x)


def camera_at(pose, scale=13.0):
    middle = scale * rotation_of(pose)[:2] @ [0, 0, 8.0] * [1, -1]
    return Camera(rotation_of(pose), scale, np.array([150.0, 125.0]) - middle)


def rendered(camera, paint=texture):
    """The painted face seen by `camera`: points of the surface, the nearest last, on grey 0."""
    surface = ndimage.zoom(generic_face().surface_cm, (5, 5, 1), order=1)
    surface = surface.reshape(-1, 3)
    surface = surface[np.argsort(surface @ camera.rotation[2])]
    column, row = np.rint(camera.project(surface)).astype(int).T
    inside = (row >= 0) & (row < PHOTO_HW[0]) & (column >= 0) & (column < PHOTO_HW[1])
    photo = np.zeros(PHOTO_HW)
    photo[row[inside], column[inside]] = paint(surface[inside, 0], surface[inside, 1])
    return np.rint(photo).astype(np.uint8)


def landmarks_in(camera):
    return camera.project(generic_face().landmarks_cm)


def wanted(paint=texture):
    grid = frame_grid_cm()
    return paint(grid[..., 0], grid[..., 1])


@pytest.mark.parametrize(
    "pose", [Pose(0, 0, 0), Pose(30, 0, 0), Pose(-45, 0, 0), Pose(20, 15, -30), Pose(0, -20, 170)]
)
def test_a_turned_face_comes_back_where_it_was_seen(pose):
    camera = camera_at(pose)
    frontal = frontalize(rendered(camera), landmarks_in(camera))
    np.testing.assert_allclose(frontal.pose, pose, atol=0.01)
    seen = frontal.visibility > 0.95
    seen[:3], seen[-3:], seen[:, :3], seen[:, -3:] = [False] * 4  # beyond it nothing was painted
    assert seen.mean() > 0.4
    difference = np.abs(frontal.image - wanted())[seen]
    assert difference.mean() < 4
    assert np.percentile(difference, 99) < 20


def test_the_hidden_side_is_borrowed_from_the_other():
    def even(x, y):
        return texture(np.abs(x), y)

    camera = camera_at(Pose(45, 0, 0))
    frontal = frontalize(rendered(camera, even), landmarks_in(camera))
    hidden = (frontal.visibility < 0.05) & (frontal.visibility[:, ::-1] > 0.95)
    assert hidden.mean() > 0.1
    assert np.abs(frontal.image - wanted(even))[hidden].mean() < 5


def test_a_frontal_face_is_hardly_changed():
    """At the frame's own scale and place, frontalising must give the frame."""
    noise = np.random.default_rng(0).normal(0, 1, (200, 165))
    photo = np.clip(128 + 150 * ndimage.gaussian_filter(noise, 2), 0, 255).astype(np.uint8)
    landmarks = frame_px(generic_face().landmarks_cm) + 20
    frontal = frontalize(photo, landmarks)
    assert (frontal.visibility > 0.99).all()
    assert np.abs(frontal.image.astype(int) - photo[20:180, 20:145]).max() <= 1


@pytest.mark.parametrize("scale", [4.0, 25.0])
def test_small_and_large_faces_give_the_same_picture(scale):
    """A photo that resolves the texture at any size, and so must be shrunk without aliasing."""
    size = int(30 * scale)
    camera = Camera(rotation_of(Pose(0, 0, 0)), scale, np.array([15 * scale, 15 * scale]))
    y, x = (np.mgrid[:size, :size] - 15 * scale) / scale
    checks = 60 * (np.indices((size, size)).sum(0) % 2) if scale > 20 else 30
    photo = np.clip(texture(x, -y) + checks - 30, 0, 255).astype(np.uint8)
    frontal = frontalize(photo, landmarks_in(camera))
    assert np.abs(frontal.image - wanted()).max() < 5


def test_eyes_and_mouth_of_another_face_land_in_the_fixed_places():
    """A spot at each eye and mouth corner of a face of other proportions, seen turned."""
    shape = generic_face().landmarks_cm * [1.08, 0.88, 1.1] + [0, 0.4, 0]
    camera = camera_at(Pose(25, -8, 6))
    landmarks = camera.project(shape)
    y, x = np.mgrid[: PHOTO_HW[0], : PHOTO_HW[1]]
    found = []
    for spot_x, spot_y in [*anchor_points(landmarks)[:2], landmarks[48], landmarks[54]]:
        spot = 200 * np.exp(-((x - spot_x) ** 2 + (y - spot_y) ** 2) / 18)
        image = frontalize(np.rint(spot).astype(np.uint8), landmarks).image.astype(float)
        found.append(ndimage.center_of_mass(image * (image > image.max() / 2))[::-1])
    np.testing.assert_allclose(found[:2], FRAME_EYES_PX, atol=1.5)
    np.testing.assert_allclose(np.mean(found[2:], axis=0), (62.0, 107.9), atol=1.5)


@pytest.mark.parametrize("pose", [Pose(0, 0, 0), Pose(35, 10, 5)])
def test_the_mirrored_photo_gives_the_mirrored_face(pose):
    camera = camera_at(pose)
    photo, landmarks = rendered(camera), landmarks_in(camera)
    mirrored = landmarks[MIRROR_ORDER] * [-1, 1] + [PHOTO_HW[1] - 1, 0]
    frontal = frontalize(photo, landmarks)
    flipped = frontalize(photo[:, ::-1], mirrored)
    np.testing.assert_allclose(flipped.visibility, frontal.visibility[:, ::-1], atol=1e-6)
    assert np.abs(flipped.image.astype(int) - frontal.image[:, ::-1]).max() <= 1


def test_visibility_agrees_with_a_z_buffer():
    """Which pixels of the frame are foremost in a turned view, by drawing their numbers."""
    face, camera = generic_face(), camera_at(Pose(40, 0, 0), scale=PX_PER_CM)
    surface = ndimage.zoom(face.surface_cm, (3, 3, 1), order=1).reshape(-1, 3)
    height = surface @ camera.rotation[2]
    column, row = np.rint(camera.project(surface)).astype(int).T
    nearest = np.full(PHOTO_HW, -np.inf)
    np.maximum.at(nearest, (row, column), height)
    column, row = np.rint(camera.project(face.surface_cm)).astype(int).transpose(2, 0, 1)
    behind_cm = nearest[row, column] - face.surface_cm @ camera.rotation[2]
    seen = visibility(face, camera)
    assert (seen[behind_cm > 1.0] < 0.3).mean() > 0.95
    assert (behind_cm[seen > 0.9] < 0.5).mean() > 0.99


def test_outside_the_photo_nothing_is_seen():
    camera = camera_at(Pose(0, 0, 0))
    landmarks = landmarks_in(camera)
    left = int(landmarks[30, 0]) + 10  # the photo ends just beside the nose
    photo = rendered(camera)[:, :left]
    frontal = frontalize(photo, landmarks)
    assert (frontal.visibility[:, 95:] == 0).all()
    assert frontal.visibility[60:130, 20:60].min() > 0.95
    np.testing.assert_array_equal(frontal.image[:, 95:], frontal.image[:, 29::-1])


def test_inputs_are_left_alone():
    camera = camera_at(Pose(10, 0, 0))
    photo, landmarks = rendered(camera), landmarks_in(camera)
    photo.flags.writeable = landmarks.flags.writeable = False
    frontalize(photo, landmarks)


@pytest.mark.parametrize(
    "photo", [np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9)), np.zeros((0, 9), np.uint8)]
)
def test_other_photos_are_refused(photo):
    with pytest.raises(ValueError, match=r"\(H, W\) uint8"):
        frontalize(photo, landmarks_in(camera_at(Pose(0, 0, 0))))


def test_nonsense_landmarks_give_some_picture():
    rng = np.random.default_rng(0)
    for _ in range(10):
        frontal = frontalize(np.full((40, 40), 7, np.uint8), rng.uniform(0, 40, (68, 2)))
        assert (frontal.image == 7).all()
        assert np.isfinite(frontal.visibility).all()
        assert np.isfinite(frontal.pose).all()
