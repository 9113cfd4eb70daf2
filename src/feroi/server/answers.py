"""What the server answers, as documented in its OpenAPI page; names and rounding are those of tables."""

from __future__ import annotations

import io

from pydantic import BaseModel, Field

from feroi.report.overlay import draw_overlay
from feroi.report.photos import photo_values, report_page
from feroi.report.tables import rounded
from feroi.results import Photo
from feroi.vocabulary import EXPRESSIONS

_QUICK = 1  # of zlib's levels: a third of the time of the usual one, for a tenth more bytes


class Place(BaseModel):
    """Where a face is: its box in px from the upper left corner, which may reach past the photo's edge."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float = Field(description="how sure the detector was")


class Expression(BaseModel):
    """What a face shows."""

    face: int = Field(description="from 0, the biggest first")
    expression: str = Field(description="the most probable one", json_schema_extra={"enum": [*EXPRESSIONS]})
    confidence: float = Field(description="its probability")
    likely: list[str] = Field(description="expressions the model takes for possible, most probable first")
    coverage: float | None = Field(description="share of faces whose right expression is among the likely")


class FaceAnswer(Place, Expression):
    """One face, read."""

    quality: float = Field(description="how large, sharp and frontal the face is, 0 to 1; poor below .5")
    quality_problem: str | None = Field(description="too small, too blurred or turned too far, if poor")
    probabilities: dict[str, float] = Field(description="of each expression")
    evidence: dict[str, dict[str, float]] = Field(
        description="what each region of the face says for each expression, in logits; below 0 against it"
    )
    regions: dict[str, float] = Field(
        description="share of the region of interest on each region of the face"
    )
    action_units: dict[str, float] = Field(description="strength of each Action Unit, 0 to 1")
    yaw_deg: float = Field(description="how far the head is turned, above 0 to the image's right")
    pitch_deg: float = Field(description="above 0 if the head looks up")
    roll_deg: float = Field(description="above 0 if the head is tilted clockwise in the image")
    gaze_yaw_deg: float = Field(description="of the eyes within the head, above 0 to the image's right")
    gaze_pitch_deg: float = Field(description="above 0 if the eyes look up")


class RefusedAnswer(Place):
    """One face that was found and not read."""

    status: str = Field(description="why")
    quality: float | None
    quality_problem: str | None


class PhotoAnswer(BaseModel):
    """One photo."""

    status: str = Field(description="ok, no face, no face to read, or in a batch why it could not be read")
    width: int | None = Field(description="px, upright; null for what could not be read")
    height: int | None
    faces: list[FaceAnswer] = Field(description="biggest first")
    refused: list[RefusedAnswer]


class File(BaseModel):
    """A photo of a batch."""

    file: str = Field(description="its name, as sent")


class BatchAnswer(PhotoAnswer, File):
    """One photo of a batch."""


class Health(BaseModel):
    """A server that answers is well."""

    status: str = "ok"
    version: str
    model: str
    taken: int = Field(description="places taken by requests now")
    places: int = Field(description="places there are; beyond them requests are answered with 503")


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


def as_answer(photo: Photo) -> PhotoAnswer:
    """The readings of a photo."""
    return PhotoAnswer(**rounded(photo.to_dict()))


def unreadable(file: str, reason: str) -> BatchAnswer:
    """The entry of a photo that could not be read."""
    return BatchAnswer(file=file, status=reason, width=None, height=None, faces=[], refused=[])


def as_overlay(photo: Photo) -> bytes:
    """The photo with its readings drawn on it, PNG."""
    buffer = io.BytesIO()
    draw_overlay(photo).save(buffer, "PNG", compress_level=_QUICK)
    return buffer.getvalue()


def as_report(photo: Photo, model: str) -> str:
    """The page about a photo."""
    return report_page([photo_values(photo)], model)
