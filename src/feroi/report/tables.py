"""Readings as tables: one row per face, read or not, and one for a photo without any or unreadable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from feroi.events import Event
from feroi.photo.action_units import WORDS
from feroi.results import Photo, Reading
from feroi.vocabulary import EXPRESSIONS, REGIONS

Row = dict[str, Any]

_BOX = ("x0", "y0", "x1", "y1")
_SHOWN = ("score", "quality", "quality_problem")
_ANGLES = ("yaw_deg", "pitch_deg", "roll_deg", "gaze_yaw_deg", "gaze_pitch_deg")

COLUMNS = (
    "file",
    "status",
    "face",
    "expression",
    "confidence",
    "likely",
    *_BOX,
    *_SHOWN,
    *EXPRESSIONS,
    *(f"roi_{region}" for region in REGIONS),
    *WORDS,
    *_ANGLES,
)
"""file; status (ok, no face, or why it could not be read); face read, from 0, the biggest first; expression
and its probability; the likely ones, | between them; box in px; the detector's score; the quality, 0..1, and
what is below the limit of it, if anything; one probability per expression; the share of the region of
interest on each region; the strength of each Action Unit, 0..1; angles of the head, and the eyes within it,
in degrees. Shares and scores have six decimals, angles one."""

VIDEO_COLUMNS = ("file", "frame", "time_s", "track", *COLUMNS[1:])
"""Those of videos: also the number of the frame, from 0; when the video shows it, in seconds; the person's
number, from 0. `score` is empty where a face was followed and not found by the detector."""
SMOOTHED = tuple(f"smooth_{name}" for name in EXPRESSIONS)
"""What `--smooth` adds."""
FROM_REST = tuple(f"from_rest_{name}" for name in (*EXPRESSIONS, *WORDS))
"""What `--rest` adds: probabilities and Action Units against the person's resting face."""

EVENT_COLUMNS = (
    "file",
    "track",
    "expression",
    "onset_s",
    "apex_s",
    "offset_s",
    "duration_s",
    "intensity",
    "cut",
)
"""Those of events (`events.Event`): the person's number; the expression; when it begins to rise, is strongest
and is gone, in seconds of the video, and how long that took; its highest intensity, 0..1; which of its start
and end was not seen: start, end, both or nothing."""

TEXT_COLUMNS = {"file", "status", "expression", "likely", "quality_problem"}
WHOLE_COLUMNS = {"face", "frame", "track"}
_COARSE = {*_BOX, *_ANGLES}  # told with one decimal
_OF_A_FACE = ("expression", "confidence", *_BOX, *_SHOWN, *_ANGLES)
_OF_A_REFUSED = ("status", *_BOX, *_SHOWN)


def rows(photo: Photo) -> list[Row]:
    """The rows of one photo, every column in each; None where there is nothing to say."""
    empty: Row = dict.fromkeys(COLUMNS)
    if not photo.faces and not photo.refused:
        return [{**empty, "file": photo.name, "status": photo.status}]
    result = []
    for number, face in enumerate(photo.faces):
        told = rounded(face.to_dict())
        result.append(
            {
                **empty,
                "file": photo.name,
                "status": photo.status,
                "face": number,
                **{name: told[name] for name in _OF_A_FACE},
                "likely": "|".join(face.likely),
                **told["probabilities"],
                **{f"roi_{name}": share for name, share in told["regions"].items()},
                **told["action_units"],
            }
        )
    for refused in photo.refused:
        told = rounded(refused.to_dict())
        result.append({**empty, "file": photo.name, **{name: told[name] for name in _OF_A_REFUSED}})
    return result


def video_rows(photo: Photo, smoothed: bool = False, from_rest: bool = False) -> list[Row]:
    """The rows of one frame of a video, none if it has no face; of what is said of the whole video, one.

    A photo among videos has the rows it has elsewhere, with nothing in the columns of videos.
    """
    if photo.frame is not None and not photo.faces and not photo.refused:
        return []
    time_s = None if photo.time_s is None else round(photo.time_s, 6)
    tracks = [face.track for face in photo.faces] + [refused.face.track for refused in photo.refused]
    result = []
    for row, track in zip(rows(photo), tracks or [None], strict=True):
        whole = row | {"frame": photo.frame, "time_s": time_s, "track": track}
        result.append({name: whole[name] for name in VIDEO_COLUMNS})
    if smoothed:
        for row in result:
            row |= dict.fromkeys(SMOOTHED)
        for row, face in zip(result, photo.faces, strict=False):
            row |= {f"smooth_{name}": round(share, 6) for name, share in (face.smoothed or {}).items()}
    if from_rest:
        for row in result:
            row |= dict.fromkeys(FROM_REST)
        for row, face in zip(result, photo.faces, strict=False):
            compared = (face.from_rest or {}) | (face.units_from_rest or {})
            row |= {f"from_rest_{name}": round(value, 6) for name, value in compared.items()}
    return result


def event_row(name: str, event: Event) -> Row:
    """The row of an event in the video called `name`: numbers with three decimals."""
    told = event._asdict() | {"file": name, "duration_s": event.offset_s - event.onset_s}
    return {
        column: round(told[column], 3) if isinstance(told[column], float) else told[column]
        for column in EVENT_COLUMNS
    }


def to_frame(results: Any) -> Any:
    """A pandas DataFrame with one row per face that was read, of the columns and decimals of tables.

    results: of `Reader.read_many` or `read_video`: photos, or one of them; or what `analyze` gave, the faces
        of one photo or a list of those, whose `file` is "photo 0" and so on.
    Frames of videos have VIDEO_COLUMNS, and SMOOTHED and FROM_REST where asked for; photos COLUMNS.
    Raises ModuleNotFoundError if pandas is not installed.
    """
    try:
        import pandas
    except ModuleNotFoundError:
        raise ModuleNotFoundError("to_frame needs pandas: pip install pandas", name="pandas") from None
    found = [row for each in _photos(results) for row in video_rows(each, True, True)[: len(each.faces)]]
    columns = VIDEO_COLUMNS if any(row["frame"] is not None for row in found) else COLUMNS
    for more in (SMOOTHED, FROM_REST):
        columns += more if any(row[more[0]] is not None for row in found) else ()
    kinds = dict.fromkeys(columns, "float64") | dict.fromkeys(WHOLE_COLUMNS & {*columns}, "Int64")
    kinds |= dict.fromkeys(TEXT_COLUMNS, "string")
    return pandas.DataFrame(found, columns=list(columns)).astype(kinds)


def _photos(results: Any) -> Iterator[Photo]:
    faces = []
    for number, each in enumerate([results] if isinstance(results, Photo) else results):
        if isinstance(each, Photo):
            yield each
        elif isinstance(each, Reading):
            faces.append(each)
        else:
            yield Photo(f"photo {number}", "ok", None, each, [])
    if faces:
        yield Photo("photo 0", "ok", None, faces, [])


def rounded(told: dict[str, Any]) -> dict[str, Any]:
    """What `Reading.to_dict` and the like tell, with the decimals of tables."""
    return {name: _rounded(value, 1 if name in _COARSE else 6) for name, value in told.items()}


def _rounded(value: Any, decimals: int) -> Any:
    if isinstance(value, dict):
        return rounded(value)
    if isinstance(value, list):
        return [_rounded(each, decimals) for each in value]
    return round(value, decimals) if isinstance(value, float) else value
