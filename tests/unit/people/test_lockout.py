"""Against a true time that only this test knows, over all short histories."""

from itertools import product

import pytest
from msgspec.structs import replace

from meso_device.people.lockout import FREE_FAILURES, PAUSES_US, Lockout, Moment, charged, looked_at, remaining_us

START = Moment(boot="a", mono_us=5_000_000, utc_us=1_700_000_000_000_000)
MINUTE_US = 60_000_000


def locked(times=FREE_FAILURES, now=START):
    state = Lockout()
    for _ in range(times):
        state = charged(state, now)
    return state


def test_five_wrong_pins_pause_for_a_minute_and_each_further_one_for_longer():
    waits = [remaining_us(locked(times), START) // MINUTE_US for times in range(1, 14)]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 15, 15, 15, 15, 15]


@pytest.mark.hazard("HZ-35")
@pytest.mark.parametrize("step_s", [-(10**9), -3_600, -1, 1, 3_600, 10**9])
def test_a_step_of_the_wall_clock_changes_nothing(step_s):
    state = locked()
    stepped = replace(START, utc_us=START.utc_us + step_s * 1_000_000)
    assert remaining_us(state, stepped) == PAUSES_US[0]
    half = replace(stepped, mono_us=START.mono_us + PAUSES_US[0] // 2)
    assert remaining_us(looked_at(state, half), half) == PAUSES_US[0] // 2


def test_a_pause_ends_to_the_microsecond_on_the_clock_of_its_boot():
    state = locked()
    end = replace(START, mono_us=START.mono_us + PAUSES_US[0])
    assert remaining_us(state, replace(end, mono_us=end.mono_us - 1)) == 1
    assert remaining_us(state, end) == 0


def test_after_a_reboot_the_pause_begins_anew_once_and_then_runs_down():
    state = locked()
    boot = Moment(boot="b", mono_us=3, utc_us=START.utc_us + 10**15)
    state = looked_at(state, boot)
    assert remaining_us(state, boot) == PAUSES_US[0]
    later = replace(boot, mono_us=3 + PAUSES_US[0])
    assert remaining_us(looked_at(state, later), later) == 0


STEPS = {
    "half": lambda now, true: (replace(now, mono_us=now.mono_us + MINUTE_US // 2), true + MINUTE_US // 2),
    "whole": lambda now, true: (replace(now, mono_us=now.mono_us + MINUTE_US), true + MINUTE_US),
    "clock back": lambda now, true: (replace(now, utc_us=now.utc_us - 10**13), true),
    "clock on": lambda now, true: (replace(now, utc_us=now.utc_us + 10**13), true),
    "reboot": lambda now, true: (replace(now, boot=now.boot + "+", mono_us=1_000_000), true + 1_000_000),
    "reboot with an old id": lambda now, true: (replace(now, mono_us=2), true + 1_000_000),
}


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_no_history_of_clock_steps_reboots_and_tries_lets_a_pin_be_looked_at_early():
    for history in product((*STEPS, "try"), repeat=5):
        now, true = START, 0
        state, free_at = locked(now=now), PAUSES_US[0]
        for step in history:
            if step == "try":
                state = looked_at(state, now)
                if remaining_us(state, now) == 0:
                    assert true >= free_at, history
                    state = charged(state, now)
                    free_at = true + PAUSES_US[min(state.failures - FREE_FAILURES, len(PAUSES_US) - 1)]
            else:
                now, true = STEPS[step](now, true)


def test_whoever_waits_on_one_boot_is_let_in_again_whatever_the_wall_clock_did():
    for clock in product(("clock back", "clock on", "half"), repeat=4):
        now, state = START, locked()
        for step in clock:
            now, _ = STEPS[step](now, 0)
            state = looked_at(state, now)
        now = replace(now, mono_us=now.mono_us + MINUTE_US)
        assert remaining_us(looked_at(state, now), now) == 0
