"""The host is killed with SIGKILL at any moment; after `meso session resume` the log equals the truth."""

import random
import signal
import time

import pytest
from support.extent import LONG
from support.gun import assert_gun_disarmed
from support.processes import wait_for
from support.treatment import treatment_text, write_treatment

SESSIONS = 20 if LONG else 11
# Of these sessions each host is started anew; of the others it begins with its modules read: see `support.warm`.
STARTED_ANEW = SESSIONS if LONG else 3
KILLS = 8  # in one session: each costs one start more
START_KILLS = 8
# More than all kills together can use up, with those that the gun still makes until its lease ends: so every kill
# hits a session that is not over.
AREAS = (("forehead", 36), ("cheek_left", 36))
PLANNED = 72


@pytest.mark.invariant("I-08")
@pytest.mark.invariant("I-23")
@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-02")
@pytest.mark.hazard("HZ-14")
@pytest.mark.parametrize("seed", range(SESSIONS))
def test_a_host_killed_again_and_again_leaves_each_shot_once(bench, standing_ready, seed):
    chance = random.Random(seed)
    start_s = 1.2
    if seed >= STARTED_ANEW:
        bench.warm, start_s = standing_ready, 0.7
    gun = bench.gun(seed=seed + 1)
    plan = write_treatment(bench.path / "plan.toml", treatment_text(AREAS))
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 1)
    for kill in range(KILLS):
        if kill and chance.random() < 0.35:  # while it starts, reconciles, reads the ring, arms
            time.sleep(chance.uniform(0.0, start_s))
        else:
            bench.wait_shots(gun, gun.shots() + chance.randrange(1, 4))
            time.sleep(chance.uniform(0.0, 0.12))
        assert host.running, f"ended before kill {kill}: {host.describe()}"
        host.send(signal.SIGKILL)
        host.wait()
        if chance.random() < 0.25:
            assert_gun_disarmed(gun.link)
        host = bench.resume(gun.link)
    host.ok(within_s=30)
    bench.assert_proven(gun, planned=PLANNED, verify=seed == 0)


@pytest.mark.invariant("I-10")
@pytest.mark.invariant("I-42")
@pytest.mark.parametrize("seed", range(START_KILLS))
def test_a_host_killed_in_its_first_second_leaves_a_directory_that_works(bench, seed):
    chance = random.Random(1000 + seed)
    gun = bench.gun(seed=seed + 1)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 5),)))
    host = bench.run_session(gun.link, plan)
    time.sleep(chance.uniform(0.02, 1.2))
    host.send(signal.SIGKILL)
    host.wait()
    bench.resume(gun.link).ok()
    if not bench.begun():  # killed before anything was recorded
        bench.run_session(gun.link, plan).ok()
    bench.assert_proven(gun, planned=5)


@pytest.mark.invariant("I-44")
def test_the_log_verifies_between_a_kill_and_the_resume_and_lacks_nothing_released(bench):
    gun = bench.gun(seed=7)
    plan = write_treatment(bench.path / "plan.toml", treatment_text(AREAS))
    host = bench.run_session(gun.link, plan)
    for shots in (4, 9, 14):
        bench.wait_shots(gun, shots)
        host.send(signal.SIGKILL)
        host.wait()
        bench.meso("audit", "verify").ok()
        released = assert_gun_disarmed(gun.link)["released_seq"]
        logged = {shot.key[2] for shot in bench.logged()}
        assert set(range(1, released + 1)) <= logged
        assert logged <= {one.key[2] for one in gun.truth()}
        host = bench.resume(gun.link)
    host.ok()
    bench.assert_proven(gun, planned=PLANNED, verify=True)


@pytest.mark.invariant("I-14")
@pytest.mark.invariant("I-45")
@pytest.mark.hazard("HZ-10")
def test_after_a_kill_the_gun_disarms_by_its_lease_and_no_start_rearms_it_unasked(bench):
    gun = bench.gun(seed=8)
    host = bench.run_session(gun.link, write_treatment(bench.path / "plan.toml", treatment_text(AREAS)))
    bench.wait_shots(gun, 5)
    host.send(signal.SIGKILL)
    assert_gun_disarmed(gun.link)
    shots = gun.shots()
    for words in (("session", "list"), ("audit", "verify"), ("guns", gun.link), ("doctor",)):
        bench.meso(*words, "--json" if words[0] in {"session", "guns"} else "--help").ok()
    assert gun.shots() == shots
    bench.resume(gun.link).ok()
    bench.assert_proven(gun, planned=PLANNED, verify=True)


@pytest.mark.invariant("I-45")
def test_resume_is_recorded_as_the_operators_confirmation(bench):
    gun = bench.gun(seed=9)
    host = bench.run_session(gun.link, write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 8),))))
    bench.wait_shots(gun, 3)
    host.send(signal.SIGKILL)
    host.wait()
    bench.resume(gun.link).ok()
    words = b"meso session resume"
    assert any(words in path.read_bytes() for path in bench.home.rglob("*") if path.is_file())


def test_resume_with_nothing_to_resume_says_so_and_ends_with_0(bench):
    gun = bench.gun()
    empty = bench.resume(gun.link).ok()
    assert "nothing" in (empty.out + empty.err).lower()
    bench.run_session(gun.link, write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 3),)))).ok()
    bench.resume(gun.link).ok()
    bench.assert_proven(gun, planned=3, verify=True)


@pytest.mark.invariant("I-31")
def test_a_killed_hosts_locks_do_not_outlive_it(bench):
    gun = bench.gun(seed=4)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 12),)))
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 2)
    host.send(signal.SIGKILL)
    host.wait()
    started = time.monotonic()
    host = bench.resume(gun.link)
    wait_for(lambda: gun.shots() > 4, "shots after the resume", within_s=8)
    assert time.monotonic() - started < 30
    host.ok()
    bench.assert_proven(gun, planned=12, verify=True)
