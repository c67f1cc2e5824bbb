"""The history: one row a shot, newest first, and a record in full with what proves it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from meso_device.console.history import History
from meso_device.console.lines import Line, Pane, Span, Tone, columns, cut, dim, filled, key, line, strong, warn, wrap
from meso_device.console.presenters.live import dim_row
from meso_device.console.presenters.quantities import bare_depth, bare_dose, day_and_clock
from meso_device.console.state import Known, may, why_not
from meso_device.console.text import say
from protocols.treatment.areas import catalogue

WITH_YEAR_MIN: Final = 75
"""A page is narrower in a wide terminal, where the record stands beside it."""
HASH_GROUP: Final = 8
TIMES: Final = frozenset({"at_us", "ts_us"})
"""Fields of a record that are times of day."""


def filter_rows(known: Known, history: History, pane: Pane, entry: tuple[str, str] | None) -> list[Line]:
    """Return what the page is limited to, in two rows.

    Args:
        known: Its keys, and how the log was verified.
        history: The page.
        pane: Its room.
        entry: The text that asks for what is being typed, and that as far as it is typed; None while nothing is.
    """
    everything = say("history.all")
    first = (
        ("area", _short(history.area) or everything, bool(history.area)),
        ("patient", f"P-{history.alias}" if history.alias else everything, bool(history.alias)),
        ("session", f"S-{history.session[:6]}" if history.session else everything, bool(history.session)),
        ("lot", history.lot or everything, bool(history.lot)),
    )
    second = (
        ("since", history.since or "-", bool(history.since)),
        ("until", history.until or "-", bool(history.until)),
        ("odd", say("history.odd") if history.deviations else everything, history.deviations),
        ("kinds", say("history.every_kind" if history.every_kind else "history.shots"), history.every_kind),
    )
    if entry is not None:
        typed = Span(f" {say(entry[0], typed=entry[1])} ", Tone.FIELD_ACTIVE)
        return [_filters(known, first, pane), cut(line(typed), pane.width)]
    return [_filters(known, first, pane), _filters(known, second, pane)]


def _filters(known: Known, filters: Sequence[tuple[str, str, bool]], pane: Pane) -> Line:
    row: list[Span] = [Span(" ")]
    for name, value, limited in filters:
        row += [
            Span(f"[{known.keys[f'history.{name}']}]", Tone.KEY, name),
            dim(f" {say(f'history.of_{name}')} "),
            Span(value, Tone.WARN if limited else Tone.VALUE, name),
            Span("  "),
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
    return [_record_headings(pane) if history.every_kind else _headings(pane), *rows]


def _headings(pane: Pane) -> Line:
    names = ("history.record", "history.when", "history.area", "history.depth", "history.dose", "history.outcome")
    seq, when, area, depth, dose, outcome = (dim(say(name)) for name in names)
    area_width, depth_width, dose_width, outcome_width = _widths(pane)
    parts = [(seq, 9), (when, _when_width(pane)), (area, area_width), (depth, depth_width), (dose, dose_width)]
    return columns([(dim(" "), 1), *parts, (outcome, outcome_width)])


def _widths(pane: Pane) -> tuple[int, int, int, int]:
    """Return the widths of area, depth, dose and outcome."""
    return (5, 7, 18, 12) if pane.width >= WITH_YEAR_MIN else (5, 5, 17, 11)


def _record_headings(pane: Pane) -> Line:
    names = ("history.record", "history.when", "history.kind", "history.by", "history.of_session", "history.of_patient")
    parts = [(dim(say(name)), size) for name, size in zip(names, (9, _when_width(pane), 18, 9, 9, 8), strict=True)]
    return cut(columns([(dim(" "), 1), *parts]), pane.width)


def _record(row: Mapping[str, Any], pane: Pane, no: int, *, here: bool) -> Line:
    act, tone = f"choose({no})", Tone.STRONG if here else Tone.VALUE
    when = day_and_clock(row["at_us"], pane.offset_s)
    parts = [
        (Span(">" if here else " ", Tone.STRONG), 1),
        (Span(f"#{row['seq']}", tone, act), 9),
        (Span(when if pane.width >= WITH_YEAR_MIN else when[5:], tone, act), _when_width(pane)),
        (Span(row["kind"], tone, act), 18),
        (Span(row["op"][:8] or "-", tone, act), 9),
        (Span(row["session8"][:6] or "-", tone, act), 9),
        (Span(row["alias8"][:6] or "-", tone, act), 8),
    ]
    return cut(columns(parts), pane.width)


def _shot(row: Mapping[str, Any], pane: Pane, no: int, *, here: bool) -> Line:
    if "kind" in row:
        return _record(row, pane, no, here=here)
    act = f"choose({no})"
    tone = Tone.STRONG if here else Tone.VALUE
    done = row["phase"] == "DONE"
    when = day_and_clock(row["at_us"], pane.offset_s)
    lo_nl, hi_nl = row["dose_lo_nl"], row["dose_hi_nl"]
    dose = bare_dose(hi_nl) if lo_nl == hi_nl else f"{bare_dose(lo_nl)}-{bare_dose(hi_nl)}"
    area_width, depth_width, dose_width, outcome_width = _widths(pane)
    return columns(
        [
            (Span(">" if here else " ", Tone.STRONG), 1),
            (Span(f"#{row['seq']}", tone, act), 9),
            (Span(when if pane.width >= WITH_YEAR_MIN else when[5:], tone, act), _when_width(pane)),
            (Span(_short(row["area"]), tone, act), area_width),
            (Span(bare_depth(row["depth_um"]), tone, act), depth_width),
            (Span(dose, tone, act), dose_width),
            (Span(row["phase"], tone if done else Tone.WARN, act), outcome_width),
            (Span("SIM" if row["simulated"] else "   ", Tone.DIM), 3),
        ]
    )


def _when_width(pane: Pane) -> int:
    return 20 if pane.width >= WITH_YEAR_MIN else 15


def _short(area: str) -> str:
    known = catalogue().get(area)
    return known.short if known is not None else area


def keys_row(
    known: Known, history: History, pane: Pane, *, in_full: bool, record: Mapping[str, Any] | None = None
) -> Line:
    """Return the keys, or what has to be said first.

    Args:
        known: Its keys, and what the host would take.
        history: The page.
        pane: Its room.
        in_full: A record stands in the room of the page.
        record: That record; None while it is read.
    """
    why = why_not(known.snapshot, "page")
    if known.said and not in_full:  # above a record there is room for all of it
        return cut(line(warn(f" {known.said}")), pane.width)
    if history.has_read and (history.problem or why):
        return cut(line(warn(f" {say('history.refused', why=history.problem or why)}")), pane.width)
    row: list[Span] = [Span(" ")]
    if in_full:
        row += key("Esc", say("history.back"), "back")
        row += key(known.keys["history.copy"], say("history.copy"), "copy")
        for what in ("amend", "reaction"):
            if record is not None and not record[what]["why"] and may(known.snapshot, "afterwards"):
                row += key(known.keys[f"history.{what}"], say(f"{what}.key"), what)
        return cut((*row, dim(say("history.scroll"))), pane.width)
    row += [
        *key(known.keys["history.in_full"], say("history.in_full"), "in_full"),
        *key(known.keys["history.jump"], say("history.jump"), "jump"),
    ]
    row += key(known.keys["history.verify"], say("history.verify"), "verify")
    row.append(_verified(known) or dim(say("history.reading" if history.wanted else _page_name(history))))
    return cut(tuple(row), pane.width)


def _verified(known: Known) -> Span | None:
    """Return how far the verification is, or how it ended; None before the first."""
    verify = known.snapshot.get("verify")
    if verify is None:
        return None
    if verify["state"] == "running":
        percent = 100 * verify["done"] // verify["of"] if verify["of"] else 0
        return Span(say("history.verifying", percent=percent))
    if verify["state"] == "held":
        return strong(say("history.held", records=verify["done"]))
    return warn(say("history.broken", text=verify["text"]))


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
    mark = [warn(say("history.is_amended"))] if record["amendments"] else []
    rows = [line(strong(f"#{record['seq']}"), f" {record['kind']}", *mark), dim_row(say("history.proof"), pane.width)]
    rows += [line(dim(say("history.leaf"))), *_hash_rows(record["leaf"], pane)]
    rows += [*_proven_rows(record["proof"], pane), dim_row(say("history.fields"), pane.width)]
    rows += [*_field_rows(record["fields"], record["amendments"], pane), *_path_rows(record["proof"], pane)]
    return rows


def _amended_rows(amendments: Sequence[Mapping[str, Any]], field: str, pane: Pane) -> list[Line]:
    """Return what is to be read in place of a field that stands above as it was recorded."""
    rows: list[Line] = []
    for one in amendments:
        if one["field"] == field:
            [(_, new)] = _flat(one["new"])
            when = day_and_clock(one["at_us"], pane.offset_s)
            told = say("history.amended", new=new, seq=one["seq"], reason=one["reason"], when=when)
            rows += wrap(told, pane.width, Tone.WARN)
    return rows


def _proven_rows(proof: Mapping[str, Any] | None, pane: Pane) -> list[Line]:
    """Return what stands above the record, and whether it does."""
    if proof is None:
        return wrap(say("history.no_checkpoint"), pane.width)
    if proof["problem"]:
        return wrap(say("history.not_proven", why=proof["problem"]), pane.width, Tone.WARN)
    return wrap(say("history.proven", size=proof["size"], steps=len(proof["path"])), pane.width)


def _path_rows(proof: Mapping[str, Any] | None, pane: Pane) -> list[Line]:
    """Return the audit path, leaf end first, and the root: last, for it is long and for checking by other means."""
    if proof is None or not proof["path"]:
        return []
    steps = [row for step in proof["path"] for row in _hash_rows(step, pane)]
    root = [line(dim(say("history.root"))), *_hash_rows(proof["root"], pane)]
    return [dim_row(say("history.path"), pane.width), *steps, *root]


def _hash_rows(digest: str, pane: Pane) -> list[Line]:
    groups = " ".join(digest[at : at + HASH_GROUP] for at in range(0, len(digest), HASH_GROUP))
    return wrap(groups, min(pane.width, 4 * (HASH_GROUP + 1)))


def proof_text(record: Mapping[str, Any]) -> str:
    """Return a record with all that proves it, as text to be checked by other means."""
    lines = [f"#{record['seq']} {record['kind']}", f"leaf {record['leaf']}"]
    proof = record["proof"]
    if proof is not None:
        lines += [f"size {proof['size']}", f"root {proof['root']}", *(f"path {step}" for step in proof["path"])]
        lines += [proof["problem"]] if proof["problem"] else []
    return "\n".join([*lines, record["fields"], ""])


def _field_rows(text: str, amendments: Sequence[Mapping[str, Any]], pane: Pane) -> list[Line]:
    """Return every field as it was recorded, with what it was amended to."""
    try:
        fields = json.loads(text)
    except ValueError:  # it was cut because it was too long: what came of it is shown as it came
        return [row for one in text.splitlines() for row in wrap(one, pane.width)]
    rows: list[Line] = []
    if fields.get("simulated") is True:
        rows.append(line(warn("SIMULATED")))
    for name, value in _flat(fields):
        if name in TIMES and value.isdigit():
            value += f"  {day_and_clock(int(value), pane.offset_s)}"  # noqa: PLW2901  # the same, as people read it too
        beside = line(dim(f"{name} "), value)
        fits = len(name) + 1 + len(value) <= pane.width
        rows += [beside] if fits else [line(dim(name)), *[(Span("  "), *row) for row in wrap(value, pane.width - 2)]]
        rows += _amended_rows(amendments, name, pane)
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
