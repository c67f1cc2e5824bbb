"""A gun at a port, in real time."""

import select
import time
from typing import Final

from drivers.ports import Port, open_port
from protocols.errors import LinkLost, UsageError

_WRITE_S: Final = 2.0
_BACK_S: Final = 30.0
_PAUSE_S: Final = 0.2


class PortLine:
    """Cable and clock of a gun at a port."""

    def __init__(self, name: str, baud: int, *, waits: bool = False) -> None:
        """Open the port.

        Args:
            name: Device, or ``socket://HOST:PORT``.
            baud: Baud rate of a device.
            waits: Whether a port that goes away, as some do when their gun is switched off, is waited for.

        Raises:
            UsageError: it cannot be opened.
        """
        self._name = name
        self._baud = baud
        self._waits = waits
        self._port: Port = open_port(name, baud)

    def now_us(self) -> int:
        """Time of this computer's monotonic clock."""
        return time.monotonic_ns() // 1_000

    def send(self, data: bytes) -> None:
        """Write bytes, all of them.

        Raises:
            LinkLost: the port is gone, or takes nothing for two seconds.
        """
        while data:
            if not select.select([], [self._port.fileno()], [], _WRITE_S)[1]:
                raise LinkLost(f"{self._name} takes no bytes: the gun does not read; switch it off and on")
            data = data[self._port.write(data) :]

    def receive(self, wait_us: int) -> bytes:
        """Wait until something comes or the time is over.

        Raises:
            LinkLost: the port is gone.
        """
        if not select.select([self._port.fileno()], [], [], max(0, wait_us) / 1_000_000)[0]:
            return b""
        try:
            return self._port.read()
        except LinkLost:
            if not self._waits:
                raise
            self._come_back()
            return b""

    def close(self) -> None:
        """Close the port; never raises."""
        self._port.close()

    def _come_back(self) -> None:
        self._port.close()
        end_s = time.monotonic() + _BACK_S
        while True:
            try:
                self._port = open_port(self._name, self._baud)
            except UsageError as error:
                if time.monotonic() > end_s:
                    raise LinkLost(f"{self._name} went away and did not come back: {error}") from None
                time.sleep(_PAUSE_S)
            else:
                return
