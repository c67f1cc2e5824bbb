"""Batches in a real PostgreSQL: each record once, and no second history without an alarm."""

import random
from hashlib import sha256

import psycopg
import pytest
from msgspec.structs import replace

from meso_device.audit import canonical
from meso_device.audit.checkpoint import Checkpoint, read_unsigned, sign
from meso_device.audit.keys import read_secret
from meso_device.audit.retirement import retired_entry
from meso_device.audit.tree import Frontier
from meso_device.collector import intake, outbox
from meso_device.collector.columns import bigints, byteas, texts
from meso_device.collector.consoles import forks, give_code, revoke, states
from meso_device.collector.database import Role, check_tables, connect, migrate
from meso_device.collector.wire import BatchRefused, Code
from protocols.errors import UsageError
from tests.unit.audit.attacker import Attacker
from tests.unit.audit.clinic import commit, stamp
from tests.unit.audit.test_rotation import rotate
from tests.unit.collector.logs import (
    Box,
    bodies_of,
    clinic_of,
    copy_of,
    enrolled,
    held,
    key_of,
    open_log,
    send_all,
    write_log,
)

pytestmark = pytest.mark.hazard("HZ-25")


def refused(code, call, *arguments):
    with pytest.raises(BatchRefused) as caught:
        call(*arguments)
    assert caught.value.code is code, caught.value
    return str(caught.value)


def test_every_record_is_stored_once_and_byte_for_byte_however_often_and_from_wherever_it_is_sent(
    owner, db, tmp_path, monkeypatch
):
    monkeypatch.setattr(outbox, "RECORDS_AIM", 300)
    home = tmp_path / "home"
    write_log(home)
    console = enrolled(owner, db, home, "room-1")
    rng = random.Random(7)
    with Box(home) as box:
        ends, done, inserted = [0], 0, 0
        while done < box.signed():
            batch = box.batch(rng.choice(ends))
            stored = intake.take(db, console, batch)
            inserted += stored.inserted
            ends.append(batch.first + len(batch.bodies))
            done = max(ends)
            assert stored.size == done
        assert inserted == done
    assert held(db, console.origin) == bodies_of(home)
    assert send_all(db, console, home) == 0
    [state] = states(owner)
    assert (state.records, state.simulated, state.revoked) == (len(bodies_of(home)), True, False)


def test_a_record_with_other_bytes_is_a_fork_and_nothing_of_its_batch_is_stored_or_acknowledged(owner, db, tmp_path):
    home, twin = tmp_path / "home", tmp_path / "twin"
    clinic = write_log(home, shots=40, closed=False)
    copy_of(home, twin)
    write_log(home, shots=5, clinic=clinic)
    write_log(twin, 9, shots=300)
    console = enrolled(owner, db, home, "room-1")
    send_all(db, console, home)
    before = held(db, console.origin)
    # The other history, from its beginning, and from where the collector stands.
    told = refused(Code.FORK, send_all, db, console, twin)
    assert "other bytes than those held here" in told
    refused(Code.FORK, send_all, db, console, twin, len(before))
    assert held(db, console.origin) == before == bodies_of(home)
    assert [fork.kind for fork in forks(owner)] == ["record", "growth"]
    # The true one goes on, and the alarm stays.
    write_log(home, shots=3, clinic=clinic)
    send_all(db, console, home, len(before))
    assert held(db, console.origin) == bodies_of(home)
    assert len(forks(owner)) == 2


def test_columns_are_arrays_to_postgres_whatever_is_in_them(db):
    rng = random.Random(8)
    for count in (0, 1, 7, 300):
        numbers = [rng.choice([0, -1, 2**63 - 1, -(2**63), rng.getrandbits(40)]) for _ in range(count)]
        words = [rng.choice(["", "shot", "a.b_c", "\N{EM DASH}", "NULL", '{"},']) for _ in range(count)]
        blobs = [rng.choice([None, b"", b"\0\\", rng.randbytes(rng.randrange(400))]) for _ in range(count)]
        query = "SELECT %b::bigint[], %b::text[], %b::bytea[]"
        found = db.execute(query, (bigints(numbers), texts(words), byteas(blobs)), binary=True).fetchone()
        assert found == (numbers, words, blobs)


def edit(log):
    log.edit(20, dose_hi_nl=1)
    log.rechain(20)


def cut(log):
    del log.rows[30:]


def replace_all(log):
    log.rows = [row for row in log.rows if b'"shot_seq":3,' not in row["body"]]
    log.rechain()


