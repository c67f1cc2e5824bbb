"""The cable is pulled, damaged and put back; nothing is lost, doubled or invented."""

import random
import time

import pytest
from support import frames
from support.cable import GUN_TO_HOST, HOST_TO_GUN
from support.extent import long_form
from support.gun import assert_gun_disarmed
from support.processes import wait_for
from support.treatment import treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")

AREAS = (("forehead", 9), ("cheek_left", 9))
PLANNED = 18


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text(AREAS))


def finish(bench, host, link, plan, *, tries: int = 3):
    """Wait for the run's end and go on as often as a patient person would."""
    for _ in range(tries):
        status = host.wait(30)
        assert "Traceback" not in host.err, host.describe()
        if status == 0:
            return
        assert status == 1, host.describe()
        host = bench.resume(link) if bench.begun() else bench.run_session(link, plan)
    host.ok(30)


@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize("way", [HOST_TO_GUN, GUN_TO_HOST])
@pytest.mark.parametrize("seed", [0, *long_form(1, 2)])
def test_the_cable_pulled_at_any_byte_and_put_back_soon_loses_nothing(bench, plan, way, seed):
    chance = random.Random(f"{way}{seed}")
    gun = bench.gun(seed=seed + 1)
    cable = bench.cable(gun, seed=seed)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, chance.randrange(1, 12))
    cable.cut_after(way, chance.randrange(1, 400))
    wait_for(lambda: not cable.plugged, "the cut")
    time.sleep(chance.uniform(0.0, 1.5))
    cable.replug()
    finish(bench, host, cable.link, plan)
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-14")
@pytest.mark.hazard("HZ-10")
def test_a_pulled_cable_disarms_the_gun_within_its_lease(bench, plan):
    gun = bench.gun(seed=5)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 4)
    cable.unplug()
    time.sleep(0.5 + 0.1 + 0.35)  # lease, one stroke, time to write it down
    shots = gun.shots()
    time.sleep(1.0)
    assert gun.shots() == shots
    cable.replug()
    finish(bench, host, cable.link, plan)
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-45")
def test_a_cable_away_for_more_than_five_seconds_ends_the_run_and_resume_works_under_another_name(bench, plan):
    gun = bench.gun(seed=6)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 4)
    cable.unplug()
    pulled = time.monotonic()
    assert host.wait() == 1, host.describe()
    assert 4.0 < time.monotonic() - pulled < 30.0
    assert "meso session resume" in host.err + host.out, host.describe()
    cable.replug(bench.path / "ttyOTHER")
    bench.resume(cable.link).ok()
    bench.assert_proven(gun, planned=PLANNED)


def test_a_cable_back_under_another_name_while_the_run_waits_loses_nothing(bench, plan):
    gun = bench.gun(seed=7)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 4)
    cable.unplug()
    time.sleep(0.5)
    cable.replug(bench.path / "ttyOTHER")
    finish(bench, host, cable.link, plan)
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.parametrize("way", [HOST_TO_GUN, GUN_TO_HOST, "both"])
def test_a_cable_that_goes_silent_without_a_hang_up_is_a_lost_link(bench, plan, way):
    gun = bench.gun(seed=8)
    cable = bench.cable(gun)
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 4)
    cable.stall(way, on=True)
    time.sleep(1.3)
    shots = gun.shots()
    cable.stall(way, on=False)
    finish(bench, host, cable.link, plan)
    assert shots < PLANNED
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.parametrize("count", [1, 60])
def test_the_port_closed_while_the_host_starts_is_one_clear_line(bench, plan, count):
    gun = bench.gun(seed=2)
    cable = bench.cable(gun)
    cable.cut_after(HOST_TO_GUN, count)
    host = bench.run_session(cable.link, plan)
    assert host.wait() == 1, host.describe()
    assert "Traceback" not in host.err
    assert len(host.err.strip().splitlines()) <= 4, host.describe()
    cable.replug()
    assert_gun_disarmed(cable.link)
    if bench.begun():
        bench.resume(cable.link).ok()
    else:
        bench.run_session(cable.link, plan).ok()
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-43")
@pytest.mark.hazard("HZ-01")
@pytest.mark.hazard("HZ-03")
@pytest.mark.parametrize(("way", "seed"), [("both", 1), *long_form((HOST_TO_GUN, 4), (GUN_TO_HOST, 5))])
def test_one_byte_in_a_hundred_wrong_for_a_whole_session_changes_nothing(bench, way, seed):
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 4), ("cheek_left", 3))))
    gun = bench.gun(seed=seed)
    cable = bench.cable(gun, seed=seed)
    cable.corrupt(10_000, way)
    host = bench.run_session(cable.link, plan)
    finish(bench, host, cable.link, plan, tries=5)
    bench.assert_proven(gun, planned=7)
    damaged = [row for row in cable.log() if "out" in row]
    assert len(damaged) > 5


@pytest.mark.invariant("I-43")
def test_bytes_lost_on_the_way_for_a_whole_session_change_nothing(bench, plan):
    gun = bench.gun(seed=1)
    cable = bench.cable(gun, seed=1)
    cable.drop(1_000)
    host = bench.run_session(cable.link, plan)
    finish(bench, host, cable.link, plan, tries=5)
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-50")
@pytest.mark.hazard("HZ-33")
def test_a_session_on_the_wire_says_hello_first_and_nothing_that_fires(bench, plan):
    gun = bench.gun(seed=9)
    cable = bench.cable(gun)
    bench.run_session(cable.link, plan).ok()
    sent = [frame for _, frame in cable.frames(HOST_TO_GUN)]
    assert sent[0].type == frames.HELLO
    assert {frame.session for frame in sent if frame.type not in {frames.HELLO, frames.ESTOP}} != {0}
    known = {
        0x01, 0x02, 0x03, 0x04, 0x05, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16, 0x18,
        0x19, 0x1A, 0x23, 0x30, 0x31, 0x3F,
    }  # fmt: skip
    assert {frame.type for frame in sent} <= known, "moves, calibration or an unknown type in a treatment"
    hellos = [frame for _, frame in cable.frames(GUN_TO_HOST) if frame.type == frames.HELLO | frames.REPLY]
    assert frames.parse_hello(hellos[0].payload)["flags"] & 1, "the simulated flag"
