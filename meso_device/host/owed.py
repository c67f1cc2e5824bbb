"""Records that people owe the log, on their way to it: handed over once each, and known when they are durable."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from meso_device.accounting.entries import CapExceeded, CommitFailed, Committed, Entry
from meso_device.host.members import Keep
from meso_device.session.contract import EngineEvent, Instant

Durable = Callable[[Instant], object]


class Owe(Protocol):
    """Takes records for the log."""

    def __call__(self, entries: Sequence[Entry], durable: Durable | None = None, number: int | None = None) -> None:
        """Record these, all or none.

        Args:
            entries: The records.
            durable: Called when they are.
            number: Command of the screen that is refused when they cannot be recorded; None for none.
        """


class _Parcel(Struct, frozen=True):
    entries: tuple[Entry, ...]
    durable: Durable | None
    number: int | None


class Owed:
    """The records that wait for the loop, and those that the loop has handed to the writer.

    Args:
        refuse: Called with the number of a command whose records cannot be recorded, and why.
    """

    def __init__(self, refuse: Callable[[int, str], object]) -> None:
        self._refuse = refuse
        self._waiting: deque[_Parcel] = deque()
        self._sent: deque[_Parcel] = deque()

    def __bool__(self) -> bool:
        """Whether records wait."""
        return bool(self._waiting)

    def put(self, entries: Sequence[Entry], durable: Durable | None = None, number: int | None = None) -> None:
        """Take records; see `Owe`."""
        self._waiting.append(_Parcel(tuple(entries), durable, number))

    def take(self) -> Keep:
        """Return the oldest records that wait; they are on their way from now on."""
        parcel = self._waiting.popleft()
        self._sent.append(parcel)
        return Keep(parcel.entries)

    def heard(self, event: EngineEvent, now: Instant) -> None:
        """Take an answer of the writer; those to kept records have negative numbers and come in order."""
        if not isinstance(event, Committed | CommitFailed | CapExceeded) or event.no >= 0 or not self._sent:
            return
        parcel = self._sent.popleft()
        if isinstance(event, Committed):
            if parcel.durable is not None:
                parcel.durable(now)
        elif parcel.number is not None:
            why = event.reason if isinstance(event, CommitFailed) else "it cannot be recorded"
            self._refuse(parcel.number, why)
