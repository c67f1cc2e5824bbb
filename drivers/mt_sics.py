"""The MT-SICS dialect of Mettler-Toledo balances, levels 0 and 1: a client without a port and without a clock.

Lines of ASCII that end in CR LF; one command is open at a time. What a balance does loosely is taken (tabs, padding, a
repeated command, split and merged lines); what could be misread is refused: a comma, an exponent, a missing or another
unit, a reply that nobody asked for. After any fault the line is reset before the next command, so that a late reply is
never taken for the answer to a later question.
"""

import re
from collections.abc import Generator
from typing import Final, TypeAlias

from msgspec import Struct

from drivers.balance import BalanceEvent, Failed, Fault, Identity, Reading, Tared
from protocols.errors import require
from protocols.treatment.problems import printable

BAUD: Final = 9_600
LINE_BYTES_MAX: Final = 64
STABLE_US: Final = 30_000_000
REPLY_US: Final = 2_000_000
BETWEEN_US: Final = 1_000_000
"""Between the two stable readings that make one result: some balances call stable what still moves."""
DIGITS_APART_MAX: Final = 2
TRIES: Final = 3

# Micrograms in one of the unit.
UNITS_UG: Final = {"g": 1_000_000, "mg": 1_000, "kg": 1_000_000_000}

_VALUE: Final = re.compile(r"(-?)([0-9]{1,9})(?:\.([0-9]{1,9}))?", re.ASCII)
_QUOTED: Final = re.compile(r'"([^"]*)"')
_READS: Final = frozenset({"S", "SI", "I2"})


class _Send(Struct, frozen=True):
    """Send a command; the flow goes on with its reply. Silence until the end of the wait is a lost balance."""

    command: str
    wait_us: int


class _Pause(Struct, frozen=True):
    """Go on after this long."""

    wait_us: int


# What is open wants a line or time; it is sent the line that came, or an empty one after a pause.
_Flow: TypeAlias = Generator[_Send | _Pause, str, BalanceEvent]

_SILENT: Final = Failed(Fault.BALANCE_LOST, "the balance does not answer: check its cable and its power, then go on")
_RESTARTED: Final = Failed(Fault.BALANCE_LOST, "the balance was switched on anew: let it warm up, then go on")
_RESTLESS: Final = Failed(Fault.UNSTABLE, "the balance does not come to rest: close its doors and wait, then go on")
_LOAD: Final = {
    "+": Failed(Fault.OVERLOAD, "the balance is overloaded: take off what is too much, then go on"),
    "-": Failed(Fault.UNDERLOAD, "the balance shows less than its range: put pan and container back, then go on"),
}


