"""``python -m meso_device.console.plain``: the console in lines, as the host starts it."""

import os
import select
import sys
import termios
import time
from typing import Final

from meso_device.console.client import Client, HostGone
from meso_device.console.plain.desk import PlainDesk
from meso_device.console.plain.typed import TypedLine
from meso_device.console.text import say
from meso_device.screen_start import begin
from protocols.errors import UsageError

ALIVE_S: Final = 0.2
READ_BYTES: Final = 4_096


class Plain:
    """One loop: keys, the host, and the word that it still turns."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._typed = TypedLine()
        self._desk = PlainDesk(client, self._tell, time.localtime().tm_gmtoff)
        self._shown: object = None
        self._told = True
        self._asked = ""

    def run(self) -> int:
        """Go on until the host ends it; return the exit status."""
        self._tell(say("plain.begin"))
        due = time.monotonic()
        while self._client.goodbye is None:
            if self._told or self._asked != self._desk.question:
                self._prompt()
            readable, _, _ = select.select([0, self._client.fileno()], [], [], max(0.0, due - time.monotonic()))
            if time.monotonic() >= due:
                due = time.monotonic() + ALIVE_S
                self._client.alive()
            if self._client.fileno() in readable:
                self._hear()
            if 0 in readable:
                self._type(os.read(0, READ_BYTES))
        return int(self._client.goodbye["status"])

    def _hear(self) -> None:
        self._client.take()
        snapshot = self._client.snapshot
        if snapshot is not None and snapshot is not self._shown:
            self._shown = snapshot
            self._desk.heed(snapshot)
        self._client.deliver()

    def _type(self, data: bytes) -> None:
        for echo, line in self._typed.feed(data):
            _write(echo)
            if line is not None:
                self._told = True
                self._desk.take(line)

    def _tell(self, text: str) -> None:
        """Speak a line; what is being typed is written again below it."""
        _write(text + "\n" if self._told else f"\n{text}\n")
        self._told = True

    def _prompt(self) -> None:
        self._told, self._asked = False, self._desk.question
        self._typed.secret = self._desk.secret
        _write((self._desk.question or say("plain.prompt")) + ("" if self._typed.secret else self._typed.text))


def _write(text: str) -> None:
    data = "".join(letter if letter.isprintable() or letter in "\n\b" else "?" for letter in text).encode()
    while data:
        data = data[os.write(1, data) :]


def main() -> int:
    """Run until the host ends it; return the exit status."""
    try:
        peer = begin()
    except UsageError as error:
        sys.stderr.write(f"meso: {error}\n")
        return 2
    modes = termios.tcgetattr(0)
    modes[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)  # keys one by one, and no signals of them
    termios.tcsetattr(0, termios.TCSANOW, modes)
    client = Client(peer)
    client.hello()
    try:
        return Plain(client).run()
    except HostGone as gone:
        _write(say("frame.host_gone", why=gone) + "\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
