"""The ten attacks: what the chain, the stored checkpoints and a checkpoint kept outside each catch, and what not.

A log of 64 records with a checkpoint over 48 of them held outside.
"""

import shutil

import apsw
import pytest

from meso_device.audit.keys import read_secret
from meso_device.audit.store import Store
from meso_device.audit.verify import verify_chain, verify_home
from tests.unit.audit.attacker import Attacker
from tests.unit.audit.clinic import Clinic, commit, stamp

RECORDS, HELD = 64, 48


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_original(tmp_path_factory.mktemp("log") / "home")


def make_original(home):
    """Make the log that is attacked; beside it lies the checkpoint that is held outside."""
    store = Store.open(home, software="0.1.0", stamp=stamp())
    clinic = Clinic()
    commit(store, clinic.link_up())
    while store.size < RECORDS - 1:
        if store.size == HELD - 1:
            commit(store, clinic.opened())
            (home / "held").write_text(store.newest_checkpoint())
        commit(store, clinic.shot())
    store.close(stamp())
    assert f"\n{HELD}\n" in (home / "held").read_text()
    return home


@pytest.fixture
def home(original, tmp_path):
    return shutil.copytree(original, tmp_path / "home")


def edit(log):
    log.edit(20, dose_hi_nl=1)


def edit_rechained(log):
    log.edit(20, dose_hi_nl=1)
    log.rechain()


def delete(log):
    del log.rows[20]


def delete_rechained(log):
    # A record that no gun witnesses; a shot would be missed in the gun's chain as well.
    del log.rows[next(at for at, row in enumerate(log.rows) if row["kind"] == "log.opened")]
    log.rechain()


def swap(log):
    log.rows[20], log.rows[21] = log.rows[21], log.rows[20]


def insert_copy(log):
    log.rows.insert(21, dict(log.rows[20], key="shot/copy"))


def backdate_rechained(log):
    log.edit(20, ts_us=1_500_000_000_000_000)
    log.rechain()


def replace_all(log):
    for at, row in enumerate(log.rows):
        if row["kind"] == "shot":
            log.edit(at, op="someone.else")
    log.rechain()


def cut_below(log):
    del log.rows[40:]


def cut_above(log):
    del log.rows[56:]


EDITED = [edit, delete, swap, insert_copy]
RECHAINED = [edit_rechained, delete_rechained, backdate_rechained, replace_all]
CUT = [cut_below, cut_above]


def attacked(home, attack, *, with_key=False, rolled_back=False):
    log = Attacker(home)
    attack(log)
    log.write()
    if with_key:
        log.sign_anew()
    if rolled_back:
        log.roll_back_checkpoints()
    log.close()
    return home


def caught_by_chain(home):
    db = apsw.Connection(str(home / "audit.db"))
    try:
        return verify_chain(db, read_secret(home / "audit.key").name) is not None
    finally:
        db.close()


def caught(home, *, outside=False):
    return not verify_home(home, checkpoint_file=home / "held" if outside else None).ok


def test_the_untouched_log_verifies_every_way(home):
    assert not caught_by_chain(home)
    report = verify_home(home, checkpoint_file=home / "held")
    assert (report.ok, report.records, report.outside) == (True, RECORDS, HELD)


@pytest.mark.parametrize("attack", EDITED)
def test_attacks_1_to_4_are_caught_by_the_chain_alone(home, attack):
    attacked(home, attack, with_key=True)
    assert caught_by_chain(home)
    assert caught(home)
    assert caught(home, outside=True)


@pytest.mark.parametrize("attack", RECHAINED)
def test_attacks_5_to_8_need_a_checkpoint(home, attack):
    attacked(home, attack)
    assert not caught_by_chain(home)
    assert caught(home)


@pytest.mark.parametrize("attack", RECHAINED)
def test_attacks_5_to_8_with_the_key_need_a_checkpoint_from_outside(home, attack):
    attacked(home, attack, with_key=True)
    assert not caught_by_chain(home)
    assert not caught(home)
    assert caught(home, outside=True)


@pytest.mark.parametrize("attack", CUT)
def test_attacks_9_and_10_are_caught_by_the_newest_stored_checkpoint(home, attack):
    attacked(home, attack)
    assert not caught_by_chain(home)
    assert caught(home)


@pytest.mark.parametrize("attack", CUT)
@pytest.mark.parametrize("way", ["with_key", "rolled_back"])
def test_attacks_9_and_10_are_missed_when_the_stored_checkpoints_are_rolled_back_as_well(home, attack, way):
    attacked(home, attack, **{way: True})
    assert not caught(home)


def test_attack_9_is_caught_by_a_checkpoint_from_outside(home):
    attacked(home, cut_below, with_key=True)
    assert "the log ends here" in verify_home(home, checkpoint_file=home / "held").bad


def test_attack_10_is_missed_even_then_but_the_guns_counter_tells(home, original):
    """Said openly: what is newer than the last outside checkpoint is not protected against the key's holder."""
    attacked(home, cut_above, with_key=True)
    report = verify_home(home, checkpoint_file=home / "held")
    assert report.ok
    [(gun, head)] = report.heads.items()
    assert head < verify_home(original).heads[gun]


def test_a_log_replaced_by_one_of_another_key_is_caught_by_the_key_written_down(home, tmp_path):
    vkey = (home / "audit.vkey").read_text()
    other = tmp_path / "other"
    store = Store.open(other, software="0.1.0", stamp=stamp())
    store.close(stamp())
    report = verify_home(other, vkey=vkey)
    assert not report.ok
    (other / "audit.vkey").write_text(vkey)
    assert not verify_home(other).ok


@pytest.mark.parametrize("size", [HELD, 2, RECORDS])
def test_a_stored_checkpoint_without_a_good_signature_is_caught(home, size):
    log = Attacker(home)
    [(note,)] = log.db.execute("SELECT note FROM checkpoint WHERE size = ?", (size,)).fetchall()
    at = note.rindex(" ") + 20
    changed = note[:at] + ("A" if note[at] != "A" else "B") + note[at + 1 :]
    log.db.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (changed, size))
    log.close()
    assert "signature" in verify_home(home).bad


def test_a_stored_checkpoint_of_another_size_is_caught(home):
    log = Attacker(home)
    log.db.execute("UPDATE checkpoint SET size = 47 WHERE size = 48")
    log.close()
    assert not verify_home(home).ok


def test_a_log_without_any_checkpoint_is_caught(home):
    log = Attacker(home)
    log.db.execute("DELETE FROM checkpoint")
    log.close()
    assert "no checkpoint" in verify_home(home).bad
