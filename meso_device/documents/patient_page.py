"""One page for the patient: what was done, of what, what comes next. No name stands on it; it is written by hand."""

from collections.abc import Sequence
from typing import Final

from meso_device.documents.blocks import (
    SIMULATED,
    Block,
    Column,
    Document,
    Facts,
    Heading,
    Items,
    Notice,
    Table,
    Text,
)
from meso_device.documents.qr import checkpoint_figure
from meso_device.documents.session_report import AUTHOR, area_name, planned_and_given, session_number, sums
from meso_device.documents.wording import date_of, day, instant, millilitres
from meso_device.records.session_story import SessionStory
from protocols.errors import UsageError

AFTERCARE_LINES_MAX: Final = 12
AFTERCARE_LETTERS_MAX: Final = 200
_BLANK: Final = "." * 60
_TO_WATCH: Final = (
    "Call the clinic if anything worries you: pain that grows, skin that turns white, blue or dark, swelling, fever, "
    "or a lump or sore that comes even weeks later. With trouble to breathe or to see, call emergency help at once."
)
_SIMULATED_TEXT: Final = "SIMULATED: nobody was treated. This page is for practice."


def checked_aftercare(text: str) -> tuple[str, ...]:
    """Return the clinic's aftercare, one instruction a line; UsageError where it does not fit on the page."""
    lines = tuple(" ".join(line.split()) for line in text.splitlines() if line.strip())
    if len(lines) > AFTERCARE_LINES_MAX or any(len(line) > AFTERCARE_LETTERS_MAX for line in lines):
        raise UsageError(
            f"aftercare refused: at most {AFTERCARE_LINES_MAX} lines of {AFTERCARE_LETTERS_MAX} letters fit the page"
        )
    return lines


def patient_page(story: SessionStory, checkpoint: str, aftercare: Sequence[str]) -> Document:
    """Return the page.

    Args:
        story: The session, with a patient or of practice.
        checkpoint: Signed, over a log that holds every record of the story.
        aftercare: The clinic's own words; empty to leave lines for writing.
    """
    given = [(area, shots) for area, _, shots in planned_and_given(story) if shots]
    lots = dict.fromkeys(
        f"{shot.product}, lot {shot.lot_amended or shot.lot or 'not named'}" for shot in story.injections
    )
    number = f"PP-{session_number(story).removeprefix('SR-')}"
    blocks: list[Block] = [Notice(_SIMULATED_TEXT)] if story.simulated else []
    blocks += [
        Facts(
            (
                ("Name", _BLANK),
                ("Day", instant(story.opened.at_us)[:10]),
                ("Treatment", story.plan.title),
                ("What was given", "; ".join(lots) or "nothing"),
                ("In all", f"{len(story.injections)} injections, {millilitres(*sums(story.injections))} mL"),
            )
        ),
        Table(
            (Column("where", wide=True), Column("injections", number=True), Column("mL", number=True)),
            tuple((area_name(area.area), str(len(shots)), millilitres(*sums(shots))) for area, shots in given),
        ),
        Heading("Aftercare"),
        Items(tuple(aftercare) or (_BLANK, _BLANK, _BLANK)),
        Notice(_TO_WATCH),
        Heading("Next"),
        Text(_next(story)),
        Facts((("Appointment", _BLANK), ("Telephone", _BLANK))),
        Text("Keep this page: product and lot tell any doctor what was injected."),
        checkpoint_figure(checkpoint),
    ]
    return Document(
        title="Your treatment",
        number=number,
        author=AUTHOR,
        date=date_of((story.closed or story.opened).at_us),
        mark=SIMULATED if story.simulated else "",
        blocks=tuple(blocks),
        end=f"End of page {number}",
    )


def _next(story: SessionStory) -> str:
    due = story.due
    if due is None or due.earliest_day is None:
        return "Your clinic tells you when to come again."
    until = f" and {day(due.latest_day)}" if due.latest_day is not None and due.latest_day != due.earliest_day else ""
    return (
        f"By the course of this treatment, come again {'between' if until else 'from'} {day(due.earliest_day)}{until}."
    )
