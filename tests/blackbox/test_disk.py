"""The disk fails or the host dies at any system call of its log: disarmed, nothing told is lost, one clear line."""

import random

import pytest
from support.checks import assert_one_clear_line
from support.disks import fill, small_disk
from support.extent import long_form
from support.faults import Fault, strace_missing, writer_of
from support.gun import assert_gun_disarmed
from support.treatment import treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")

NO_STRACE = strace_missing()
MIB = 1 << 20
AREAS = (("forehead", 8), ("cheek_left", 8))
PLANNED = 16
SESSIONS, KILLS = 3, 5

needs_strace = pytest.mark.skipif(bool(NO_STRACE), reason=NO_STRACE)


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text(AREAS))


def assert_nothing_released_is_lost(bench, gun):
    """What the gun was told to forget is in the log."""
    released = assert_gun_disarmed(gun.link)["released_seq"]
    assert set(range(1, released + 1)) <= {shot.key[2] for shot in bench.logged()}


@needs_strace
@pytest.mark.invariant("I-08")
@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-02")
@pytest.mark.parametrize("seed", range(SESSIONS))
def test_a_host_killed_at_the_nth_system_call_of_its_log_leaves_each_shot_once(bench, plan, seed):
    chance = random.Random(seed)
    gun = bench.gun(seed=seed + 1)
    host = bench.run_session(gun.link, plan)
    kills = 0
    for number in range(2 * KILLS):
        if kills == KILLS:
            break
        writer = writer_of(host)
        call, most = chance.choice((("pwrite64", 60), ("pwrite64", 25), ("fdatasync", 5)))
        fault = Fault(writer, call, "signal=SIGKILL", str(chance.randint(1, most)), bench.path / f"{number}.trace")
        fault.wait(host)
        fault.close()
        if host.wait() == 0:
            break
        assert host.status == 137, host.describe()
        kills += 1
        # Killed before the session was recorded, there is none to take up.
        host = bench.resume(gun.link) if bench.begun() else bench.run_session(gun.link, plan)
    host.ok(30)
    assert kills >= KILLS - 2
    bench.assert_proven(gun, planned=PLANNED, verify=seed == 0)


@needs_strace
@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
@pytest.mark.parametrize(
    ("call", "error", "when"),
    [
        ("fdatasync", "EIO", "1"), ("fdatasync", "EROFS", "4+"),
        ("pwrite64", "EIO", "17"), ("pwrite64", "ENOSPC", "8+"),
        *long_form(("fdatasync", "ENOSPC", "3"), ("pwrite64", "EROFS", "30+")),
    ],
)  # fmt: skip
def test_a_disk_that_fails_in_mid_session_disarms_the_gun_and_says_so_in_one_line(bench, plan, call, error, when):
    gun = bench.gun(seed=3)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 3)
    fault = Fault(writer_of(host), call, f"error={error}", when, bench.path / "trace")
    fault.wait(host)
    status = host.wait(10)
    fault.close()
    assert fault.struck
    assert status == 1, host.describe()
    assert_one_clear_line(host, status=1, names=("recording has stopped", "meso session resume"))
    assert not fault.written_after(), "the failed connection wrote on"
    assert_nothing_released_is_lost(bench, gun)
    shots = gun.shots()
    bench.resume(gun.link).ok()
    assert gun.shots() >= shots
    bench.assert_proven(gun, planned=PLANNED)


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
def test_a_log_moved_away_in_mid_session_disarms_the_gun_and_goes_on_when_it_is_back(bench, plan):
    """The fault ``db_replaced``: what is written into a file without a name is acknowledged to nobody."""
    gun = bench.gun(seed=6)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 3)
    names = ("audit.db", "audit.db-wal", "audit.db-shm")
    for name in names:
        (bench.home / name).rename(bench.path / name)
    host.wait(10)
    assert_one_clear_line(host, status=1, names=("recording has stopped", "moved, deleted or replaced"))
    assert_gun_disarmed(gun.link)
    for name in names:
        if (bench.path / name).exists():
            (bench.path / name).replace(bench.home / name)
    assert_nothing_released_is_lost(bench, gun)
    bench.resume(gun.link).ok()
    bench.assert_proven(gun, planned=PLANNED, verify=True)


@pytest.fixture
def little_disk(bench):
    """The data directory on a small disk of its own."""
    bench.home.mkdir(mode=0o700)
    with small_disk(bench.home, 96) as mounted:
        if not mounted:
            pytest.skip("no mount allowed here")
        yield bench.home


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
@pytest.mark.parametrize("left", [0, 6 * MIB, *long_form(64 * 1024)])
def test_a_disk_that_fills_up_permits_nothing_more_and_records_all_that_was_given(bench, little_disk, left):
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 45), ("cheek_left", 45))))
    gun = bench.gun(seed=4)
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 4)
    reserve = little_disk / "audit.reserve"
    assert reserve.stat().st_size == 16 * MIB
    ballast = fill(little_disk, leave=left)
    host.wait(30)
    assert_one_clear_line(host, status=1, names=("disk", "nearly full", "meso session resume"))
    assert not reserve.exists()
    # The grants that were out were used up and are in the log: nothing waits in the gun, nothing is unknown.
    hello = assert_gun_disarmed(gun.link)
    assert hello["head_seq"] == hello["released_seq"] == gun.shots() < 90
    told = host.json()
    assert (told["unknown_injections"], told["committed_seq"]) == (0, gun.shots())
    bench.meso("audit", "verify").ok()
    assert any(b'"kind":"disk.low"' in path.read_bytes() for path in little_disk.glob("audit.db*"))
    refused = bench.resume(gun.link)
    refused.wait()
    if left < 6 * MIB:
        assert_one_clear_line(refused, status=2, names=("MiB free",))
    ballast.unlink()
    bench.resume(gun.link).ok(30)
    bench.assert_proven(gun, planned=90, verify=True)
