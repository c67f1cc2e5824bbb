"""Get the port back after a loss: the same name, a link that points elsewhere now, or the gun under another name.

A state object that the owner's loop steps; each step opens at most one port and waits for nothing. Whether the right
gun is behind it is for the owner to find out by HELLO, and to say with `rejected` when it is not.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from drivers.discovery import candidate_ports
from drivers.ports import BAUD_DEFAULT, Port, open_port
from drivers.stream_port import SCHEME
from protocols.errors import UsageError

# An adapter that is plugged in again takes some 100 ms to get its device; looking costs about a millisecond.
BACK_OFF_MIN_US: Final = 50_000
BACK_OFF_MAX_US: Final = 1_000_000
# Between two ports of one round: the owner's loop has other things to do.
NEXT_PORT_US: Final = 1_000


class Reopener:
    """Tries ports in rounds: the known name, names that were not there before, all others.

    Attributes:
        problem: Why the known name could not be opened last, for the operator; empty before the first try.
    """

    def __init__(
        self,
        name: str,
        now_us: int,
        *,
        baud: int = BAUD_DEFAULT,
        lock_dir: Path | None = None,
        known_ports: Iterable[str] = (),
        list_ports: Callable[[], list[str]] = candidate_ports,
    ) -> None:
        """Begin at once.

        Args:
            name: Name under which the gun was last spoken to.
            now_us: Time.
            baud: Baud rate of devices.
            lock_dir: Directory of the lock files; the user's runtime directory if None.
            known_ports: Ports that were there while the link was up: tried after new ones.
            list_ports: Gives the ports of the system.
        """
        self.problem = ""
        self._name = name
        self._baud = baud
        self._lock_dir = lock_dir
        self._known_ports = frozenset(known_ports)
        self._list_ports = list_ports
        self._round: list[str] = []
        self._back_off_us = BACK_OFF_MIN_US
        self._due_us: int | None = now_us

    def next_deadline_us(self) -> int | None:
        """Return when to call `step`; None while a port that it opened is out."""
        return self._due_us

    def step(self, now_us: int) -> Port | None:
        """Try one port if it is time; return it once one opens, and then wait for `rejected` or the end."""
        if self._due_us is None or now_us < self._due_us:
            return None
        if not self._round:
            self._round = self._ports()
        name = self._round.pop(0)
        try:
            port = open_port(name, self._baud, lock_dir=self._lock_dir, connect_s=0)
        except UsageError as error:
            if name == self._name:
                self.problem = str(error)
            self._schedule(now_us)
            return None
        self._due_us = None
        return port

    def rejected(self, now_us: int) -> None:
        """Go on: what `step` opened is closed again, for it was not the gun, or was lost before that was known."""
        self._schedule(now_us)

    def _schedule(self, now_us: int) -> None:
        if self._round:
            self._due_us = now_us + NEXT_PORT_US
        else:
            self._due_us = now_us + self._back_off_us
            self._back_off_us = min(2 * self._back_off_us, BACK_OFF_MAX_US)

    def _ports(self) -> list[str]:
        if self._name.startswith(SCHEME):
            return [self._name]
        others = [name for name in self._list_ports() if name != self._name]
        others.sort(key=lambda name: name in self._known_ports)
        return [self._name, *others]
