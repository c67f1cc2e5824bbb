"""The live screen: the armed area, set against read-back, credit, caps, and the newest shots."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from meso_device.console.lines import (
    Line,
    Pane,
    Span,
    Tone,
    apart,
    cells,
    columns,
    cut,
    dim,
    filled,
    key,
    line,
    strong,
    warn,
    wrap,
)
from meso_device.console.presenters.digits import side_by_side
from meso_device.console.presenters.frame import alarm_span
from meso_device.console.presenters.quantities import (
    bar,
    bare_depth,
    bare_dose,
    clock,
    depth,
    dose,
    dose_between,
    trace,
)
from meso_device.console.state import Known, area_of, is_done, may, next_cell, why_not
from meso_device.console.text import say
from protocols.treatment.areas import catalogue

LABEL: Final = 8
BAR_MAX: Final = 30
BAR_MIN: Final = 6
TRACE_MAX: Final = 24
HIGH_DIGITS_MIN: Final = 30
LAST_SHOT_MAX: Final = 22
ALARMS_SHOWN: Final = 3

_NEXT_STEPS: Final[Mapping[str, tuple[str, Callable[[str], Span]]]] = {
    "unconfirmed": ("live.unconfirmed", strong),
    "estopped": ("live.estopped", warn),
    "fault": ("live.fault", warn),
}


def live_rows(known: Known, pane: Pane) -> list[Line]:
    """Return the live screen, exactly ``pane.height`` rows."""
    snapshot = known.snapshot
    if not snapshot or snapshot["session"] is None:
        return filled(_nothing_open(known, pane), pane.height)
    return treated_rows(known, pane, [_advice(known, pane), _keys(known)])


def treated_rows(known: Known, pane: Pane, bottom: list[Line]) -> list[Line]:
    """Return the session under way above these rows, exactly ``pane.height`` rows in all."""
    snapshot = known.snapshot
    top = [
        _area_row(known, pane),
        *_figures(known, pane),
        _cell_row(known),
        *_setting_rows(known, pane),
        _credit_row(snapshot),
        *_cap_rows(snapshot, known, pane),
        _traces(known, pane),
        dim_row(say("live.shots"), pane.width),
    ]
    room = max(0, pane.height - len(top) - len(bottom) - 1)
    shots = [shot_row(shot, pane) for shot in known.shots[:room]] or [line(dim(f" {say('live.no_shots')}"))]
    return [*filled([*top, *shots], pane.height - len(bottom)), *bottom]


def _nothing_open(known: Known, pane: Pane) -> list[Line]:
    rows: list[Line] = [(), line(strong(f" {say('live.no_session')}")), ()]
    hint = "live.hint_sign_in" if known.snapshot and not may(known.snapshot, "open") else "live.hint_open"
    rows += [line(dim(f" {say(hint, **_named(known))}"))]
    notice = known.snapshot.get("notice")
    if known.said:
        rows += [(), line(warn(f" {known.said}"))]
    elif notice is not None:
        rows += [(), notice_row(notice, pane)]
    return rows


def _area_row(known: Known, pane: Pane) -> Line:
    snapshot = known.snapshot
    area = area_of(snapshot, known.area)
    left: list[Span] = []
    if area is None:
        left = [dim(" "), warn(say("live.no_area"))]
    else:
        point = min(area["given"] + area["skipped"] + 1, area["planned"])
        done = is_done(area)
        left = [dim(" AREA "), strong(f"{area['short']} {area_name(area['id'])}"), Span("   ")]
        left += (
            [Span(say("live.all_points", planned=area["planned"]))]
            if done
            else [
                dim("point "),
                strong(str(point)),
                Span(f" of {area['planned']}"),
            ]
        )
    seconds = snapshot["disarm_in_s"]
    if seconds is not None:
        right = line(strong(say("live.disarm_in", seconds=seconds)), " ")
    elif known.armed:
        right = line(say("live.arming"), " ")
    else:
        upcoming = _upcoming(snapshot, known.area)
        right = line(dim("next "), f"{upcoming} ") if upcoming else ()
    return apart(tuple(left), right, pane.width)


def _cell_row(known: Known) -> Line:
    """Return which cell the hand is at, as it was told; a second pass stands out. Empty for an area in one piece."""
    area = area_of(known.snapshot, known.area)
    if area is None or not area["cells"]:
        return ()
    cell = area["cells"][area["cell"]]
    label = warn("SECOND PASS") if cell["again"] else strong("CELL".ljust(LABEL))
    text = say("cells.row", name=cell["name"], done=cell["done"], planned=cell["planned"])
    return line(" ", label, " " if cell["again"] else "", strong(text), dim(f"   {say('cells.counted')}"))


def _figures(known: Known, pane: Pane) -> list[Line]:
    """What is set and what is left, three rows high where there is room; read from across the chair."""
    area = area_of(known.snapshot, known.area)
    if area is None or pane.height < HIGH_DIGITS_MIN:
        return []
    left = str(known.snapshot["credit"]["shots"]) if known.armed else str(max(0, area["planned"] - area["given"]))
    figures = [
        ("depth", bare_depth(area["depth_um"]), "mm"),
        ("dose", bare_dose(area["dose_nl"]), "mL"),
        (say("live.shots_high") if known.armed else say("live.points_high"), left, ""),
    ]
    return side_by_side(figures, pane.width // 3)


def _upcoming(snapshot: Mapping[str, Any], chosen: str) -> str:
    """Return the code of the area that N goes on with; empty when all others are done."""
    areas = snapshot["areas"]
    at = next((no for no, area in enumerate(areas) if area["id"] == chosen), -1)
    order = [*areas[at + 1 :], *areas[: max(at, 0)]]
    return next((area["short"] for area in order if not is_done(area)), "")


def _setting_rows(known: Known, pane: Pane) -> list[Line]:
    area = area_of(known.snapshot, known.area)
    if area is None:
        return [(), ()]
    last = next((shot for shot in known.shots if shot["area"] == area["short"]), None)
    rows, rests = [], known.snapshot["phase"] == "ready"
    for label, unit, set_, read in (
        ("DEPTH", depth, area["depth_um"], area["read_back_depth_um"]),
        ("DOSE", dose, area["dose_nl"], area["read_back_dose_nl"]),
    ):
        was = "-"
        if last is not None:
            was = depth(last["depth_um"]) if label == "DEPTH" else dose_between(last["dose_lo_nl"], last["dose_hi_nl"])
        wide = 16 if pane.width >= 74 else 13
        rows.append(
            (
                Span(" "),
                *columns(
                    [
                        (strong(label), LABEL),
                        (dim("set"), 4),
                        (strong(unit(set_)), wide - 4),
                        (dim("gun reads"), 10),
                        (Span(unit(read)), wide - 4),
                        (dim("last"), 5),
                        (Span(was), max(10, min(LAST_SHOT_MAX, pane.width - (61 if pane.width >= 74 else 54)))),
                    ]
                ),
                _match(set_, read, rests=rests),
            )
        )
    return rows


def _match(set_: int, read: int | None, *, rests: bool) -> Span:
    """Compare set and read back; between armings a gun has its old setting still, and that is no fault of it."""
    if read is None:
        return dim(say("live.unread"))
    if set_ != read and rests:
        return strong(say("live.old_holds"))
    return Span("MATCH") if set_ == read else Span(" DIFFERS ", Tone.MEDIUM)


def _credit_row(snapshot: Mapping[str, Any]) -> Line:
    credit, log, gun = snapshot["credit"], snapshot["log"], snapshot["gun"]
    row = [Span(" "), strong("CREDIT".ljust(LABEL)), strong(say("live.shots_left", shots=credit["shots"]))]
    row += [Span(f", {dose(credit['nl'])} left     ")]
    if gun is not None and gun["trigger_count"] is not None:
        row += [dim("shots ever: gun "), Span(str(gun["trigger_count"])), dim(", log ")]
        behind = log["head_seq"] != log["committed_seq"]
        row += [warn(str(log["committed_seq"])) if behind else Span(str(log["committed_seq"]))]
    return tuple(row)


def _cap_rows(snapshot: Mapping[str, Any], known: Known, pane: Pane) -> list[Line]:
    """The caps as the host names them, the area's first; without one for the area, its plan."""
    rows = []
    area = area_of(snapshot, known.area)
    caps = [*snapshot["caps"]]
    if area is not None and area["cap_nl"] is not None and not any(cap["name"].startswith("area") for cap in caps):
        given_nl = area["dose_hi_nl"]
        caps.append({"name": "area", "given_nl": given_nl, "held_nl": area["held_nl"], "limit_nl": area["cap_nl"]})
    caps.sort(key=lambda cap: not cap["name"].startswith("area"))
    for cap in caps[: 2 if pane.height < 24 else 6]:
        name = cap["name"].split()[0].upper()
        free_nl = max(0, cap["limit_nl"] - cap["given_nl"] - cap["held_nl"])
        near = (cap["given_nl"] + cap["held_nl"]) * 5 >= cap["limit_nl"] * 4
        figures = line(
            dim("given "),
            bare_dose(cap["given_nl"]),
            dim(" held "),
            bare_dose(cap["held_nl"]),
            dim(" free "),
            strong(bare_dose(free_nl)),
            dim(" of "),
            dose(cap["limit_nl"]),
        )
        label = strong(name.ljust(LABEL))
        size = min(BAR_MAX, max(BAR_MIN, pane.width - cells((*figures, label)) - 5))
        drawn = f"[{bar(cap['given_nl'], cap['held_nl'], cap['limit_nl'], size)}] "
        rows.append(line(" ", label, warn(drawn) if near else Span(drawn), *figures))
    return rows


