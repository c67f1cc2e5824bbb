"""The patient's screen: who, which treatment, the checklist, what is fitted. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from meso_device.console.lines import Line, Pane, Span, Tone, columns, cut, dim, flow, key, line, strong, warn, wrap
from meso_device.console.presenters.frame import SHORT_ID
from meso_device.console.presenters.quantities import clock, day_and_clock, dose, dose_between
from meso_device.console.presenters.treatments import choice_rows
from meso_device.console.state import Known, may, why_not
from meso_device.console.text import say

PARTS: Final = ("needle", "head")
SYRINGE: Final = "syringe"
CLEAN: Final = "clean"
LABEL, ANSWER = 30, 12
"""Widths of the checklist's columns."""
Names = Mapping[str, Mapping[str, str]]


def short_alias(alias: str) -> str:
    """Return how a patient is called on every screen."""
    return f"P-{alias[:SHORT_ID]}"


def items(known: Known) -> list[str]:
    """Return the rows of the checklist in their order: questions, parts, syringe, cleaning."""
    return [*(row["item"] for row in known.welcome.get("checklist", ())), *PARTS, SYRINGE, CLEAN]


def who_rows(known: Known, pane: Pane, found: Sequence[Mapping[str, Any]], at: int, names: Names) -> list[Line]:
    """Return who can be chosen; names only where they were asked for."""
    rows: list[Line] = [(), line(" ", strong(say("patient.who"))), ()]
    if not may(known.snapshot, "patient"):
        return [*rows, line(" ", warn(why_not(known.snapshot, "patient")))]
    for no, one in enumerate(found):
        known_as = names.get(one["alias"])
        shown = f"{known_as['name']}, {known_as['born']}, {known_as['chart']}" if known_as else say("patient.hidden")
        row = columns(
            [
                (" > " if no == at else "   ", 3),
                (short_alias(one["alias"]), 12),
                (shown, 40),
                (day_and_clock(one["enrolled_us"], pane.offset_s), 19),
            ]
        )
        tone = Tone.CURSOR if no == at else Tone.VALUE
        rows.append(tuple(span._replace(tone=tone, act=f"point({no})") for span in row))
    if not found:
        rows += [(Span(" "), *row) for row in wrap(say("patient.nobody"), pane.width - 2, Tone.DIM)]
    names_of = known.keys
    keys: list[Span] = [Span(" "), *key(names_of["patient.find"], say("patient.find"), "find")]
    keys += key(names_of["patient.add"], say("patient.add"), "add")
    if found:
        keys += key(names_of["patient.names"], say("patient.names"), "names")
        keys += key(names_of["patient.choose"], say("patient.choose"), "choose")
    return [cut(row, pane.width) for row in [*rows, (), tuple(keys)]]


def treatment_rows(known: Known, pane: Pane, alias: str, at: int) -> list[Line]:
    """Return the treatments to choose from for this patient."""
    choices = known.welcome.get("treatments", ())
    rows: list[Line] = [(), line(" ", strong(say("patient.what", who=short_alias(alias)))), ()]
    rows += choice_rows(choices, at, max(3, pane.height - 7), pane.width)
    rows += [
        (),
        (
            Span(" "),
            *key(known.keys["patient.choose"], say("patient.take"), "choose"),
            *key(known.keys["patient.other"], say("key.back"), "other"),
        ),
    ]
    return [cut(row, pane.width) for row in rows]


def checklist_rows(known: Known, pane: Pane, at: int, names: Names) -> list[Line]:
    """Return what has to be asked and fitted before the first injection, and what is still missing."""
    clinic = known.snapshot["clinic"]
    rows = [_head(clinic, names)]
    for no, item in enumerate(items(known)):
        rows.append(_item_row(clinic, item, pane, cursor=no == at, no=no))
    missing = _missing(clinic)
    total = len(items(known))
    if missing:
        rows.append(line(" ", warn(say("patient.missing", done=total - missing, total=total))))
    elif against := [item for item, answer in clinic["answers"].items() if answer["effect"] != "passes"]:
        rows.append(line(" ", warn(say("patient.against", items=", ".join(against)))))
    else:
        rows.append(line(" ", strong(say("patient.complete"))))
    rows.append(_keys(known, items(known)[min(at, total - 1)]))
    return [cut(row, pane.width) for row in rows]


def context_rows(known: Known, pane: Pane, at: int) -> list[Line]:
    """Return the question in full and what each answer does, for a wide terminal."""
    item = items(known)[min(at, len(items(known)) - 1)]
    asked = next((row for row in known.welcome.get("checklist", ()) if row["item"] == item), None)
    rows: list[Line] = []
    if asked is not None:
        rows += [(Span(" "), *row) for row in wrap(asked["question"], pane.width - 2)]
        rows += [(), line(" ", dim(say("patient.allowed"))), line(f"  {' / '.join(asked['answers'])}")]
    clinic = known.snapshot["clinic"]
    material = clinic["material"]
    rows += [(), line(" ", dim(say("patient.product")))]
    rows += [(Span("  "), *row) for row in wrap(clinic["product"], pane.width - 3)]
    if clinic["smallest_nl"] is not None:
        rows.append(line(dim(f"  {say('patient.smallest', syringe=clinic['syringe'])} "), dose(clinic["smallest_nl"])))
    for lot in material["lots"] if material is not None else ():
        tone = Tone.VALUE if lot["usable"] else Tone.WARN
        rows.append(line(Span(f"  {say('patient.lot', lot=lot['lot'], expiry=lot['expiry'])}", tone)))
    state = row_state(clinic, item)
    if state.note:  # the list may have no room for all of it
        tone = Tone.WARN if state.bad else Tone.VALUE
        rows = [*[(Span(" "), *row) for row in wrap(state.note, pane.width - 2, tone)], (), *rows]
    return [part for row in rows for part in flow(row, pane.width, 4)]


