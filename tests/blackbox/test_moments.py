"""Every signal, and a cut of the cable, at every moment of a session as the wire shows it: each shot stays once."""

import signal
import time

import pytest
from support import frames
from support.cable import GUN_TO_HOST, HOST_TO_GUN
from support.extent import long_form
from support.gun import assert_gun_disarmed
from support.processes import wait_for
from support.treatment import treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")

AREAS = (("forehead", 5), ("cheek_left", 3))
PLANNED = 8
MOMENTS = {
    "connecting": frames.HELLO,
    "taking over": frames.TAKEOVER,
    "reading the log": frames.LOG_READ,
    "arming": frames.SETTINGS_SET,
    "permitting": frames.GRANT_SET,
    "releasing": frames.LOG_RELEASE,
    "closing": None,  # the last stroke is made; its record, the release and the end of the session follow
}


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text(AREAS))


def at(gun, cable, moment):
    """Wait until the host has said what begins this moment."""
    if MOMENTS[moment] is None:
        wait_for(lambda: gun.shots() == PLANNED, moment, every_s=0.001)
        return
    wait_for(
        lambda: any(frame.type == MOMENTS[moment] for _, frame in cable.frames(HOST_TO_GUN)), moment, every_s=0.001
    )


def complete(bench, gun, link, plan):
    """Go on like a patient person, then prove every stroke once."""
    bench.resume(link).ok(30)
    if not bench.begun():
        bench.run_session(link, plan).ok(30)
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-02")
@pytest.mark.parametrize(
    ("moment", "number"),
    [
        *((moment, signal.SIGKILL) for moment in MOMENTS),
        # One handler serves all three that can be heard; test_signals holds them at the moments in between.
        *((moment, signal.SIGTERM) for moment in ("permitting", "releasing")),
        ("connecting", signal.SIGHUP),
        ("closing", signal.SIGINT),
    ],
)
def test_a_signal_at_any_moment_ends_the_host_and_loses_nothing(bench, plan, moment, number):
    gun = bench.gun(seed=2)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    at(gun, cable, moment)
    host.send(number)
    # At the very end it may be through before the signal is heard.
    assert host.wait(5) in ({0, 128 + number} if moment in {"closing", "releasing"} else {128 + number})
    assert "Traceback" not in host.err
    assert_gun_disarmed(cable.link)
    complete(bench, gun, cable.link, plan)


@pytest.mark.invariant("I-14")
@pytest.mark.invariant("I-52")
@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize("moment", ["arming", "permitting", *long_form("connecting", "releasing")])
def test_a_host_that_stands_still_at_any_moment_longer_than_the_lease_loses_its_credit(bench, plan, moment):
    gun = bench.gun(seed=3)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    at(gun, cable, moment)
    host.send(signal.SIGSTOP)
    time.sleep(1.0)
    shots = gun.shots()
    time.sleep(0.4)
    assert gun.shots() == shots, "it shoots though nobody has renewed the lease"
    host.send(signal.SIGCONT)
    if host.wait(30) != 0:
        assert host.status == 1, host.describe()
    complete(bench, gun, cable.link, plan)


@pytest.mark.invariant("I-42")
@pytest.mark.invariant("I-43")
@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize(
    ("way", "count"),
    [
        *((HOST_TO_GUN, count) for count in (2, 700, *long_form(148))),
        *((GUN_TO_HOST, count) for count in (283, 1_200, *long_form(1))),
    ],
)
def test_a_cable_cut_after_any_byte_from_the_first_on_loses_nothing(bench, plan, way, count):
    gun = bench.gun(seed=4)
    cable = bench.cable(gun)
    cable.cut_after(way, count)
    host = bench.run_session(cable.link, plan)
    wait_for(lambda: not cable.plugged or not host.running, "the cut")
    time.sleep(0.2)
    cable.replug()
    if host.wait(30) != 0:
        assert host.status == 1, host.describe()
        assert "Traceback" not in host.err
    assert_gun_disarmed(cable.link)
    complete(bench, gun, cable.link, plan)
