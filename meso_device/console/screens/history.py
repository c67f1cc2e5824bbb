"""The history: every shot of this data directory, a page at a time, and each record with what proves it."""

import time
from collections.abc import Iterator
from typing import ClassVar

from msgspec.structs import replace
from textual import events
from textual.binding import BindingType
from textual.widget import Widget

from meso_device.console import keys
from meso_device.console.client import Body
from meso_device.console.history import AREA, JUMP, LONGEST, LOT, PATIENT, SINCE, UNTIL, History, day_us, takes
from meso_device.console.lines import Line, Pane, Span, Tone, wrap
from meso_device.console.presenters.history import filter_rows, keys_row, page_rows, proof_text, record_rows, scrolled
from meso_device.console.presenters.settings import DATA, TABS
from meso_device.console.screens.afterwards import ReactionDialog, open_amending
from meso_device.console.screens.base import Page
from meso_device.console.screens.settings import SettingsScreen
from meso_device.console.state import may, why_not
from meso_device.console.text import say
from meso_device.console.widgets.sheet import Sheet
from meso_device.screen_messages import ToHost
from protocols.treatment.areas import catalogue


class HistoryScreen(Page):
    """Rows are asked for in pages; the terminal is given those that are seen."""

    PAGE = "history"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("history")]

    def __init__(self) -> None:
        super().__init__()
        self._history = History(-time.timezone)
        self._typing: tuple[str, str] | None = None
        self._in_full = False
        self._top = 0
        self._is_asking = False
        self._record_seq = -1
        self._is_stale = False
        self._record: Body | None = None
        self._record_refusal = ""

    def inside(self) -> Iterator[Widget]:
        """Yield filters, page and keys."""
        yield Sheet(id="filters")
        yield Sheet(id="rows")
        yield Sheet(id="keys_row")

    def on_screen_resume(self) -> None:
        """Read again: more may have been recorded meanwhile, and somebody else be signed in."""
        self._history.again()
        self._is_stale = True

    # --- drawing --------------------------------------------------------------------------------

    def paint_body(self) -> None:
        """Draw the page, or a record in full."""
        self._ask()
        known, history, pane = self.console.known, self._history, self.pane("rows")
        self.sheet("filters").show(filter_rows(known, history, self.pane("filters"), self._typing))
        if self._in_full:
            narrow = replace(pane, width=pane.width - 2)
            said = wrap(known.said, narrow.width, Tone.WARN) if known.said else []
            room = replace(narrow, height=max(1, pane.height - len(said)))
            rows, self._top = scrolled(self._record_rows(narrow), room, self._top)
            self.sheet("rows").show([(Span(" "), *row) for row in (*said, *rows)])
        else:
            self.sheet("rows").show(page_rows(known, history, pane))
        self.sheet("keys_row").show([self._keys_row()])

    def _keys_row(self) -> Line:
        record = self._record_shown() if self._in_full else None
        return keys_row(self.console.known, self._history, self.pane("keys_row"), in_full=self._in_full, record=record)

    def context(self, pane: Pane) -> list[Line]:
        """Return the record of the row chosen."""
        if self._history.chosen is None:
            return []
        rows = self._record_rows(replace(pane, width=pane.width - 1))
        return [(Span(" "), *row) for row in rows]

    def _record_rows(self, pane: Pane) -> list[Line]:
        return record_rows(self._record_shown(), self._record_refusal if self._is_here else "", pane)

    @property
    def _is_here(self) -> bool:
        """Whether what was read last is the record of the row chosen."""
        chosen = self._history.chosen
        return chosen is not None and chosen["seq"] == self._record_seq

    def _record_shown(self) -> Body | None:
        return self._record if self._is_here else None

    # --- asking ---------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask the host for what is missing: one thing at a time, and nothing that it would refuse."""
        history = self._history
        if self._is_asking or not may(self.console.known.snapshot, "page"):
            return
        if history.wanted:
            self._is_asking = True
            self.console.ask(ToHost.PAGE, self._page_came, **history.question())
        elif (
            history.chosen is not None
            and (self._is_stale or not self._is_here)
            and (self._in_full or self.sheet("context").display)
        ):
            if not self._is_here:
                self._record = None
            self._is_asking, self._is_stale, self._record_seq = True, False, history.chosen["seq"]
            self._record_refusal = ""
            self.console.ask(ToHost.RECORD, self._record_came, seq=self._record_seq)

    def _page_came(self, answer: Body) -> None:
        self._is_asking = False
        if "rows" in answer:
            self._history.take(answer)
        else:
            self._history.refused(answer["text"])
        self.paint()

    def _record_came(self, answer: Body) -> None:
        self._is_asking = False
        if answer["outcome"] == "done":
            self._record = answer
        else:
            self._record, self._record_refusal = None, answer["text"]
        self.paint()

    # --- keys -----------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Write what is being typed, scroll the record, or move on the page."""
        if self._typing is not None:
            event.stop()
            self._type(*self._typing, event)
        elif event.key in {"escape", "enter"} and self._in_full:
            event.stop()
            self.action_back()
        elif (steps := self._steps(event.key)) is not None:
            event.stop()
            self._move(steps)

    def _steps(self, key: str) -> int | None:
        page = max(1, self.pane("rows").height - 2)
        steps = {"up": -1, "down": 1, "pageup": -page, "pagedown": page, "end": 1_000}
        if key == "home":
            self.action_newest()
            return 0
        return steps.get(key)

    def _move(self, steps: int) -> None:
        if self._in_full:
            self._top += steps
        elif steps:
            self._history.move(steps)
        self.paint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go on by a few rows."""
        event.stop()
        self._move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go back by a few rows."""
        event.stop()
        self._move(-3)

    def _type(self, what: str, text: str, event: events.Key) -> None:
        letter = event.character or ""
        if event.key == "escape":
            self._typing = None
        elif event.key == "enter":
            self._typing = None
            self._typed(what, text)
        elif event.key == "backspace":
            self._typing = what, text[:-1]
        elif takes(what, letter):
            letter = letter.upper() if what == AREA else letter
            self._typing = what, (text + letter)[: LONGEST[what]]
        self.paint()

    def _typed(self, what: str, text: str) -> None:
        match what:
            case "history.type_jump":
                if text:
                    self._history.jump(int(text))
            case "history.type_patient":
                self._history.keep(alias=text.lower())
            case "history.type_lot":
                self._history.keep(lot=text)
            case "history.type_since" | "history.type_until":
                self._day(what, text)
            case _:
                self._area(text)

    def _day(self, what: str, text: str) -> None:
        try:
            day_us(text, 0)
        except ValueError:
            self.console.tell(say("history.no_day", typed=text))
            return
        self._history.keep(**{"since" if what == SINCE else "until": text})

    def _area(self, text: str) -> None:
        found = next((area.id for area in catalogue().values() if area.short == text), "")
        if text and not found:
            self.console.tell(say("plan.unknown_code", typed=text))
        else:
            self._history.keep(area=found)

    def action_area(self) -> None:
        """Begin to type the code of an area; none takes the filter away."""
        self._begin(AREA)

    def action_patient(self) -> None:
        """Begin to type how a patient's pseudonym begins; none takes the filter away."""
        self._begin(PATIENT)

    def action_lot(self) -> None:
        """Begin to type a lot; none takes the filter away."""
        self._begin(LOT)

    def action_since(self) -> None:
        """Begin to type the first day; none takes the filter away."""
        self._begin(SINCE)

    def action_until(self) -> None:
        """Begin to type the last day; none takes the filter away."""
        self._begin(UNTIL)

    def action_kinds(self) -> None:
        """Show records of every kind, or shots alone."""
        self._in_full = False
        self._history.keep(every_kind=not self._history.every_kind)
        self.paint()

    def action_verify(self) -> None:
        """Verify the whole log, in a process of its own."""
        self.console.ask(ToHost.VERIFY)

    def action_copy(self) -> None:
        """Give the record of the row chosen to the terminal's clipboard."""
        if self._record is None:
            self.console.tell(say("history.nothing_to_copy"))
            return
        record = self._record
        self.console.copy_to_clipboard(proof_text(record))
        self.console.tell(say("history.copied", seq=record["seq"]))

    def action_amend(self) -> None:
        """Correct a field of the record that is open, where it and whoever is signed in allow that."""
        if (record := self._open_record("amend")) is not None:
            open_amending(self.console, record, self._amended)

    def _amended(self, _answer: Body) -> None:
        self.console.tell(say("amend.done"))  # the record is read again as this screen comes back

    def action_reaction(self) -> None:
        """Tell of a reaction that followed the session of the record that is open."""
        if (record := self._open_record("reaction")) is not None:
            self.console.open_dialog(ReactionDialog(record, self._reacted))

    def _reacted(self, answer: Body) -> None:
        """Show it: it is the newest record of its session."""
        self._in_full = False
        self._history.keep(every_kind=True, session=answer["session"])
        self.console.tell(say("reaction.done"))

    def _open_record(self, what: str) -> Body | None:
        """Return the record that is open, or say why this cannot be said of it."""
        record = self._record_shown() if self._in_full else None
        why = say("amend.open_first") if record is None else record[what]["why"]
        why = why or why_not(self.console.known.snapshot, "afterwards")
        if why:
            self.console.tell(why)
            return None
        return record

    async def action_upkeep(self) -> None:
        """Go to where names past their period, the key of the log and its end are seen to."""
        await self.console.show_page("settings")
        shown = self.console.shown
        if isinstance(shown, SettingsScreen):
            shown.action_tab(TABS.index(DATA))

    def action_jump(self) -> None:
        """Begin to type the number of a record."""
        self._begin(JUMP)

    def _begin(self, what: str) -> None:
        self._in_full, self._typing = False, (what, "")
        self.paint()

    def action_session(self) -> None:
        """Show the session under way alone, or all of them."""
        session = self.console.known.snapshot.get("session")
        if self._history.session:
            self._history.keep(session="")
        elif session is not None:
            self._history.keep(session=session["id"])
        else:
            self.console.tell(say("live.no_session"))
            return
        self._in_full = False
        self.paint()

    def action_odd(self) -> None:
        """Show only what did not end as planned, or everything."""
        self._in_full = False
        self._history.keep(deviations=not self._history.deviations)
        self.paint()

    def action_newest(self) -> None:
        """Go to the newest shot, or to the top of the record."""
        if self._in_full:
            self._top = 0
        else:
            self._history.newest()
        self.paint()

    def action_choose(self, no: int) -> None:
        """Choose a row by mouse."""
        self._history.move(no - self._history.at)
        self.paint()

    def action_in_full(self) -> None:
        """Show the record of the row chosen in the room of the page."""
        if self._history.chosen is not None:
            self._in_full, self._top = True, 0
            if self._record_refusal:
                self._record_seq = -1  # asked once more
            self.paint()

    def action_back(self) -> None:
        """Go back to the page."""
        self._in_full = False
        self.paint()
