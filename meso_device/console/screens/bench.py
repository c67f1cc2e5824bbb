"""The bench: a technician's wizard from the kind of a run to its two signatures.

What a run is to be is kept here until it begins; from then on its records are what there is, and this screen shows
them: it can be left and opened again at any moment.
"""

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from meso_device.console import forms_bench, keys
from meso_device.console.client import Body
from meso_device.console.lines import Line, Pane
from meso_device.console.presenters.bench import KINDS, Choice, bench_context, bench_rows, run_shown
from meso_device.console.presenters.bench_figures import adjust_rows
from meso_device.console.reading import ReadingEntry
from meso_device.console.screens.arm import TypedDialog
from meso_device.console.screens.ask import AskDialog
from meso_device.console.screens.base import Page
from meso_device.console.state import may, why_not
from meso_device.console.text import say
from meso_device.console.typed import Heard
from meso_device.screen_messages import ToHost

ADJUST_MS = 120_000
"""The confirmation lapses by then: whoever has looked away looks at the figures again."""


class BenchScreen(Page):
    """Kind, identify, as found, adjust, as left, verdict, sign."""

    PAGE = "bench"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("bench")]

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self._typed: dict[str, dict[str, str]] = {}
        self._prepared: Body | None = None
        self._put_aside = ""
        self._entry = ReadingEntry()

    # --- drawing ------------------------------------------------------------------------------------

    @property
    def _run(self) -> Body | None:
        run = run_shown(self.console.known.snapshot, anew=self._anew)
        return None if run is None else dict(run)

    @property
    def _anew(self) -> bool:
        run = self.console.known.snapshot.get("bench")
        return run is not None and run["run"] == self._put_aside

    def paint_body(self) -> None:
        """Draw the step."""
        run = self._run
        if run is not None and run["running"]:
            self._prepared = None
        if run is not None and run["asked"] is not None:
            self._entry.ask(run["asked"]["no"], run["asked"]["unit"])
        choice = Choice(self._at, self._prepared, self._anew, self._entry)
        self.sheet("main").show(bench_rows(self.console.known, self.pane(), choice))

    def context(self, pane: Pane) -> list[Line]:
        """Return instruments, readings and the host's words."""
        return bench_context(self.console.known, pane, anew=self._anew)

    # --- keys ---------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Key a reading in, or move the cursor."""
        run = self._run
        if run is None:
            steps = {"up": -1, "down": 1}
            if event.key in steps and self._prepared is None:
                event.stop()
                self.action_point((self._at + steps[event.key]) % len(KINDS))
            return
        if run["asked"] is None or not self._entry.takes(event.key, event.character):
            return
        event.stop()
        event.prevent_default()
        heard = self._entry.press(event.key, event.character, self.console.key_ms(event))
        if heard is Heard.GIVEN:
            self._give()
        elif heard is Heard.TOO_FAST:
            self.console.tell(say("dialog.too_fast"))
        else:
            self.paint()

    def on_paste(self, event: events.Paste) -> None:
        """A reading is keyed in or it is none."""
        event.stop()
        if self._run is not None:
            self._entry.refuse()
            self.console.tell(say("dialog.no_paste"))

    def action_point(self, number: int) -> None:
        """Move the cursor."""
        self._at = number
        self.paint()

    async def action_choose(self) -> None:
        """Go one step on."""
        run = self._run
        if run is not None:
            if run["asked"] is not None and self._entry.text:
                self._give()
        elif self._may("bench"):
            if self._prepared is None:
                self._identify()
            else:
                self._ask(ToHost.BENCH_BEGIN)

    async def action_back(self) -> None:
        """Go one step back, as long as nothing is recorded."""
        if self._run is not None:
            return
        if self._prepared is None:
            await self.console.show_page("gun")
            return
        self._prepared = None
        self.paint()
        self._identify()

    def _identify(self) -> None:
        """Ask what the run is to be; what was typed before is there again."""
        kind = KINDS[self._at]

        def sent(values: dict[str, str]) -> None:
            self._typed[kind] = values
            self._typed["file"] = {"file": values["file"]}

        def came(answer: Body) -> None:
            self._prepared = answer
            self.paint()

        typed = {**self._typed.get("file", {}), **self._typed.get(kind, {})}
        self.console.open_dialog(AskDialog(forms_bench.prepare(kind, typed), came, sent))

    # --- under way ----------------------------------------------------------------------------------

    def _give(self) -> None:
        entry = self._entry
        self._ask(ToHost.BENCH_READ, no=entry.no, text=entry.written)

    def action_pause(self) -> None:
        """End the run in order; it goes on from its records."""
        if self._may("bench_pause"):
            self._ask(ToHost.BENCH_PAUSE, told=say("bench.paused"))

    def action_write(self) -> None:
        """Look once more at what would be written, and type the word for it."""
        run = self._run
        if run is not None and run["proposal"] and self._may("bench_read"):
            self.console.open_dialog(AdjustDialog(run["proposal"]))

    def action_leave(self) -> None:
        """Let the gun stay as it was found."""
        run = self._run
        if run is not None and run["proposal"] and self._may("bench_read"):
            self._ask(ToHost.BENCH_ADJUST, told=say("bench.not_written"), adjust=False, typed="")

    # --- stands still, complete ---------------------------------------------------------------------

    def action_go_on(self) -> None:
        """Go on with the run; from which port readings come is asked, where there is something to ask."""
        run = self._run
        if run is None or run["running"] or run["state"] in {"SIGN", "DONE"} or not self._may("bench"):
            return
        if run["what"] == "sensors":
            self._ask(ToHost.BENCH_RESUME, port="")
            return
        port = self._typed.get(run["what"], {}).get("port", "")
        self.console.open_dialog(AskDialog(forms_bench.go_on(run["what"], port)))

    def action_exclude(self) -> None:
        """Let a reading not count."""
        if self._run is not None and may(self.console.known.snapshot, "bench_record"):
            self.console.open_dialog(
                AskDialog(forms_bench.exclude(), lambda _: self.console.tell(say("bench.left_out")))
            )

    def action_give_up(self) -> None:
        """Give the run up."""
        if self._run is not None and may(self.console.known.snapshot, "bench_record"):
            self.console.open_dialog(
                AskDialog(forms_bench.give_up(), lambda _: self.console.tell(say("bench.given_up")))
            )

    def action_sign(self) -> None:
        """Let two people stand by it."""
        run = self._run
        if run is not None and may(self.console.known.snapshot, "bench_sign"):
            self.console.open_dialog(AskDialog(forms_bench.sign(run)))

    def action_other(self) -> None:
        """Begin another run; one that is not signed yet waits in the log."""
        run = self._run
        if run is not None and run["state"] in {"SIGN", "DONE"}:
            self._put_aside, self._prepared = run["run"], None
            self.paint()

    # --- asking -------------------------------------------------------------------------------------

    def _may(self, command: str) -> bool:
        """Return whether it may be asked for, and say why where not."""
        why = why_not(self.console.known.snapshot, command)
        if why:
            self.console.tell(why)
        return not why

    def _ask(self, kind: ToHost, told: str = "", **fields: object) -> None:
        """Ask for it; a refusal is told, and so is what became of it where there is something to tell."""

        def answered(answer: Body) -> None:
            if answer["outcome"] != "done":
                self.console.tell(answer["text"])
            elif told:
                self.console.tell(told)

        self.console.ask(kind, answered, **fields)


class AdjustDialog(TypedDialog):
    """What is written to the gun, and ADJUST typed by hand.

    Args:
        proposal: As the snapshot has it.
    """

    def __init__(self, proposal: list[Body]) -> None:
        super().__init__(ADJUST_MS)
        self._proposal = proposal

    def paint_body(self) -> None:
        """Draw the box."""
        self.box(adjust_rows(self._proposal, self.box_pane(), self.word, left_s=self.left_s, said=self.said))

    def given(self, word: str) -> None:
        """Send the word."""
        self.console.ask(ToHost.BENCH_ADJUST, self.answered, adjust=True, typed=word)
