"""A page about read photos that is one file and can be sent by mail."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from PIL import Image

import feroi
from feroi.photo.action_units import in_words
from feroi.report.html import page
from feroi.report.overlay import FULL_HEAT, draw_overlay, heat
from feroi.results import ANY_FACE, Photo, Reading
from feroi.vocabulary import ACTION_UNITS, EXPRESSIONS, TABLE_4

_LARGEST_SIDE_PX = 1200
_FACE_PX = 192
_TOLD_DEG = 15.0
_TOLD_LOGITS = 0.2
_TOLD_REST = 0.05  # logits of all that is not told


def report_page(photos: Sequence[dict[str, Any]], model: str) -> str:
    """The page of photos, each as `photo_values` tells it."""
    return page(
        "photos.html",
        photos=photos,
        labels=EXPRESSIONS,
        faces=sum(len(photo["faces"]) for photo in photos),
        regions=any(face["looked"] for photo in photos for face in photo["faces"]),
        model=model,
        version=feroi.__version__,
    )


def photo_values(photo: Photo, shows: Sequence[str | None] = ()) -> dict[str, Any]:
    """What `photo.html` shows of one photo.

    shows: for each face the expression it is known to show, or None; empty if none is known.
    """
    if photo.pixels is None:
        return {"name": photo.name, "status": photo.status, "picture": None, "faces": [], "refused": []}
    picture = draw_overlay(photo)
    picture.thumbnail((_LARGEST_SIDE_PX, _LARGEST_SIDE_PX))
    known = shows or [None] * len(photo.faces)
    faces = [_face_values(face) | {"shows": truth} for face, truth in zip(photo.faces, known, strict=True)]
    return {
        "name": photo.name,
        "status": photo.status,
        "picture": _jpeg(picture),
        "faces": faces,
        "refused": [reason for _, reason, _ in photo.refused],
    }


def _face_values(face: Reading) -> dict[str, Any]:
    crop = Image.fromarray(face.crop)
    height = round(_FACE_PX * crop.height / crop.width)
    size = (_FACE_PX, height)
    looked = None
    if face.crop_roi is not None:
        full = max(
            FULL_HEAT, float(face.crop_roi.max())
        )  # a scale of its own for each face, as overlays have
        looked = _jpeg(Image.fromarray(heat(face.crop, face.crop_roi, full=full)).resize(size))
    ordered = sorted(face.probabilities.items(), key=lambda item: -item[1])
    return {
        "expression": face.expression,
        "answer": face.answer,
        "likely": " or ".join(face.likely),
        "confidence": face.confidence,
        "remark": face.quality.remark,
        "crop": _jpeg(crop.resize(size)),
        "looked": looked,
        "probabilities": [(name, share, "") for name, share in ordered],
        "regions": _regions(face),
        "decided": in_words_decided(face),
        "why": in_words_why(face),
        "moved": ", ".join(in_words(face.action_units)),
        "pose": _pose(face),
        "meaning": _meaning(face),
    }


def in_words_why(face: Reading) -> str:
    """What speaks for the answer and not the runner-up, region by region, and what for the runner-up."""
    reasons = list(face.why().items())
    sides = [
        (face.expression, [(name, value) for name, value in reasons if value >= _TOLD_LOGITS]),
        (face.runner_up, [(name, -value) for name, value in reversed(reasons) if value <= -_TOLD_LOGITS]),
    ]
    told = [(answer, ", ".join(f"{name} +{value:.1f}" for name, value in parts)) for answer, parts in sides]
    lines = [f"for {answer}: {parts}" for answer, parts in told if parts]
    rest = sum(value for _, value in reasons if abs(value) < _TOLD_LOGITS)
    if not lines:
        lines = ["no part says more than a little for either"]
    elif abs(rest) >= _TOLD_REST:
        lines.append(f"the rest {rest:+.1f}")
    words = "; ".join(lines)
    return f"{face.expression} and not {face.runner_up}? {words[0].upper()}{words[1:]}" if reasons else ""


def in_words_decided(face: Reading) -> str:
    """What decided, as the caption of the picture that shows where it lies."""
    if face.decided_by == ANY_FACE:
        return f"what speaks for {face.expression}; it does not decide: the network leans to it"
    most = f": {face.decided_by} most" if face.decided_by else ""
    return f"what speaks for {face.expression}{most}"


def _regions(face: Reading) -> list[tuple[str, float, str]]:
    """Name, share of the region of interest, the highest first, and that over the share of area."""
    shares = sorted(face.regions.items(), key=lambda item: -item[1])
    rows = [(name, share, f"{face.region_gains.get(name, 0):.1f}x") for name, share in shares]
    return [*rows, ("elsewhere", 1 - sum(face.regions.values()), "")] if rows else []


def _pose(face: Reading) -> str:
    """How the head is turned, where that is far enough to be seen."""
    pose = face.pose
    words = [
        f"{beyond if angle > 0 else before} by {abs(angle):.0f}°"
        for angle, before, beyond in (
            (pose.yaw_deg, "turned to the photo's left", "turned to the photo's right"),
            (pose.pitch_deg, "lowered", "raised"),
            (pose.roll_deg, "tilted to the left", "tilted to the right"),
        )
        if abs(angle) >= _TOLD_DEG
    ]
    return ", ".join(words)


def _meaning(face: Reading) -> str:
    """What the Facial Action Coding System expects of the expression, beside where the network looked."""
    if face.expression not in TABLE_4:
        return "Neutral has no Action Units."
    actions = TABLE_4[face.expression]
    names = ", ".join(f"{ACTION_UNITS[unit]} ({unit})" for unit in actions.action_units)
    text = f"Textbook Action Units of {face.expression}: {names}; they move {', '.join(actions.regions)}."
    if face.regions:
        share = sum(face.regions[name] for name in actions.regions)
        area = sum(face.region_areas[name] for name in actions.regions)
        text += f" {100 * share:.0f} % of the region of interest lies there,"
        text += f" on {100 * area:.0f} % of the face crop's area."
    return text


def _jpeg(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
