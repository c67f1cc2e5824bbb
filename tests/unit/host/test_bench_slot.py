"""The place for an instrument at the console's bench: what is keyed in for one question, and what a port sends."""

import pytest

from meso_device.calibration.instrument import Measured
from meso_device.host.bench_slot import KEYED, BenchSlot, KeyedInstrument
from meso_device.host.instruments import TYPED_US_MAX, WithThermometer
from meso_device.session.contract import Instant, ReadingTaken, TakeReading, Tick
from protocols.errors import UsageError

NONE = frozenset()


class Balance:
    """An instrument that has answered and can be let go of."""

    def __init__(self):
        self.asked, self.closed = [], 0

    def reads(self):
        return (99,)

    def ask(self, asked, _now_us):
        self.asked.append(asked)

    def turn(self, _readable, _now_us):
        return Measured("1 g", 1_000_000, 1_000_000)

    def next_deadline_us(self):
        return 7

    def close(self):
        self.closed += 1


@pytest.fixture
def keyed():
    slot = BenchSlot()
    by_hand = KeyedInstrument()
    slot.fit(by_hand, by_hand, KEYED)
    return slot


def ask(slot, no=1, unit="ug", at_us=0):
    slot.stepped(Tick(), [TakeReading(no, unit, "base")], Instant(at_us, at_us))


def ready(slot, at_us=0):
    return slot.ready(NONE, NONE, Instant(at_us, at_us))


def test_a_reading_is_taken_for_the_question_that_stands_and_for_it_once(keyed):
    with pytest.raises(UsageError):
        keyed.give(1, "35.12345 g")
    ask(keyed)
    assert keyed.asked.no == 1
    assert ready(keyed) == ()
    keyed.give(1, "35.12345 g")
    with pytest.raises(UsageError):
        keyed.give(1, "35.2 g")
    assert ready(keyed) == (ReadingTaken(1, Measured("35.12345 g", 35_123_450, 10)),)
    assert (ready(keyed), keyed.asked) == ((), None)
    ask(keyed, 2)
    with pytest.raises(UsageError):
        keyed.give(1, "35.2 g")
    assert ready(keyed) == ()


@pytest.mark.parametrize("text", ["35,1 g", "35.1", "35.1 mm", "35.1 mg g", ".5 g", "1e3 mg", ""])
def test_what_could_be_misread_is_refused_and_the_question_stands(keyed, text):
    ask(keyed)
    with pytest.raises(UsageError):
        keyed.give(1, text)
    keyed.give(1, "35.1 g")
    assert len(ready(keyed)) == 1


def test_nobody_who_gives_a_reading_is_an_answer_in_the_end(keyed):
    ask(keyed)
    assert keyed.next_deadline_us() == TYPED_US_MAX
    assert ready(keyed, TYPED_US_MAX - 1) == ()
    [taken] = ready(keyed, TYPED_US_MAX)
    assert taken.outcome.fault == "NO_READING"
    assert keyed.next_deadline_us() is None


def test_a_port_is_let_go_of_when_the_run_is_over_or_another_instrument_comes():
    slot, first, second = BenchSlot(), Balance(), Balance()
    assert (slot.reads(), slot.next_deadline_us(), ready(slot)) == ((), None, ())
    ask(slot)
    slot.fit(first, KeyedInstrument(), "/dev/ttyUSB0")
    ask(slot, 3)
    assert slot.asked is None
    assert (slot.reads(), slot.name, slot.next_deadline_us()) == ((99,), "/dev/ttyUSB0", 7)
    assert [taken.no for taken in ready(slot)] == [3]
    with pytest.raises(UsageError):
        slot.give(3, "35 g")
    slot.fit(second, KeyedInstrument(), "/dev/ttyUSB1")
    slot.empty()
    slot.empty()
    assert (first.closed, second.closed, slot.name) == (1, 1, "")


def test_beside_a_balance_on_its_port_the_thermometer_is_keyed_in():
    slot, balance, by_hand = BenchSlot(), Balance(), KeyedInstrument()
    slot.fit(WithThermometer(balance, by_hand), by_hand, "/dev/ttyUSB0")
    ask(slot, 1)
    assert slot.asked is None
    assert [taken.outcome.value for taken in ready(slot)] == [1_000_000]
    ask(slot, 2, "mdegc")
    assert (slot.asked.no, ready(slot)) == (2, ())
    slot.give(2, "20.1 degC")
    assert [taken.outcome.value for taken in ready(slot)] == [20_100]