def _traces(known: Known, pane: Pane) -> Line:
    size = min(TRACE_MAX, max(4, (pane.width - 40) // 2))
    ago = ""
    if known.shots and known.snapshot:
        seconds = max(0, known.snapshot["utc_us"] - known.shots[0]["at_us"]) // 1_000_000
        ago = say("live.ago", seconds=seconds) if seconds < 100 else say("live.ago_long", minutes=seconds // 60)
    left = line(
        dim(" needle "),
        trace(known.needle_um, size).ljust(size),
        dim("  force "),
        trace(known.force_dn, size).ljust(size),
    )
    return apart(left, line(dim(ago), " "), pane.width)


def dim_row(text: str, width: int) -> Line:
    """Return a heading drawn as a rule across the pane."""
    return line(dim(f"─ {text} ".ljust(width, "─")))


def shot_row(shot: Mapping[str, Any], pane: Pane) -> Line:
    """Return one shot that is durable; what did not end as planned stands out."""
    done = shot["phase"] == "DONE"
    ended = shot["phase"] if done or shot["reason"] == "NONE" else f"{shot['phase']} {shot['reason'].replace('_', ' ')}"
    given = dose_between(shot["dose_lo_nl"], shot["dose_hi_nl"])
    return (
        Span(" "),
        *columns(
            [
                (Span(f"#{shot['shot_seq']}"), 9),
                (Span(clock(shot["at_us"], pane.offset_s)), 10),
                (Span(shot["area"]), 6),
                (Span(depth(shot["depth_um"])), 10),
                (Span(given), 18),
            ]
        ),
        Span(ended) if done else warn(ended),
    )


def notice_row(notice: Mapping[str, Any], pane: Pane) -> Line:
    """Return the newest word of the host; what is not mere information stands out."""
    text = f" {clock(notice['at_us'], pane.offset_s)} {notice['text']}"
    return cut(line(dim(text) if notice["kind"] == "info" else warn(text)), pane.width)


def _advice(known: Known, pane: Pane) -> Line:
    """What is to be done next; else the last refusal, else the host's newest word."""
    snapshot = known.snapshot
    if known.said:
        return cut(line(warn(f" {known.said}")), pane.width)
    if snapshot["unknown"] is not None:
        text = say(
            "live.unknown",
            shots=snapshot["unknown"]["shots"],
            dose=dose(snapshot["unknown"]["nl"]),
            unknown=known.keys["live.unknown"],
        )
        return cut(line(warn(f" {text}")), pane.width)
    if snapshot["link"] == "down":
        return cut(line(warn(f" {say('live.away', **_named(known))}")), pane.width)
    if snapshot["phase"] in _NEXT_STEPS:
        key_of_text, span = _NEXT_STEPS[snapshot["phase"]]
        return cut(line(span(f" {say(key_of_text, **_named(known))}")), pane.width)
    if snapshot["findings"]:
        return cut(line(warn(f" {snapshot['findings'][0]['text']}")), pane.width)
    done = _area_done(known)
    if done:
        return cut(line(strong(f" {done}")), pane.width)
    if not known.armed and (why := why_not(snapshot, "arm_open")) and not may(snapshot, "confirm"):
        return cut(line(warn(f" {say('live.not_armable')}: {why}")), pane.width)
    return notice_row(snapshot["notice"], pane) if snapshot["notice"] is not None else ()


def _named(known: Known) -> dict[str, str]:
    """Return the keys that the texts name."""
    named = ("gun", "session", "alarms", "live.confirm", "live.reset")
    return {name.rpartition(".")[2]: known.keys[name] for name in named}


def _area_done(known: Known) -> str:
    """Return what follows an area whose points are all given; empty before."""
    area = area_of(known.snapshot, known.area)
    if known.snapshot["phase"] != "ready" or area is None or not is_done(area):
        return ""
    upcoming = _upcoming(known.snapshot, known.area)
    if upcoming:
        return say("live.area_done", short=area["short"], upcoming=upcoming, next=known.keys["live.next"])
    return say("live.plan_done", finish=known.keys["live.finish"])


def _keys(known: Known) -> Line:
    """The keys that do something now, the most likely one first."""
    snapshot = known.snapshot
    if known.armed:
        row = [
            *key(known.keys["live.pause"], say("key.pause"), "pause"),
            Span("  "),
            dim(say("live.any_key", stop=known.keys["stop"])),
        ]
        return (Span(" "), *row)
    row = [Span(" ")]
    if may(snapshot, "confirm"):
        row += key(known.keys["live.confirm"], say("key.confirm"), "confirm")
    if snapshot["phase"] in {"estopped", "fault"}:
        act = say("key.reset" if snapshot["phase"] == "estopped" else "key.clear_fault")
        row += key(known.keys["live.reset"], act, "reset")
    if may(snapshot, "arm_open"):
        row += key(known.keys["live.arm"], say("key.arm"), "arm")
    area = area_of(snapshot, known.area)
    if snapshot.get("overridable") and may(snapshot, "override"):
        row += key(known.keys["live.override"], say("key.override"), "override")
    cell = next_cell(area) if area is not None else None
    row += key(known.keys["live.next"], say("key.next" if cell is None else "key.next_cell"), "next_area")
    if may(snapshot, "plan"):
        row += key(known.keys["live.skip"], say("key.skip"), "skip")
        row += key(known.keys["live.note"], say("key.note"), "note")
    if snapshot["unknown"] is not None:
        row += key(known.keys["live.unknown"], say("key.unknown"), "unknown")
    row += key(known.keys["live.finish"], say("key.finish"), "finish")
    if snapshot.get("clinic") is not None:
        row += key(known.keys["live.patient"], say("key.patient"), "patient")
    return tuple(row)


def area_name(area: str) -> str:
    """Return what people call an area."""
    known = catalogue().get(area)
    return known.name if known is not None else area


def context_rows(known: Known, pane: Pane) -> list[Line]:
    """Return what a wide terminal shows beside the live screen: the plan, what forbids arming, the host's words."""
    snapshot = known.snapshot
    if not snapshot or snapshot["session"] is None:
        return []
    rows: list[Line] = [line(strong(f" {say('context.plan')}"))]
    for area in snapshot["areas"][: max(4, pane.height // 2)]:
        here = area["id"] == known.area
        tone = Tone.CURSOR if here else Tone.VALUE
        text = f"{'>' if here else ' '}{area['short']:<5}{area['given']:>4} / {area['planned']:<4}"
        text += f"{bare_dose(area['dose_hi_nl']):>8} mL"
        rows.append(line(Span(text.ljust(pane.width), tone, f"pick('{area['id']}')")))
    rows += [(), line(strong(f" {say('context.forbids')}"))]
    against = [finding["text"] for finding in snapshot["findings"]] + list(snapshot["blocked"])
    if not may(snapshot, "arm_open") and not known.armed:
        against.insert(0, why_not(snapshot, "arm_open"))
    rows += [line(warn(f" {text}")) for text in against] or [line(dim(f" {say('context.nothing')}"))]
    rows += [(), line(strong(f" {say('context.alarms')}"))]
    alarms = [alarm for alarm in snapshot["alarms"] if alarm["state"] == "active" or not alarm["by"]]
    rows += [line(" ", alarm_span(alarm, pane)) for alarm in alarms[:ALARMS_SHOWN]]
    rows += [] if alarms else [line(dim(f" {say('context.nothing')}"))]
    rows += [(), line(strong(f" {say('context.words')}"))]
    return [cut(row, pane.width) for row in filled([*rows, *words_rows(snapshot, pane)], pane.height)]


def words_rows(snapshot: Mapping[str, Any], pane: Pane) -> list[Line]:
    """Return what the host said, newest first, each in as many rows as it takes."""
    rows: list[Line] = []
    for notice in reversed(snapshot["notices"]):
        tone = Tone.DIM if notice["kind"] == "info" else Tone.WARN
        first, *rest = wrap(notice["text"], pane.width - 7, tone)
        rows.append((Span(f" {clock(notice['at_us'], pane.offset_s)[:5]} ", Tone.DIM), *first))
        rows += [(Span(" " * 7), *row) for row in rest]
    return rows
