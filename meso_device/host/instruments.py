"""The instrument on the bench as a member of the loop: a balance on its port, or what somebody types.

It is asked for a reading by the engine's `TakeReading`, and answers with `ReadingTaken`; it decides nothing.
"""

import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from string import ascii_letters
from typing import Final, Protocol

from drivers.balance import Failed, Reading
from drivers.mt_sics import BAUD, MtSics
from drivers.ports import Port, open_port
from meso_device.audit.pages import Looked
from meso_device.calibration.instrument import Measured, NotMeasured, Outcome
from meso_device.calibration.record import What
from meso_device.session.contract import Effect, EngineEvent, Instant, ReadingTaken, TakeReading
from protocols.errors import LinkLost, UsageError
from protocols.treatment.problems import printable
from protocols.units import Dimension, parse_quantity

MASS: Final = Dimension("mass", "ug", {"g": 6, "mg": 3}, "g")
TRAVEL: Final = Dimension("travel", "nm", {"mm": 6, "um": 3}, "mm")
TEMPERATURE: Final = Dimension("temperature", "mdegc", {"degC": 3}, "degC")
TYPED_US_MAX: Final = 600_000_000
"""Somebody who reads a gauge may take this long."""
LINE_BYTES_MAX: Final = 256
DRAIN_READS_MAX: Final = 64
"""What a gauge can have sent before; one that goes on for longer sends no readings."""
_DIMENSIONS: Final = {"ug": MASS, "nm": TRAVEL, "mdegc": TEMPERATURE}


class Instrument(Protocol):
    """Something that can be asked for one reading at a time; no call blocks."""

    def reads(self) -> Sequence[int]:
        """Return the descriptors to wait on."""

    def ask(self, asked: TakeReading, now_us: int) -> None:
        """Take a question."""

    def turn(self, readable: frozenset[int], now_us: int) -> Outcome | None:
        """Go on with what came and what is due; return the answer once there is one."""

    def next_deadline_us(self) -> int | None:
        """Return when to be called again even if nothing comes."""

    def close(self) -> None:
        """Let go of the port."""


class BalanceInstrument:
    """A balance on its port."""

    def __init__(self, port: Port, client: MtSics) -> None:
        self._port = port
        self._client = client
        self._lost = ""

    def reads(self) -> Sequence[int]:
        """The port."""
        return () if self._lost else (self._port.fileno(),)

    def ask(self, asked: TakeReading, now_us: int) -> None:  # noqa: ARG002  # an instrument's signature
        """Ask for a stable reading."""
        if not self._client.busy:
            self._client.weigh(now_us)

    def turn(self, readable: frozenset[int], now_us: int) -> Outcome | None:
        """Carry what client and balance say to each other."""
        try:
            heard = self._port.read() if not self._lost and self._port.fileno() in readable else b""
            events = self._client.received(heard, now_us) if heard else []
            events = events or self._client.tick(now_us)
            self._send(self._client.take_output())
        except LinkLost as error:
            self._lost = str(error)
        if self._lost:
            return NotMeasured("BALANCE_LOST", f"{self._lost}: plug the balance in, then go on")
        for event in events:
            match event:
                case Reading():
                    return Measured(event.text.strip(), event.mass_ug, event.digit_ug)
                case Failed():
                    return NotMeasured(event.fault.value, event.text)
                case _:
                    pass
        return None

    def next_deadline_us(self) -> int | None:
        """When the client has to do something."""
        return None if self._lost else self._client.next_deadline_us()

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def _send(self, data: bytes) -> None:
        # Commands are a few bytes, one at a time: a port that does not take them whole does not work.
        if data and self._port.write(data) != len(data):
            raise LinkLost(f"{self._port.name} takes no commands")


