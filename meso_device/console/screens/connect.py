"""Which gun: the ports of this computer and what answers on each; Enter takes the one at the cursor."""

from textual import events

from meso_device.console.client import Body
from meso_device.console.presenters.gun import port_rows
from meso_device.console.screens.reasons import Asking
from meso_device.screen_messages import ToHost


class ConnectDialog(Asking):
    """A choice of ports, found out by the host when the dialog opens."""

    def __init__(self) -> None:
        super().__init__()
        self._ports: list[Body] | None = None
        self._at = 0

    def on_mount(self) -> None:
        """Ask what is there."""
        super().on_mount()
        self.action_again()

    def action_again(self) -> None:
        """Look once more: a gun was switched on or plugged in meanwhile."""
        self._ports, self._at, self.said = None, 0, ""
        self.console.ask(ToHost.PORTS, self._came)
        self.paint()

    def _came(self, answer: Body) -> None:
        if not self.is_mounted:
            return
        self._ports = answer["ports"] if answer["outcome"] == "done" else []
        self.said = answer["text"]
        self.paint()

    def paint_body(self) -> None:
        """Draw the choice."""
        self.box(port_rows(self._ports, self._at, self.box_pane(), self.said))

    def on_key(self, event: events.Key) -> None:
        """Choose."""
        event.stop()
        ports = self._ports or []
        if event.key == "escape":
            self.dismiss()
            return
        if event.key == "a" and self._ports is not None:
            self.action_again()
        elif ports and event.key == "enter":
            self.request(ToHost.CONNECT, port=ports[self._at]["port"])
        elif ports and event.key in {"up", "down"}:
            self._at = (self._at + (1 if event.key == "down" else -1)) % len(ports)
        elif event.character and event.character.isdecimal() and 0 < int(event.character) <= len(ports):
            self._at = int(event.character) - 1
        self.paint()

    def action_reason(self, number: int) -> None:
        """Choose by mouse."""
        self._at = number - 1
        self.paint()
