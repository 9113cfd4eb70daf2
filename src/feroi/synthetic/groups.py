"""Photographs of several subjects at once, near and far, before a backdrop, with what each of them shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from feroi.synthetic.camera import Camera, rotation, turned
from feroi.synthetic.difficulty import DIFFICULTIES, Picture, cloud, photograph
from feroi.synthetic.facekit import CLOTH, FaceModel
from feroi.synthetic.light import Light, studio, varied
from feroi.synthetic.mesh import Mesh, join, plain, rings, tube
from feroi.synthetic.raster import Floats, irradiance, vertex_normals
from feroi.synthetic.scene import Scene, make_scene
from feroi.synthetic.skin import Canvas, Pixels
from feroi.synthetic.subject import Subject, make_subject

_HEAD_CM = 25.0  # chin to crown with hair
_NECK_CM = np.array([0.0, -11.0, -1.5])  # what a head turns about
_SHOULDERS_CM, _CHIN_CM = -14.0, -9.0  # between these heights a turn grows from none to all of it
_RAISED_CM, _COLLAR_CM = 1.5, -12.5
_SHOULDERS_NARROWED = ((-24.0, -17.0, -13.0), (0.85, 0.88, 1.0))  # at these heights, by this: sleeves follow
_CHEST = ((-95.0, 17.0), (-60.0, 15.0), (-32.0, 16.5), (-22.0, 18.0))  # height and half width, cm
_ARM = ((12.5, -19.5, -2.5, 3.6), (16.5, -23.0, -2.5, 5.2), (21.5, -50.0, -3.0, 4.8), (20.5, -78.0, 0.0, 4.0))
_LEG = ((8.5, -88.0, -2.5, 8.6), (9.0, -130.0, -2.5, 7.2), (9.0, -175.0, -3.0, 6.0))
"""x, y and z of the subject's left limb's middle with its radius, cm."""

_SHADE = 0.35  # what people take from the light on those right behind them
_CAMERA = replace(DIFFICULTIES["clean"], blur=(0.10, 0.14), noise=0.012)


class Person(NamedTuple):
    """Who stands where. Angles turn the head against the shoulders, in degrees.

    number: the subject's; expression: RaFD's word.
    x, y: where the middle of the head falls, as shares of the photo's width and height.
    head: chin to crown as a share of the photo's height.
    """

    number: int
    expression: str
    x: float
    y: float
    head: float
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0


class Group(NamedTuple):
    """people: from the farthest to the nearest; sunny: a lamp from a side rather than an even light."""

    backdrop: str
    people: Sequence[Person]
    sunny: bool = False


class GroupPhoto(NamedTuple):
    """image: (H, W) uint8. landmarks: (N, 68, 2) px, one for each person of the group, in its order."""

    image: NDArray[np.uint8]
    landmarks: NDArray[np.float32]


def photograph_group(
    model: FaceModel, paper: Canvas, group: Group, size_hw: tuple[int, int], seed: int
) -> GroupPhoto:
    """The group before its backdrop; the same seed gives the same people, light and picture."""
    rng = np.random.default_rng([seed, 6, list(BACKDROPS).index(group.backdrop)])
    light = varied(rng) if group.sunny else studio(rng)
    picture = behind = BACKDROPS[group.backdrop](size_hw, rng)
    landmarks = []
    for person in group.people:
        subject = make_subject(model, paper, person.number, seed)
        subject = _dressed(subject, len(model.vertices), rng)
        scene = make_scene(model, paper, subject, person.expression, "frontal", _CAMERA, rng)
        scene = _posed(scene, rotation(person.yaw_deg, person.pitch_deg, person.roll_deg), light)
        camera = _camera(person, size_hw)
        before, picture = picture, scene.paint_over(picture, camera)
        picture = _shaded(picture, before, behind, person.head * size_hw[0])
        landmarks.append(camera.project(scene.mesh.vertices[scene.landmarks])[0])
    return GroupPhoto(photograph(picture, _CAMERA, rng), np.stack(landmarks).astype(np.float32))


def _camera(person: Person, size_hw: tuple[int, int]) -> Camera:
    height, width = size_hw
    px_per_cm = person.head * height / _HEAD_CM
    place = np.array([person.x * width, person.y * height])
    return Camera(np.eye(3), np.array([0.0, 1.7, 0.5]), np.diag([px_per_cm, -px_per_cm]), place)


def _posed(scene: Scene, turn: Floats, light: Light) -> Scene:
    """The scene with its head turned on the neck, lit by `light`."""
    mesh = scene.mesh
    rise = np.clip((mesh.vertices[:, 1] - _SHOULDERS_CM) / (_CHIN_CM - _SHOULDERS_CM), 0, 1)
    share = (rise * rise * (3 - 2 * rise))[:, None]
    share[mesh.triangles[mesh.part == CLOTH]] = 0.0
    moved = turned(turn, mesh.vertices - _NECK_CM) + _NECK_CM
    vertices = np.ascontiguousarray((1 - share) * mesh.vertices + share * moved)
    normals = vertex_normals(vertices, mesh.triangles)
    received = irradiance(vertices, normals, mesh.cut, mesh.triangles, light.directions, light.radiance)
    return replace(
        scene, mesh=mesh._replace(vertices=vertices), normals=normals, light=light, light_received=received
    )


def _shaded(picture: Pixels, before: Pixels, backdrop: Pixels, head_px: float) -> Pixels:
    """`picture` with the soft shadow that whoever was painted over `before` throws on people behind."""
    person = picture != before
    soft = gaussian_filter(person.astype(np.float32), 0.12 * head_px)
    others = (before != backdrop) & ~person
    return np.where(others, picture * (1 - _SHADE * soft), picture).astype(np.float32)


def _dressed(subject: Subject, head_vertices: int, rng: np.random.Generator) -> Subject:
    """The subject with chest, arms and legs below the shoulders, which closer to the chin look less stiff.

    What the 3D model has below its neck would come out of the collar and is cut away.
    """
    mesh = subject.mesh
    clothes = np.unique(mesh.triangles[mesh.part == CLOTH])
    vertices, cut = mesh.vertices.copy(), mesh.cut.copy()
    vertices[clothes, 1] += _RAISED_CM
    vertices[clothes, 0] *= np.interp(mesh.vertices[clothes, 1], *_SHOULDERS_NARROWED)
    x, y, _ = vertices[:head_vertices].T
    cut[:head_vertices][(y < _COLLAR_CM) | (y < _NECK_CM[1] + 1.5) & (np.abs(x) > 7.0)] = -1.0
    body = _body(1.0 - 0.18 * subject.traits.is_kid, rng)
    return replace(subject, mesh=join([mesh._replace(vertices=vertices, cut=cut), body]))


def _body(scale: float, rng: np.random.Generator) -> Mesh:
    """What goes on below the torso of `props.torso`, in cloth that falls in folds."""
    down, wide = np.array(_CHEST).T
    y = np.linspace(down[0], down[-1], 60)  # upwards, so that the sheet faces outwards
    turn = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    folds = np.ones((60, 96))
    for waves in range(2, 9):
        slant, start = rng.uniform(-0.25, 0.25), rng.uniform(0, 2 * np.pi)
        depth = 0.016 * rng.uniform(0.3, 1) * np.clip((down[-1] - y[:, None]) / 12, 0, 1)
        folds += depth * np.sin(waves * turn + slant * y[:, None] + start)
    half_width = np.interp(y, down, wide)[:, None] * folds
    chest = np.stack(
        [half_width * np.sin(turn), np.repeat(y[:, None], 96, 1), 10.2 * folds * np.cos(turn) - 2.5], axis=-1
    )
    limbs = [rings(chest)]
    for side in (-1, 1):
        for limb in (_ARM, _LEG):
            path = np.array([(side * x, y, z) for x, y, z, _ in limb])
            steps = np.linspace(0, len(limb) - 1, 40)
            fine = np.stack([np.interp(steps, range(len(limb)), axis) for axis in path.T], axis=1)
            girth = np.interp(steps, range(len(limb)), [radius for *_, radius in limb])
            girth *= 1 + 0.02 * np.sin(steps * rng.uniform(9, 14))
            limbs.append(tube(fine, girth, 24))
    return join([plain(vertices * scale, triangles, CLOTH) for vertices, triangles in limbs])


_FOCUS = 0.004
"""Sigma of what the lens makes of a point back there, as a share of the photo's width."""