@pytest.mark.parametrize("attack", [edit, cut, replace_all])
def test_whoever_has_the_key_cannot_rewrite_what_the_collector_holds(owner, db, tmp_path, attack):
    home = tmp_path / "home"
    clinic = write_log(home, shots=64, closed=False)
    console = enrolled(owner, db, home, "room-1")
    send_all(db, console, home)
    before = held(db, console.origin)
    log = Attacker(home)
    attack(log)
    log.write()
    log.sign_anew()
    log.db.close()
    with Box(home) as box:
        assert not box.continues(*intake.newest(db, console.origin))
    write_log(home, shots=1, clinic=clinic)
    refused(Code.FORK, send_all, db, console, home)
    assert held(db, console.origin) == before
    assert forks(owner)


def test_a_record_of_another_kind_may_use_the_words_of_a_shot_as_it_likes(owner, db, tmp_path):
    """Such as a conflict, which holds two readings of one injection: nothing may keep a log from its collector."""
    home = tmp_path / "home"
    clinic, store = clinic_of(0), open_log(home)
    payload = {"ring": ["a", "b"], "shot_seq": "many", "twice": {"kind": "shot", "gun": 7}}
    commit(store, clinic.link_up(), replace(clinic.opened(), kind="told", key="told/1", payload=payload), clinic.shot())
    store.close(stamp())
    console = enrolled(owner, db, home, "room-1")
    send_all(db, console, home)
    assert held(db, console.origin) == bodies_of(home)
    assert owner.execute("SELECT count(*) FROM meso.shot").fetchone() == (1,)


def damaged(batch, rng):
    """Yield a batch with one thing wrong, each its own way."""
    yield replace(batch, bodies=batch.bodies[:-1])
    yield replace(batch, bodies=[*batch.bodies[:-1], batch.bodies[-1].replace(b'"seq":', b'"sek":')])
    yield replace(batch, bodies=[batch.bodies[1], batch.bodies[0], *batch.bodies[2:]])
    yield replace(batch, bodies=[body.replace(b'"dose_hi_nl":20000', b'"dose_hi_nl":10000') for body in batch.bodies])
    yield replace(batch, bodies=[b"\xff" * 20, *batch.bodies[1:]])
    yield replace(batch, bodies=[b"[" * 5_000, *batch.bodies[1:]])
    yield replace(batch, bodies=[body.replace(b'"ring":"', b'"ring":"AAAA') for body in batch.bodies])
    yield replace(batch, bodies=[body.replace(b'"ring":', b'"rind":') for body in batch.bodies])
    yield replace(batch, bodies=[body.replace(b'"gun_uid":"', b'"gun_uid":"zz') for body in batch.bodies])
    yield replace(batch, bodies=[body.replace(b'"kind":"', b'"kind":"A ') for body in batch.bodies])
    yield replace(batch, bodies=[body.replace(b'"sess":"', b'"sess":"\xc3\xa4') for body in batch.bodies])
    yield replace(batch, note=batch.note.replace("\n", " ", 1))
    yield replace(batch, note=batch.note[:-10] + "AAAAAAAA=\n")
    yield replace(batch, first=batch.first + 1)


def test_what_is_damaged_or_not_signed_is_refused_and_leaves_no_trace(owner, db, tmp_path):
    home = tmp_path / "home"
    write_log(home, shots=30)
    console = enrolled(owner, db, home, "room-1")
    with Box(home) as box:
        batch = box.batch(0)
    for wrong in damaged(batch, random.Random(3)):
        with pytest.raises(BatchRefused) as caught:
            intake.take(db, console, wrong)
        assert caught.value.code in {Code.MALFORMED, Code.NOT_PROVEN, Code.START}
    # Signed by another log's key.
    other = tmp_path / "other"
    write_log(other, 1, shots=3)
    with Box(other) as box:
        refused(Code.NOT_PROVEN, intake.take, db, console, box.batch(0))
    assert held(db, console.origin) == []
    assert forks(owner) == ()
    assert intake.take(db, console, batch).inserted == len(batch.bodies)


def test_an_injection_in_two_logs_has_two_witnesses_or_an_alarm_and_is_one_row(owner, db, tmp_path):
    """The gun was moved to another console before the first one had released its records."""
    one, other, liar = tmp_path / "one", tmp_path / "other", tmp_path / "liar"
    write_log(one, shots=20)
    write_log(other, shots=20)
    clinic = clinic_of(0)
    store = open_log(liar)
    commit(store, clinic.link_up(), *(clinic.shot() for _ in range(3)))
    clinic.prev = bytes(8)
    commit(store, clinic.shot())
    store.close(stamp())
    for number, home in enumerate((one, other, liar)):
        console = enrolled(owner, db, home, home.name, bytes([number]) * 32)
        send_all(db, console, home)
        assert held(db, console.origin) == bodies_of(home)
    assert owner.execute("SELECT count(*) FROM meso.shot").fetchone() == (20,)
    witnesses = "SELECT origin, count(*) FROM meso.shot_witness GROUP BY origin"
    assert dict(owner.execute(witnesses).fetchall()) == {key_of(other).name: 20, key_of(liar).name: 3}
    [alarm] = forks(owner)
    assert (alarm.name, alarm.kind) == ("liar", "shot")
    assert "other bytes of the gun" in alarm.detail