def _head(clinic: Mapping[str, Any], names: Names) -> Line:
    known_as = names.get(clinic["alias"])
    who = f"{known_as['name']}, {known_as['born']}" if known_as else say("patient.hidden")
    return line(
        " ",
        strong(short_alias(clinic["alias"])),
        dim(f" {who}   "),
        Span(clinic["status"], Tone.VALUE if clinic["status"] == "approved" else Tone.WARN),
        f"  {clinic['title']} {clinic['version']}",
    )


def _item_row(clinic: Mapping[str, Any], item: str, pane: Pane, *, cursor: bool, no: int) -> Line:
    mark, text, note, bad = row_state(clinic, item)
    room = max(ANSWER + 1, pane.width - LABEL - 7)
    answer = clinic["answers"].get(item)
    if answer is not None and answer["by"] and not note:
        note = f"{answer['by']} {clock(answer['at_us'], pane.offset_s)}"
    row = columns(
        [
            (" > " if cursor else "   ", 3),
            (f"[{mark}] ", 4),
            (say(f"check.{item}"), LABEL),
            *([(text, ANSWER), (note, room - ANSWER)] if note else [(text, room)]),
        ]
    )
    tone = Tone.CURSOR if cursor else Tone.WARN if bad else Tone.VALUE
    return tuple(span._replace(tone=tone, act=f"point({no})") for span in row)


class RowState(NamedTuple):
    """How a row of the checklist stands.

    Attributes:
        mark: ``x`` there, ``!`` there and against it, a space where it is missing.
        text: What was answered or fitted.
        note: What it leads to.
        bad: It stands against treating.
    """

    mark: str
    text: str
    note: str
    bad: bool


def row_state(clinic: Mapping[str, Any], item: str) -> RowState:
    """Return how a row of the checklist stands."""
    return RowState(*_state(clinic, item))


def _state(clinic: Mapping[str, Any], item: str) -> tuple[str, str, str, bool]:
    material = clinic["material"]
    if item in PARTS:
        serial = clinic["parts"].get(item)
        return ("x", serial, "", False) if serial else (" ", clinic["wanted"][item], "", False)
    if item == SYRINGE:
        cartridge = material["cartridge"] if material is not None else None
        if cartridge is None:
            return " ", say("patient.no_syringe", syringe=clinic["syringe"]), "", False
        left = dose_between(cartridge["left_lo_nl"], cartridge["left_hi_nl"])
        wrong = cartridge["product"] != clinic["product"] or cartridge["syringe"] != clinic["syringe"]
        return "!" if wrong else "x", f"{cartridge['syringe']} {cartridge['lot']}", left, wrong
    if item == CLEAN:
        clean = material is not None and material["clean"]
        return ("x", say("patient.clean"), "", False) if clean else (" ", say("patient.not_clean"), "", True)
    if item == "aftercare":
        given = clinic["aftercare"]
        return (" ", "", "", False) if given is None else ("x", "yes" if given else "no", "", False)
    answer = clinic["answers"].get(item)
    if answer is None:
        return " ", "", "", False
    bad = answer["effect"] != "passes"
    said = ", ".join(answer["ingredients"]) or answer["answer"]
    note = say(f"effect.{answer['effect']}") if bad else say("patient.noted") if answer["noted"] else ""
    return "!" if bad else "x", said, note, bad


def _missing(clinic: Mapping[str, Any]) -> int:
    material = clinic["material"]
    return (
        len(clinic["missing"])
        + (clinic["aftercare"] is None)
        + (material is None or material["cartridge"] is None)
        + (material is None or not material["clean"])
    )


def _keys(known: Known, item: str) -> Line:
    snapshot = known.snapshot
    keys: list[Span] = [Span(" ")]
    if item in PARTS:
        keys += key(known.keys["patient.choose"], say(f"patient.fit_{item}"), "choose")
    elif item == SYRINGE:
        keys += [
            *key(known.keys["patient.choose"], say("patient.load"), "choose"),
            *key(known.keys["patient.list_lot"], say("patient.list_lot"), "list_lot"),
        ]
        keys += key(known.keys["patient.waste"], say("patient.waste"), "waste")
    elif item == CLEAN:
        keys += key(known.keys["patient.choose"], say("patient.cleaned"), "choose")
    else:
        keys += [
            *key(known.keys["patient.yes"], "yes", "answer('yes')"),
            *key(known.keys["patient.no"], "no", "answer('no')"),
        ]
        keys += key(known.keys["patient.choose"], say("patient.write"), "choose")
    if may(snapshot, "begin"):
        keys += key(known.keys["patient.begin"], say("patient.begin"), "begin")
    keys += key(known.keys["patient.names"], say("patient.names"), "names")
    return tuple(keys)
