"""The wall clock is stepped while a host runs, over a year, an hour, a change to winter time: nothing depends on it."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.checks import assert_one_clear_line
from support.clinic import CHART, founded
from support.extent import long_form
from support.treatment import treatment_text, write_treatment

PLACES = ("lib/*/faketime", "lib*/faketime")  # of Debian, and of the others
LIBRARY = next((found for place in PLACES for found in Path("/usr").glob(f"{place}/libfaketime.so.1")), None)
AREAS = (("forehead", 14), ("cheek_left", 10))
PLANNED = 24
RATE = 5  # slow enough for a step, which the library takes up within a second, to fall into the session
IN_2039_S = 2_190_000_000
HOUR_S, DAY_S = 3_600, 86_400

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed")


class WallClock:
    """What a process takes for the time of day; monotonic time stays true."""

    def __init__(self, bench):
        self._file = bench.path / "faketime"
        self.step(0)

    def step(self, seconds):
        """Let it be this far from the truth from now on."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self._file)

    def environment(self, **more):
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # read on every look at the clock it would slow the host down
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else a wait of two threads for each other's lock becomes a race
            **more,
        }


def run(bench, gun, clock, **more):
    plan = write_treatment(bench.path / "plan.toml", treatment_text(AREAS))
    return bench.meso("session", "run", plan, "--gun", gun.link, "--json", env=clock.environment(**more), name="run")


def kept(bench):
    """All records of the log, by their kind."""
    with closing(sqlite3.connect(bench.home / "audit.db")) as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]


@pytest.mark.invariant("I-35")
@pytest.mark.invariant("I-38")
@pytest.mark.parametrize("step_s", [-HOUR_S, 366 * DAY_S, *long_form(HOUR_S, 3 * DAY_S)])
def test_a_stepped_clock_changes_no_decision_and_is_recorded(bench, step_s):
    gun = bench.gun(seed=2, rate=RATE)
    clock = WallClock(bench)
    host = run(bench, gun, clock)
    bench.wait_shots(gun, 3)
    clock.step(step_s)
    host.ok(30)
    export = bench.assert_proven(gun, planned=PLANNED, verify=True)
    assert [shot.key[2] for shot in export] == list(range(1, PLANNED + 1)), "in the order of the gun, not of the clock"
    steps = [record["step_us"] for record in kept(bench) if record["kind"] == "clock.step"]
    assert len(steps) == 1
    assert abs(steps[0] - step_s * 1_000_000) < 1_000_000


@pytest.mark.invariant("I-07")
@pytest.mark.invariant("I-38")
def test_a_clock_before_the_guns_calibration_permits_nothing_more_and_loses_nothing(bench):
    gun = bench.gun(seed=7, rate=RATE)
    clock = WallClock(bench)
    host = run(bench, gun, clock)
    bench.wait_shots(gun, 3)
    clock.step(-26 * 366 * DAY_S)
    host.wait(30)
    assert_one_clear_line(host, status=1, names=("check this computer's clock", "meso session resume"))
    assert [shot.key[2] for shot in bench.logged()] == list(range(1, gun.shots() + 1))
    bench.resume(gun.link).ok(30)
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-38")
def test_a_clock_that_jumps_to_and_fro_all_the_time_ends_no_session(bench):
    gun = bench.gun(seed=3, rate=RATE)
    clock = WallClock(bench)
    host = run(bench, gun, clock)
    bench.wait_shots(gun, 1)
    step_s = DAY_S
    while host.running:
        step_s = -step_s
        clock.step(step_s)
        time.sleep(0.4)
    host.ok()
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-35")
@pytest.mark.parametrize("step_s", [-HOUR_S, 366 * DAY_S, *long_form(HOUR_S)])
def test_a_clock_stepped_between_a_kill_and_the_resume_loses_nothing(bench, step_s):
    gun = bench.gun(seed=4, rate=RATE)
    clock = WallClock(bench)
    host = run(bench, gun, clock)
    bench.wait_shots(gun, 3)
    host.send(9)
    host.wait()
    clock.step(step_s)
    resumed = bench.meso("session", "resume", "--gun", gun.link, "--json", env=clock.environment(), name="resume")
    resumed.ok(30)
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-38")
@pytest.mark.parametrize("rule", ["Europe/Berlin", "Pacific/Apia"])
def test_the_zone_of_the_computer_is_nowhere_in_the_log(bench, rule):
    gun = bench.gun(seed=5, rate=RATE)
    clock = WallClock(bench)
    host = run(bench, gun, clock, TZ=rule)
    host.ok(30)
    export = bench.assert_proven(gun, planned=PLANNED, verify=True)
    now_us = time.time_ns() // 1_000
    assert all(0 < now_us - record["ts_us"] < 120_000_000 for record in kept(bench))
    assert all(shot.raw["at"].endswith("Z") for shot in export)
    assert not any(record["kind"] == "clock.step" for record in kept(bench))


def test_a_year_beyond_2038_runs_like_any_other(bench):
    gun = bench.gun(seed=6, rate=RATE)
    clock = WallClock(bench)
    clock.step(IN_2039_S - int(time.time()))
    host = run(bench, gun, clock)
    host.ok(30)
    assert bench.assert_proven(gun, planned=PLANNED, verify=True)[0].raw["at"] > "2039"


@pytest.mark.hazard("HZ-48")
@pytest.mark.invariant("I-35")
@pytest.mark.timeout(180)
def test_a_clock_set_a_month_ahead_does_not_end_the_interval(bench):
    clinic, aliases = founded(bench)
    clinic.gun.start()
    clinic.session(aliases[CHART]).ok()
    clinic.clean()
    clock = WallClock(bench)
    clock.step(30 * DAY_S)
    process = clinic.session(aliases[CHART], env=clock.environment())
    process.wait()
    assert_one_clear_line(process, status=1, names=("too early",))
    assert len(clinic.gun.truth()) == 4
