"""The gun: what it says of itself, and what can be asked of it between injections."""

from typing import ClassVar

from textual.binding import BindingType

from meso_device.console import keys
from meso_device.console.client import Body
from meso_device.console.lines import Line, Pane
from meso_device.console.presenters.gun import gun_context, gun_rows
from meso_device.console.screens.base import Page
from meso_device.console.screens.connect import ConnectDialog
from meso_device.console.screens.reset import open_reset
from meso_device.console.state import why_not
from meso_device.console.text import say
from meso_device.screen_messages import ToHost


class GunScreen(Page):
    """State, care and connection of the gun; nothing here permits an injection."""

    PAGE = "gun"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("gun")]

    def paint_body(self) -> None:
        """Draw it."""
        self.sheet("main").show(gun_rows(self.console.known, self.pane()))

    def context(self, pane: Pane) -> list[Line]:
        """Return the link, the calibration and the host's newest words."""
        return gun_context(self.console.known, pane)

    def action_connect(self) -> None:
        """Choose a gun."""
        if self._may("connect"):
            self.console.open_dialog(ConnectDialog())

    def action_disconnect(self) -> None:
        """Take leave of the gun."""
        self._ask("disconnect", ToHost.DISCONNECT, "")

    def action_home(self) -> None:
        """Have the needle drawn home."""
        self._ask("home", ToHost.HOME, say("gun.is_home"))

    def action_self_test(self) -> None:
        """Have the gun test itself."""
        self._ask("self_test", ToHost.SELF_TEST, say("gun.test_done"))

    def action_clear_fault(self) -> None:
        """Acknowledge the gun's faults."""
        self.console.ask(ToHost.CLEAR_FAULT)

    async def action_calibrate(self) -> None:
        """Go to the bench."""
        if self._may("bench_open"):
            await self.console.show_page("bench")

    def action_reset(self) -> None:
        """Begin the reset of a stop."""
        open_reset(self.console)

    def _may(self, command: str) -> bool:
        """Return whether it may be asked for, and say why where not."""
        why = why_not(self.console.known.snapshot, command)
        if why:
            self.console.tell(why)
        return not why

    def _ask(self, command: str, kind: ToHost, done: str) -> None:
        """Ask for what takes a while, and say how it ended."""
        if not self._may(command):
            return

        def answered(answer: Body) -> None:
            self.console.tell(done if answer["outcome"] == "done" else answer["text"])

        self.console.ask(kind, answered)
        self.console.tell(say("gun.asked"))
