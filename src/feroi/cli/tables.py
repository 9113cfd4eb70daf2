"""Tables on standard output: of faces as they are read, and of measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from feroi.cli.results import print_rejected
from feroi.cli.screen import say, tell, tell_table

if TYPE_CHECKING:
    from feroi.cli.results import Photograph
    from feroi.evaluation.agreement import Agreement
    from feroi.evaluation.bootstrap import Interval
    from feroi.evaluation.groups import Attribute
    from feroi.evaluation.robustness import Robustness
    from feroi.results import Photo

_NAME_WIDTH = 60  # longer names push their line to the right


def photo_printer(longest_name: int) -> Callable[[Photo], None]:
    """A table on standard output that grows by one line per face; for a photo without one, why."""
    from feroi.results import ANY_FACE

    width = min(longest_name, _NAME_WIDTH)

    heads = f"{'box x0,y0,x1,y1':19}  {'decided most by':20}  also likely"
    header = iter([f"{'photo':{width}}  expression   sure  {heads}"])

    def print_photo(photo: Photo) -> None:
        for line in header:  # once, with the first row: an error may come before it
            tell(line)
        if not photo.faces and not photo.refused:
            tell(f"{photo.name:{width}}  {photo.status}")
        for face in photo.faces:
            line = f"{photo.name:{width}}  {face.expression:10}  {100 * face.confidence:3.0f} %  "
            decided = ""
            if face.decided_by == ANY_FACE:
                decided = "no part: leans to it"
            elif face.decided_by is not None:
                decided = f"{face.decided_by} +{face.why()[face.decided_by]:.1f}"
            others = "not calibrated" if face.coverage is None else ", ".join(face.likely[1:])
            tell(f"{line}{_corners(face.box_xyxy_px):19}  {decided:20}  {others}".rstrip())
        for unread, reason, _ in photo.refused:
            tell(f"{photo.name:{width}}  {'not read':17}  {_corners(unread.box_xyxy_px):19}  {reason}")

    return print_photo


def _corners(box_xyxy_px: tuple[float, ...]) -> str:
    return ",".join(str(round(value)) for value in box_xyxy_px)


def printed_as_read(
    photos: Iterator[Photo], files: Sequence[Photograph], on_progress: Callable[[int, int], None]
) -> Iterator[Photo]:
    """Pass photos on as they are read, with one line per face and progress for each."""
    from feroi.photo.decode import photo_name

    print_photo = photo_printer(max(len(photo_name(photo, at)) for at, photo in enumerate(files)))
    for done, photo in enumerate(photos, 1):
        print_photo(photo)
        on_progress(done, len(files))
        yield photo


def print_groups(attributes: list[Attribute]) -> None:
    """One row per group of each attribute; for each attribute how wide its gap is, how likely by chance."""
    table = _table("", "faces", "people", "right, %", "promised minus right, points", "calibration error")
    for attribute in attributes:
        for group in attribute.groups:
            table.add_row(
                f"{attribute.name} {group.value}",
                str(group.n),
                "?" if group.subjects is None else str(group.subjects),
                _percent(group.accuracy),
                _percent(group.overconfidence),
                f"{group.calibration_error:.3f}",
            )
        table.add_section()
    tell_table(table, 100)
    for attribute in attributes:
        if attribute.gap is None:
            say(f"{attribute.name}: one group only, nothing to compare")
            continue
        corrected = f", {attribute.p_holm:.3f} corrected for {len(attributes)} attributes"
        say(
            f"{attribute.name}: {_percent(attribute.gap)} points between the best and the worst read; "
            f"p {attribute.p_value:.3f}{corrected if len(attributes) > 1 else ''}"
        )


def print_robustness(result: Robustness) -> None:
    """One row per level of each corruption, then one row per covered region."""
    table = _table("", "level", "right, %", "promised, %", "calibration error")
    for at, level in enumerate(result.levels):
        if at and level.corruption != result.levels[at - 1].corruption:
            table.add_section()
        table.add_row(
            level.corruption,
            "" if level.level is None else f"{level.level:g}",
            f"{100 * level.accuracy:.1f}",
            f"{100 * level.confidence:.1f}",
            f"{level.calibration_error:.3f}",
        )
    tell_table(table, 100)
    if result.covered:
        table = _table(
            "covered", "of the face, %", "right, %", "before", "calibration error", "attention falls back to"
        )
        for each in result.covered:
            table.add_row(
                each.region,
                f"{100 * each.area:.0f}",
                f"{100 * each.accuracy:.1f}",
                f"{100 * each.accuracy_before:.1f}",
                f"{each.calibration_error:.3f}",
                each.falls_back_to or "–",
            )
        tell_table(table, 100)
    say(f"regions covered on {result.n_covered} faces; on {result.n_unmarked} no landmarks were found")
    print_rejected(result.rejected)


def print_agreement(agreement: Agreement) -> None:
    """For each truth, every measure with its interval: over all, each expression and pose, each control."""
    unit = "images" if agreement.subjects is None else f"{agreement.subjects} subjects"
    for name, figures in agreement.truths.items():
        tell(f"{agreement.n} faces against {name}; mean and 95 % interval over {unit}:")
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.add_column("", no_wrap=True)
        for measure in figures.all:
            table.add_column(measure.replace("_", " "), justify="right", no_wrap=True)
        misread = {f"misread: {row}": values for row, values in figures.misread.items()}
        groups = ({"all": figures.all}, figures.expressions, figures.poses, figures.controls, misread)
        for group in groups:
            for row, values in group.items():
                table.add_row(row.replace("_", " "), *map(_with_interval, values.values()))
            table.add_section()
        tell_table(table, 150)
        for control, ahead in figures.ahead.items():
            level = [measure for measure, each in ahead.items() if each.low is not None and each.low <= 0]
            if level:
                say(f"not above the control {control.replace('_', ' ')} in {', '.join(level)}")
    for reason, number in agreement.left_out.items():
        say(f"left out: {number} faces, {reason}")
    if "untrained" not in agreement.figures.controls:
        say("no control by an untrained network: that needs pip install 'feroi[train]'")
    print_rejected(agreement.rejected)


def _with_interval(value: Interval) -> str:
    if value.low is None or value.high is None:
        return f"{value.mean:.2f}"
    return f"{value.mean:.2f} {value.low:.2f}..{value.high:.2f}"


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if at else "left")
    return table


def _percent(value: Interval) -> str:
    if value.low is None or value.high is None:
        return f"{100 * value.mean:.1f}"
    return f"{100 * value.mean:.1f} ({100 * value.low:.1f} to {100 * value.high:.1f})"
