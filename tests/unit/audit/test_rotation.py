"""Another key for the log: whoever has any of its keys can follow, and a stolen old key signs nothing any more."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from meso_device.audit import rotation, standalone
from meso_device.audit.check import Damage
from meso_device.audit.checkpoint import Checkpoint, open_note, sign
from meso_device.audit.disclose import find, pack
from meso_device.audit.keys import SigningKey, VerifyKey, read_secret
from meso_device.audit.log_keys import keys_of
from meso_device.audit.proof_text import growth_proof
from meso_device.audit.reader import reading
from meso_device.audit.store import Store
from meso_device.audit.tiles import write_copy
from meso_device.audit.tree import root_of
from meso_device.audit.verify import verify_home
from protocols.errors import AuditWriteFailed, UsageError
from tests.unit.audit.clinic import SESSION, Clinic, commit, stamp
from tests.unit.audit.sessions import write_sessions

pytestmark = pytest.mark.hazard("HZ-25")


def open_log(home):
    return Store.open(home, software="0.1.0", stamp=stamp())


def rotate(store, home, seed=None):
    """Rotate as the command does; return the old secret, which an attacker may have."""
    old = read_secret(home / "audit.key")
    new = SigningKey(old.name, seed or os.urandom(32))
    rotation.keep_waiting(home, new)
    store.rotate(new, rotation.rotated_entry(old.verify_key, new.verify_key, "yearly", op="a", role="r"), stamp())
    rotation.take_over(home, new.verify_key)
    return old


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A log of two sessions and two rotations, with all its keys and a checkpoint kept under each."""
    home = tmp_path_factory.mktemp("rotated") / "home"
    store = open_log(home)
    kept, secrets = [store.newest_checkpoint()], []
    write_sessions(store)
    for _ in range(2):
        secrets.append(rotate(store, home))
        kept.append(store.newest_checkpoint())
        commit(store, Clinic().entry("note", f"note/{len(kept)}", {"note": "1", "text": "2"}, gun=None))
        store.close(stamp())
        store = open_log(home)
    store.close(stamp())
    return home, [*secrets, read_secret(home / "audit.key")], kept


@pytest.fixture
def rotated(made, tmp_path):
    home, secrets, kept = made
    return shutil.copytree(home, tmp_path / "home"), secrets, kept


def changed(home, *statements):
    """Change the database as somebody with all rights does."""
    with closing(sqlite3.connect(home / "audit.db")) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        for statement, *values in statements:
            db.execute(statement, values)
        for _, text in triggers:
            db.execute(text)
        db.commit()
    return home


def resigned(home, key, size):
    with closing(sqlite3.connect(home / "audit.db")) as db:
        leaves = [leaf for (leaf,) in db.execute("SELECT leaf FROM record ORDER BY seq LIMIT ?", (size,))]
    return sign(Checkpoint(key.name, size, root_of(leaves)), key)


def test_any_of_the_keys_verifies_the_log_and_every_checkpoint_that_was_kept(rotated, tmp_path):
    home, secrets, kept = rotated
    for secret in secrets:
        vkey = str(secret.verify_key)
        report = verify_home(home, vkey=vkey)
        assert report.ok, report.bad
        assert standalone.check_file(home / "audit.db", vkey)["records_in_log"] == report.records
        for note in kept:
            (tmp_path / "kept").write_text(note)
            assert verify_home(home, vkey=vkey, checkpoint_file=tmp_path / "kept").ok
            assert standalone.check_file(home / "audit.db", vkey, tmp_path / "kept")["outside"]
    assert (home / "audit.vkey").read_text().strip() == str(secrets[-1].verify_key)
    stranger = str(SigningKey(secrets[0].name, bytes(32)).verify_key)
    assert not verify_home(home, vkey=stranger).ok
    with pytest.raises(standalone.Wrong):
        standalone.check_file(home / "audit.db", stranger)


