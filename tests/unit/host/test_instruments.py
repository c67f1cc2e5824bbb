"""Readings that are typed, sent by a gauge, or weighed: exact, or refused with the way to write them."""

import os

import pytest

from drivers.mt_sics import MtSics
from meso_device.calibration.instrument import Measured, NotMeasured
from meso_device.host.instruments import (
    LINE_BYTES_MAX,
    TYPED_US_MAX,
    BalanceInstrument,
    InstrumentMember,
    TypedInstrument,
    WithThermometer,
    parse_reading,
    sent_by_gauge,
)
from meso_device.session.contract import Instant, ReadingTaken, TakeReading, Tick
from protocols.errors import LinkLost, UsageError

ASKED = TakeReading(7, "ug", "base")
FD = 99


@pytest.mark.parametrize(
    ("line", "unit", "value", "digit"),
    [
        ("35.12345 g", "ug", 35_123_450, 10),
        ("20.1 mg", "ug", 20_100, 100),
        ("35 g", "ug", 35_000_000, 1_000_000),
        ("1.234 mm", "nm", 1_234_000, 1_000),
        ("0.5000 mm", "nm", 500_000, 100),
        ("1234 um", "nm", 1_234_000, 1_000),
        ("20.1 degC", "mdegc", 20_100, 100),
    ],
)
def test_a_typed_value_is_exact_and_says_how_fine_it_is(line, unit, value, digit):
    assert parse_reading(line, unit) == Measured(line, value, digit)


@pytest.mark.parametrize(
    "line", ["35,1 g", "35.1", "1e3 mg", "nan g", "35.1 kg", "-1 g", "1 mm", "35.12345678 g", "", "g", "1" * 500 + " g"]
)
def test_what_could_be_misread_is_refused(line):
    with pytest.raises(UsageError):
        parse_reading(line, "ug")


class Typist:
    """Hands over what was typed, chunk by chunk; then nothing, the end, or a lost line."""

    def __init__(self, *chunks, end=b""):
        self.chunks, self.end, self.said = list(chunks), end, []

    def read(self):
        if self.chunks:
            return self.chunks.pop(0)
        if isinstance(self.end, Exception):
            raise self.end
        return self.end

    def instrument(self, *, person):
        return TypedInstrument(self.read, FD, self.said.append if person else None)


def test_a_person_is_asked_again_and_a_program_is_ended():
    typist = Typist(b"35,1 g\n35.1", b"2345 g\n")
    typed = typist.instrument(person=True)
    typed.ask(ASKED, 0)
    assert typed.turn(frozenset({FD}), 0) is None
    assert typed.turn(frozenset({FD}), 0) == Measured("35.12345 g", 35_123_450, 10)
    assert typist.said[0] == "base:"
    assert "refused" in typist.said[1]
    program = Typist(b"35,1 g\n35.1 g\n").instrument(person=False)
    program.ask(ASKED, 0)
    assert program.turn(frozenset({FD}), 0).fault == "NOT_UNDERSTOOD"


def test_lines_that_come_early_wait_for_their_question():
    typed = Typist(b"1 g\n2 g\n").instrument(person=False)
    assert typed.turn(frozenset({FD}), 0) is None
    for value in (1_000_000, 2_000_000):
        typed.ask(ASKED, 0)
        assert typed.turn(frozenset(), 0).value == value


@pytest.mark.parametrize("end", [b"", LinkLost("the gauge is gone")])
def test_the_end_of_the_readings_is_said(end):
    typed = Typist(end=end).instrument(person=False)
    typed.ask(ASKED, 0)
    outcome = typed.turn(frozenset({FD}), 0)
    assert isinstance(outcome, NotMeasured)
    assert outcome.fault == "NO_READING"
    assert not typed.reads()


def test_nobody_waits_for_ever_and_no_line_grows_without_end():
    typed = Typist(b"9" * 4_000, end=b"9" * 4_000).instrument(person=False)
    typed.ask(ASKED, 0)
    for _ in range(3):
        assert typed.turn(frozenset({FD}), 0) is None
    assert len(typed._rest) <= LINE_BYTES_MAX
    assert typed.next_deadline_us() == TYPED_US_MAX
    assert typed.turn(frozenset(), TYPED_US_MAX).fault == "NO_READING"


class Port:
    name = "balance"

    def __init__(self):
        self.heard, self.sent, self.lost = [], b"", False

    def close(self):
        self.closed = True

    def fileno(self):
        return FD

    def read(self):
        if self.lost:
            raise LinkLost("balance: unplugged")
        return self.heard.pop(0)

    def write(self, data):
        self.sent += data
        return len(data)


def test_a_balance_is_asked_once_answers_once_and_says_when_it_is_lost():
    port = Port()
    member = InstrumentMember(BalanceInstrument(port, MtSics(serial="B1")))

    def turn(*lines, at_us=0):
        port.heard += lines
        return member.ready(frozenset({FD}) if lines or port.lost else frozenset(), frozenset(), Instant(at_us, at_us))

    member.stepped(Tick(), [ASKED], Instant(0, 0))
    assert turn() == ()
    assert port.sent == b"@\r\n"
    assert turn(b'I4 A "B1"\r\n') == ()
    assert turn(b"S S 1.00000 g\r\n") == ()
    assert turn(at_us=1_000_000) == ()
    assert turn(b"S S 1.00001 g\r\n", at_us=1_000_000) == (ReadingTaken(7, Measured("S S 1.00001 g", 1_000_010, 10)),)
    port.lost = True
    assert turn() == ()
    member.stepped(Tick(), [TakeReading(8, "ug", "dose")], Instant(0, 0))
    [taken] = turn()
    assert (taken.no, taken.outcome.fault) == (8, "BALANCE_LOST")
    assert member.reads() == ()


def test_what_a_gauge_sent_before_is_no_reading():
    port = Port()
    port.heard = [b"1.000 mm\r\n", b"", b"2.000 mm\r\n"]
    gauge = sent_by_gauge(port)
    gauge.ask(TakeReading(1, "nm", "travel"), 0)
    assert gauge.turn(frozenset({FD}), 0).value == 2_000_000


def test_standard_input_is_read_where_it_is(monkeypatch):
    from meso_device.host import instruments

    readable, writable = os.pipe()
    os.write(writable, b"1 g\n")
    os.close(writable)
    monkeypatch.setattr(instruments.os, "read", lambda _fd, size, read=os.read: read(readable, size))
    typed = instruments.typed_from_stdin(None)
    assert typed.reads() == (0,)
    typed.ask(ASKED, 0)
    assert typed.turn(frozenset({0}), 0).value == 1_000_000
    os.close(readable)


def test_the_thermometer_is_typed_while_the_balance_stays_on_its_port():
    """What is typed early waits; each is asked for what it knows, and a balance that is lost meanwhile says so."""
    port, typist = Port(), Typist(b"20.1 degC\n")
    typed = TypedInstrument(typist.read, FD + 1, None)
    both = WithThermometer(BalanceInstrument(port, MtSics(serial="B1")), typed)
    assert both.reads() == (FD,)
    both.ask(TakeReading(1, "mdegc", "water"), 0)
    assert both.reads() == (FD, FD + 1)
    assert port.sent == b""
    assert both.next_deadline_us() is not None
    assert both.turn(frozenset({FD + 1}), 0) == Measured("20.1 degC", 20_100, 100)
    both.ask(ASKED, 0)
    assert both.reads() == (FD,)
    assert both.turn(frozenset(), 0) is None
    assert port.sent == b"@\r\n"
    port.lost = True
    assert both.turn(frozenset({FD}), 0).fault == "BALANCE_LOST"
