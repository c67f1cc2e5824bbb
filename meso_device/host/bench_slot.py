"""The place for an instrument at a console's bench: a balance, a gauge, or somebody who keys readings in.

A member of the loop that is there from the start and is empty between runs. Decides nothing.
"""

import signal
from collections.abc import Sequence
from typing import Final

from meso_device.audit.pages import Looked
from meso_device.calibration.instrument import NotMeasured, Outcome
from meso_device.host.instruments import TYPED_US_MAX, Instrument, InstrumentMember, parse_reading
from meso_device.session.contract import Effect, EngineEvent, Instant, ReadingTaken, TakeReading
from protocols.errors import UsageError

KEYED: Final = "keyed"


class KeyedInstrument:
    """Readings that somebody keys in at the screen, one for each question."""

    def __init__(self) -> None:
        self._asked: TakeReading | None = None
        self._until_us = 0
        self._outcome: Outcome | None = None

    @property
    def asked(self) -> TakeReading | None:
        """The reading that is waited for; None where none is."""
        return self._asked

    def reads(self) -> Sequence[int]:
        """Nothing: keys come with the commands of the screen."""
        return ()

    def ask(self, asked: TakeReading, now_us: int) -> None:
        """Wait for a reading."""
        self._asked, self._outcome, self._until_us = asked, None, now_us + TYPED_US_MAX

    def give(self, no: int, text: str) -> None:
        """Take what was keyed in for the question of this number.

        Raises:
            UsageError: that is not asked, or the text is no quantity with the unit that is due.
        """
        if self._asked is None or self._asked.no != no or self._outcome is not None:
            raise UsageError("that reading is not asked for any more")
        self._outcome = parse_reading(text, self._asked.unit)

    def turn(self, readable: frozenset[int], now_us: int) -> Outcome | None:  # noqa: ARG002  # an instrument's signature
        """Return what was keyed in, or that nobody did."""
        if self._asked is None:
            return None
        outcome = self._outcome
        if outcome is None and now_us >= self._until_us:
            outcome = NotMeasured("NO_READING", "nobody gave a reading: go on when somebody can")
        if outcome is not None:
            self._asked = None
        return outcome

    def next_deadline_us(self) -> int | None:
        """When waiting ends."""
        return self._until_us if self._asked is not None else None

    def close(self) -> None:
        """Nothing is held open."""


class BenchSlot:
    """Holds the instrument of the run under way.

    Attributes:
        name: `KEYED`, or the port of the instrument; empty where there is none.
    """

    def __init__(self) -> None:
        self._instrument: Instrument | None = None
        self._keyed: KeyedInstrument | None = None
        self._member: InstrumentMember | None = None
        self.name = ""

    @property
    def asked(self) -> TakeReading | None:
        """The reading that has to be keyed in; None where none is waited for, or an instrument sends it."""
        return None if self._keyed is None else self._keyed.asked

    def fit(self, instrument: Instrument, keyed: KeyedInstrument, name: str) -> None:
        """Take an instrument for the next run, in place of any other.

        Args:
            instrument: What is asked.
            keyed: What of it is keyed in; the same where all is.
            name: `KEYED`, or its port.
        """
        self.empty()
        self._instrument, self._keyed, self.name = instrument, keyed, name
        self._member = InstrumentMember(instrument)

    def empty(self) -> None:
        """Let go of the instrument."""
        if self._instrument is not None:
            self._instrument.close()
        self._instrument = self._member = self._keyed = None
        self.name = ""

    def give(self, no: int, text: str) -> None:
        """Take a reading that was keyed in; see `KeyedInstrument.give`.

        Raises:
            UsageError: nobody is asked to key one in, or it is refused.
        """
        if self._keyed is None:
            raise UsageError("no run is under way")
        self._keyed.give(no, text)

    # --- member -------------------------------------------------------------------------------------

    def reads(self) -> Sequence[int]:
        """Descriptors of the instrument."""
        return () if self._member is None else self._member.reads()

    def writes(self) -> Sequence[int]:
        """Nothing waits to be written."""
        return ()

    def ready(self, readable: frozenset[int], writable: frozenset[int], now: Instant) -> Sequence[ReadingTaken]:
        """Return the answer once there is one."""
        return () if self._member is None else self._member.ready(readable, writable, now)

    def stepped(self, event: EngineEvent, effects: Sequence[Effect], now: Instant) -> None:
        """Hear a question."""
        if self._member is not None:
            self._member.stepped(event, effects, now)

    def looked(self, looked: Looked) -> None:
        """Nobody looks at pages here."""

    def signalled(self, number: signal.Signals, now: Instant) -> None:
        """Nothing is drawn here."""

    def next_deadline_us(self) -> int | None:
        """When the instrument has to be called."""
        return None if self._member is None else self._member.next_deadline_us()