def garden(size_hw: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Sky over trees over a lawn."""
    height, width = size_hw
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    tree_line = 0.22 + 0.05 * cloud((1, width), 1.6, rng)
    leaves = 0.07 * np.exp(0.75 * cloud(size_hw, 0.9, rng))
    sky = 0.95 - 0.35 * down + 0.05 * cloud(size_hw, 1.6, rng)
    lawn = (0.12 + 0.16 * down) * np.exp(0.18 * cloud(size_hw, 0.7, rng))
    horizon = 0.62
    scene = np.where(down < tree_line, sky, np.where(down < horizon, leaves, lawn))
    return _out_of_focus(scene, 1.5)


def library(size_hw: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Shelves of books under a lamp at one side."""
    height, width = size_hw
    scene = np.full(size_hw, 0.05, dtype=np.float32)
    shelf = height // 5
    for top in range(-shelf // 3, height, shelf):
        left = 0
        while left < width:
            thick = int(rng.uniform(0.008, 0.028) * width)
            tall = rng.uniform(0.68, 0.90)
            book = slice(max(top + int((1 - tall) * shelf), 0), max(top + int(0.92 * shelf), 0))
            tone = rng.choice([0.03, 0.06, 0.12, 0.25, 0.45]) * rng.uniform(0.7, 1.3)
            scene[book, left : left + thick] = tone
            left += thick + int(rng.uniform(0, 0.004) * width)
        board = slice(max(top + int(0.92 * shelf), 0), max(top + shelf, 0))
        scene[board] = 0.16
    across, down = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    lamp = 0.45 + 1.3 * np.exp(-((across - 0.85) ** 2 + (down - 0.1) ** 2) / 0.30)
    return _out_of_focus((scene * lamp).astype(np.float32), 1.0)


def street(size_hw: tuple[int, int], rng: np.random.Generator) -> Picture:
    """Fronts of houses with windows, over a pavement."""
    height, width = size_hw
    scene = np.full(size_hw, 0.8, dtype=np.float32)
    ground = int(0.74 * height)
    left = -int(0.1 * width)
    while left < width:
        right = left + int(rng.uniform(0.18, 0.34) * width)
        house = slice(max(left, 0), max(right, 0))
        wall = rng.uniform(0.15, 0.5)
        scene[int(rng.uniform(0.0, 0.12) * height) : ground, house] = wall
        step, storey = (right - left) / rng.integers(3, 5), height // 5
        glass = rng.uniform(0.03, 0.10)
        for top in range(int(0.06 * height), ground - storey // 2, storey):
            for column in np.arange(left + 0.25 * step, right - 0.5 * step, step):
                pane = slice(max(int(column), 0), max(int(column + 0.5 * step), 0))
                scene[top : top + int(0.62 * storey), pane] = glass * rng.uniform(0.6, 2.5)
        left = right
    scene[ground:] = 0.30
    return _out_of_focus(scene * np.exp(0.12 * cloud(size_hw, 1.2, rng)), 1.6)


def _out_of_focus(scene: Picture, times: float) -> Picture:
    blurred = gaussian_filter(scene, times * _FOCUS * scene.shape[1])
    return np.maximum(blurred, 0.005)


BACKDROPS: Mapping[str, Callable[[tuple[int, int], np.random.Generator], Picture]] = {
    "garden": garden,
    "library": library,
    "street": street,
}
