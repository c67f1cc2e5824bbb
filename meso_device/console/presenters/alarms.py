"""The alarm screen: highest first, newest first within; what was seen, by whom, and what is gone."""

from collections.abc import Mapping
from typing import Any

from meso_device.console.alarm_text import about
from meso_device.console.flash import swapped
from meso_device.console.lines import Line, Pane, Span, Tone, columns, cut, dim, line, strong, wrap
from meso_device.console.presenters.frame import ALARM_TONES
from meso_device.console.presenters.quantities import clock
from meso_device.console.state import Known
from meso_device.console.text import say


def alarm_list(known: Known) -> list[Mapping[str, Any]]:
    """Return the alarms in the order shown."""
    return list(known.snapshot.get("alarms", ()))


def alarm_rows(known: Known, pane: Pane, at: int) -> list[Line]:
    """Return one row an alarm, the cursor at index ``at``."""
    rows = [_row(alarm, pane, here=no == at) for no, alarm in enumerate(alarm_list(known))]
    return rows or [line(dim(f" {say('alarms.none')}"))]


def _row(alarm: Mapping[str, Any], pane: Pane, *, here: bool) -> Line:
    steady, flashed = ALARM_TONES[alarm["mark"]]
    flashing = alarm["state"] == "active" and not alarm["by"]
    tone = flashed if flashing and swapped(alarm["mark"], pane.now_ms) else steady
    count = f" (x{alarm['count']})" if alarm["count"] > 1 else ""
    seen = (
        say("alarms.seen", by=alarm["by"], at=clock(alarm["acknowledged_us"], pane.offset_s)[:5])
        if alarm["by"]
        else "-"
    )
    wide = max(20, pane.width - 60)
    return cut(
        columns(
            [
                (Span(">" if here else " ", Tone.STRONG), 1),
                (Span(f" {alarm['mark']}", tone), 5),
                (Span(" "), 1),
                (Span(clock(alarm["at_us"], pane.offset_s)), 10),
                (Span(alarm["code"]), 6),
                (Span(alarm["name"].replace("_", " ") + count, Tone.STRONG if here else Tone.VALUE), wide),
                (Span(alarm["area"] or " "), 6),
                (Span(alarm["state"].upper(), Tone.STRONG if alarm["state"] == "active" else Tone.DIM), 9),
                (Span(seen), 22),
            ]
        ),
        pane.width,
    )


def explained(known: Known, pane: Pane, at: int) -> list[Line]:
    """Return what the alarm at the cursor means: cause, what to do, when it clears."""
    alarms = alarm_list(known)
    if not alarms:
        return []
    alarm = alarms[min(at, len(alarms) - 1)]
    words = about(alarm["name"])
    rows: list[Line] = [line(strong(f" {alarm['name'].replace('_', ' ')}"), dim(f"  {alarm['text']}"))]
    for label, text in (
        (say("alarms.cause"), words.cause),
        (say("alarms.do"), words.action),
        (say("alarms.clears"), words.clears),
    ):
        first, *rest = wrap(text, pane.width - 12)
        rows.append((Span(f" {label:<10}", Tone.DIM), *first))
        rows += [(Span(" " * 11), *row) for row in rest]
    return rows
