"""Leaving, also for what is done without a console: refused while armed, else asked once; staying is the default."""

from textual import events

from meso_device.console.client import Body
from meso_device.console.lines import Span, Tone, line, strong, warn, wrap
from meso_device.console.screens.base import Dialog
from meso_device.console.state import may, why_not
from meso_device.console.text import say
from meso_device.screen_messages import ToHost


class QuitDialog(Dialog):
    """Stay, or quit.

    Args:
        what: What two people go on with then, as in SEE_TO; empty for nothing.
    """

    def __init__(self, what: str = "") -> None:
        super().__init__()
        self._what = what
        self._on_stay = True
        self._said = ""

    def paint_body(self) -> None:
        """Draw the question."""
        snapshot, width = self.console.known.snapshot, self.box_pane().width
        rows = [line(strong(say("quit.title"))), ()]
        if self._what:
            rows += [*wrap(say(f"upkeep.then_{self._what}"), width), (), *wrap(say("upkeep.then_two"), width), ()]
        elif snapshot.get("session") is not None and snapshot["session"]["state"] == "open":
            rows += [*wrap(say("quit.session_open"), width), ()]
        asked = "see_to" if self._what else "quit"
        if snapshot and not may(snapshot, asked):
            rows += [line(warn(why_not(snapshot, asked))), ()]
        stay, leave = (Tone.BUTTON_ACTIVE, Tone.BUTTON) if self._on_stay else (Tone.BUTTON, Tone.BUTTON_ACTIVE)
        rows.append(
            line(
                Span(f"  {say('quit.stay')}  ", stay, "cancel"),
                "   ",
                Span(f"  {say('quit.leave')}  ", leave, "quit_now"),
            )
        )
        if self._said:
            rows += [(), line(warn(self._said))]
        self.box(rows)

    def on_key(self, event: events.Key) -> None:
        """Choose with the arrows; Enter takes the choice, Esc stays."""
        event.stop()
        if event.key == "escape" or (event.key == "enter" and self._on_stay):
            self.dismiss()
        elif event.key in {"enter", "q"}:
            self.action_quit_now()
        elif event.key in {"left", "right", "tab", "shift+tab"}:
            self._on_stay = not self._on_stay
            self.paint()

    def action_quit_now(self) -> None:
        """Ask the host to end; it ends the screen."""
        if self._what:
            self.console.ask(ToHost.SEE_TO, self._answered, what=self._what)
        else:
            self.console.ask(ToHost.QUIT, self._answered)

    def _answered(self, answer: Body) -> None:
        if answer["outcome"] != "done" and self.is_mounted:
            self._said = answer["text"]
            self.paint()
