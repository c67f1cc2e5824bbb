"""UTC labels of the gun's ticks."""

import random

import pytest

from meso_device.accounting.clockmap import BOOTS_KEPT, DRIFT_PPM, ClockMaps, Ping, map_from_pings
from meso_device.accounting.entries import ClockMapRow


@pytest.mark.invariant("I-36")
@pytest.mark.hazard("HZ-27")
def test_the_true_time_of_a_shot_lies_within_its_label_whatever_the_delays():
    rng = random.Random(36)
    for _ in range(2_000):
        drift = rng.uniform(-DRIFT_PPM, DRIFT_PPM) / 1e6
        boot_mono, utc_offset = rng.randrange(10**9), rng.randrange(10**15)

        def ticks(mono, boot_mono=boot_mono, drift=drift):
            return round((mono - boot_mono) * (1 + drift))

        start = boot_mono + rng.randrange(10**10)
        pings = []
        for _ in range(5):
            out, back = rng.randrange(50_000), rng.randrange(50_000)
            pings.append(Ping(1, ticks(start + out), start, start + out + back))
            start += out + back
        maps = ClockMaps((), 0)
        maps.add(map_from_pings(pings, now_mono_us=start, now_utc_us=start + utc_offset))
        shot = start + rng.randrange(3_600_000_000)
        label = maps.label(1, ticks(shot), now_utc_us=0)
        assert abs(label.at_us - (shot + utc_offset)) <= label.error_us + 2


@pytest.mark.invariant("I-39")
def test_without_a_map_of_its_boot_a_shot_lies_between_the_contacts():
    maps = ClockMaps((ClockMapRow(boot_id=4, ticks_us=0, utc_us=500, error_us=1),), 1_000)
    label = maps.label(5, 123, now_utc_us=9_000)
    assert label.at_us - label.error_us <= 1_000
    assert label.at_us + label.error_us >= 9_000


@pytest.mark.invariant("I-38")
def test_a_clock_set_back_behind_the_last_contact_still_gives_a_label():
    label = ClockMaps((), 5_000).label(1, 0, now_utc_us=1_000)
    assert (label.at_us, label.error_us) == (1_000, 0)


def test_only_the_last_boots_are_kept():
    maps = ClockMaps((), 0)
    for boot in range(1, 20):
        maps.add(ClockMapRow(boot_id=boot, ticks_us=0, utc_us=boot, error_us=0))
    assert maps.label(19, 0, now_utc_us=10**9).at_us == 19
    assert maps.label(19 - BOOTS_KEPT, 0, now_utc_us=10**9).error_us > 0