class MtSics:
    """One balance. Bytes in, bytes out, events back; time is handed in, in microseconds of any one clock."""

    def __init__(self, unit: str = "g", serial: str = "") -> None:
        """Expect readings in ``unit`` and, if given, the balance with this serial number."""
        require(unit in UNITS_UG, f"unit {unit!r} is none of {', '.join(UNITS_UG)}")
        self._unit = unit
        self._serial = serial
        self._flow: _Flow | None = None
        self._open: _Send | _Pause | None = None
        self._due_us = 0
        self._resent = False
        self._in_step = False
        self._received = b""
        self._output = b""

    # --- asking -------------------------------------------------------------------------------------

    def identify(self, now_us: int) -> None:
        """Reset the line and ask who it is; answers `Identity`, or `Failed`."""
        self._in_step = False
        self._begin(self._identify(), now_us)

    def weigh(self, now_us: int) -> None:
        """Ask for a result: two stable readings a second apart that agree; answers a stable `Reading`, or `Failed`."""
        self._begin(self._weigh(), now_us)

    def look(self, now_us: int) -> None:
        """Ask what it shows now, stable or not: to be shown, never to be recorded; answers `Reading`, or `Failed`."""
        self._begin(self._look(), now_us)

    def tare(self, now_us: int) -> None:
        """Tare, on the technician's word only; answers `Tared`, or `Failed`."""
        self._begin(self._settle_to("T"), now_us)

    def zero(self, now_us: int) -> None:
        """Set to zero, on the technician's word only; answers `Tared`, or `Failed`."""
        self._begin(self._settle_to("Z"), now_us)

    @property
    def busy(self) -> bool:
        """Whether something asked is not answered yet."""
        return self._flow is not None

    def next_deadline_us(self) -> int | None:
        """Return when `tick` is due."""
        return None if self._flow is None else self._due_us

    def take_output(self) -> bytes:
        """Return the bytes to be sent."""
        output, self._output = self._output, b""
        return output

    # --- what comes ---------------------------------------------------------------------------------

    def received(self, data: bytes, now_us: int) -> list[BalanceEvent]:
        """Take in bytes; return the answer if it is complete, or a fault that nobody asked about."""
        self._received += data
        events: list[BalanceEvent] = []
        *lines, self._received = self._received.split(b"\n")
        for line in lines:
            events += self._line(line, now_us)
        if len(self._received) > LINE_BYTES_MAX:
            self._received = b""
            events += self._end(_not_understood("no line ends"))
        return events

    def tick(self, now_us: int) -> list[BalanceEvent]:
        """Do what is due by now."""
        if self._flow is None or now_us < self._due_us:
            return []
        if isinstance(self._open, _Send):
            return self._end(_SILENT)
        return self._go_on("", now_us)

    def _line(self, raw: bytes, now_us: int) -> list[BalanceEvent]:
        # Whatever it answers may end on a screen.
        line = printable(raw.decode("ascii", "replace").strip().replace("\t", " "))
        opened = self._open if isinstance(self._open, _Send) else None
        resetting = opened is not None and opened.command == "@"
        if not line or (resetting and not line.startswith("I4 A ")):
            return []
        if len(line) > LINE_BYTES_MAX:
            return self._end(_not_understood(line))
        if line.startswith("I4 A ") and not resetting:
            return self._end(_RESTARTED)
        if opened is None:
            return self._end(_not_understood(f"{line}, which nobody asked for"))
        if line == "ET" and opened.command in _READS and not self._resent:
            self._resent = True
            self._send(opened, now_us)
            return []
        return self._go_on(line, now_us)

    # --- flows --------------------------------------------------------------------------------------

    def _begin(self, flow: _Flow, now_us: int) -> None:
        require(self._flow is None, "the balance was asked something else before it had answered")
        self._flow = flow
        self._step("", now_us, first=True)

    def _go_on(self, line: str, now_us: int) -> list[BalanceEvent]:
        done = self._step(line, now_us)
        return [] if done is None else self._end(done)

    def _step(self, line: str, now_us: int, *, first: bool = False) -> BalanceEvent | None:
        require(self._flow is not None, "nothing was asked")
        assert self._flow is not None  # noqa: S101  # for the type checker
        try:
            self._open = next(self._flow) if first else self._flow.send(line)
        except StopIteration as stop:
            done: BalanceEvent = stop.value
            return done
        self._due_us = now_us + self._open.wait_us
        if isinstance(self._open, _Send):
            self._resent = False
            self._send(self._open, now_us)
        return None

    def _send(self, send: _Send, now_us: int) -> None:
        self._due_us = now_us + send.wait_us
        self._output += send.command.encode() + b"\r\n"

    def _end(self, event: BalanceEvent) -> list[BalanceEvent]:
        self._flow = self._open = None
        if isinstance(event, Failed):
            self._in_step = False
        return [event]

    def _reset(self) -> Generator[_Send | _Pause, str, Failed | None]:
        """Get in step: what came before the balance says its name answers nothing."""
        if not self._in_step:
            line = yield _Send("@", REPLY_US)
            serial = "".join(_QUOTED.findall(line)[:1])
            if self._serial and serial != self._serial:
                return Failed(
                    Fault.OTHER_BALANCE,
                    f"this is balance {serial[:20] or 'without a name'}, not {self._serial}: connect the one whose "
                    "certificate was given",
                )
            self._serial = serial
            self._in_step = True
        return None

    def _identify(self) -> _Flow:
        failed = yield from self._reset()
        if failed is not None:
            return failed
        line = yield _Send("I2", REPLY_US)
        return Identity(self._serial, " ".join(_QUOTED.findall(line)).strip())

    def _weigh(self) -> _Flow:
        failed = yield from self._reset()
        if failed is not None:
            return failed
        before: Reading | None = None
        for _ in range(STABLE_US // BETWEEN_US):
            found = yield from self._read("S", STABLE_US)
            if isinstance(found, Failed):
                return found
            rested = before is not None and abs(found.mass_ug - before.mass_ug) <= DIGITS_APART_MAX * found.digit_ug
            if rested and found.stable:
                return found
            before = found if found.stable else None
            yield _Pause(BETWEEN_US)
        return _RESTLESS

    def _look(self) -> _Flow:
        failed = yield from self._reset()
        if failed is not None:
            return failed
        return (yield from self._read("SI", REPLY_US))

    def _read(self, command: str, wait_us: int) -> Generator[_Send | _Pause, str, Reading | Failed]:
        for _ in range(TRIES):
            line = yield _Send(command, wait_us)
            words = line.split()
            if words[0] == command == "SI":  # some repeat the command, before their S or in its place
                words = ["S", *words[-3:]]
            if words == ["S", "I"]:
                yield _Pause(BETWEEN_US)
                continue
            if len(words) == 2 and words[0] == "S" and words[1] in _LOAD:
                return _LOAD[words[1]]
            if len(words) != 4 or words[0] != "S" or words[1] not in {"S", "D"}:
                return _not_understood(line)
            if words[3] != self._unit:
                return Failed(
                    Fault.UNIT_CHANGED,
                    f"the balance weighs in {words[3]!r}, not in {self._unit}: set it back, then go on",
                )
            return parse_reading(words[2], self._unit, stable=words[1] == "S", text=line) or _not_understood(line)
        return _RESTLESS

    def _settle_to(self, command: str) -> _Flow:
        failed = yield from self._reset()
        if failed is not None:
            return failed
        line = yield _Send(command, STABLE_US)
        words = line.split()
        if words[0] != command or len(words) < 2:
            return _not_understood(line)
        if words[1] in _LOAD:
            return _LOAD[words[1]]
        if words[1] == "I":
            return _RESTLESS
        return Tared(command) if words[1] in {"A", "S"} else _not_understood(line)


def parse_reading(value: str, unit: str, *, stable: bool, text: str) -> Reading | None:
    """Return a mass as the balance writes it, digits with a point; None for anything else, nothing is guessed.

    A value finer than a microgram is not of a balance that is used here, and is none either.
    """
    match = _VALUE.fullmatch(value)
    if match is None:
        return None
    sign, whole, fraction = match[1], match[2], match[3] or ""
    scale = UNITS_UG[unit]
    mass, left = divmod(int(whole + fraction) * scale, 10 ** len(fraction))
    digit, finer = divmod(scale, 10 ** len(fraction))
    if left or finer:
        return None
    return Reading(-mass if sign else mass, digit, stable, text)


def _not_understood(line: str) -> Failed:
    return Failed(
        Fault.NOT_UNDERSTOOD,
        f"the balance said {line[:LINE_BYTES_MAX]!r}: check that it speaks MT-SICS at this baud rate, then go on",
    )