def test_a_rotation_is_signed_by_both_keys_and_nothing_after_it_by_the_old(made):
    home, secrets, _ = made
    with reading(home) as db:
        keys = keys_of(db, secrets[0].verify_key)
        notes = dict(db.execute("SELECT size, note FROM checkpoint"))
    assert [era.key for era in keys.eras] == [secret.verify_key for secret in secrets]
    for size, note in notes.items():
        signers = [secret for secret in secrets if f" {secret.name} " in note and _signed(note, secret.verify_key)]
        last = max(no for no, era in enumerate(keys.eras) if era.since <= size)
        both = last and size == keys.eras[last].since
        assert signers == secrets[last - 1 : last + 1] if both else [secrets[last]]


def _signed(note, key):
    try:
        open_note(note, key)
    except UsageError:
        return False
    return True


def test_a_session_disclosed_after_it_is_checked_with_the_key_of_before(rotated, tmp_path):
    home, secrets, _ = rotated
    with reading(home) as db:
        file = pack(db, find(db, SESSION, secrets[-1].verify_key), secrets[-1].verify_key)
    for secret in secrets:
        assert standalone.check_session(file, standalone.read_keys(str(secret.verify_key)))["session"] == SESSION
    stranger = SigningKey(secrets[0].name, bytes(32)).verify_key
    with pytest.raises(standalone.Wrong):
        standalone.check_session(file, standalone.read_keys(str(stranger)))


def test_a_copy_in_tiles_is_checked_with_any_of_the_keys_and_goes_on_from_one_made_before_a_rotation(rotated, tmp_path):
    home, secrets, _ = rotated
    place = tmp_path / "stick"
    place.mkdir()
    with reading(home) as db:
        write_copy(db, secrets[-1].verify_key, place)
    store = open_log(home)
    secrets = [*secrets[:-1], rotate(store, home), read_secret(home / "audit.key")]
    store.close(stamp())
    with reading(home) as db:
        made = write_copy(db, secrets[-1].verify_key, place)
    assert 0 < made.older < made.checkpoint.size
    for secret in secrets:
        assert standalone.check_file(made.place, str(secret.verify_key))["records_in_log"] == made.checkpoint.size
    for thief in secrets[:-1]:
        (made.place / "checkpoint").write_text(resigned(home, thief, made.checkpoint.size))
        for secret in secrets:
            with pytest.raises(standalone.Wrong):
                standalone.check_file(made.place, str(secret.verify_key))


def test_growth_across_a_rotation_is_proven_to_who_has_both_keys(rotated):
    home, secrets, kept = rotated
    with reading(home) as db:
        proof = growth_proof(db, kept[0], secrets[-1].verify_key).encode()
    both = standalone.read_keys(f"{secrets[0].verify_key} {secrets[-1].verify_key}")
    assert standalone.check_growth(proof, both, kept[0])["records_before"]
    for one in both:
        with pytest.raises(standalone.Wrong):
            standalone.check_growth(proof, (one,), kept[0])


@pytest.mark.parametrize("thief", [0, 1])
def test_a_stolen_old_key_signs_nothing_that_is_longer_without_being_noticed(rotated, thief, tmp_path):
    home, secrets, _ = rotated
    [(size,)] = _read(home, "SELECT max(size) FROM checkpoint")
    note = resigned(home, secrets[thief], size)
    changed(home, ("UPDATE checkpoint SET note = ? WHERE size = ?", note, size))
    for secret in secrets:
        report = verify_home(home, vkey=str(secret.verify_key))
        assert not report.ok
        assert "given up" in report.bad
        with pytest.raises(standalone.Wrong):
            standalone.check_file(home / "audit.db", str(secret.verify_key))
    with pytest.raises(AuditWriteFailed, match="does not verify"):
        open_log(home)
    (tmp_path / "kept").write_text(note)
    with pytest.raises(UsageError, match="given up"):
        verify_home(home, checkpoint_file=tmp_path / "kept")


