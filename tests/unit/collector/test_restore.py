"""The restore drill with a collector: the directory is gone, the backup old, and the log comes back whole and the same.

Real commands, a real collector and a real PostgreSQL.
"""

import json
import random
import secrets
import shutil
import signal
import subprocess

import pytest

from meso_device.accounting.entries import Entry
from meso_device.audit.reader import reading
from meso_device.audit.retirement import retired_entry
from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from meso_device.collector.database import Role, connect
from tests.unit.audit.clinic import commit, stamp
from tests.unit.audit.test_rotation import rotate
from tests.unit.collector.logs import bodies_of, held, key_of, open_log, write_log
from tests.unit.collector.serving import MESO, WAIT_S, Served

pytestmark = [pytest.mark.hazard("HZ-25"), pytest.mark.timeout(180)]


@pytest.fixture
def served(tmp_path, database):
    own = Served(tmp_path / "collector", database)
    yield own
    own.close()


class Drill:
    """A console that is enrolled and has a backup, a while ago."""

    def __init__(self, served, place):
        self.served, self.place = served, place
        self.home, self.keys = place / "home", place / "keys"
        self.clinic = write_log(self.home, shots=150, closed=False)
        served.enrol(self.home, "room-1")
        # Records that no checkpoint covers yet are in it.
        store = open_log(self.home)
        commit(store, *(self.clinic.shot() for _ in range(7)))
        self.backup = self.back_up()
        store.close(stamp())

    def back_up(self):
        served, home = self.served, self.home
        told = served.meso(
            "backup", "create", str(self.place / secrets.token_hex(4)), "--keys", str(self.keys), "--json", home=home
        )
        return json.loads(told)["path"]

    def goes_on(self, shots=300):
        """Record more, and send all of it; return it."""
        write_log(self.home, shots=shots, clinic=self.clinic, closed=False)
        return self.send()

    def send(self):
        # The first time it records behind it that something went outside.
        for _ in range(2):
            self.served.meso("audit", "send", home=self.home)
        return bodies_of(self.home)

    def code(self, *more):
        path = self.place / "code"
        path.write_text("".join(f"{self.served.code(name)}\n" for name in ("room-1", *more)))
        path.chmod(0o600)
        return ("--code-file", str(path))

    def restore(self, *words, home=None, status=0):
        words = ("backup", "restore", self.backup, "--keys", str(self.keys), *words)
        return self.served.meso(*words, home=home or self.home, status=status)

    def nothing_was_made(self, home):
        assert not home.exists()
        assert not [path.name for path in home.parent.iterdir() if path.name.startswith(".partial-")]


@pytest.fixture
def drill(served, tmp_path):
    return Drill(served, tmp_path)


def records_of_kind(home, kind):
    return [body for body in map(json.loads, bodies_of(home)) if body["kind"] == kind]


def forks(database):
    with connect(database, Role.OWNER) as db:
        return db.execute("SELECT kind FROM meso.fork").fetchall()


def test_what_came_after_the_backup_is_back_byte_for_byte_and_it_is_the_same_log_to_the_collector(
    drill, served, tmp_path, database
):
    sent = drill.goes_on()
    served.meso("audit", "checkpoint", "--out", str(tmp_path / "kept"), home=drill.home)
    store = open_log(drill.home)
    commit(store, Entry(kind="note", key="note/unsent"))
    store._db.close()  # killed
    lost = shutil.move(drill.home, tmp_path / "lost")

    told = drill.restore(*drill.code(), "--checkpoint", str(tmp_path / "kept"))
    assert f"restored: {len(sent)} records" in told
    assert "it is the same log as before" in told
    assert "MISSING" not in told
    assert verify_home(drill.home).ok
    assert bodies_of(drill.home)[: len(sent)] == sent
    [record] = records_of_kind(drill.home, "log.restored")
    assert record["refilled"] == len(sent) - record["records"] > 300
    assert record["refilled_by"].startswith("meso-collector/")
    assert record["missing"] == 0

    # It goes on, as the same one to the collector; and from what was lost, and is found again, nothing comes any more.
    write_log(drill.home, clinic=drill.clinic, shots=30)
    served.meso("audit", "send", home=drill.home)
    assert "0 new there" in served.meso("audit", "send", "--again", home=drill.home)
    assert "needs a new one-time code" in served.meso("audit", "send", home=lost, status=1)
    with connect(database, Role.OWNER) as db:
        assert held(db, key_of(drill.home).name) == bodies_of(drill.home)
    assert forks(database) == []

    # Lost once more, the same backup: what the first restore recorded is back too, and is no second one's.
    shutil.rmtree(drill.home)
    drill.restore(*drill.code())
    assert [one["records"] for one in records_of_kind(drill.home, "log.restored")] == [record["records"]] * 2
    drill.send()
    assert forks(database) == []
    assert verify_home(drill.home).ok


