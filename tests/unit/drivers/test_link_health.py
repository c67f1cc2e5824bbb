"""The verdict on a link: what weighs most is told, and a link without fault is called good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drivers.link_health import BEAT_MS, LEASE_MS, STATUS_MS, Figures, Level, judge
from drivers.link_stats import LinkStats

GOOD = Figures(
    port="/dev/ttyUSB0",
    answered=True,
    stats=LinkStats(bytes_in=9_000, frames_in=400, frames_out=400, round_trips=400),
    short_us=tuple(range(8_000, 12_000, 10)),
    long_us=(31_000, 32_000, 33_000),
    long_bytes=200,
)


def test_a_link_without_fault_is_called_good():
    health = judge(GOOD)
    assert health.level is Level.GOOD
    assert "400 exchanges, none damaged, worst answer 33.0 ms" in health.verdict


@pytest.mark.parametrize(
    ("changes", "level", "said"),
    [
        ({"lost": "/dev/ttyUSB0 was unplugged"}, Level.BAD, "was unplugged"),
        ({"answered": False, "stats": LinkStats()}, Level.BAD, "no bytes from the gun"),
        ({"answered": False, "stats": LinkStats(bytes_in=70, bad_blocks=3)}, Level.BAD, "--baud 57600"),
        ({"answered": False, "stats": LinkStats(bytes_in=70, echoes=3)}, Level.BAD, "comes back"),
        ({"answered": False, "stats": LinkStats(bytes_in=70, frames_in=3)}, Level.BAD, "HELLO is not answered"),
        ({"gun_bad_frames": 4}, Level.BAD, "1 % of the frames to the gun are damaged"),
        ({"gun_bad_frames": 3}, Level.NOTE, "0.75 % of the frames to the gun are damaged"),
        ({"stats": replace(GOOD.stats, bad_blocks=40)}, Level.BAD, "9.1 % of the frames from the gun"),
        ({"stats": replace(GOOD.stats, given_up=2)}, Level.BAD, "2 requests were never answered"),
        ({"gun_dropped": 1}, Level.BAD, "for want of room"),
        ({"latency_timer_ms": 16}, Level.NOTE, "latency timer of 16 ms"),
        ({"latency_timer_ms": 1}, Level.GOOD, "none damaged"),
        ({"long_us": (90_000,)}, Level.BAD, "the line carries about 24998 baud"),
        ({"short_us": (*GOOD.short_us, 250_000)}, Level.BAD, "took 250 ms, too near to the lease"),
        ({"short_us": (250_000,), "latency_timer_ms": 16}, Level.BAD, "latency timer of 16 ms"),
        ({"short_us": (), "long_us": ()}, Level.NOTE, "--seconds"),
    ],
)
def test_the_cause_is_named_in_one_line(changes, level, said):
    health = judge(replace(GOOD, **changes))
    assert health.level is level
    assert said in health.verdict
    assert "\n" not in health.verdict


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=200))
def test_the_figures_are_in_order_and_the_margin_is_what_the_worst_answer_leaves(samples):
    seen = replace(GOOD, short_us=tuple(samples), long_us=())
    assert min(samples) <= seen.median_us <= seen.p99_us <= seen.worst_us == max(samples)
    assert seen.lease_margin_ms + max(samples) // 1_000 == LEASE_MS - BEAT_MS - STATUS_MS
    assert seen.baud_seen == 0


def test_without_samples_no_figure_fails():
    empty = Figures(port="p", answered=False, stats=LinkStats())
    assert (empty.median_us, empty.p99_us, empty.worst_us, empty.baud_seen, empty.damaged_to_host_ppm) == (0,) * 5
