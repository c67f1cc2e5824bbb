from random import Random

import pytest

from simulator.physics.figures import NEEDLES
from simulator.physics.line import Line

STEP_US = 10


def numeric(line_c, line_r, *, flow, back, blocked, start, time_us):
    """The same differential equation in small steps: a second way to the closed form."""
    pressure = start
    for _ in range(time_us // STEP_US):
        out = 0.0 if blocked or pressure <= back else (pressure - back) / line_r
        pressure += (flow - out) * STEP_US * 1e-6 / line_c
    return pressure


@pytest.mark.parametrize("seed", range(12))
def test_closed_form_agrees_with_small_steps(seed):
    chance = Random(seed)
    line = Line(
        size_nl=5_000_000,
        needle=chance.choice(NEEDLES),
        pins=1,
        viscosity_upa_s=chance.choice((1_000, 5_000)),
    )
    start = chance.choice((0.0, 20.0, 90.0))
    flow = chance.choice((0.0, 20_000.0, 200_000.0))
    back = chance.choice((0.0, 40.0))
    blocked = chance.random() < 0.3
    line.restore(pressure_kpa=start, retreat_nl=0.0)
    line.change(0, 0.0, flow_nl_per_s=flow, back_kpa=back, blocked=blocked)
    for time_us in (1_000, 20_000, 100_000):
        expected = numeric(
            line._compliance,
            line._resistance,
            flow=flow,
            back=back,
            blocked=blocked,
            start=start,
            time_us=time_us,
        )
        assert line.pressure_at(time_us) == pytest.approx(expected, rel=0.005, abs=0.05)


@pytest.mark.parametrize("blocked", [True, False])
@pytest.mark.parametrize("start", [0.0, 30.0, 60.0])
@pytest.mark.parametrize("threshold", [20.0, 50.0, 80.0])
def test_crossing_is_where_the_pressure_equals_the_threshold(start, threshold, blocked):
    line = Line(size_nl=5_000_000, needle=NEEDLES[3], pins=1, viscosity_upa_s=1_000)
    line.change(7_000, 0.0)
    line.restore(pressure_kpa=start, retreat_nl=0.0)
    line.change(7_000, 0.0, flow_nl_per_s=200_000.0, back_kpa=40.0, blocked=blocked)
    crossing_us = line.crossing_us(threshold)
    if start >= threshold:
        assert crossing_us == 7_000
    else:
        assert line.pressure_at(crossing_us) >= threshold > line.pressure_at(crossing_us - 2)


def test_pressure_that_never_gets_there_has_no_crossing():
    line = Line(size_nl=5_000_000, needle=NEEDLES[0], pins=1, viscosity_upa_s=1_000)
    line.change(0, 0.0, flow_nl_per_s=100_000.0)
    assert line.crossing_us(9.5) is None
    assert line.crossing_us(8.5) is not None
    line.change(10, 1.0, flow_nl_per_s=0.0)
    assert line.crossing_us(8.5) is None


def test_back_step_empties_the_pressure_first_and_the_tip_then():
    line = Line(size_nl=1_000_000, needle=NEEDLES[3], pins=1, viscosity_upa_s=1_000)
    line.restore(pressure_kpa=20.0, retreat_nl=0.0)
    line.draw_back(150.0)
    assert (line.pressure_kpa, line.retreat_nl) == (5.0, 0.0)
    line.draw_back(150.0)
    assert (line.pressure_kpa, line.retreat_nl) == (0.0, 100.0)


def test_empty_tip_fills_without_pressure():
    line = Line(size_nl=1_000_000, needle=NEEDLES[3], pins=1, viscosity_upa_s=1_000)
    line.restore(pressure_kpa=0.0, retreat_nl=100.0)
    line.change(0, 0.0, flow_nl_per_s=100_000.0)
    assert line.pressure_at(1_000) == 0.0
    assert line.pressure_at(1_500) > 0.0
    line.change(1_500, 150.0)
    assert line.retreat_nl == 0.0
    assert line.out_nl + line.stored_nl == pytest.approx(50.0)


def test_five_pins_need_a_fifth_of_the_pressure():
    one, five = (Line(size_nl=1_000_000, needle=NEEDLES[8], pins=pins, viscosity_upa_s=1_000) for pins in (1, 5))
    for line in (one, five):
        line.change(0, 0.0, flow_nl_per_s=10_000.0)
    assert one.pressure_at(10**9) / five.pressure_at(10**9) == pytest.approx(5, rel=0.02)