def test_a_collector_that_does_not_answer_stops_it_unless_it_is_to_be_another_history(
    drill, served, tmp_path, database
):
    drill.goes_on()
    shutil.rmtree(drill.home)
    assert "--code-file" in drill.restore(status=2)
    code = drill.code()
    served.end()
    told = drill.restore(*code, status=1)
    assert "the code is still good" in told
    assert "--without-collector" in told
    drill.nothing_was_made(drill.home)
    served.start()
    assert "--without-collector" in drill.restore("--without-collector", *code, status=2)
    drill.restore(*code, home=tmp_path / "once")
    assert "was used" in drill.restore(*code, status=1)
    assert "2 codes for 1 collectors" in drill.restore(*drill.code("room-1"), status=2)
    drill.nothing_was_made(drill.home)

    told = drill.restore("--without-collector")
    assert "what came after that is missing" in told
    assert len(bodies_of(drill.home)) < 200
    served.enrol(drill.home, "room-1")
    assert "FORK" in served.meso("audit", "send", home=drill.home, status=1)
    assert forks(database) != []


def tampered(database, statement, *values):
    """Change what a collector holds, as PostgreSQL's superuser can."""
    with connect(database, Role.OWNER) as db, db.transaction():
        db.execute("ALTER TABLE meso.record DISABLE TRIGGER USER")
        db.execute(statement, values)
        db.execute("ALTER TABLE meso.record ENABLE TRIGGER USER")


@pytest.mark.parametrize("lie", ["byte", "less"])
def test_nothing_comes_back_from_a_collector_that_lies(drill, database, lie):
    drill.goes_on()
    seq = len(bodies_of(drill.home)) - 20
    shutil.rmtree(drill.home)
    changed = "UPDATE meso.record SET body = overlay(body placing 'x' from 40) WHERE seq = %s"
    tampered(database, changed if lie == "byte" else "DELETE FROM meso.record WHERE seq >= %s", seq)
    assert "another history" in drill.restore(*drill.code(), status=1)
    drill.nothing_was_made(drill.home)


@pytest.mark.parametrize(("here", "there"), [(5, 400), (400, 5)])
def test_another_history_of_the_log_is_no_refill_of_the_backup(drill, served, tmp_path, database, here, there):
    """A twin of the console sent something else than what the backup holds, more of it or less."""
    twin = shutil.copytree(drill.home, tmp_path / "twin")
    for home, said, count in ((drill.home, "here", here), (twin, "there", there)):
        store = open_log(home)
        commit(store, *(Entry(kind="note", key=f"note/{said}/{number}") for number in range(count)))
        if home is twin:
            store.close(stamp())
        else:
            store._db.close()  # killed
    drill.backup = drill.back_up()
    served.meso("audit", "send", home=twin)
    shutil.rmtree(drill.home)
    assert "holds another history" in drill.restore(*drill.code(), status=1)
    drill.nothing_was_made(drill.home)
    drill.restore("--without-collector")
    assert forks(database) == []


@pytest.mark.parametrize("rotations", [1, 2])
def test_it_comes_back_across_a_change_of_the_key(drill, served, rotations):
    old = key_of(drill.home)
    for number in range(rotations):
        store = open_log(drill.home)
        rotate(store, drill.home)
        commit(store, *(drill.clinic.shot() for _ in range(40 + number)))
        store.close(stamp())
    sent, new = drill.send(), key_of(drill.home)
    first = drill.home.rename(drill.place / "lost")
    # The secret of the new key is needed, as the log that comes back is signed with it.
    told = drill.restore(*drill.code(), status=2)
    assert "older or newer key" in told
    assert new.key_id.hex() in told
    drill.nothing_was_made(drill.home)
    drill.served.meso("backup", "create", str(drill.place / "more"), "--keys", str(drill.keys), home=first)

    drill.restore(*drill.code())
    assert bodies_of(drill.home)[: len(sent)] == sent
    assert key_of(drill.home) == new
    for vkey in (old, new):
        assert verify_home(drill.home, vkey=str(vkey)).ok
    write_log(drill.home, clinic=drill.clinic, shots=30)
    served.meso("audit", "send", home=drill.home)
    assert forks(served.database) == []


def test_of_a_retired_console_the_end_comes_back_too(drill, served):
    store = open_log(drill.home)
    commit(store, retired_entry(1, op="a", role="administrator"))
    store.close(stamp())
    whole = drill.send()
    shutil.rmtree(drill.home)
    assert "retired" in drill.restore(*drill.code())
    assert bodies_of(drill.home) == whole
    assert verify_home(drill.home).retired


def test_killed_anywhere_there_is_no_data_directory_or_a_whole_one(drill, served):
    sent = drill.goes_on(shots=600)
    shutil.rmtree(drill.home)
    rng = random.Random(7)
    made = 0
    for _ in range(8):
        words = ["backup", "restore", drill.backup, "--keys", str(drill.keys), *drill.code(), "--home", str(drill.home)]
        child = subprocess.Popen([*MESO, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # From where it begins to write until it is done: each step of it takes some of that.
        while child.poll() is None and not (drill.place / ".partial-home").exists():
            signal.sigtimedwait([], 0.002)
        signal.sigtimedwait([], rng.random() * 1.2)
        child.kill()
        child.wait(WAIT_S)
        if drill.home.exists():
            made += 1
            assert verify_home(drill.home).ok
            assert bodies_of(drill.home)[: len(sent)] == sent
            assert records_of_kind(drill.home, "log.restored")
            shutil.rmtree(drill.home)
    assert made < 8
    drill.restore(*drill.code())
    assert bodies_of(drill.home)[: len(sent)] == sent
    with reading(drill.home) as db:
        assert db.execute("SELECT count(*) FROM record WHERE kind = 'log.restored'").fetchall() == [(1,)]
    assert Store.open(drill.home, software="0.1.0", stamp=stamp()).size > len(sent)
