"""The plan: the body map and the same as a table; an area is chosen by arrows, by its code or by the mouse."""

from collections.abc import Iterator
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from meso_device.bodymap.grid import Grid, grid, size_for
from meso_device.bodymap.views import VIEW_OF, VIEWS
from meso_device.console import keys
from meso_device.console.lines import Line, Span, Tone, cells, cut, dim, key, line, warn
from meso_device.console.map_rows import map_rows
from meso_device.console.presenters.plan import plan_rows, zone_states
from meso_device.console.screens.base import Page
from meso_device.console.screens.edit import EditDialog, open_planning
from meso_device.console.screens.reasons import CellsDialog
from meso_device.console.state import area_of, may, why_not
from meso_device.console.text import say
from meso_device.console.widgets.sheet import Sheet
from protocols.treatment.areas import catalogue

ARROWS: Final = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
CODE_MAX: Final = 3


class PlanScreen(Page):
    """Where is treated, how deep, how much, and how far it has come."""

    PAGE = "plan"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("plan")]

    def __init__(self) -> None:
        super().__init__()
        self._view = ""
        self._selected = ""
        self._typed = ""
        self._unknown_code = ""
        self._caps = False

    def inside(self) -> Iterator[Widget]:
        """Yield map, table and keys."""
        with Horizontal(id="columns"):
            yield Sheet(id="map")
            yield Sheet(id="table")
        yield Sheet(id="keys_row")

    @property
    def selected(self) -> str:
        """Id of the area chosen here; at first the one that is treated next."""
        return self._selected or self.console.known.area

    @property
    def view(self) -> str:
        """The view shown: the one asked for, else that of the area."""
        return self._view or VIEW_OF.get(self.selected, "face")

    def paint_body(self) -> None:
        """Draw map, table and keys."""
        known, selected = self.console.known, self.selected
        shown, pane = self._grid(), self.pane("map")
        states = zone_states(known, selected)
        self.sheet("map").show([self._tabs(), *map_rows(shown, states), cut(line(dim(say("plan.legend"))), pane.width)])
        self.sheet("table").show(plan_rows(known, self.pane("table"), selected, caps=self._caps))
        self.sheet("keys_row").show([self._keys()])

    def _grid(self) -> Grid:
        size = self.sheet("map").size
        return grid(self.view, size_for(size.width, size.height - 2))

    def _tabs(self) -> Line:
        row: list[Span] = []
        for no, name in enumerate(VIEWS, 1):
            here = name == self.view
            act = f"view('{name}')"
            row += [
                Span(f"{no}", Tone.KEY, act),
                Span(f" {say(f'plan.view_{name}')}", Tone.CURSOR if here else Tone.VALUE, act),
            ]
            row.append(Span(" "))
        return tuple(row)

    def _keys(self) -> Line:
        row: list[Span] = [Span(" ")]
        if self._unknown_code:
            row += [warn(say("plan.unknown_code", typed=self._unknown_code)), Span("  ")]
        elif self._typed:
            row += [Span(say("plan.code", typed=self._typed), Tone.STRONG), Span("  ")]
        if self.console.known.said:
            return (*row, warn(self.console.known.said))
        snapshot, names = self.console.known.snapshot, self.console.known.keys
        if area_of(snapshot, self.selected) is not None:
            row += key(names["plan.choose"], say("plan.choose"), "choose")
            for act in ("edit", "cells", "remove", "caps"):
                row += key(names[f"plan.{act}"], say(f"plan.{act}"), act)
        elif self._is_left_out:
            row += key(names["plan.add"], say("plan.add"), "add")
        hint = dim(say("plan.pick"))
        return (*row, hint) if cells((*row, hint)) <= self.pane("keys_row").width else tuple(row)

    @property
    def _is_left_out(self) -> bool:
        left_out = self.console.known.snapshot.get("left_out", ())
        return any(area["id"] == self.selected for area in left_out)

    def on_key(self, event: events.Key) -> None:
        """Move on the map, or jump to a code."""
        if event.key in ARROWS:
            event.stop()
            self._select(self._grid().towards(self.selected, *ARROWS[event.key]))
        elif event.key in {"tab", "shift+tab"}:
            event.stop()
            self._step(1 if event.key == "tab" else -1)
        elif event.key in {"backspace", "escape"}:
            event.stop()
            self._typed = self._typed[:-1] if event.key == "backspace" else ""
            self._unknown_code = ""
            self.paint()
        elif event.character and _may_be_code(self._typed, event.character):
            event.stop()
            self._type(event.character.upper())

    def _type(self, letter: str) -> None:
        self._typed, self._unknown_code = self._typed + letter, ""
        codes = {area.short: area.id for area in catalogue().values()}
        fitting = [code for code in codes if code.startswith(self._typed)]
        if self._typed in codes:
            self._selected, self._view = codes[self._typed], ""
        if not fitting or len(self._typed) >= CODE_MAX:
            self._unknown_code = "" if fitting else self._typed
            self._typed = ""
        elif fitting == [self._typed]:
            self._typed = ""
        self.paint()

    def _step(self, step: int) -> None:
        """Go through the areas of the plan in their order."""
        areas = [area["id"] for area in self.console.known.snapshot.get("areas", ())]
        if areas:
            at = areas.index(self.selected) if self.selected in areas else -step
            self._view = ""
            self._select(areas[(at + step) % len(areas)])

    def _select(self, area: str) -> None:
        self._typed = self._unknown_code = ""
        self._selected = area
        self.paint()

    def action_pick(self, area: str) -> None:
        """Choose an area by mouse."""
        self._view = ""
        self._select(area)

    def action_view(self, view: str) -> None:
        """Show another side."""
        self._view = view
        self.paint()

    def action_caps(self) -> None:
        """Show the caps in the place of the skin, or the skin again."""
        self._caps = not self._caps
        self.paint()

    def action_edit(self) -> None:
        """Edit depth, dose or points of the area at the cursor."""
        if self._may_plan():
            self.console.open_dialog(EditDialog(self.selected))

    def action_cells(self) -> None:
        """Split the area, or choose its cell."""
        if self._may_plan():
            self.console.open_dialog(CellsDialog(self.selected))

    def action_remove(self) -> None:
        """Leave the area out of the plan, in two acts."""
        if self._may_plan():
            open_planning(self.console, self.selected, "out")

    def action_add(self) -> None:
        """Put an area back into the plan, in two acts."""
        open_planning(self.console, self.selected, "in")

    def _may_plan(self) -> bool:
        """Return whether the plan can be changed here and now; say why not."""
        snapshot = self.console.known.snapshot
        if area_of(snapshot, self.selected) is None:
            self.console.tell(say("plan.not_planned"))
        elif not may(snapshot, "plan"):
            self.console.tell(why_not(snapshot, "plan"))
        else:
            return True
        return False

    async def action_choose(self) -> None:
        """Take the area to the live screen, where it is armed."""
        if area_of(self.console.known.snapshot, self.selected) is not None:
            self.console.known.chosen = self.selected
            self._selected = self._view = ""
            await self.console.show_page("live")


def _may_be_code(typed: str, letter: str) -> bool:
    """Return whether a key goes on with a code: one begins with a letter that is no key here, a digit is a view."""
    if typed:
        return letter.isascii() and letter.isalnum()
    return any(area.short.startswith(letter.upper()) for area in catalogue().values())
