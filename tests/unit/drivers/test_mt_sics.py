"""A balance on a serial line: what is a reading, what is none, and what must never be taken for one."""

import random

import pytest

from drivers.balance import Failed, Fault, Identity, Reading, Tared
from drivers.mt_sics import BETWEEN_US, REPLY_US, STABLE_US, MtSics, parse_reading

SECOND = 1_000_000
NAME = b'I4 A "B123456789"\r\n'


class Line:
    """A client in step with its balance, and a clock."""

    def __init__(self, **options):
        self.client, self.now_us = MtSics(**options), 0

    def ask(self, what):
        getattr(self.client, what)(self.now_us)
        return self.sent()

    def sent(self):
        return self.client.take_output()

    def says(self, *lines):
        return [event for line in lines for event in self.client.received(line, self.now_us)]

    def later(self, us):
        self.now_us += us
        return self.client.tick(self.now_us)


@pytest.fixture
def line():
    line = Line()
    assert line.ask("identify") == b"@\r\n"
    assert line.says(NAME) == []
    assert line.sent() == b"I2\r\n"
    assert line.says(b'I2 A "XS204" "220.0000 g"\r\n') == [Identity("B123456789", "XS204 220.0000 g")]
    return line


def reading(mass_ug, text, *, digit_ug=100, stable=True):
    return Reading(mass_ug, digit_ug, stable, text)


def test_a_result_is_two_stable_readings_that_agree(line):
    assert line.ask("weigh") == b"S\r\n"
    assert line.says(b"S S     10.0000 g\r\n") == []
    assert (line.sent(), line.later(BETWEEN_US), line.sent()) == (b"", [], b"S\r\n")
    assert line.says(b"S S     10.0002 g\r\n") == [reading(10_000_200, "S S     10.0002 g")]
    assert not line.client.busy


def test_a_balance_that_calls_stable_what_still_moves_is_asked_until_it_rests(line):
    line.ask("weigh")
    for value in (b"10.0000", b"10.0010", b"10.0015"):
        assert line.says(b"S S " + value + b" g\r\n") == []
        line.later(BETWEEN_US)
    assert line.says(b"S S 10.0017 g\r\n") == [reading(10_001_700, "S S 10.0017 g")]


def test_what_is_not_stable_is_shown_and_never_a_result(line):
    line.ask("look")
    assert line.says(b"S D 10.0000 g\r\n") == [reading(10_000_000, "S D 10.0000 g", stable=False)]
    line.ask("weigh")
    for _ in range(STABLE_US // BETWEEN_US - 1):
        assert line.says(b"S D 10.0000 g\r\n") == []
        assert line.later(BETWEEN_US) == []
    assert line.says(b"S D 10.0000 g\r\n") == []
    [failed] = line.later(BETWEEN_US)
    assert failed.fault is Fault.UNSTABLE


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (b"S +\r\n", Fault.OVERLOAD),
        (b"S -\r\n", Fault.UNDERLOAD),
        (b"S S 10.0 mg\r\n", Fault.UNIT_CHANGED),
        (b"S S 10.0\r\n", Fault.NOT_UNDERSTOOD),
        (b"S S 10,0000 g\r\n", Fault.NOT_UNDERSTOOD),
        (b"S S 1e1 g\r\n", Fault.NOT_UNDERSTOOD),
        (b"S S nan g\r\n", Fault.NOT_UNDERSTOOD),
        (b"S S 10.0000 g 5\r\n", Fault.NOT_UNDERSTOOD),
        (b"S X 10.0000 g\r\n", Fault.NOT_UNDERSTOOD),
        (b"S S 10.\xff000 g\r\n", Fault.NOT_UNDERSTOOD),
        (b"S S 0.00000000001 g\r\n", Fault.NOT_UNDERSTOOD),
        (b"ES\r\n", Fault.NOT_UNDERSTOOD),
        (b"EL\r\n", Fault.NOT_UNDERSTOOD),
        (b"T S 10.0000 g\r\n", Fault.NOT_UNDERSTOOD),
        (b"S S " + b" " * 60 + b"10.0 g", Fault.NOT_UNDERSTOOD),
        (NAME, Fault.BALANCE_LOST),
    ],
)
def test_what_could_be_misread_is_refused(line, reply, fault):
    line.ask("weigh")
    [failed] = line.says(reply)
    assert isinstance(failed, Failed)
    assert failed.fault is fault
    assert "\n" not in failed.text
    assert not line.client.busy


def test_a_late_reply_is_never_taken_for_the_answer_to_a_later_question(line):
    line.ask("weigh")
    [failed] = line.later(STABLE_US)
    assert failed.fault is Fault.BALANCE_LOST
    assert line.ask("weigh") == b"@\r\n"
    assert line.says(b"S S 99.0000 g\r\n", NAME) == []
    assert line.sent() == b"S\r\n"


