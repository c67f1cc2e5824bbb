"""The simulated balance shows what was dropped, strictly by MT-SICS, and our client weighs on it as on any other."""

import random

import pytest

from drivers.balance import Failed, Fault, Identity, Reading
from drivers.mt_sics import MtSics
from simulator.balance import BALANCE_FAULTS, BalanceFigures, SimulatedBalance

SECOND = 1_000_000
STILL = BalanceFigures(noise_ug=0, evaporation_ug_per_s=0)


class Bench:
    """Client and balance joined by a cable, on one clock that jumps to what is due next."""

    def __init__(self, seed=1, figures=STILL, **options):
        self.balance = SimulatedBalance(random.Random(seed), figures=figures)
        self.client = MtSics(**options)
        self.now_us = 0

    def answer(self, what):
        getattr(self.client, what)(self.now_us)
        for _ in range(10_000):
            self.balance.step(self.now_us)
            events = self.client.received(self.balance.take(self.now_us), self.now_us)
            events += [] if events else self.client.tick(self.now_us)
            self.balance.feed(self.now_us, self.client.take_output())
            if events:
                return events[0]
            due = [at for at in (self.client.next_deadline_us(), self.balance.next_deadline_us()) if at is not None]
            self.now_us = max(self.now_us + 1, min(due))
        raise AssertionError("no answer")

    def weighed_ug(self):
        found = self.answer("weigh")
        assert isinstance(found, Reading), found
        assert found.stable
        return found.mass_ug


def test_it_says_who_it_is():
    assert Bench().answer("identify") == Identity("B0000001", "Simulated 220.0000 g")


def test_a_drop_shows_its_mass_in_air():
    bench = Bench()
    before = bench.weighed_ug()
    bench.balance.drop(bench.now_us, 20_000_000)
    assert bench.weighed_ug() - before == pytest.approx(20_000_000 * 0.998949, abs=20)


def test_a_reading_waits_until_the_drop_has_come_to_rest():
    bench = Bench()
    before = bench.weighed_ug()
    at_us = bench.now_us
    bench.balance.drop(bench.now_us, 20_000)
    assert bench.answer("look").stable is False
    assert bench.weighed_ug() - before == pytest.approx(20_000 * 0.998949, abs=10)
    assert bench.now_us - at_us > 2 * SECOND


def test_noise_evaporation_and_drift_show():
    bench = Bench(figures=BalanceFigures(noise_ug=8, evaporation_ug_per_s=5, drift_ug_per_s=-2))
    first, at_us = bench.weighed_ug(), bench.now_us
    bench.now_us += 1_000 * SECOND
    lost = first - bench.weighed_ug()
    assert lost == pytest.approx((bench.now_us - at_us) / SECOND * 7, abs=60)


def test_tare_and_zero():
    bench = Bench()
    bench.answer("tare")
    assert bench.weighed_ug() == 0
    bench.balance.drop(bench.now_us, 1_000_000)
    assert bench.weighed_ug() == pytest.approx(998_949, abs=10)
    bench.answer("zero")
    assert bench.weighed_ug() == 0


@pytest.mark.parametrize("line", [b"s\r\n", b"S \r\n", b"XYZ\r\n", b"\xff\r\n"])
def test_it_takes_commands_by_the_letter(line):
    balance = SimulatedBalance(random.Random(1))
    balance.feed(0, line)
    assert balance.take(0) == b"ES\r\n"


def test_a_line_without_its_carriage_return_is_no_line():
    balance = SimulatedBalance(random.Random(1))
    balance.feed(0, b"S\n")
    assert balance.take(SECOND) == b""


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("never_stable", Fault.UNSTABLE),
        ("other_unit", Fault.UNIT_CHANGED),
        ("truncated_line", Fault.NOT_UNDERSTOOD),
        ("silent", Fault.BALANCE_LOST),
        ("repeats", Fault.NOT_UNDERSTOOD),
    ],
)
def test_a_fault_is_named_and_never_weighed(fault, wanted):
    assert fault in BALANCE_FAULTS
    bench = Bench()
    bench.answer("identify")
    bench.balance.faults.add(fault)
    found = bench.answer("weigh")
    assert isinstance(found, Failed)
    assert found.fault is wanted


def test_a_slow_line_is_waited_for_and_a_false_stable_is_seen_through():
    bench = Bench()
    bench.answer("identify")
    before = bench.weighed_ug()
    bench.balance.faults |= {"slow_line", "stable_lie"}
    bench.balance.drop(bench.now_us, 20_000)
    assert bench.weighed_ug() - before == pytest.approx(20_000 * 0.998949, abs=30)


def test_a_restart_is_noticed_and_the_line_is_got_in_step_again():
    bench = Bench()
    bench.answer("identify")
    bench.balance.restart(bench.now_us)
    found = bench.answer("weigh")
    assert isinstance(found, Failed)
    assert found.fault is Fault.BALANCE_LOST
    bench.weighed_ug()


def test_overload_and_underload():
    bench = Bench()
    bench.answer("identify")
    bench.balance.drop(bench.now_us, 300_000_000)
    assert bench.answer("weigh").fault is Fault.OVERLOAD
    bench.balance.loaded_ug = -1_000_000
    assert bench.answer("weigh").fault is Fault.UNDERLOAD
