"""The gun loses its power in mid-shot: an INTERRUPTED record with its range, and a session that can go on."""

import random
import signal
import time

import pytest
from support.checks import assert_one_clear_line
from support.extent import long_form
from support.processes import wait_for
from support.treatment import treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")

# 20 µL at 24 µL/s: of each second some 830 ms are flow, so a kill 300-900 ms after a stroke's end is in the next one.
SLOW = {"dose": "0.02 mL", "flow": "0.024 mL/s", "rate": "1 /s"}
POINTS = 6


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text((("forehead", POINTS),), **SLOW))


def end_of_run(host):
    """Require the end that the contract names: status 1, and how to go on."""
    assert host.wait() == 1, host.describe()
    assert "meso session resume" in host.err + host.out, host.describe()
    assert "Traceback" not in host.err


@pytest.mark.invariant("I-03")
@pytest.mark.invariant("I-19")
@pytest.mark.hazard("HZ-04")
@pytest.mark.parametrize("seed", [*range(3), *long_form(3, 4)])
def test_a_gun_killed_in_mid_shot_and_started_again_logs_an_interrupted_record(bench, plan, seed):
    chance = random.Random(seed)
    gun = bench.gun(seed=seed + 1)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 1 + seed % 3)
    time.sleep(chance.uniform(0.3, 0.85))
    gun.kill()
    time.sleep(chance.choice((0.0, 0.2, 1.0)))
    gun.start()
    end_of_run(host)
    bench.resume(gun.link).ok()
    export = bench.assert_proven(gun, planned=POINTS, power_cut=True, verify=True)
    (cut,) = [shot for shot in export if shot.outcome == "INTERRUPTED"]
    (truth,) = [one for one in gun.truth() if one.key == cut.key]
    assert truth.outcome == "INTERRUPTED"
    assert cut.dose_lo_nl <= truth.dose_nl <= cut.dose_hi_nl <= 20_200
    assert cut.dose_lo_nl < cut.dose_hi_nl


@pytest.mark.invariant("I-03")
@pytest.mark.invariant("I-49")
def test_a_gun_killed_again_and_again_logs_every_stroke_once(bench, plan):
    chance = random.Random(5)
    gun = bench.gun(seed=21)
    host = bench.run_session(gun.link, plan)
    for kill in range(3):
        bench.wait_shots(gun, kill + 1)
        time.sleep(chance.uniform(0.0, 0.9))
        gun.kill()
        gun.start()
        host.wait()
        host = bench.resume(gun.link)
    host.ok()
    bench.assert_proven(gun, planned=POINTS, power_cut=True, verify=True)


@pytest.mark.invariant("I-42")
@pytest.mark.parametrize("seed", [0, 1, *long_form(2, 3)])
def test_gun_and_host_killed_together_leave_each_stroke_once(bench, plan, seed):
    chance = random.Random(40 + seed)
    gun = bench.gun(seed=seed + 1)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 2)
    time.sleep(chance.uniform(0.0, 1.0))
    first, second = chance.sample([lambda: host.send(signal.SIGKILL), gun.kill], 2)
    first()
    time.sleep(chance.uniform(0.0, 0.05))
    second()
    host.wait()
    gun.start()
    bench.resume(gun.link).ok()
    bench.assert_proven(gun, planned=POINTS, power_cut=True, verify=seed == 0)


@pytest.mark.invariant("I-34")
@pytest.mark.invariant("I-45")
def test_a_gun_reset_behind_a_cable_that_stays_is_noticed_and_ends_the_run(bench, plan):
    gun = bench.gun(seed=3)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 2)
    time.sleep(0.4)
    gun.kill()
    gun.start()
    shots = gun.shots()
    end_of_run(host)
    assert gun.shots() == shots, "shots after the reset without a person's confirmation"
    bench.resume(cable.link).ok()
    bench.assert_proven(gun, planned=POINTS, power_cut=True)


@pytest.mark.invariant("I-45")
def test_a_gun_that_stays_away_ends_the_run_after_five_seconds(bench, plan):
    gun = bench.gun(seed=6)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 1)
    gun.kill()
    gone = time.monotonic()
    end_of_run(host)
    assert 3.0 < time.monotonic() - gone < 30.0
    refused = bench.resume(gun.link)
    refused.wait()
    assert_one_clear_line(refused, status=2, names=("no such device",))
    gun.start()
    bench.resume(gun.link).ok()
    bench.assert_proven(gun, planned=POINTS, power_cut=True)


def test_a_simulated_gun_asked_to_end_ends_with_its_port_and_keeps_its_memory(bench):
    gun = bench.gun(seed=2)
    plan = write_treatment(bench.path / "quick.toml", treatment_text((("forehead", 4),)))
    bench.run_session(gun.link, plan).ok()
    gun.process.send(signal.SIGTERM)
    assert gun.process.wait() in {0, 143}, gun.process.describe()
    assert "Traceback" not in gun.process.err
    wait_for(lambda: not gun.link.is_symlink(), "the name of the port to go")
    gun.start()
    bench.run_session(gun.link, plan).ok()
    export = bench.assert_proven(gun, planned=8, verify=True)
    assert sorted(shot.key[2] for shot in export) == list(range(1, 9))
