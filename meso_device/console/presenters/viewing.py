"""What a view from outside shows: the console's own rows, without anything that could be asked for."""

from collections.abc import Mapping
from typing import Final

from meso_device.console.history import History
from meso_device.console.lines import Line, Pane, Span, Tone, dim, filled, line, strong
from meso_device.console.presenters.alarms import alarm_list, alarm_rows, explained
from meso_device.console.presenters.frame import state_rows
from meso_device.console.presenters.history import page_rows
from meso_device.console.presenters.live import dim_row, notice_row, treated_rows
from meso_device.console.state import Known
from meso_device.console.text import say

PAGES: Final[Mapping[str, str]] = {"live": "1", "alarms": "2", "history": "3"}
"""What can be looked at, and its key."""
EXPLAINED_ROWS: Final = 7


def view_status_rows(known: Known, pane: Pane) -> list[Line]:
    """Return rows 1 and 2: where the console has STOP it says that there is none here."""
    return state_rows(known, pane, Span(say("view.corner"), Tone.STATE_SERVICE))


def view_footer_row(page: str, *, leaving: bool) -> Line:
    """Return the last row; ``leaving`` says that there is a way out by key."""
    row: list[Span] = [Span(say("view.only"), Tone.STATE_SERVICE)]
    for name, key in PAGES.items():
        tone = Tone.CURSOR if name == page else Tone.KEY
        act = f"page('{name}')"
        row += [Span("  "), Span(key, tone, act)]
        row += [Span(f" {say(f'page.{name}')}", tone if name == page else Tone.DIM, act)]
    if leaving:
        row += [Span("  "), Span("Q", Tone.KEY, "leave"), Span(f" {say('view.leave')}", Tone.DIM, "leave")]
    return tuple(row)


def view_body_rows(page: str, known: Known, history: History, pane: Pane) -> list[Line]:
    """Return what is between the frame, exactly ``pane.height`` rows."""
    if not known.snapshot:
        return filled([(), line(dim(f" {say('view.waiting')}"))], pane.height)
    match page:
        case "alarms":
            return _alarms(known, history, pane)
        case "history":
            return _history(known, history, pane)
        case _:
            return _live(known, pane)


def _live(known: Known, pane: Pane) -> list[Line]:
    notice = known.snapshot["notice"]
    said: list[Line] = [notice_row(notice, pane)] if notice is not None else [()]
    if known.snapshot["session"] is None:
        return filled([(), line(strong(f" {say('live.no_session')}")), (), *said], pane.height)
    return treated_rows(known, pane, said)


def _alarms(known: Known, history: History, pane: Pane) -> list[Line]:
    at = min(history.at, max(0, len(alarm_list(known)) - 1))
    room = pane.height - EXPLAINED_ROWS
    rows = alarm_rows(known, pane, at)[max(0, at - room + 1) :]
    meaning = [dim_row(say("alarms.meaning"), pane.width), *explained(known, pane, at)]
    return [*filled(rows, room), *filled(meaning, EXPLAINED_ROWS)]


def _history(known: Known, history: History, pane: Pane) -> list[Line]:
    if not history.has_read:
        return filled([(), line(dim(f" {say('view.no_page')}"))], pane.height)
    rows = page_rows(known, history, Pane(width=pane.width, height=pane.height - 1, offset_s=pane.offset_s))
    heading = dim_row(say("view.tail", rows=len(history.rows)), pane.width)
    return filled([heading, *rows], pane.height)
