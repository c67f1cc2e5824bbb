"""What stands on the bench beside the simulated gun: a balance under its needle, and a dial gauge at its tip.

Each has a pseudo-terminal of its own and the gun's clock. The balance gets the drops that the gun's body let go of,
the gauge shows how deep the needle really went: neither ever asks the firmware.
"""

from pathlib import Path
from random import Random

from simulator.balance import SimulatedBalance
from simulator.physics import Injection
from simulator.shells.pty_endpoint import PtyEndpoint

_OFF_SKIN = frozenset({"BENCH", "PRIME"})


class Bench:
    """Balance, gauge, or both; each under the name of its port."""

    def __init__(self, *, balance: Path | None, gauge: Path | None, seed: str) -> None:
        """Make the pseudo-terminals.

        Raises:
            UsageError: a name cannot be used.
        """
        self._balance = SimulatedBalance(Random(f"{seed}/balance"))  # noqa: S311  # replays
        self._balance_port = None if balance is None else PtyEndpoint(balance)
        try:
            self._gauge_port = None if gauge is None else PtyEndpoint(gauge)
        except BaseException:
            self.close_balance()
            raise

    @property
    def addresses(self) -> list[str]:
        """What a host is told to open."""
        return [port.address for port in self._ports()]

    def injected(self, now_us: int, injection: Injection) -> None:
        """Let a drop fall, and the gauge send how deep the needle went."""
        if injection.label.kind not in _OFF_SKIN:
            return
        self._balance.drop(now_us, injection.drop_ug, hanging_ug=injection.hanging_ug)
        if self._gauge_port is not None and injection.depth_um:
            whole, fraction = divmod(injection.depth_um, 1_000)
            self._gauge_port.write(f"{whole}.{fraction:03} mm\r\n".encode())

    def turn(self, now_us: int) -> None:
        """Say what is due."""
        self._balance.step(now_us)
        said = self._balance.take(now_us)
        if self._balance_port is not None:
            self._balance_port.write(said)
        if self._gauge_port is not None:
            self._gauge_port.write(b"")

    def hear(self, now_us: int) -> None:
        """Take in what a host has sent."""
        if self._balance_port is not None:
            self._balance.feed(now_us, self._balance_port.read())
        if self._gauge_port is not None:
            self._gauge_port.read()

    def readers(self) -> list[int]:
        """Descriptors that mean news when readable."""
        return [fd for port in self._ports() for fd in port.readers()]

    def writers(self) -> list[int]:
        """Descriptors to be waited for until they can be written again."""
        return [fd for port in self._ports() for fd in port.writers()]

    def next_deadline_us(self) -> int | None:
        """When `turn` is due."""
        return self._balance.next_deadline_us()

    def close(self) -> None:
        """Take every port away."""
        self.close_balance()
        if self._gauge_port is not None:
            self._gauge_port.close()

    def close_balance(self) -> None:
        """Take the balance's port away."""
        if self._balance_port is not None:
            self._balance_port.close()

    def _ports(self) -> list[PtyEndpoint]:
        return [port for port in (self._balance_port, self._gauge_port) if port is not None]
