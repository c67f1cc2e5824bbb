"""A serial port without hardware: a pseudo-terminal behind a link with a name of its own.

The simulator keeps the host's end open too, so a host may open and close it as often as it likes without the gun
seeing a hang-up. Pulling the cable closes both ends; putting it back makes a new pseudo-terminal under the old name.
"""

import os
import tty
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from protocols.errors import UsageError
from simulator.shells.endpoint import READ_MAX, Outlet
from simulator.shells.link_lock import LinkLock


class PtyEndpoint:
    """The gun's end of one pseudo-terminal; see `Endpoint`."""

    def __init__(self, link: Path) -> None:
        """Make the pseudo-terminal and the link.

        Raises:
            UsageError: something that is no link stands at the name, a living gun has it, or it cannot be made.
        """
        self._link = link
        self._outlet = Outlet()
        self._ends: tuple[int, int] | None = None
        if os.path.lexists(link) and not link.is_symlink():
            raise UsageError(f"link {link} refused: something that is not a link stands there; name another")
        self._lock = LinkLock(link)
        try:
            self.plug()
        except UsageError:
            self._lock.release()
            raise

    @property
    def address(self) -> str:
        """The link's name."""
        return str(self._link)

    @property
    def dropped(self) -> int:
        """Writes lost because the host did not read."""
        return self._outlet.dropped

    def readers(self) -> list[int]:
        """The gun's end, while the cable is in."""
        return [] if self._ends is None else [self._ends[0]]

    def writers(self) -> list[int]:
        """The gun's end, while bytes wait for it."""
        return self.readers() if self._outlet.waiting else []

    def read(self) -> bytes:
        """Bytes from the host."""
        if self._ends is None:
            return b""
        try:
            return os.read(self._ends[0], READ_MAX)
        except BlockingIOError:
            return b""

    def write(self, frames: bytes) -> None:
        """Send bytes behind those that still wait, or drop them all when the host does not read."""
        if self._ends is not None:
            self._outlet.put(frames)
            self._outlet.flush(self._ends[0])

    def unplug(self) -> None:
        """Pull the cable."""
        if self._ends is not None:
            gun_end, host_end = self._ends
            self._ends = None
            self._outlet.clear()
            with suppress(OSError):  # someone else has taken the name: leave it to them
                if str(self._link.readlink()) == self._device:
                    self._link.unlink()
            os.close(host_end)
            os.close(gun_end)

    def plug(self) -> None:
        """Put the cable back."""
        if self._ends is not None:
            return
        gun_end, host_end = os.openpty()
        try:
            tty.setraw(host_end)
            os.set_blocking(gun_end, False)
            self._device = os.ttyname(host_end)
            # In one step, so that nobody meets a name that leads nowhere.
            fresh = self._link.with_name(f".{self._link.name}.{token_hex(4)}")
            fresh.symlink_to(self._device)
            fresh.replace(self._link)
        except OSError as error:
            os.close(host_end)
            os.close(gun_end)
            raise UsageError(f"link {self._link} refused: {error.strerror}; name one that can be made") from error
        self._ends = (gun_end, host_end)

    def close(self) -> None:
        """Take pseudo-terminal and link away."""
        self.unplug()
        self._lock.release()
