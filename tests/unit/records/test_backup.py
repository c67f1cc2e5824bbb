"""A backup holds everything but the secrets, counts only when it verifies, and goes back only into an empty place."""

import json
import random
import shutil
import threading

import apsw
import pytest

from meso_device.accounting.entries import Entry
from meso_device.audit.keys import SigningKey
from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from meso_device.host.due import commit_due
from meso_device.people.following import Followed
from meso_device.people.office import Office, read_operators
from meso_device.people.roles import Act
from meso_device.people.signatures import authorise
from meso_device.people.subject import LegalBasis, PatientRef
from meso_device.records import backup
from meso_device.records.restore import Restored, follow_log, place_secrets, regain, restoring
from protocols.errors import MesoError, UsageError
from tests.unit.audit.clinic import Clinic, commit, stamp
from tests.unit.audit.test_salvage import held_elsewhere
from tests.unit.people.clinic import REF, People

AT = "2026-01-02T03:04:05.000006Z"


def write(store):
    clinic = Clinic()
    commit(store, clinic.link_up(), clinic.opened())
    commit(store, *(clinic.shot() for _ in range(20)))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    home = tmp_path_factory.mktemp("data") / "home"
    store = Store.open(home, software="0.1.0", stamp=stamp())
    write(store)
    store.close(stamp())
    with Office.open(home):
        pass
    (home / "host.id").write_text("ab" * 16)
    (home / "treatments").mkdir()
    (home / "treatments" / "face.toml").write_text("# approved")
    (home / "host.log").write_text("for technicians")
    return home


@pytest.fixture
def made(original, tmp_path):
    path, _ = backup.create(original, tmp_path / "backups", AT)
    backup.copy_secrets(original, tmp_path / "keys")
    return path


def restore(where, home, keys):
    """Restore it as the command does, where there is no collector; return what was."""
    with restoring(where, home, keys) as (kept, work):
        place_secrets(work, keys)
        return Restored(backup=kept, taken=None, missing=3, people=follow_log(work), retired=False)


def files(where):
    return {path.relative_to(where).as_posix() for path in where.rglob("*") if path.is_file()}


def test_it_has_all_but_the_secrets_and_says_what(made, original):
    assert made.name == "meso-backup-20260102T030405Z"
    assert files(made) == {
        "audit.db", "audit.vkey", "vault.db", "host.id", "treatments/face.toml", "meso_verify.py", "backup.json",
    }  # fmt: skip
    for path in files(made) - {"meso_verify.py"}:
        content = (made / path).read_bytes()
        for secret in ("audit.key", "pin.pepper"):
            assert (original / secret).read_bytes().strip() not in content
    assert all((made / path).stat().st_mode & 0o077 == 0 for path in files(made))
    found, report = backup.check(made)
    assert (report.records, report.root) == (found.records, verify_home(original).root)
    assert backup.all_in(made.parent) == [(made, found)]


def test_what_comes_back_is_what_was_there_and_goes_on(made, original, tmp_path):
    home = tmp_path / "new"
    restored = restore(made, home, tmp_path / "keys")
    # The host's technical log proves nothing and is not kept; locks and reserve are made anew.
    assert files(home) == files(made) - {"meso_verify.py", "backup.json"} | {"audit.key", "pin.pepper"}
    for name in ("audit.key", "audit.vkey", "pin.pepper", "host.id", "treatments/face.toml"):
        assert (home / name).read_bytes() == (original / name).read_bytes()
    store = Store.open(home, software="0.1.0", stamp=stamp(9))
    commit(store, restored.entry())
    store.close(stamp(10))
    report = verify_home(home)
    assert report.ok
    assert report.records == restored.records + 3


@pytest.mark.parametrize("place", ["file", "directory"])
def test_nothing_is_restored_over_anything(made, tmp_path, place):
    home = tmp_path / "new"
    if place == "file":
        home.write_text("mine")
    else:
        home.mkdir()
        (home / "mine").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        restore(made, home, tmp_path / "keys")
    assert (home if place == "file" else home / "mine").read_text() == "mine"


@pytest.mark.parametrize("name", ["audit.db", "audit.vkey", "vault.db", "host.id", "treatments/face.toml"])
def test_every_touched_or_missing_file_is_found_and_nothing_is_restored(made, tmp_path, name):
    path = made / name
    content = bytearray(path.read_bytes())
    content[random.Random(name).randrange(len(content))] ^= 4
    path.write_bytes(content)
    with pytest.raises(MesoError, match=name):
        backup.check(made)
    path.unlink()
    with pytest.raises(MesoError, match=name):
        restore(made, tmp_path / "new", tmp_path / "keys")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backups", "keys"]


def test_a_list_made_to_fit_a_changed_log_does_not_help(made):
    db = apsw.Connection(str(made / "audit.db"))
    db.execute("DROP TRIGGER record_never_goes")
    db.execute("DELETE FROM record WHERE seq = 10")
    db.close()
    listed = json.loads((made / "backup.json").read_bytes())
    for kept in listed["files"]:
        fresh = backup._kept(made, made / kept["path"])
        kept.update(size=fresh.size, sha256=fresh.sha256)
    (made / "backup.json").write_text(json.dumps(listed))
    with pytest.raises(MesoError, match="record 10"):
        backup.check(made)


