import re
import time

import pytest

from meso_device.host import clock
from meso_device.host.clock import Clock, read_clock_state, read_host_boot


def test_time_is_in_whole_microseconds_and_does_not_go_back():
    reader = Clock()
    first, second = reader.now(), reader.now()
    assert isinstance(first.mono_us, int)
    assert isinstance(first.utc_us, int)
    assert first.mono_us <= second.mono_us


@pytest.mark.invariant("I-37")
def test_the_boot_id_is_the_same_within_a_boot():
    assert re.fullmatch(r"[0-9a-f]{32}", read_host_boot())
    assert read_host_boot() == read_host_boot()


@pytest.mark.invariant("I-37")
def test_without_a_boot_id_of_the_system_no_two_runs_share_one(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "_BOOT_ID_FILE", tmp_path / "none")
    assert read_host_boot() != read_host_boot()


@pytest.mark.invariant("I-35")
@pytest.mark.invariant("I-38")
def test_a_step_of_the_wall_clock_moves_the_label_and_nothing_else(monkeypatch):
    reader = Clock()
    before = reader.now()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 365 * 86_400 * 10**9)
    after = reader.now()
    assert 0 <= after.mono_us - before.mono_us < 1_000_000
    assert after.utc_us - before.utc_us > 364 * 86_400 * 10**6
    assert reader.take_suspend_us() == 0


@pytest.mark.invariant("I-45")
@pytest.mark.parametrize(("slept_ms", "noticed"), [(0, False), (900, False), (1_100, True), (3_600_000, True)])
def test_a_sleep_of_the_computer_is_noticed_once(monkeypatch, slept_ms, noticed):
    asleep = {"us": 5_000_000}
    monkeypatch.setattr(clock, "_asleep_us", lambda: asleep["us"])
    reader = Clock()
    asleep["us"] += slept_ms * 1_000
    assert reader.take_suspend_us() == (slept_ms * 1_000 if noticed else 0)
    assert reader.take_suspend_us() == 0


def test_short_sleeps_add_up(monkeypatch):
    asleep = {"us": 0}
    monkeypatch.setattr(clock, "_asleep_us", lambda: asleep["us"])
    reader = Clock()
    for _ in range(3):
        asleep["us"] += 400_000
        found = reader.take_suspend_us()
    assert found == 1_200_000


def test_the_system_says_whether_its_clock_is_kept():
    assert read_clock_state() in {"synced", "unsynced"}
