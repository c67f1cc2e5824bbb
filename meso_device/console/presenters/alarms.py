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
    return [_row(alarm, pane, here=no == at) for no, alarm in enumerate(alarm_list(known))]


def heading_row(known: Known, pane: Pane) -> Line:
    """Return what the columns are, or that there is no alarm."""
    if not alarm_list(known):
        return line(dim(f" {say('alarms.nothing')}"))
    names = ("priority", "at", "code", "alarm", "area", "state", "seen")
    heads = [dim(say(f"alarms.head_{name}")) for name in names]
    return cut(columns([(" ", 2), *zip(heads, _widths(pane), strict=True)]), pane.width)


def _widths(pane: Pane) -> list[int]:
    """Return the widths of the columns behind the cursor's; the name takes what is left."""
    fixed = [5, 10, 6, 6, 8, 14]
    return [*fixed[:3], max(14, pane.width - 2 - sum(fixed)), *fixed[3:]]


def _name(name: str, count: str, width: int) -> str:
    """Return the name and how often, of which the name alone is cut."""
    shown = name.replace("_", " ")
    return cut((Span(shown),), width - len(count) - 1)[0].text + count if count else shown


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
    parts = [
        Span(f" {alarm['mark']} ".ljust(4), tone),
        Span(clock(alarm["at_us"], pane.offset_s)),
        Span(alarm["code"]),
        Span(_name(alarm["name"], count, _widths(pane)[3]), Tone.STRONG if here else Tone.VALUE),
        Span(alarm["area"] or " "),
        Span(alarm["state"].upper(), Tone.STRONG if alarm["state"] == "active" else Tone.DIM),
        Span(seen),
    ]
    cursor = Span("> " if here else "  ", Tone.STRONG)
    return cut(columns([(cursor, 2), *zip(parts, _widths(pane), strict=True)]), pane.width)


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
