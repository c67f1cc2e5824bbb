"""STOP: at once, latched in the gun, forgotten by nobody, cleared by two steps and a person's word alone."""

import signal
import time

import pytest
from support import frames
from support.cable import HOST_TO_GUN
from support.checks import assert_one_clear_line
from support.gun import ask_hello, assert_gun_disarmed
from support.processes import wait_for
from support.treatment import treatment_text, write_treatment

PLANNED = 14
STROKE_S = 0.3
RATE = 4  # slow, so that `meso stop` comes in time on a busy machine
PREPARE, CONFIRM = 0x30, 0x31


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 9), ("cheek_left", 5))))


def types_since(cable, since_ns: int) -> list[int]:
    return [frame.type for at, frame in cable.frames(HOST_TO_GUN) if at >= since_ns]


@pytest.mark.invariant("I-46")
@pytest.mark.hazard("HZ-12")
@pytest.mark.hazard("HZ-13")
def test_meso_stop_stops_the_gun_of_the_running_host_and_only_resume_clears_it(bench, plan):
    gun = bench.gun(seed=2, rate=RATE)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 4)
    before_ns = time.monotonic_ns()
    bench.meso("stop").ok()
    heard_ns = time.monotonic_ns()
    wait_for(cable.stops, "STOP on the wire", within_s=2)
    assert before_ns < cable.stops()[0] < heard_ns + 200e6
    assert host.wait() == 1, host.describe()
    assert "stop" in host.err.lower()
    assert assert_gun_disarmed(cable.link)["estop_latch_id"] != 0
    shots = gun.shots()
    resumed_ns = time.monotonic_ns()
    bench.resume(cable.link).ok()
    sent = types_since(cable, resumed_ns)
    assert sent.index(PREPARE) < sent.index(CONFIRM) < sent.index(frames.GRANT_SET)
    assert gun.shots() > shots
    assert ask_hello(cable.link)["estop_latch_id"] == 0
    bench.assert_proven(gun, planned=PLANNED)


def test_meso_stop_where_no_host_runs_is_one_clear_line(bench):
    process = bench.meso("stop")
    process.wait()
    assert process.status in {1, 2}
    assert_one_clear_line(process, status=process.status)
    bench.home.mkdir(mode=0o700)
    process = bench.meso("stop")
    process.wait()
    assert_one_clear_line(process, status=1, names=("no running host",))


@pytest.mark.invariant("I-46")
@pytest.mark.hazard("HZ-13")
@pytest.mark.parametrize("who", ["host", "gun", "both"])
def test_the_latch_outlives_whatever_is_killed_after_the_stop(bench, plan, who):
    gun = bench.gun(seed=3, rate=RATE)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 4)
    bench.meso("stop").ok()
    if who != "gun":
        host.send(signal.SIGKILL)
    host.wait()
    wait_for(lambda: ask_hello(gun.link)["estop_latch_id"], "the latch")
    if who != "host":
        gun.kill()
        gun.start()
    assert ask_hello(gun.link)["estop_latch_id"] != 0
    assert ask_hello(gun.link)["state"] == frames.STATE_ESTOPPED
    time.sleep(STROKE_S)  # the stroke that the stop met is written down once its needle is out
    shots = gun.shots()
    time.sleep(0.4)
    assert gun.shots() == shots, gun.truth_path.read_text().splitlines()[shots:]
    bench.resume(gun.link).ok()
    bench.assert_proven(gun, planned=PLANNED, power_cut=True)


@pytest.mark.invariant("I-46")
@pytest.mark.hazard("HZ-13")
@pytest.mark.hazard("HZ-37")
@pytest.mark.parametrize("killed", [False, True], ids=["host alive", "host killed"])
def test_a_stop_pressed_while_the_cable_is_out_goes_out_before_any_credit(bench, plan, killed):
    gun = bench.gun(seed=4, rate=RATE)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 4)
    cable.unplug()
    time.sleep(0.2)
    bench.meso("stop").ok()
    if killed:
        time.sleep(0.3)
        host.send(signal.SIGKILL)
        host.wait()
    back_ns = time.monotonic_ns()
    cable.replug()
    if not killed:
        assert host.wait() == 1, host.describe()
    bench.resume(cable.link).ok()
    sent = types_since(cable, back_ns)
    assert frames.ESTOP in sent, "the stored STOP was forgotten"
    assert sent.index(frames.ESTOP) < sent.index(frames.GRANT_SET)
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-65")
@pytest.mark.hazard("HZ-12")
def test_stop_goes_out_at_once_while_a_full_log_is_read(bench, plan):
    """Many unread records keep the line busy at the start; STOP does not wait behind them."""
    gun = bench.gun(seed=5, rate=RATE)
    cable = bench.cable(gun)
    bench.run_session(cable.link, plan).ok()
    bench.home = bench.path / "another"  # knows nothing of this gun
    host = bench.run_session(cable.link, plan)
    wait_for((bench.home / "stop.sock").exists, "the host's ear", every_s=0.001)
    started_ns = time.monotonic_ns()
    bench.meso("stop").ok()
    told_ns = time.monotonic_ns()
    host.wait()
    assert any(started_ns <= at <= told_ns + 200e6 for at in cable.stops())
    assert gun.shots() <= PLANNED * 2