def test_a_reply_that_comes_twice_is_a_fault_and_no_result(line):
    line.ask("weigh")
    assert line.says(b"S S 10.0000 g\r\n") == []
    [failed] = line.says(b"S S 10.0000 g\r\n")
    assert failed.fault is Fault.NOT_UNDERSTOOD


def test_a_reading_that_nobody_asked_for_is_a_fault(line):
    [failed] = line.says(b"S S 10.0000 g\r\n")
    assert failed.fault is Fault.NOT_UNDERSTOOD


def test_a_balance_that_is_busy_is_asked_three_times(line):
    line.ask("look")
    for _ in range(2):
        assert line.says(b"S I\r\n") == []
        line.later(BETWEEN_US)
        assert line.sent() == b"SI\r\n"
    assert line.says(b"S I\r\n") == []
    [failed] = line.later(BETWEEN_US)
    assert failed.fault is Fault.UNSTABLE


def test_an_error_on_the_line_sends_a_reading_once_more_and_a_tare_never(line):
    line.ask("look")
    assert line.says(b"ET\r\n") == []
    assert line.sent() == b"SI\r\n"
    assert line.says(b"ET\r\n")[0].fault is Fault.NOT_UNDERSTOOD
    line.ask("tare")
    line.says(NAME)
    assert line.sent() == b"T\r\n"
    assert line.says(b"ET\r\n")[0].fault is Fault.NOT_UNDERSTOOD
    assert line.sent() == b""


HOSTILE = b"\x1b]0;owned\x07\x1b[2J\x9b31m\x00\xe2\x80\xae"


@pytest.mark.hazard("HZ-33")
def test_no_answer_of_a_balance_carries_what_a_terminal_acts_upon(line):
    """Escape sequences in its name, in a reading and in what nobody asked for."""
    shown = line.says(HOSTILE + b"\r\n")
    for reading in (b"S S " + HOSTILE + b" g", b"S S 1.0000 " + HOSTILE, HOSTILE):
        line.ask("look")  # out of step: it asks first who answers
        shown += line.says(NAME, reading + b"\r\n")
    named = Line()
    named.ask("identify")
    shown += named.says(b'I4 A "' + HOSTILE + b'"\r\n', b'I2 A "' + HOSTILE + b'"\r\n')
    assert len(shown) == 5
    texts = [value for one in shown for name in one.__struct_fields__ if isinstance(value := getattr(one, name), str)]
    assert sum("owned" in text for text in texts) >= 5
    assert [text for text in texts if not text.isprintable()] == []


def test_silence_is_a_lost_balance(line):
    line.ask("look")
    assert line.later(REPLY_US - 1) == []
    assert line.later(1)[0].fault is Fault.BALANCE_LOST


def test_tare_and_zero(line):
    assert line.ask("tare") == b"T\r\n"
    assert line.says(b"T S 10.0000 g\r\n") == [Tared("T")]
    assert line.ask("zero") == b"Z\r\n"
    assert line.says(b"Z A\r\n") == [Tared("Z")]
    line.ask("tare")
    assert line.says(b"T I\r\n")[0].fault is Fault.UNSTABLE


def test_another_balance_than_that_of_the_certificate_is_refused():
    line = Line(serial="B1")
    line.ask("weigh")
    [failed] = line.says(NAME)
    assert failed.fault is Fault.OTHER_BALANCE


def test_loose_forms_are_taken(line):
    for reply in (b"SI S 10.0000 g\r\n", b"SI S S 10.0000 g\r\n", b"S\tS\t10.0000\tg \r\n", b" S S  10.0000 g\n"):
        line.ask("look")
        [found] = line.says(reply)
        assert (found.mass_ug, found.stable) == (10_000_000, True)


def test_lines_may_come_in_any_pieces():
    chance = random.Random(3)
    for _ in range(50):
        line = Line()
        line.ask("look")
        stream = NAME + b"S S 1.2345 g\r\n"
        events = []
        while stream:
            cut = chance.randrange(1, len(stream) + 1)
            events += line.says(stream[:cut])
            stream = stream[cut:]
        assert events == [reading(1_234_500, "S S 1.2345 g")]


@pytest.mark.parametrize(
    ("value", "unit", "mass_ug", "digit_ug"),
    [
        ("10.00001", "g", 10_000_010, 10),
        ("-0.0021", "g", -2_100, 100),
        ("12.3", "mg", 12_300, 100),
        ("0.0000001", "kg", 100, 100),
        ("5", "g", 5_000_000, 1_000_000),
    ],
)
def test_a_mass_is_read_exactly(value, unit, mass_ug, digit_ug):
    assert parse_reading(value, unit, stable=True, text="t") == Reading(mass_ug, digit_ug, True, "t")


@pytest.mark.parametrize("value", ["", "-", ".5", "5.", "+5", "1 0", "0.0000001", "0x10", "\u0661", "1" * 10])
def test_a_mass_is_not_guessed(value):
    assert parse_reading(value, "g", stable=True, text="t") is None
