"""No damage of a derived table opens a cap or a rule: nothing is permitted on it, and the tables can be mended."""

import random
import shutil
from contextlib import closing, contextmanager

import apsw
import pytest

from meso_device.accounting.entries import CommitFailed
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.check import Damage
from meso_device.audit.derived_check import check_derived
from meso_device.audit.facts import clinic_facts
from meso_device.audit.repair import make_derived_anew
from meso_device.audit.schema import PROJECTIONS
from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from protocols.errors import AuditWriteFailed, MesoError, UsageError
from tests.unit.audit.attacker import Attacker
from tests.unit.audit.clinic import GUN, Clinic, batch, commit, stamp
from tests.unit.audit.history import DIGESTS, PRODUCTS, UIDS, History

# Answered for by the gun itself at each connection, or by their neighbours in a sum; a verification looks at them too.
LEFT_TO_VERIFY = {
    *(("gun", name) for name in ("committed_seq", "chain_hash8", "ahead", "since_lo_nl", "since_hi_nl")),
    *(("gun", name) for name in ("contact_us", "touched_seq")),
    *(("shot", name) for name in ("shot_seq", "latest_us", "phase")),
}
FLIPS = 120


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A data directory with every derived table filled, and its sessions."""
    home = tmp_path_factory.mktemp("log") / "home"
    store = Store.open(home, software="0.1.0", stamp=stamp())
    history = History(store, random.Random(4))
    history.run(160)
    clinic = history.clinics[0]
    for kind, payload in (
        ("stop", {"source": "key", "stop_no": 1, "heard": False}),
        ("finding.orphan", {"code": "orphan", "detail": ""}),
        ("clock.map", {"boot_id": 3, "ticks_us": 1, "utc_us": 2, "error_us": 1, "at_mono_us": 1}),
    ):
        commit(store, clinic.entry(kind, f"{kind}/1", payload))
    store.close(stamp())
    return home, tuple(history.sessions)


@pytest.fixture
def home(recorded, tmp_path):
    return shutil.copytree(recorded[0], tmp_path / "home")


def edit(home, *statements):
    with closing(apsw.Connection(str(home / DATABASE_NAME))) as db:
        for statement in statements:
            db.execute(statement)
            assert db.changes(), statement


@contextmanager
def opened(home):
    store = Store.open(home, software="0.1.0", stamp=stamp(10**10))
    try:
        yield store
    finally:
        store.close(stamp(10**10))


@contextmanager
def permitting(home):
    """Open the log as a host does, up to where a gun could be permitted something."""
    with opened(home) as store:
        store.load_gun(GUN.gun_uid, simulated=True)
        yield store


def judged_by(store, sessions):
    """All that the caps and rules look at, for everybody there is."""
    facts = [
        clinic_facts(store._db, session=session, alias=alias, gun_uid=uid, digest=DIGESTS[at % 2], products=PRODUCTS)
        for at, (session, alias) in enumerate(sessions)
        for uid in UIDS
    ]
    tables = [
        store._db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()  # noqa: S608  # our own names
        for name in ("given", "grant_row", "clock")
    ]
    return facts, [store.load_gun(uid, simulated=True).open_grants for uid in UIDS], tables


def columns(db):
    """Every column of every derived table that the check answers for."""
    every = ((table, row[1]) for table in PROJECTIONS for row in db.execute(f"PRAGMA table_info({table})").fetchall())
    return [place for place in every if place not in LEFT_TO_VERIFY]


def changed(value):
    return value + 1 if isinstance(value, int) else f"{value}x" if isinstance(value, str) else 7


@pytest.mark.hazard("HZ-14")
@pytest.mark.invariant("I-44")
def test_each_changed_lost_or_added_row_of_any_derived_table_is_found(home):
    rng = random.Random(1)
    with closing(apsw.Connection(str(home / DATABASE_NAME))) as db:
        check_derived(db)
        found = set()
        for table, column in columns(db):
            rows = db.execute(f"SELECT rowid, {column} FROM {table}").fetchall()  # noqa: S608  # our own names
            assert rows or table in {"clock", "house"}, f"{table} is empty, so nothing is shown of it"
            if not rows:
                continue
            row, value = rng.choice(rows)
            for statement in (
                f"UPDATE {table} SET {column} = ? WHERE rowid = ?",  # noqa: S608  # our own names
                f"DELETE FROM {table} WHERE ?1 IS ?1 AND rowid = ?2",  # noqa: S608  # our own names
            ):
                db.execute("SAVEPOINT change")
                try:
                    db.execute(statement, (changed(value), row))
                except apsw.ConstraintError:  # the table itself refuses such a row
                    found.add(table)
                else:
                    with pytest.raises(Damage, match="derived"):
                        check_derived(db)
                    found.add(table)
                db.execute("ROLLBACK TO change")
        check_derived(db)
    assert found >= set(PROJECTIONS) - {"clock"}


@pytest.mark.hazard("HZ-14")
@pytest.mark.hazard("HZ-43")
@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("given", "UPDATE given SET dose_hi_nl = 0, shots = 0 WHERE id = (SELECT max(id) FROM given WHERE shots > 0)"),
        ("given", "UPDATE given SET alias = 'somebody else' WHERE id = 1"),
        ("given", "UPDATE given SET stepped_us = stepped_us - 86400000000 WHERE id = 1"),
        ("shots", "DELETE FROM shot WHERE seq = (SELECT max(seq) FROM shot)"),
        ("grant_row", "UPDATE grant_row SET state = 'closed' WHERE state <> 'closed'"),
        ("grant_row", "UPDATE grant_row SET max_nl = 1 WHERE rowid = 1"),
        ("limit_override", "INSERT INTO limit_override VALUES('5e', 'day_cap', 'x', 'nobody', 1)"),
        ("lot_block", "DELETE FROM lot_block"),
        ("checklist", "UPDATE checklist SET answer = 'none'"),
        ("approval", "UPDATE approval SET digest = 'ff'"),
        ("lot", "UPDATE lot SET expiry_day = 30000"),
        ("reprocessing", "UPDATE reprocessing SET rinse_medium = 'saline', at_us = at_us + 1"),
    ],
)
def test_nothing_is_permitted_on_a_damaged_table_and_a_rebuild_mends_it(home, recorded, table, statement):
    with permitting(home) as store:
        before = judged_by(store, recorded[1])
    edit(home, statement)
    with opened(home) as store:
        with pytest.raises(AuditWriteFailed, match=rf"derived .*{table}.*meso audit rebuild"):
            store.load_gun(GUN.gun_uid, simulated=True)
        [refused] = store.commit([Clinic(grant_no=900).grant()], stamp())
        assert isinstance(refused, CommitFailed)
        assert "\n" not in refused.reason
    entry = make_derived_anew(home)
    assert table in entry.payload["found"]
    with permitting(home) as store:
        store.commit([batch(entry)], stamp(10**10))
        assert judged_by(store, recorded[1]) == before
    assert verify_home(home).ok


@pytest.mark.hazard("HZ-14")
def test_a_flipped_bit_of_a_derived_table_or_index_is_refused_or_changes_no_answer(recorded, tmp_path):
    home, sessions = recorded
    with permitting(shutil.copytree(home, tmp_path / "whole")) as store:
        before = judged_by(store, sessions)
    with closing(apsw.Connection(str(home / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        pages = [
            (pageno, pgsize, unused)
            for pageno, pgsize, unused in db.execute(
                "SELECT pageno, pgsize, unused FROM dbstat WHERE name IN "
                "(SELECT name FROM sqlite_schema WHERE tbl_name NOT IN ('record', 'checkpoint'))"
            )
        ]
    data, rng, refused = (home / DATABASE_NAME).read_bytes(), random.Random(3), 0
    for number in range(FLIPS):
        pageno, size, unused = rng.choice(pages)
        # What is in use of a page is its head, and what was filled from its end.
        at = (pageno - 1) * size + (rng.randrange(unused, size) if rng.random() < 0.9 else rng.randrange(12))
        copy = shutil.copytree(home, tmp_path / f"{number}")
        (copy / DATABASE_NAME).write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
        try:
            with permitting(copy) as store:
                assert judged_by(store, sessions) == before, f"byte {at}"
        except (AuditWriteFailed, UsageError) as error:
            assert "\n" not in str(error)  # noqa: PT017  # either way is right
            refused += 1
        shutil.rmtree(copy)
    assert refused > FLIPS // 2


def test_a_rebuild_refuses_records_that_do_not_hold_and_changes_nothing(home):
    log = Attacker(home)
    log.edit(12, op="nobody")
    log.write()
    log.close()
    edit(home, "DELETE FROM lot_block")
    with pytest.raises(MesoError, match=r"record 12.*backup"):
        make_derived_anew(home)
    with closing(apsw.Connection(str(home / DATABASE_NAME))) as db:
        assert db.execute("SELECT count(*) FROM lot_block").fetchall() == [(0,)]


def test_a_rebuild_without_a_log_makes_none(tmp_path):
    with pytest.raises(UsageError, match="--home"):
        make_derived_anew(tmp_path)
    assert list(tmp_path.iterdir()) == []
