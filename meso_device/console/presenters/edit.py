"""What the dialogs that change the plan say: setpoints, reasons, cells, notes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from meso_device.console.entry import NumberEntry
from meso_device.console.lines import Line, Pane, Span, Tone, columns, dim, key, line, strong, warn, wrap
from meso_device.console.presenters.dialogs import choice_rows
from meso_device.console.presenters.live import area_name
from meso_device.console.presenters.quantities import depth, dose
from meso_device.console.text import say

SETPOINTS: Final = ("depth", "dose", "points")
UNITS: Final[Mapping[str, str]] = {"depth": "mm", "dose": "mL", "points": ""}


def setpoints_of(area: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return name, value and the file's value of each setpoint of an area."""
    return [
        ("depth", depth(area["depth_um"]), depth(area["file_depth_um"])),
        ("dose", dose(area["dose_nl"]), dose(area["file_dose_nl"])),
        ("points", str(area["points"]), str(area["file_points"])),
    ]


def edit_rows(area: Mapping[str, Any], pane: Pane, at: int, entry: NumberEntry, said: str) -> list[Line]:
    """Return the first act of an edit: the setpoints, one of them being written."""
    rows: list[Line] = [
        line(strong(say("edit.title", short=area["short"], name=area_name(area["id"])))),
        (),
        line(dim(f"  {'':<8}{say('edit.now'):<12}{say('edit.file'):<12}{say('edit.new')}")),
    ]
    for no, (name, now, filed) in enumerate(setpoints_of(area)):
        here = no == at
        field = Span(f" {entry.text if here else '':<13}", Tone.FIELD_ACTIVE if here else Tone.FIELD, f"field({no})")
        marker = ">" if here else " "
        row = columns([(strong(marker), 2), (strong(name), 8), (now, 12), (dim(filed), 12)])
        rows.append((*row, field, dim(f" {UNITS[name]}")))
    rows += [(), *wrap(say("edit.rule"), pane.width, Tone.DIM), ()]
    rows.append(
        (*key("Enter", say("edit.look")), *key("↑↓", say("edit.other")), *key("Esc", say("key.back"), "cancel"))
    )
    return rows + (wrap(said, pane.width, Tone.WARN) if said else [])


def confirm_rows(offer: Mapping[str, Any], pane: Pane, entry: NumberEntry, left_s: int, said: str) -> list[Line]:
    """Return the second act: what it would be, and what has to be typed again."""
    rows: list[Line] = [
        line(strong(say("edit.confirm", short=offer["short"]))),
        (),
        *wrap(offer["offered"], pane.width, Tone.STRONG),
        (),
        *wrap(say("edit.holds"), pane.width),
        (),
    ]
    if offer["typed"]:
        rows += wrap(say("edit.far"), pane.width, Tone.WARN)
        field = Span(f" {entry.text:<13}", Tone.FIELD_ACTIVE)
        rows.append(line(f"{say('edit.retype', typed=offer['typed'])} ", field))
        keys = [*key("Enter", say("edit.take"))]
    else:
        keys = [*key("C", say("edit.take"), "take")]
    rows += [(*keys, *key("Esc", say("edit.leave"), "cancel"))]
    rows.append(line(dim(say("dialog.lapses", seconds=left_s))) if left_s else line(warn(say("dialog.lapsed"))))
    return rows + (wrap(said, pane.width, Tone.WARN) if said else [])


def reason_rows(
    title: str, note: str, texts: Sequence[str], at: int, pane: Pane, said: str, taken: str = "unknown.next"
) -> list[Line]:
    """Return a choice, of reasons unless its key is said by another text of the catalogue."""
    rows: list[Line] = [line(strong(title)), (), *wrap(note, pane.width), ()]
    rows += [*choice_rows(texts, at), (), (*key("Enter", say(taken)), *key("Esc", say("key.back"), "cancel"))]
    return rows + (wrap(said, pane.width, Tone.WARN) if said else [])


def cells_rows(area: Mapping[str, Any], pane: Pane, at: int, said: str) -> list[Line]:
    """Return the cells of an area, planned against given, the cursor at one of them."""
    rows: list[Line] = [
        line(strong(say("cells.title", short=area["short"], name=area_name(area["id"])))),
        line(dim(say("cells.counted"))),
        (),
        line(dim(f"  {say('cells.cell'):<8}{say('cells.done'):>6}{say('cells.planned'):>9}")),
    ]
    for no, cell in enumerate(area["cells"]):
        state = cell_state(area, no)
        text = f"{'>' if no == at else ' '} {cell['name']:<8}{cell['done']:>6}{cell['planned']:>9}   {state}"
        rows.append(line(Span(text.ljust(44), Tone.CURSOR if no == at else Tone.VALUE, f"choose({no})")))
    keys = [*key("Enter", say("cells.choose"))]
    if not any(cell["done"] for cell in area["cells"]):
        keys += key("J", say("cells.join"), "join")
    rows += [(), (*keys, *key("Esc", say("key.back"), "cancel"))]
    return rows + (wrap(said, pane.width, Tone.WARN) if said else [])


def cell_state(area: Mapping[str, Any], no: int) -> str:
    """Return how a cell stands, in a word."""
    cell = area["cells"][no]
    if cell["again"]:
        return say("cells.again")
    if no == area["cell"]:
        return say("cells.here")
    return say("cells.full") if cell["done"] >= cell["planned"] else ""


def split_rows(area: Mapping[str, Any], pane: Pane, entry: NumberEntry, said: str) -> list[Line]:
    """Return the question in how many cells an area is to be gone over."""
    rows: list[Line] = [
        line(strong(say("cells.title", short=area["short"], name=area_name(area["id"])))),
        line(dim(say("cells.counted"))),
        (),
        *wrap(say("cells.why"), pane.width),
        (),
        line(f"{say('cells.many', points=area['points'])} ", Span(f" {entry.text:<4}", Tone.FIELD_ACTIVE)),
        (),
        (*key("Enter", say("cells.split")), *key("Esc", say("key.back"), "cancel")),
    ]
    return rows + (wrap(said, pane.width, Tone.WARN) if said else [])
