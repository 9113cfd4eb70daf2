"""Photos to readings: find every face, prepare it, read it, and say where the network looked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feroi.config import PIPELINES, NetworkConfig
from feroi.data.batches import as_faces
from feroi.explain.regions import region_areas, region_masks, region_shares, region_sums
from feroi.explain.roi import project, region_of_interest
from feroi.inference import CPU, Compute
from feroi.network.calibration import Calibration
from feroi.network.load import Model
from feroi.outputs import FloatArray, NetworkOutput
from feroi.photo.action_units import ActionUnits, Gaze, action_units, gaze
from feroi.photo.crop import Crop, check_front_size, prepare, prepare_whole
from feroi.photo.decode import NO_MEMORY, Source, UnreadableImage, photo_frames, photo_name, to_intensity
from feroi.photo.detect import Face, biggest, detect
from feroi.photo.face_mesh import coefficients
from feroi.photo.handed import Handed, as_row
from feroi.photo.landmarks import FacePoints, locate
from feroi.photo.pose import head_pose
from feroi.photo.quality import LIMIT, Quality, quality
from feroi.results import ANY_FACE
from feroi.results import Photo as Photo
from feroi.results import Reading as Reading
from feroi.results import Refused as Refused
from feroi.vocabulary import EXPRESSIONS


class ReadingOptions(NamedTuple):
    """How photos are read.

    detector: a name in `photo.detect.DETECTORS`.
    only_biggest: read the biggest face of each photo alone, as SFEW is prepared.
    pipeline: how faces are prepared, a name in `config.PIPELINES`, for a model that does not say it itself.
    landmarks: a name in `photo.landmarks.MODELS`.
    abstain: leave faces whose quality is below `photo.quality.LIMIT` unread.
    compute: what the networks that find and describe faces run on.
    """

    detector: str = "yunet"
    only_biggest: bool = False
    pipeline: str | None = None
    landmarks: str = "face-mesh"
    abstain: bool = False
    compute: Compute = CPU

    def checked(self) -> ReadingOptions:
        """Themselves. Raises TypeError if what is true or false is something else, such as "no"."""
        for name in ("only_biggest", "abstain"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise TypeError(f"{name} is True or False, got {getattr(self, name)!r}")
        return self


PLAIN = ReadingOptions()


class FoundFace(NamedTuple):
    """A face of a photo with all that is known of it before the network reads it."""

    face: Face
    points: FacePoints
    crop: Crop
    quality: Quality
    action_units: ActionUnits
    gaze: Gaze


class Found(NamedTuple):
    """A photo or frame with its faces, prepared for the network."""

    name: str
    status: str
    pixels: NDArray[np.uint8] | None
    faces: Sequence[FoundFace]
    refused: list[Refused]
    frame: int | None = None
    time_s: float | None = None


def analyze_photos(
    photos: Iterable[Handed], model: Model, options: ReadingOptions = PLAIN
) -> Iterator[Photo]:
    """Read every face of every photo, in the order given, each as soon as it is read.

    photos: as `photo.handed.as_source`. What cannot be read, or is no photo, becomes a `Photo` whose status
        says why, and the others are read.
    The next photo is asked for, decoded and searched while the network and the caller are busy with one, and
    no other is held. If `photos` itself fails, that is raised when all it gave has been passed on.
    Raises ValueError if the network does not say how its faces were prepared, or cannot be given such.
    """
    model = with_pipeline(model, options.pipeline)
    with ThreadPoolExecutor(1) as pool:
        for found in _ahead(pool, photos, model.config, options):
            yield from read_found([found], model)


def with_pipeline(model: Model, pipeline: str | None) -> Model:
    """`model`, its faces prepared by `pipeline` if it does not say itself how.

    Raises ValueError if nobody says it, if the model says another, or if faces cannot be prepared that way.
    """
    config = model.config
    if pipeline is not None:
        if config.pipeline not in (None, pipeline):
            raise ValueError(
                f"the model learned from faces prepared by {config.pipeline!r} and would "
                f"misread those of {pipeline!r}; leave the pipeline out"
            )
        if pipeline not in PIPELINES:
            raise ValueError(f"unknown pipeline {pipeline!r}; choose one of {', '.join(PIPELINES)}")
        config = replace(config, pipeline=pipeline)
    if config.pipeline is None:
        height, width = config.input_hw
        raise ValueError(
            "this network does not say how the faces it learned from were cropped and aligned, so feroi "
            f"cannot prepare faces for it. Name their pipeline with --pipeline NAME; its input of "
            f"{width}x{height} px fits {_fitting(config.stored_hw)}. Or train on faces made by feroi prepare"
        )
    if config.pipeline == "front":
        check_front_size(config.stored_hw)
    return model._replace(config=config)


def _fitting(size_hw: tuple[int, int]) -> str:
    """The pipelines that can make crops of this height and width, with what they make."""
    made = {"front": "front (aligned)", "pose": "pose (the whole head)", "wild": "wild (as FER-2013)"}
    try:
        check_front_size(size_hw)
    except ValueError:
        del made["front"]
    return ", ".join(made.values())


def _ahead(
    pool: ThreadPoolExecutor,
    photos: Iterable[Handed],
    config: NetworkConfig,
    options: ReadingOptions,
) -> Iterator[Found]:
    """Photos with their faces found and prepared, one of them ahead of the caller."""
    running: Future[Found] | None = None
    coming = enumerate(photos)
    failure: BaseException | None = None
    while True:
        try:
            ahead = next(coming, None)
        except Exception as error:  # of whoever gives the photos; raised when what they gave is read
            ahead, failure = None, error
        before, running = running, None
        if ahead is not None:
            number, source = ahead[0], as_row(ahead[1], ahead[0])
            running = pool.submit(_tried, photo_name(source, number), source, config, options)
        if before is not None:
            yield before.result()
        if running is None:
            break
    if failure is not None:
        raise failure


def _tried(name: str, photo: Source, config: NetworkConfig, options: ReadingOptions) -> Found:
    try:
        return _find(name, photo, config, options)
    except MemoryError:  # this photo is too large for the machine, others may not be
        return Found(name, NO_MEMORY, None, [], [])


def _find(name: str, photo: Source, config: NetworkConfig, options: ReadingOptions) -> Found:
    try:
        for number, each in enumerate(photo_frames(photo)):
            found = detect(each, options.detector, options.compute)
            if found or not number:  # of an animation the first picture that shows a face
                pixels, faces = each, found
            if found:
                break
    except UnreadableImage as error:
        return Found(name, str(error), None, [], [])
    if options.only_biggest and faces:
        faces = [face for face in [biggest(faces)] if face is not None]
    points = locate(pixels, [face.frame for face in faces], options.landmarks, options.compute)
    return prepared(name, pixels, zip(faces, points, strict=True), config, options)


def prepared(
    name: str,
    pixels: NDArray[np.uint8],
    marked: Iterable[tuple[Face, FacePoints]],
    config: NetworkConfig,
    options: ReadingOptions,
) -> Found:
    """Faces of a photo with their points, cut out for the network; those refused said why."""
    intensity, refused = to_intensity(pixels), []
    kept: list[tuple[Face, FacePoints, Crop, Quality]] = []
    for face, points in marked:
        try:
            crop = _crop(intensity, face, points, config)
        except ValueError as error:  # turned too far, or what was taken for a face is none
            refused.append(Refused(face, str(error)))
            continue
        shown_well = quality(intensity, points, crop, head_pose(points.mesh.points_xyz_px))
        if options.abstain and shown_well.score < LIMIT:
            refused.append(Refused(face, shown_well.refusal, shown_well))
            continue
        kept.append((face, points, crop, shown_well))
    moved = coefficients([points.mesh for _, points, _, _ in kept], options.compute)
    pairs = zip(kept, moved, strict=True)
    faces = [FoundFace(*known, action_units(each), gaze(each)) for known, each in pairs]
    status = "ok" if faces else "no face to read" if refused else "no face"
    return Found(name, status, pixels, faces, refused)


def _crop(intensity: NDArray[np.uint8], face: Face, points: FacePoints, config: NetworkConfig) -> Crop:
    if face.whole:
        return prepare_whole(intensity, points, config.stored_hw)
    return prepare(intensity, points, str(config.pipeline), config.stored_hw)


def read_found(waiting: Sequence[Found], model: Model) -> Iterator[Photo]:
    """The photos of `waiting`, their faces read in one pass."""
    config = model.config
    crops = [_centre(each.crop, config.input_hw) for found in waiting for each in found.faces]
    if crops:
        look = model.forward(as_faces(np.stack([crop.image for crop in crops]), _depths(crops, config)))
        odds = np.exp(look.logits - np.max(look.logits, axis=1, keepdims=True), dtype=np.float64)
        shares = odds / odds.sum(axis=1, keepdims=True)
        looks = [
            _Look(share, logits, *maps)
            for share, logits, *maps in zip(
                shares, look.logits, *_maps(look, shares.argmax(1), config.input_hw), strict=True
            )
        ]
    number = 0
    for found in waiting:
        readings = []
        for each in found.faces:
            assert found.pixels is not None
            seen = each._replace(crop=crops[number])
            readings.append(_reading(seen, looks[number], model.calibration, found.pixels.shape))
            number += 1
        yield Photo(
            found.name, found.status, found.pixels, readings, found.refused, found.frame, found.time_s
        )


class _Look(NamedTuple):
    """What the network says of one face: probabilities and logits (7,), maps (H, W) on the crop, evidence
    (7, h, w)."""

    shares: FloatArray
    logits: FloatArray
    attention: FloatArray | None
    roi: FloatArray | None
    evidence: FloatArray | None


def _maps(
    look: NetworkOutput[FloatArray], answers: NDArray[np.int64], size_hw: tuple[int, int]
) -> list[Sequence[FloatArray | None]]:
    """Of each of N faces the attention and the region of interest on the crop, and the evidence."""
    none = [None] * len(answers)
    if look.attention is None:
        return [none, none, none]
    attention = list(project(look.attention, size_hw))
    if look.evidence is None:
        return [attention, attention, none]
    chosen = look.evidence[np.arange(len(answers)), answers]
    return [attention, list(region_of_interest(chosen, size_hw)), list(look.evidence)]


def _reading(found: FoundFace, look: _Look, calibration: Calibration, shape: tuple[int, ...]) -> Reading:
    face, crop, shares = found.face, found.crop, look.shares
    regions, areas, evidence = {}, {}, {}
    if look.roi is not None:
        masks = region_masks(crop.landmarks_xy_px, crop.image.shape[:2])
        regions, areas = region_shares(look.roi, masks), region_areas(masks)
        if look.evidence is not None:
            sums = region_sums(look.evidence, masks)
            sums[ANY_FACE] = look.logits - look.logits.mean() - look.evidence.sum((1, 2))
            evidence = {
                name: {region: float(each[at]) for region, each in sums.items()}
                for at, name in enumerate(EXPRESSIONS)
            }
    ranked = np.argsort(-shares, kind="stable")
    best, likely = int(ranked[0]), calibration.likely(shares)
    promised = calibration.coverage is not None
    return Reading(
        expression=EXPRESSIONS[best],
        confidence=float(shares[best]),
        probabilities=dict(zip(EXPRESSIONS, map(float, shares), strict=True)),
        likely=tuple(EXPRESSIONS[at] for at in ranked if promised and likely[at]),
        coverage=calibration.coverage,
        box_xyxy_px=face.box_xyxy_px,
        score=face.score,
        landmarks=found.points.landmarks_xy_px,
        crop=crop.image,
        crop_roi=look.roi,
        crop_attention=look.attention,
        evidence=evidence,
        regions=regions,
        region_areas=areas,
        quality=found.quality,
        action_units=found.action_units.both,
        action_unit_sides=found.action_units.sides,
        pose=found.quality.pose,
        gaze=found.gaze,
        mesh=found.points.mesh.points_xyz_px,
        photo_hw=(shape[0], shape[1]),
        _places_xy_px=crop.places_xy_px,
        track=face.track,
    )


def _centre(crop: Crop, size_hw: tuple[int, int]) -> Crop:
    """The middle of a crop, as the network is shown it at test (section 4.2)."""
    height, width = size_hw
    top, left = (crop.image.shape[0] - height) // 2, (crop.image.shape[1] - width) // 2
    here = np.s_[top : top + height, left : left + width]
    return Crop(crop.image[here], crop.landmarks_xy_px - [left, top], crop.places_xy_px[here])


def _depths(crops: Sequence[Crop], config: NetworkConfig) -> NDArray[np.uint8] | None:
    """The depth of each crop, for a network that sees it."""
    if config.inputs != "intensity+depth":
        return None
    from feroi.photo.depth import depth_at  # here: few networks see depth, and it loads SciPy

    return np.stack([depth_at(crop.landmarks_xy_px, config.input_hw) for crop in crops])
