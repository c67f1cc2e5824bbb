"""Two guns: each has its own log, and one cannot pass for the other."""

import signal

import pytest
from support import frames
from support.cable import HOST_TO_GUN
from support.checks import assert_one_clear_line
from support.processes import wait_for
from support.treatment import treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 12),)))


def uid(gun) -> str:
    return gun.truth()[0].key[0]


@pytest.mark.invariant("I-32")
@pytest.mark.hazard("HZ-18")
def test_a_gun_swapped_between_a_crash_and_the_resume_is_refused_and_granted_nothing(bench, plan):
    first, other = bench.gun("first", seed=1), bench.gun("other", seed=2)
    host = bench.run_session(first.link, plan)
    bench.wait_shots(first, 4)
    host.send(signal.SIGKILL)
    host.wait()
    cable = bench.cable(other)
    refused = bench.resume(cable.link)
    refused.wait()
    assert_one_clear_line(refused, status=1, names=("gun",))
    assert other.shots() == 0
    sent = {frame.type for _, frame in cable.frames(HOST_TO_GUN)}
    assert not sent & {frames.GRANT_SET, frames.SETTINGS_SET}
    bench.resume(first.link).ok()
    bench.assert_proven(first, other, planned=12)


@pytest.mark.invariant("I-32")
@pytest.mark.hazard("HZ-18")
def test_a_gun_swapped_while_the_cable_is_out_is_refused_and_granted_nothing(bench, plan):
    first, other = bench.gun("first", seed=1), bench.gun("other", seed=2)
    link = bench.path / "port"
    link.symlink_to(first.link.readlink())
    host = bench.run_session(link, plan)
    bench.wait_shots(first, 4)
    link.unlink()
    link.symlink_to(other.link.readlink())
    first.kill()
    assert host.wait() == 1, host.describe()
    assert other.shots() == 0
    first.start()
    bench.resume(first.link).ok()
    bench.assert_proven(first, other, planned=12, power_cut=True)


def test_two_guns_treat_in_turn_into_one_log(bench, plan):
    guns = [bench.gun(f"gun{seed}", seed=seed) for seed in (1, 2)]
    for gun in (*guns, guns[0]):
        bench.run_session(gun.link, plan).ok()
    assert uid(guns[0]) != uid(guns[1])
    export = bench.assert_proven(*guns, planned=36, verify=True)
    assert {shot.key[0] for shot in export} == {uid(gun) for gun in guns}
    sessions = bench.sessions()
    assert len({one["id"] for one in sessions}) == 3
    assert {shot.session for shot in export} == {one["id"] for one in sessions}


@pytest.mark.invariant("I-31")
def test_two_hosts_treat_with_two_guns_at_once_each_in_its_own_directory(bench, plan):
    guns = [bench.gun(f"gun{seed}", seed=seed) for seed in (1, 2)]
    homes = [bench.path / "home-1", bench.path / "home-2"]
    hosts = [
        bench.meso("session", "run", plan, "--gun", gun.link, "--home", home)
        for gun, home in zip(guns, homes, strict=True)
    ]
    for host, gun, home in zip(hosts, guns, homes, strict=True):
        host.ok(30)
        bench.home = home
        bench.assert_proven(gun, planned=12)


@pytest.mark.invariant("I-30")
def test_a_gun_handed_from_one_host_to_another_keeps_both_logs_whole(bench, plan):
    gun = bench.gun(seed=3)
    bench.home = bench.path / "home-1"
    bench.run_session(gun.link, plan).ok()
    bench.assert_proven(gun, planned=12)
    bench.home = bench.path / "home-2"
    bench.run_session(gun.link, plan).ok()
    export = bench.export()
    assert [shot.key[2] for shot in export] == list(range(13, 25)), "the second host logs what it caused"


def test_a_port_that_changes_its_gun_while_guns_are_listed_is_no_error(bench):
    guns = [bench.gun(f"gun{seed}", seed=seed) for seed in (1, 2, 3)]
    rows = bench.meso("guns", *(gun.link for gun in guns), "--json").ok().json()["ports"]
    assert len(rows) == 3
    assert all(row["simulated"] is True for row in rows)
    assert len({row["gun_uid"] for row in rows}) == 3
    wait_for(lambda: all(gun.process.running for gun in guns), "the guns still there")
