"""Signals end the host in order: the gun is told at once, the exit status is right, resume completes."""

import signal
import time

import pytest
from support import frames
from support.cable import HOST_TO_GUN
from support.extent import long_form
from support.gun import assert_gun_disarmed
from support.processes import wait_for
from support.treatment import treatment_text, write_treatment

AREAS = (("forehead", 9), ("cheek_left", 5))
PLANNED = 14
STATUS = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
# One handler serves all three: each is sent at one moment at least, and each moment hears one at least.
EACH = {
    "arming": signal.SIGTERM,
    "armed": signal.SIGINT,
    "shooting": signal.SIGHUP,
    "second area": signal.SIGTERM,
}
DISARMING = {frames.ESTOP, frames.GRANT_REVOKE, frames.GOODBYE}


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text(AREAS))


def first_disarming_ns(cable, since_ns: int) -> int | None:
    return next((at for at, frame in cable.frames(HOST_TO_GUN) if at >= since_ns and frame.type in DISARMING), None)


def sent(cable, type_code: int) -> bool:
    return any(frame.type == type_code for _, frame in cable.frames(HOST_TO_GUN))


def go_on(bench, gun, link, plan):
    """Resume to the end, or begin where nothing had begun; then everything must be proven."""
    bench.resume(link).ok()
    if not bench.begun():
        bench.run_session(link, plan).ok()
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.hazard("HZ-12")
@pytest.mark.parametrize(("moment", "number"), EACH.items())
def test_a_signal_tells_the_gun_at_once_and_resume_completes(bench, plan, moment, number):
    gun = bench.gun(seed=3)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    if moment == "arming":
        wait_for(lambda: sent(cable, frames.SETTINGS_SET), "settings on the wire", every_s=0.001)
    elif moment == "armed":
        wait_for(lambda: sent(cable, frames.GRANT_SET), "a grant on the wire", every_s=0.001)
    else:
        bench.wait_shots(gun, 4 if moment == "shooting" else 10)
    at_ns = host.send(number)
    status = host.wait(5)
    assert first_disarming_ns(cable, at_ns) is not None, host.describe()
    assert status == STATUS[number], host.describe()
    assert "Traceback" not in host.err
    assert_gun_disarmed(cable.link)
    time.sleep(0.3)  # a stroke under way is written down once its needle is out
    shots = gun.shots()
    time.sleep(0.3)
    assert gun.shots() == shots
    go_on(bench, gun, cable.link, plan)


@pytest.mark.parametrize("number", [signal.SIGTERM])
def test_a_signal_while_the_gun_does_not_answer_ends_the_host(bench, plan, number):
    gun = bench.gun(seed=4)
    cable = bench.cable(gun)
    cable.stall("both", on=True)
    host = bench.run_session(cable.link, plan)
    wait_for(lambda: sent(cable, frames.HELLO), "HELLO on the wire")
    host.send(number)
    assert host.wait(3) == STATUS[number], host.describe()
    cable.replug()
    cable.stall("both", on=False)
    go_on(bench, gun, cable.link, plan)


@pytest.mark.invariant("I-46")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_the_cable_is_out_ends_the_host_and_the_stop_is_not_forgotten(bench, plan, number):
    gun = bench.gun(seed=5)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 3)
    cable.unplug()
    time.sleep(0.2)
    host.send(number)
    assert host.wait(3) == STATUS[number], host.describe()
    cable.replug()
    assert_gun_disarmed(cable.link)
    go_on(bench, gun, cable.link, plan)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_changes_nothing(bench, plan, number):
    gun = bench.gun(seed=6)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 3)
    host.send(number)
    time.sleep(0.02)  # so that the first is the first
    host.send(signal.SIGTERM)
    assert host.wait(5) == STATUS[number], host.describe()
    assert_gun_disarmed(gun.link)
    go_on(bench, gun, gun.link, plan)


@pytest.mark.invariant("I-14")
@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize("seed", [0, *long_form(1)])
def test_a_host_stopped_by_sigstop_loses_the_gun_by_its_lease(bench, plan, seed):
    gun = bench.gun(seed=seed + 1)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 3 + seed)
    host.send(signal.SIGSTOP)
    time.sleep(0.6 + 0.15 + 0.15)  # lease with 100 ms to spare, one stroke, time to write it down
    shots = gun.shots()
    time.sleep(1.0)
    assert gun.shots() == shots
    assert shots < PLANNED
    host.send(signal.SIGCONT)
    if host.wait(30) != 0:
        assert host.status == 1, host.describe()
        bench.resume(cable.link).ok()
    bench.assert_proven(gun, planned=PLANNED)


def test_a_host_stopped_while_idle_for_a_moment_goes_on_as_if_nothing_was(bench, plan):
    gun = bench.gun(seed=2)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 3)
    for _ in range(5):
        host.send(signal.SIGSTOP)
        time.sleep(0.05)
        host.send(signal.SIGCONT)
        time.sleep(0.05)
    host.ok()
    bench.assert_proven(gun, planned=PLANNED)