TABLES = ["code", "code_use", "console", "credential", "revocation", "record", "checkpoint", "shot", "shot_witness",
          "fork", "rotation"]  # fmt: skip


def test_nothing_that_is_stored_can_be_changed_or_removed_by_whoever_serves_consoles(owner, db, tmp_path):
    home = tmp_path / "home"
    write_log(home, shots=3)
    console = enrolled(owner, db, home, "room-1")
    send_all(db, console, home)
    named = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'meso' AND tablename <> 'migration'")
    assert sorted(name for (name,) in named) == sorted(TABLES)
    for table in TABLES:
        (column,) = owner.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'meso' AND table_name = %s "
            "ORDER BY ordinal_position DESC LIMIT 1",
            (table,),
        ).fetchone()
        for statement in (
            f"DELETE FROM meso.{table}",  # noqa: S608  # names of our own
            f"TRUNCATE meso.{table} CASCADE",
            f"UPDATE meso.{table} SET {column} = {column}",  # noqa: S608  # names of our own
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(statement)
            # The owner may drop the guard, but not by an accident.
            with pytest.raises((psycopg.errors.RaiseException, psycopg.errors.GeneratedAlways)):
                owner.execute(statement)
    for statement in ("INSERT INTO meso.code VALUES ('a', 'x', now())", "INSERT INTO meso.revocation VALUES (1)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(statement)


def test_a_code_is_good_once_for_one_console_and_a_new_credential_replaces_the_old(owner, db, tmp_path):
    home, other = tmp_path / "home", tmp_path / "other"
    write_log(home, shots=1)
    write_log(other, 1, shots=1)
    vkey, secret = str(key_of(home)), b"0123456789"
    old, new = b"o" * 32, b"n" * 32
    refused(Code.CODE, intake.enrol, db, secret, vkey, old)
    give_code(owner, "room-1", secret)
    refused(Code.CODE, intake.enrol, db, secret, "no key", old)
    assert intake.enrol(db, secret, vkey, old) == "room-1"
    refused(Code.CODE, intake.enrol, db, secret, vkey, new)
    give_code(owner, "room-1", b"another co")
    refused(Code.CODE, intake.enrol, db, b"another co", str(key_of(other)), new)
    # What was refused has not used the code.
    intake.enrol(db, b"another co", vkey, new)
    refused(Code.CREDENTIAL, intake.authenticate, db, sha256(old).digest())
    assert intake.authenticate(db, sha256(new).digest()).name == "room-1"
    owner.execute(
        "INSERT INTO meso.code VALUES (%s, 'late', now() - interval '1 s')", (sha256(b"too late..").digest(),)
    )
    refused(Code.CODE, intake.enrol, db, b"too late..", vkey, new)


def test_a_revoked_console_is_refused_in_mid_stream_and_its_open_codes_are_void(owner, db, tmp_path):
    home = tmp_path / "home"
    clinic = write_log(home, shots=3, closed=False)
    console = enrolled(owner, db, home, "room-1")
    size = send_all(db, console, home)
    give_code(owner, "room-1", b"still open")
    for _ in range(2):
        revoke(owner, "room-1")
    write_log(home, shots=3, clinic=clinic)
    refused(Code.CREDENTIAL, send_all, db, console, home, size)
    refused(Code.CODE, intake.enrol, db, b"still open", str(console.key), b"n" * 32)
    assert len(held(db, console.origin)) == size
    assert states(owner)[0].revoked
    give_code(owner, "room-1", b"once again")
    intake.enrol(db, b"once again", str(console.key), b"n" * 32)
    assert not states(owner)[0].revoked
    with pytest.raises(UsageError, match="no console"):
        revoke(owner, "nobody")


def test_tables_are_made_once_and_those_of_a_newer_program_are_refused(database):
    with connect(database, Role.OWNER) as owner:
        with pytest.raises(UsageError, match="no collector's tables"):
            check_tables(owner)
        assert migrate(owner) == 5
        assert migrate(owner) == 0
        check_tables(owner)
        owner.execute("INSERT INTO meso.migration (name) VALUES ('9999_later.sql')")
        for use in (migrate, check_tables):
            with pytest.raises(UsageError, match="newer"):
                use(owner)


@pytest.mark.parametrize(
    ("conninfo", "told"), [("password=secret", "password must not stand"), ("=", "cannot be read")]
)
def test_a_database_is_never_named_with_its_password(conninfo, told):
    with pytest.raises(UsageError, match=told) as caught:
        connect(conninfo, Role.OWNER)
    assert "secret" not in str(caught.value)


def test_a_postgres_that_may_lose_what_it_acknowledged_is_refused(cluster, database):
    cluster.run("postgres", "ALTER ROLE meso SET synchronous_commit = off")
    try:
        with connect(database, Role.OWNER) as db:  # set on again for each connection
            assert db.execute("SHOW synchronous_commit").fetchone() == ("on",)
    finally:
        cluster.run("postgres", "ALTER ROLE meso RESET ALL")
    cluster.set("full_page_writes", "off")
    try:
        with pytest.raises(UsageError, match="full_page_writes"):
            connect(database, Role.OWNER)
    finally:
        cluster.set("full_page_writes", "on")


def test_a_collector_follows_a_change_of_the_key_and_alarms_where_the_old_one_signs_on(owner, db, tmp_path):
    home = tmp_path / "home"
    clinic = write_log(home, shots=20)
    console = enrolled(owner, db, home, "room-1")
    assert send_all(db, console, home) > 20
    store = open_log(home)
    stolen = rotate(store, home)
    commit(store, *(clinic.shot() for _ in range(5)))
    store.close(stamp())
    with Box(home) as box:
        rotated_at = box.keys.next_rotation(0)
        first = intake.newest(db, console.origin)[0]
        assert first + len(box.batch(first).bodies) == rotated_at
        assert box.batch(rotated_at) is not None
        [(size,)] = [(box.signed(),)]
    send_all(db, console, home, first)
    assert held(db, console.origin) == bodies_of(home)
    assert send_all(db, console, home) == 0
    # The thief has the old key and a way to send: what is signed so is not taken, and not forgotten.
    with Box(home) as box:
        batch = box.batch(rotated_at)
        forged = sign(Checkpoint(stolen.name, size, read_unsigned(batch.note).root), stolen)
    assert "given up" in refused(Code.FORK, intake.take, db, console, replace(batch, note=forged))
    assert [fork.kind for fork in forks(owner)] == ["key"]
    assert held(db, console.origin) == bodies_of(home)


def test_a_log_that_changed_its_key_before_it_was_enrolled_is_taken_from_its_first_key_on(owner, db, tmp_path):
    home = tmp_path / "home"
    write_log(home, shots=5)
    store = open_log(home)
    first = rotate(store, home)
    store.close(stamp())
    give_code(owner, "room-9", b"0123456789")
    intake.enrol(db, b"0123456789", str(first.verify_key), bytes(32))
    console = intake.authenticate(db, sha256(bytes(32)).digest())
    send_all(db, console, home)
    assert held(db, console.origin) == bodies_of(home)


def test_a_retired_console_is_shown_and_nothing_is_taken_behind_its_end(owner, db, tmp_path):
    home = tmp_path / "home"
    write_log(home, shots=5)
    console = enrolled(owner, db, home, "room-1")
    send_all(db, console, home)
    assert [state.retired for state in states(owner)] == [False]
    store = open_log(home)
    commit(store, retired_entry(1, op="a", role="administrator"))
    store.close(stamp())
    send_all(db, console, home)
    assert [state.retired for state in states(owner)] == [True]
    ended = intake.newest(db, console.origin)[0]
    # Somebody with the key goes on behind the end.
    attacker = Attacker(home)
    behind = canonical.encode(canonical.decode(attacker.rows[0]["body"]) | {"kind": "note", "key": "note/behind"})
    attacker.rows.append({"key": "note/behind", "kind": "note", "sess": None, "leaf": b"", "body": behind})
    attacker.rechain(ended)
    attacker.write()
    frontier = Frontier()
    frontier.extend([row["leaf"] for row in attacker.rows])
    note = sign(Checkpoint(console.origin, frontier.size, frontier.root()), read_secret(home / "audit.key"))
    attacker.db.execute(
        "INSERT INTO checkpoint VALUES(?, ?, ?, 'time', 0)", (frontier.size, note, b"".join(frontier.peaks))
    )
    attacker.close()
    with Box(home) as box:
        assert "retired" in refused(Code.FORK, intake.take, db, console, box.batch(ended))
    assert [fork.kind for fork in forks(owner)] == ["retired"]
    assert len(held(db, console.origin)) == ended
