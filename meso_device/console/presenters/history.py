"""The history: one row a shot, newest first, and a record in full with what proves it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from meso_device.console.history import History
from meso_device.console.lines import Line, Pane, Span, Tone, columns, cut, dim, filled, key, line, strong, warn, wrap
from meso_device.console.presenters.live import dim_row
from meso_device.console.presenters.quantities import bare_depth, bare_dose, day_and_clock
from meso_device.console.state import Known, why_not
from meso_device.console.text import say
from protocols.treatment.areas import catalogue

WITH_YEAR_MIN: Final = 75
"""A page is narrower in a wide terminal, where the record stands beside it."""
HASH_GROUP: Final = 8


def filter_row(known: Known, history: History, pane: Pane, entry: tuple[str, str] | None) -> Line:
    """Return what the page is limited to.

    Args:
        known: Its keys.
        history: The page.
        pane: Its room.
        entry: The text that asks for what is being typed, and that as far as it is typed; None while nothing is.
    """
    if entry is not None:
        return cut(line(Span(f" {say(entry[0], typed=entry[1])} ", Tone.FIELD_ACTIVE)), pane.width)
    area = _short(history.area) if history.area else say("history.all")
    session = f"S-{history.session[:6]}" if history.session else say("history.all")
    row: list[Span] = [Span(" ")]
    for name, label, value, limited, act in (
        ("history.area", "history.area", area, bool(history.area), "area"),
        ("history.session", "history.session", session, bool(history.session), "session"),
        (
            "history.odd",
            "history.only",
            say("history.odd" if history.deviations else "history.all"),
            history.deviations,
            "odd",
        ),
    ):
        row += [
            Span(f"[{known.keys[name]}]", Tone.KEY, act),
            dim(f" {say(label)} "),
            Span(value, Tone.WARN if limited else Tone.VALUE, act),
            Span("   "),
        ]
    return cut(tuple(row), pane.width)


def page_rows(known: Known, history: History, pane: Pane) -> list[Line]:
    """Return the headings and as many rows of the page as fit, the chosen one among them."""
    why = why_not(known.snapshot, "page")
    if not history.has_read:
        if history.problem or why:
            return [(), line(warn(f" {say('history.refused', why=history.problem or why)}"))]
        return [(), line(dim(f" {say('history.reading')}"))]
    room = max(1, pane.height - 1)
    first = min(max(0, history.at - room // 2), max(0, len(history.rows) - room))
    rows = [
        _shot(row, pane, no, here=no == history.at) for no, row in enumerate(history.rows[first : first + room], first)
    ]
    if not rows:
        none = say("history.none") if history.older is None else say("history.none_so_far")
        rows = [line(dim(f" {none}"))]
    return [_headings(pane), *rows]


def _headings(pane: Pane) -> Line:
    names = ("history.record", "history.when", "history.area", "history.depth", "history.dose", "history.outcome")
    seq, when, area, depth, dose, outcome = (dim(say(name)) for name in names)
    return columns([(" ", 1), (seq, 9), (when, _when_width(pane)), (area, 5), (depth, 7), (dose, 18), (outcome, 15)])


def _shot(row: Mapping[str, Any], pane: Pane, no: int, *, here: bool) -> Line:
    act = f"choose({no})"
    tone = Tone.STRONG if here else Tone.VALUE
    done = row["phase"] == "DONE"
    when = day_and_clock(row["at_us"], pane.offset_s)
    lo_nl, hi_nl = row["dose_lo_nl"], row["dose_hi_nl"]
    dose = bare_dose(hi_nl) if lo_nl == hi_nl else f"{bare_dose(lo_nl)}-{bare_dose(hi_nl)}"
    return columns(
        [
            (Span(">" if here else " ", Tone.STRONG), 1),
            (Span(f"#{row['seq']}", tone, act), 9),
            (Span(when if pane.width >= WITH_YEAR_MIN else when[5:], tone, act), _when_width(pane)),
            (Span(_short(row["area"]), tone, act), 5),
            (Span(bare_depth(row["depth_um"]), tone, act), 7),
            (Span(dose, tone, act), 18),
            (Span(row["phase"], tone if done else Tone.WARN, act), 12),
            (Span("SIM" if row["simulated"] else "   ", Tone.DIM), 3),
        ]
    )


def _when_width(pane: Pane) -> int:
    return 20 if pane.width >= WITH_YEAR_MIN else 15


def _short(area: str) -> str:
    known = catalogue().get(area)
    return known.short if known is not None else area


def keys_row(known: Known, history: History, pane: Pane, *, in_full: bool) -> Line:
    """Return the keys, or what has to be said first."""
    why = why_not(known.snapshot, "page")
    if known.said:
        return cut(line(warn(f" {known.said}")), pane.width)
    if history.has_read and (history.problem or why):
        return cut(line(warn(f" {say('history.refused', why=history.problem or why)}")), pane.width)
    row: list[Span] = [Span(" ")]
    if in_full:
        row += key("Esc", say("history.back"), "back")
        return cut((*row, dim(say("history.scroll"))), pane.width)
    row += [
        *key(known.keys["history.in_full"], say("history.in_full"), "in_full"),
        *key(known.keys["history.jump"], say("history.jump"), "jump"),
    ]
    row += key("Home", say("history.newest"), "newest")
    row.append(dim(say("history.reading" if history.wanted else _page_name(history))))
    return cut(tuple(row), pane.width)


def _page_name(history: History) -> str:
    """Return which page this is, by its text."""
    if history.older is None:
        return "history.only_page" if history.is_newest else "history.last_page"
    return "history.newest_page" if history.is_newest else "history.older_page"


def record_rows(record: Mapping[str, Any] | None, refusal: str, pane: Pane) -> list[Line]:
    """Return a record in full: what proves it, then every field as it was recorded.

    Args:
        record: The host's answer to RECORD; None while there is none.
        refusal: Why there is none; empty while it is read.
        pane: Its room; more rows than fit may be returned.
    """
    if record is None:
        return wrap(refusal, pane.width, Tone.WARN) if refusal else [line(dim(say("history.reading")))]
    rows = [line(strong(f"#{record['seq']}"), f" {record['kind']}"), dim_row(say("history.proof"), pane.width)]
    leaf = record["leaf"]
    groups = " ".join(leaf[at : at + HASH_GROUP] for at in range(0, len(leaf), HASH_GROUP))
    rows += [line(dim(say("history.leaf"))), *wrap(groups, min(pane.width, 4 * (HASH_GROUP + 1)))]
    size = record["checkpoint_size"]
    proven = say("history.no_checkpoint") if size is None else say("history.checkpoint", size=size)
    rows += [*wrap(proven, pane.width), dim_row(say("history.fields"), pane.width)]
    try:
        fields = json.loads(record["fields"])
    except ValueError:  # it was cut because it was too long: what came of it is shown as it came
        return rows + [row for text in record["fields"].splitlines() for row in wrap(text, pane.width)]
    if fields.get("simulated") is True:
        rows.append(line(warn("SIMULATED")))
    for name, value in _flat(fields):
        beside = line(dim(f"{name} "), value)
        fits = len(name) + 1 + len(value) <= pane.width
        rows += [beside] if fits else [line(dim(name)), *[(Span("  "), *row) for row in wrap(value, pane.width - 2)]]
    return rows


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from _flat(item, f"{name}.{inner}" if name else inner)
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def scrolled(rows: list[Line], pane: Pane, top: int) -> tuple[list[Line], int]:
    """Return the rows to show from ``top`` on, and ``top`` as far as there is something to show."""
    top = min(max(0, top), max(0, len(rows) - pane.height))
    return filled(rows[top:], pane.height), top