class TypedInstrument:
    """What somebody reads and types, or a gauge that sends its reading as a line.

    Lines that come early wait for their question. A line that is no quantity with its unit is refused: a person is
    asked again, a program's run ends.
    """

    def __init__(
        self,
        read: Callable[[], bytes],
        fd: int,
        say: Callable[[str], None] | None,
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        """Read lines with ``read`` when ``fd`` is readable; ``say`` prompts a person, None where there is none.

        ``let_go`` closes what the lines come from.
        """
        self._read = read
        self._fd = fd
        self._say = say
        self._let_go = let_go
        self._lines: deque[str] = deque()
        self._rest = b""
        self._ended = ""
        self._asked: TakeReading | None = None
        self._until_us = 0

    def reads(self) -> Sequence[int]:
        """Where the lines come from."""
        return () if self._ended else (self._fd,)

    def ask(self, asked: TakeReading, now_us: int) -> None:
        """Ask for a line."""
        self._asked, self._until_us = asked, now_us + TYPED_US_MAX
        self._prompt()

    def turn(self, readable: frozenset[int], now_us: int) -> Outcome | None:
        """Take in lines, and answer with the first that is a quantity."""
        if not self._ended and self._fd in readable:
            self._hear()
        while self._asked is not None and self._lines:
            line = self._lines.popleft()
            try:
                return self._answer(parse_reading(line, self._asked.unit))
            except UsageError as refused:
                if self._say is None:
                    return self._answer(NotMeasured("NOT_UNDERSTOOD", str(refused)))
                self._say(str(refused))
                self._prompt()
        if self._asked is None:
            return None
        if self._ended:
            return self._answer(NotMeasured("NO_READING", f"{self._ended}: go on when there are more"))
        if now_us >= self._until_us:
            return self._answer(NotMeasured("NO_READING", "nobody gave a reading: go on when somebody can"))
        return None

    def next_deadline_us(self) -> int | None:
        """When waiting ends."""
        return self._until_us if self._asked is not None else None

    def close(self) -> None:
        """Close what the lines come from."""
        self._let_go()

    def _hear(self) -> None:
        try:
            data = self._read()
        except LinkLost as error:
            self._ended = str(error)
            return
        if not data:
            self._ended = "the readings have ended"
        self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        self._rest = self._rest[:LINE_BYTES_MAX]
        # A gauge may send anything, and what is refused of it is shown.
        self._lines += [printable(" ".join(line.decode("utf-8", "replace").split())) for line in lines if line.strip()]

    def _answer(self, outcome: Outcome) -> Outcome:
        self._asked = None
        return outcome

    def _prompt(self) -> None:
        if self._say is not None and self._asked is not None and not self._lines:
            self._say(f"{self._asked.prompt}:")


class WithThermometer:
    """A balance on its port, and somebody who types what the thermometer shows."""

    def __init__(self, balance: Instrument, thermometer: Instrument) -> None:
        self._both = (balance, thermometer)
        self._asked = balance

    def reads(self) -> Sequence[int]:
        """What the balance sends, and what is typed while that is asked for."""
        balance, thermometer = self._both
        return balance.reads() if self._asked is balance else (*balance.reads(), *thermometer.reads())

    def ask(self, asked: TakeReading, now_us: int) -> None:
        """Ask the one that knows."""
        self._asked = self._both[asked.unit == "mdegc"]
        self._asked.ask(asked, now_us)

    def turn(self, readable: frozenset[int], now_us: int) -> Outcome | None:
        """Let both go on; the answer is that of the one that was asked."""
        outcomes = {one: one.turn(readable, now_us) for one in self._both}
        return outcomes[self._asked]

    def next_deadline_us(self) -> int | None:
        """When one of them wants to be called."""
        return min((due for due in (one.next_deadline_us() for one in self._both) if due is not None), default=None)

    def close(self) -> None:
        """Let go of both."""
        for one in self._both:
            one.close()


class InstrumentMember:
    """Joins an instrument to the loop: hears its questions from the engine, and hands back the answers."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._no = 0

    def reads(self) -> Sequence[int]:
        """Descriptors of the instrument."""
        return self._instrument.reads()

    def writes(self) -> Sequence[int]:
        """Nothing waits to be written."""
        return ()

    def ready(self, readable: frozenset[int], writable: frozenset[int], now: Instant) -> Sequence[ReadingTaken]:  # noqa: ARG002  # a member's signature
        """Return the answer once there is one; a fault that nobody asked about waits for the next question."""
        outcome = self._instrument.turn(readable, now.mono_us)
        if outcome is None or not self._no:
            return ()
        no, self._no = self._no, 0
        return (ReadingTaken(no, outcome),)

    def stepped(self, event: EngineEvent, effects: Sequence[Effect], now: Instant) -> None:  # noqa: ARG002  # likewise
        """Hear a question."""
        for effect in effects:
            if isinstance(effect, TakeReading):
                self._no = effect.no
                self._instrument.ask(effect, now.mono_us)

    def looked(self, looked: Looked) -> None:
        """Nobody looks at pages here."""

    def signalled(self, number: signal.Signals, now: Instant) -> None:
        """Nothing is drawn here."""

    def next_deadline_us(self) -> int | None:
        """When the instrument has to be called."""
        return self._instrument.next_deadline_us()


def parse_reading(line: str, unit: str) -> Measured:
    """Read a typed value with its unit; digits that are written are digits that are shown.

    Raises:
        UsageError: no unit, a comma, another unit, or finer than the smallest unit.
    """
    dimension = _DIMENSIONS[unit]
    value = parse_quantity(line, dimension)
    number = line.strip().rstrip(f"{ascii_letters} ")
    places = next(p for name, p in dimension.decimals.items() if line.strip().removeprefix(number).strip() == name)
    return Measured(line.strip(), value, 10 ** (places - len(number.partition(".")[2])))


def connected(what: What, port: str, serial: str, typed: Instrument) -> Instrument:
    """Open the port of a balance for what is weighed, or of a gauge.

    Args:
        what: What is calibrated.
        port: Name of the port.
        serial: Serial number that the balance must have.
        typed: Where somebody gives what the thermometer beside a balance shows.

    Raises:
        UsageError: the port cannot be opened.
        LinkLost: it is gone.
    """
    if what.weighs:
        return WithThermometer(BalanceInstrument(open_port(port, BAUD), MtSics(serial=serial)), typed)
    return sent_by_gauge(open_port(port, BAUD))


def sent_by_gauge(port: Port) -> TypedInstrument:
    """Return an instrument whose readings a gauge sends; what it sent before anybody asked is of no reading here.

    Raises:
        LinkLost: the port is gone.
    """
    for _ in range(DRAIN_READS_MAX):
        if not port.read():
            break
    return TypedInstrument(port.read, port.fileno(), None, port.close)


def typed_from_stdin(say: Callable[[str], None] | None) -> TypedInstrument:
    """Return an instrument whose readings are typed on standard input."""
    return TypedInstrument(lambda: os.read(0, 4_096), 0, say)