def test_a_rotation_that_the_old_key_did_not_sign_is_none(rotated):
    home, secrets, _ = rotated
    [(seq,)] = _read(home, "SELECT min(seq) FROM record WHERE kind = 'key.rotated'")
    for secret in secrets[:2]:
        changed(home, ("UPDATE checkpoint SET note = ? WHERE size = ?", resigned(home, secret, seq + 1), seq + 1))
        with reading(home) as db, pytest.raises(Damage, match="not signed by the old and the new"):
            keys_of(db, secrets[-1].verify_key)
        assert not verify_home(home, vkey=str(secrets[0].verify_key)).ok
        with pytest.raises(standalone.Wrong):
            standalone.check_file(home / "audit.db", str(secrets[0].verify_key))


def test_a_log_cut_before_the_rotation_and_signed_with_the_old_key_is_not_the_log_of_the_new_one(rotated):
    home, secrets, _ = rotated
    [(seq,)] = _read(home, "SELECT min(seq) FROM record WHERE kind = 'key.rotated'")
    changed(
        home,
        ("DELETE FROM record WHERE seq >= ?", seq),
        ("DELETE FROM checkpoint WHERE size > ?", seq),
        ("INSERT OR REPLACE INTO checkpoint VALUES(?, ?, x'', 'time', 0)", seq, resigned(home, secrets[0], seq)),
    )
    report = verify_home(home, vkey=str(secrets[-1].verify_key))
    assert not report.ok
    assert report.bad_seq == 0 or "given key" in report.bad


def _read(home, query):
    with closing(sqlite3.connect(home / "audit.db")) as db:
        return db.execute(query).fetchall()


CHILD = """
import sys
from pathlib import Path
from meso_device.audit.store import Store
from tests.unit.audit.clinic import Clinic, commit, stamp
from tests.unit.audit.test_rotation import rotate

home = Path(sys.argv[1])
store = Store.open(home, software="0.1.0", stamp=stamp())
while True:
    rotate(store, home)
    print("rotated", flush=True)
"""


def test_a_kill_in_the_middle_of_a_rotation_leaves_a_log_that_verifies_and_goes_on(home):
    store = open_log(home)
    first = VerifyKey.parse(store.verify_key)
    store.close(stamp())
    rng, told = random.Random(5), 0
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
        )
        for _ in range(rng.randrange(1, 4)):
            told += bool(child.stdout.readline())
        # Anywhere in the next rotation: each takes several writes to the disk.
        signal.sigtimedwait([], rng.random() * 0.02)
        child.send_signal(signal.SIGKILL)
        told += sum(line == "rotated\n" for line in child.stdout)
        child.stdout.close()
        child.wait()
        report = verify_home(home, vkey=str(first))
        assert report.ok, report.bad
        store = open_log(home)
        newest = read_secret(home / "audit.key").verify_key
        assert store.verify_key == str(newest) == (home / "audit.vkey").read_text().strip()
        assert not (home / rotation.NEXT_NAME).exists()
        store.close(stamp())
        assert verify_home(home, vkey=str(newest)).ok
    with reading(home) as db:
        assert len(keys_of(db, first).eras) - 1 in range(told, told + 9)


@pytest.mark.parametrize("recorded", [False, True])
def test_a_secret_that_waits_counts_only_if_its_record_is_durable(home, recorded):
    store = open_log(home)
    old = read_secret(home / "audit.key")
    new = SigningKey(old.name, bytes(range(32)))
    rotation.keep_waiting(home, new)
    if recorded:
        store.rotate(new, rotation.rotated_entry(old.verify_key, new.verify_key, "yearly", op="a", role="r"), stamp())
    else:
        (home / rotation.NEXT_NAME).write_text("PRIVATE+KEY+meso")  # cut off while it was written
    store.close(stamp())
    store = open_log(home)
    assert store.verify_key == str((new if recorded else old).verify_key)
    assert read_secret(home / "audit.key") == (new if recorded else old)
    assert not (home / rotation.NEXT_NAME).exists()
    store.close(stamp())
    assert verify_home(home).ok
