"""What takes part in the loop beside port, engine and writer: signals, the stop socket, a screen.

A member owns descriptors. The loop waits on them and calls `ready` in its own turn; a member never acts by itself.
"""

import signal
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from meso_device.accounting.entries import Entry
from meso_device.audit.pages import Looked, Query
from meso_device.session.contract import Command, Effect, EngineEvent, Instant, Notice, ReadingTaken, View


class End(Struct, frozen=True):
    """The operator's source has nothing more to do: leave the loop.

    Attributes:
        status: Exit status of the process.
        reason: One line for the user; empty when there is nothing to say.
    """

    status: int
    reason: str = ""


class Leave(Struct, frozen=True):
    """Stop the gun now, let it answer, record that, and leave: as after an ending signal.

    Attributes:
        status: Exit status of the process.
        reason: One line for the user.
        source: What is recorded as the source of the stop.
    """

    status: int
    reason: str
    source: str


class Keep(Struct, frozen=True):
    """Make records durable that people owe the log: who signed in, who acknowledged what.

    Attributes:
        entries: The records; each has its own exactly-once key.
    """

    entries: tuple[Entry, ...]


class Look(Struct, frozen=True):
    """Read a page of the history or a record, when the log has nothing else to do.

    Attributes:
        no: Comes back with the answer, which `Attendant.looked` gets.
        query: What to read.
    """

    no: int
    query: Query


Wish: TypeAlias = Command | End | Leave | Keep | Look


class Member(Protocol):
    """Something with descriptors; no call may block."""

    def reads(self) -> Sequence[int]:
        """Return the descriptors to wait on for reading."""

    def writes(self) -> Sequence[int]:
        """Return the descriptors to wait on for writing; only those with something unsent."""

    def ready(
        self, readable: frozenset[int], writable: frozenset[int], now: Instant
    ) -> Sequence[Command | ReadingTaken]:
        """Read and write what can be, and return the commands and readings that came."""


class Operator(Protocol):
    """Who says what is to be done next: a script, or the person at a screen."""

    def next_wish(self, view: View, now: Instant) -> Wish | None:
        """Return the next command, the end, or None to wait. Called after every turn; must be cheap."""

    def slept(self, slept_us: int) -> None:
        """Take it that the computer was asleep: nothing that was allowed before is allowed still (I-45)."""

    def next_deadline_us(self) -> int | None:
        """Return the monotonic time at which to be asked again even if nothing happens."""


class Observer(Protocol):
    """Who watches: progress lines, a screen. Never decides and never raises."""

    def notice(self, notice: Notice) -> None:
        """Take one line for the operator."""

    def seen(self, view: View, now: Instant) -> None:
        """Take the state after a turn."""


class Attendant(Protocol):
    """Who follows a run from within, beside its operator: a console. Never decides and never raises."""

    def stepped(self, event: EngineEvent, effects: Sequence[Effect], now: Instant) -> None:
        """Take one event of the engine and what followed from it."""

    def looked(self, looked: Looked) -> None:
        """Take the answer to a `Look`."""

    def signalled(self, number: signal.Signals, now: Instant) -> None:
        """Take a signal that neither ends the run nor stops the gun."""
