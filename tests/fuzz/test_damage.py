"""Damage to the file of the log is found and named, or changes nothing that can be read; never a traceback."""

import random
import shutil

import pytest

from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from protocols.errors import MesoError, UsageError
from tests.fuzz import commands, damage
from tests.unit.audit.clinic import Clinic, commit, stamp

FLIPS = 250
SWAPS = 40
READING = [
    ("audit", "export", "--kind", "shot"), ("audit", "checkpoint"), ("session", "list"), ("stock", "list"),
    ("session", "show", "5e" * 16), ("lookback", "--lot", "L1"), ("lookback", "--near", "5e" * 16, "--json"),
]  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return damage.make(tmp_path_factory.mktemp("log") / "home")


@pytest.fixture
def damaged(original, tmp_path):
    return damage.Damaged(original, tmp_path)


@pytest.mark.invariant("I-44")
@pytest.mark.hazard("HZ-31")
@pytest.mark.hazard("HZ-25")
def test_a_changed_byte_is_found_and_named_or_harmless(damaged):
    chance = random.Random(1)
    places = chance.sample(damage.telling_places(damaged.data), FLIPS)
    for what, data in damage.flips(damaged.data, [*range(damage.HEADER), *places], chance):
        damaged.put(data)
        damaged.judge(what)
    found = damaged.found
    assert found.named > FLIPS // 4
    assert found.said > 20
    assert found.refused > 20


@pytest.mark.hazard("HZ-31")
def test_a_file_cut_at_any_sector_is_found(damaged):
    for what, data in damage.cuts(damaged.data):
        damaged.put(data)
        damaged.judge(what)
    assert damaged.found.harmless == 0


@pytest.mark.hazard("HZ-31")
def test_pages_exchanged_repeated_or_empty_are_found_and_no_command_shows_a_traceback(damaged):
    chance = random.Random(3)
    runner = commands.Runner(damaged.home)
    for what, data in damage.page_swaps(damaged.data, chance, SWAPS):
        damaged.put(data)
        damaged.judge(what)
        runner.check(*chance.choice(READING))
        damaged.start(what)
    assert damaged.found.harmless < damaged.found.tried // 2


def test_no_command_that_reads_shows_a_traceback_over_a_damaged_file(damaged):
    chance = random.Random(4)
    runner = commands.Runner(damaged.home)
    places = chance.sample(damage.telling_places(damaged.data), 40)
    for what, data in damage.flips(damaged.data, places, chance):
        damaged.put(data)
        runner.check(*chance.choice(READING))
        damaged.start(what)


# The write-ahead file.


@pytest.fixture
def unfinished(tmp_path):
    """A host that was killed: what it committed last is in the write-ahead file only."""
    home = tmp_path / "killed"
    store = Store.open(home, software="0.1.0", stamp=stamp())
    clinic = Clinic()
    commit(store, clinic.link_up(), clinic.opened())
    store.commit([clinic.grant(max_shots=40)], stamp())
    early = shutil.copytree(home, tmp_path / "early")
    for _ in range(8):
        commit(store, clinic.shot())
    (tmp_path / "held").write_text(store.newest_checkpoint())
    copy = shutil.copytree(home, tmp_path / "copy")
    for _ in range(4):
        commit(store, clinic.shot())
    commit(store, clinic.grant_state("closed"), clinic.closed())
    held = tmp_path / "held later"
    held.write_text(store.newest_checkpoint())
    late = shutil.copytree(home, tmp_path / "late")
    store.close(stamp())
    return {"early": early, "copy": copy, "late": late, "closed": home, "held": held}


@pytest.mark.invariant("I-44")
@pytest.mark.hazard("HZ-31")
def test_a_write_ahead_file_that_is_missing_is_seen_by_whoever_holds_a_newer_checkpoint(unfinished):
    home = unfinished["late"]
    whole = verify_home(home, checkpoint_file=unfinished["held"])
    assert whole.ok
    (home / "audit.db-wal").unlink()
    (home / "audit.db-shm").unlink(missing_ok=True)
    try:
        report = verify_home(home, checkpoint_file=unfinished["held"])
    except UsageError:
        return
    assert not report.ok


@pytest.mark.hazard("HZ-31")
@pytest.mark.parametrize("base", ["late", "closed", "copy"])
@pytest.mark.parametrize("wal", ["early", "copy", "late"])
def test_a_stale_write_ahead_file_is_found_or_gives_a_log_that_once_was(unfinished, base, wal):
    home, other = unfinished[base], unfinished[wal]
    data = (other / "audit.db-wal").read_bytes()
    (home / "audit.db-wal").write_bytes(data)
    (home / "audit.db-shm").unlink(missing_ok=True)
    try:
        report = verify_home(home)
    except MesoError:
        return
    if report.ok:
        assert report.shots in {0, 8, 12}
        held = verify_home(home, checkpoint_file=unfinished["held"])
        assert held.ok is (report.shots == 12)


def test_a_write_ahead_file_damaged_anywhere_gives_a_shorter_log_or_is_found(unfinished):
    home = unfinished["late"]
    whole = (home / "audit.db-wal").read_bytes()
    chance = random.Random(5)
    used = [at for at, byte in enumerate(whole[:400_000]) if byte]
    seen = set()
    for at in sorted(chance.sample(used, 120)):
        (home / "audit.db-wal").write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        (home / "audit.db-shm").unlink(missing_ok=True)
        try:
            report = verify_home(home)
        except MesoError:
            seen.add("refused")
            continue
        seen.add(report.ok)
        held = None if not report.ok else verify_home(home, checkpoint_file=unfinished["held"])
        assert held is None or held.ok is (report.shots == 12)
    assert seen


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-14")
def test_an_old_backup_restored_verifies_alone_but_not_against_what_was_kept_outside(unfinished):
    old, held = unfinished["copy"], unfinished["held"]
    assert verify_home(old).ok
    report = verify_home(old, checkpoint_file=held)
    assert not report.ok
    assert "missing: the log ends here" in report.bad
