"""A Textual screen for the bench of STOP: F9 is STOP by a priority binding; SIGUSR1 begins and ends busy redrawing."""

import random
import signal
import socket
from typing import ClassVar

from textual.app import App
from textual.binding import Binding
from textual.widgets import Static

from meso_device.screen_messages import VERSION, Message, ToHost, encode
from meso_device.screen_start import begin

ALIVE_S = 0.2
FRAME_S = 1 / 60
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789▓░█ "


class BenchScreen(App):
    """As many changed cells a frame as there are."""

    BINDINGS: ClassVar = [Binding("f9", "stop", priority=True)]

    def __init__(self, host: socket.socket) -> None:
        super().__init__()
        self.host = host
        self.host.settimeout(1)
        self.busy = False
        self.chance = random.Random(1)
        self.count = 0

    def compose(self):
        yield Static(id="page")

    def on_mount(self) -> None:
        self.say(ToHost.HELLO, {"version": VERSION}, 1)
        self.set_interval(ALIVE_S, self.alive)
        self.set_interval(FRAME_S, self.redraw)
        signal.signal(signal.SIGUSR1, lambda *_: setattr(self, "busy", not self.busy))

    def say(self, kind: ToHost, body: dict, number: int = 0) -> None:
        self.host.sendall(encode(Message(kind, number, body)))

    def alive(self) -> None:
        self.count += 1
        self.say(ToHost.ALIVE, {"count": self.count})
        self.host.setblocking(False)
        try:
            while self.host.recv(1 << 20):
                pass
        except BlockingIOError:
            pass
        self.host.settimeout(1)

    def redraw(self) -> None:
        if self.busy:
            width, height = self.size
            lines = ("".join(self.chance.choices(LETTERS, k=width)) for _ in range(height))
            self.query_one("#page", Static).update("\n".join(lines))

    def action_stop(self) -> None:
        self.count += 1
        self.say(ToHost.STOP, {"by": "key"}, self.count + 1_000)


if __name__ == "__main__":
    BenchScreen(begin()).run()