@pytest.mark.parametrize(
    "name", ["../home/audit.db", "/etc/passwd", "audit.key", "treatments/../../x", "treatments/.."]
)
def test_a_list_that_names_other_places_is_refused(made, tmp_path, name):
    listed = json.loads((made / "backup.json").read_bytes())
    listed["files"][0]["path"] = name
    (made / "backup.json").write_text(json.dumps(listed))
    with pytest.raises(MesoError, match="belongs to no backup"):
        restore(made, tmp_path / "new", tmp_path / "keys")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"v":1}', "x" * 100])
def test_a_list_that_is_none_is_refused(made, content):
    (made / "backup.json").write_text(content)
    with pytest.raises(UsageError, match="no backup"):
        backup.check(made)


def test_the_key_must_be_that_of_the_log(made, tmp_path):
    other = SigningKey("meso/other", bytes(32))
    (tmp_path / "keys" / "audit.key").write_text(other.secret_line() + "\n")
    with pytest.raises(UsageError, match=r"meso/other"):
        restore(made, tmp_path / "new", tmp_path / "keys")
    shutil.rmtree(tmp_path / "keys")
    with pytest.raises(UsageError, match="kept apart"):
        restore(made, tmp_path / "new", tmp_path / "keys")


def test_what_a_restore_left_that_was_ended_is_in_nobody_s_way(made, tmp_path):
    left = tmp_path / ".partial-new"
    (left / "treatments").mkdir(parents=True)
    (left / "audit.key").write_text("half")
    (left / "treatments" / "link").symlink_to(tmp_path)
    with restoring(made, tmp_path / "new", tmp_path / "keys") as (_, work):
        assert files(work) == files(made) - {"meso_verify.py", "backup.json"}
        with (
            pytest.raises(UsageError, match="in use"),
            restoring(made, tmp_path / "new", tmp_path / "keys"),
        ):
            pytest.fail("two at once")
        place_secrets(work, tmp_path / "keys")
    assert verify_home(tmp_path / "new").ok
    with (
        pytest.raises(RuntimeError),
        restoring(made, tmp_path / "other", tmp_path / "keys") as (_, work),
    ):
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backups", "keys", "new"]


def test_secrets_of_another_data_directory_are_not_written_over(original, tmp_path):
    keys = tmp_path / "keys"
    backup.copy_secrets(original, keys)
    backup.copy_secrets(original, keys)
    (keys / "audit.key").write_text("another")
    with pytest.raises(UsageError, match="another data directory"):
        backup.copy_secrets(original, keys)
    assert (keys / "audit.key").read_text() == "another"


def test_a_log_that_does_not_hold_leaves_no_backup(original, tmp_path):
    home = shutil.copytree(original, tmp_path / "home")
    db = apsw.Connection(str(home / "audit.db"))
    db.execute("DROP TRIGGER record_never_goes")
    db.execute("DELETE FROM record WHERE seq = 10")
    db.close()
    with pytest.raises(MesoError, match="does not hold"):
        backup.create(home, tmp_path / "backups", AT)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_backup_verifies_however_much_is_written_meanwhile(tmp_path):
    home = tmp_path / "home"
    store = Store.open(home, software="0.1.0", stamp=stamp())
    write(store)
    stop = threading.Event()

    def go_on():
        number = 0
        while not stop.is_set():
            number += 1
            commit(store, Entry(kind="note", key=f"note/{number}"))

    writing = threading.Thread(target=go_on)
    writing.start()
    try:
        sizes = [backup.create(home, tmp_path / "backups", AT.replace("05.", f"0{at}."))[1].records for at in range(5)]
    finally:
        stop.set()
        writing.join()
        store.close(stamp())
    assert sizes == sorted(set(sizes))
    assert verify_home(home).ok


@pytest.mark.hazard("HZ-25")
@pytest.mark.parametrize("with_people", [True, False])
def test_with_the_log_that_comes_back_the_vault_is_brought_up_to_it(tmp_path, with_people):
    """A real vault and a real log, which somebody else holds as it is now; the backup is from before."""
    home, keys = tmp_path / "home", tmp_path / "keys"
    store = Store.open(home, software="0.1.0", stamp=stamp())
    people = People(home, random.Random(3).randbytes)
    first = people.enrol("ada", "cleo", "carl") and people.patient()
    commit_due(store, people.office, stamp())
    if not with_people:
        (home / "vault.db").rename(tmp_path / "vault.db")
    path, _ = backup.create(home, tmp_path / "backups", AT)
    if not with_people:
        (tmp_path / "vault.db").rename(home / "vault.db")
    backup.copy_secrets(home, keys)
    people.patient(PatientRef(name="New Here", born="1991-01-01", chart="N-1"))
    people.register.disable("carl", by=people.who["ada"])
    pair = authorise(Act.ERASE_SUBJECT, people.proof("ada"), people.proof("cleo"), people.now)
    people.vault.erase(first.alias, LegalBasis.SUBJECT_REQUEST, pair)
    commit_due(store, people.office, stamp())
    people.office.close()
    store.close(stamp())

    with restoring(path, tmp_path / "new", keys) as (_, work):
        taken = regain(work, held_elsewhere(home, 10**6))
        place_secrets(work, keys)
        followed = follow_log(work)
    assert taken.records == verify_home(home).records == verify_home(tmp_path / "new").records
    if with_people:
        assert followed == Followed(erased=1, closed=("carl",), patients_lost=1)
        assert REF.name.encode() not in (tmp_path / "new" / "vault.db").read_bytes()
        assert [one.person.login for one in read_operators(tmp_path / "new") if one.active] == ["ada", "cleo"]
    else:
        assert followed == Followed(operators_lost=3, patients_lost=2)
        assert not (tmp_path / "new" / "vault.db").exists()
