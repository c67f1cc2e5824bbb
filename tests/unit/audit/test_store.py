import json
import random
from base64 import b64decode, b64encode

import apsw
import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Cap, CapExceeded, CommitFailed, Committed, Entry
from meso_device.accounting.signature import signature
from meso_device.audit.checkpoint import open_note
from meso_device.audit.keys import VerifyKey
from meso_device.audit.store import CHECKPOINT_INTERVAL_US, CHECKPOINT_RECORDS, Store
from meso_device.audit.tree import root_of
from meso_device.audit.verify import verify_log
from protocols.errors import AuditWriteFailed, UsageError
from tests.unit.audit.clinic import GUN, SESSION, Clinic, batch, commit, stamp


def rows(store, query, *bindings):
    return store._db.execute(query, bindings).fetchall()


def open_store(home, at_us=0):
    return Store.open(home, software="0.1.0", stamp=stamp(at_us))


def checkpoints(store):
    return [size for (size,) in rows(store, "SELECT size FROM checkpoint ORDER BY size")]


@pytest.mark.invariant("I-05")
def test_two_like_shots_are_two_rows(store, clinic):
    commit(store, clinic.link_up())
    first, second = clinic.shot(), clinic.shot()
    second = replace(second, payload={**second.payload, "at_us": first.payload["at_us"]})
    assert commit(store, first, second).appended == 2


@pytest.mark.invariant("I-06")
def test_a_shot_delivered_again_is_appended_once(store, clinic):
    commit(store, clinic.link_up())
    shot = clinic.shot()
    assert commit(store, shot).appended == 1
    later = replace(shot, payload={**shot.payload, "at_us": 5})
    size = store.size
    assert commit(store, later) == Committed(no=1, appended=0)
    assert store.size == size


@pytest.mark.invariant("I-06")
def test_other_bytes_for_one_shot_are_a_conflict_that_keeps_both(store, clinic):
    commit(store, clinic.link_up())
    shot = clinic.shot()
    other = replace(shot, payload={**shot.payload, "ring": b64encode(bytes(72)).decode()})
    commit(store, shot)
    assert commit(store, other) == Committed(no=1, appended=1, conflicts=(shot.key,))
    [(body,)] = rows(store, "SELECT body FROM record WHERE kind = 'conflict'")
    body = json.loads(body)
    assert (body["ring_logged"], body["ring_delivered"]) == (shot.payload["ring"], other.payload["ring"])
    assert store.load_gun(GUN.gun_uid, simulated=True).findings == ("conflict",)
    # Once more: reported again, recorded once.
    assert commit(store, other) == Committed(no=1, appended=0, conflicts=(shot.key,))


@pytest.mark.invariant("I-07")
def test_a_shot_of_last_year_is_stored_after_the_session_closed(store, clinic):
    commit(store, clinic.link_up(), clinic.opened())
    store.commit([clinic.grant()], stamp())
    commit(store, clinic.closed())
    assert commit(store, clinic.shot(at_us=1)).appended == 1


def signed(record, op):
    return signature(record, meaning="performed", op=op, role="clinician", payload={"act": "treat"})


def test_a_record_and_its_signatures_are_one_commit_and_each_names_its_place_and_leaf(store, clinic):
    record = clinic.opened()
    assert commit(store, record, signed(record, "ada"), signed(record, "cleo")).appended == 3
    [(seq, leaf)] = rows(store, "SELECT seq, leaf FROM record WHERE key = ?", record.key)
    told = [(key, json.loads(body)) for key, body in rows(store, "SELECT key, body FROM record WHERE kind = 'sign'")]
    assert [key for key, _ in told] == [f"sign/{seq}/ada/performed", f"sign/{seq}/cleo/performed"]
    for _, body in told:
        assert (body["target_seq"], b64decode(body["target_leaf"]), body["act"]) == (seq, leaf, "treat")
        assert (body["sess"], body["alias"]) == (record.session, record.alias)
        assert "target_key" not in body


def test_a_signature_given_again_is_the_same_record(store, clinic):
    record = clinic.opened()
    commit(store, record, signed(record, "ada"))
    assert commit(store, signed(record, "ada")).appended == 0


def test_nothing_stands_of_what_is_signed_when_a_signature_names_no_record(store, clinic):
    record, size = clinic.opened(), store.size
    strange = signed(replace(record, key="session/none/opened"), "ada")
    [answer] = store.commit([batch(record, strange)], stamp())
    assert isinstance(answer, CommitFailed)
    assert rows(store, "SELECT count(*) FROM record") == [(size,)]


@pytest.mark.invariant("I-18")
@pytest.mark.parametrize("statement", ["UPDATE record SET kind = 'x'", "DELETE FROM record", "DELETE FROM checkpoint"])
def test_records_are_neither_changed_nor_deleted(store, statement):
    with pytest.raises(apsw.ConstraintError, match="never"):
        rows(store, statement)


@pytest.mark.invariant("I-44")
def test_a_batch_that_cannot_be_recorded_leaves_nothing_of_it(store, clinic):
    commit(store, clinic.link_up())
    size = store.size
    bad = Entry(kind="stop", key="stop/1", payload={"stop_no": 1.5})
    [first, second] = store.commit([batch(clinic.shot(), no=1), batch(bad, no=2)], stamp())
    assert isinstance(first, CommitFailed)
    assert isinstance(second, CommitFailed)
    assert "stop_no" in first.reason
    assert rows(store, "SELECT count(*) FROM record") == [(size,)]
    assert rows(store, "SELECT count(*) FROM shot") == [(0,)]


@pytest.mark.invariant("I-48")
def test_after_an_error_nothing_more_is_written_or_answered(store, clinic):
    commit(store, clinic.link_up())
    store.commit([batch(Entry(kind="Bad Kind", key="k"))], stamp())
    assert isinstance(store.commit([batch(clinic.shot(), no=7)], stamp())[0], CommitFailed)
    for question in (store.sessions, store.open_session, lambda: store.load_gun(GUN.gun_uid, simulated=True)):
        with pytest.raises(AuditWriteFailed):
            question()


@pytest.mark.invariant("I-25")
def test_a_grant_over_its_cap_undoes_its_batch_and_spares_its_neighbours(store, clinic):
    commit(store, clinic.link_up())
    cap = Cap(name="session", session=SESSION, limit_nl=250_000)
    granted = clinic.grant(max_nl=200_000, caps=(cap,))
    refused = clinic.grant(max_nl=100_000, caps=(cap,))
    after = clinic.shot(grant_no=1)
    results = store.commit([granted, refused, batch(after, no=3)], stamp())
    assert results == [
        Committed(no=1, appended=1),
        CapExceeded(no=2, cap=cap, used_nl=0, held_nl=200_000, used_shots=0, held_shots=10),
        Committed(no=3, appended=1),
    ]
    assert rows(store, "SELECT grant_no FROM grant_row") == [(1,)]
    assert verify_log(store._db, VerifyKey.parse(store.verify_key)).ok


def test_a_refused_grant_may_be_asked_again_with_less(store, clinic):
    commit(store, clinic.link_up())
    cap = Cap(name="session", session=SESSION, limit_shots=10)
    assert isinstance(store.commit([clinic.grant(max_shots=11, caps=(cap,))], stamp())[0], CapExceeded)
    clinic.grant_no -= 1
    assert isinstance(store.commit([clinic.grant(max_shots=10, caps=(cap,))], stamp())[0], Committed)


def test_a_refused_first_grant_leaves_no_trace_of_its_gun(store, clinic):
    clinic.shot_seq = 3
    refused = clinic.grant(max_shots=2, caps=(Cap(name="s", session=SESSION, limit_shots=1),))
    other = Clinic(gun=replace(GUN, gun_uid="ff" * 12))
    first, _ = store.commit([refused, batch(other.link_up())], stamp())
    assert isinstance(first, CapExceeded)
    assert store.load_gun(GUN.gun_uid, simulated=True).log_epoch == 0
    commit(store, clinic.shot(), other.shot())
    assert store.load_gun(GUN.gun_uid, simulated=True).committed_seq == 4
    assert store.load_gun(other.gun.gun_uid, simulated=True).committed_seq == 1
    assert verify_log(store._db, VerifyKey.parse(store.verify_key)).ok


def test_a_grant_committed_before_is_not_checked_against_itself(store, clinic):
    commit(store, clinic.link_up())
    again = clinic.grant(max_shots=10, caps=(Cap(name="s", session=SESSION, limit_shots=10),))
    assert store.commit([again], stamp()) == [Committed(no=1, appended=1)]
    assert store.commit([again], stamp()) == [Committed(no=1, appended=0)]


def test_a_grant_must_be_recorded_as_it_was_checked(store, clinic):
    commit(store, clinic.link_up())
    grant = clinic.grant()
    [result] = store.commit([replace(grant, grant=replace(grant.grant, max_nl=1))], stamp())
    assert isinstance(result, CommitFailed)


@pytest.mark.invariant("I-51")
def test_a_real_gun_is_refused_among_simulated_ones(store, clinic):
    commit(store, clinic.link_up())
    real = Clinic(gun=replace(GUN, gun_uid="ff" * 12, simulated=False))
    assert store.load_gun(real.gun.gun_uid, simulated=False).other_simulated
    assert not store.load_gun(real.gun.gun_uid, simulated=True).other_simulated
    [result] = store.commit([batch(real.link_up())], stamp())
    assert isinstance(result, CommitFailed)
    assert "another --home" in result.reason


def test_every_record_of_a_gun_says_whether_it_is_simulated(store, clinic):
    commit(store, clinic.link_up(), clinic.opened(), clinic.shot())
    for (body,) in rows(store, "SELECT body FROM record"):
        fields = json.loads(body)
        assert ("gun" in fields) == ("simulated" in fields)


def test_checkpoints_come_with_sessions_every_256_records_and_every_quarter_hour(store, clinic):
    started = store.size
    assert checkpoints(store) == [started]
    commit(store, clinic.link_up())
    assert checkpoints(store) == [started]
    commit(store, clinic.opened())
    assert checkpoints(store)[-1] == store.size
    for _ in range(CHECKPOINT_RECORDS):
        commit(store, clinic.shot())
    assert checkpoints(store)[-1] == store.size
    commit(store, clinic.shot(), at_us=CHECKPOINT_INTERVAL_US - 1)
    assert checkpoints(store)[-1] == store.size - 1
    commit(store, clinic.shot(), at_us=CHECKPOINT_INTERVAL_US)
    assert checkpoints(store)[-1] == store.size
    commit(store, clinic.closed(), at_us=CHECKPOINT_INTERVAL_US)
    assert checkpoints(store)[-1] == store.size


def test_a_checkpoint_holds_the_root_over_all_records(store, clinic):
    commit(store, clinic.link_up(), clinic.opened())
    checkpoint = open_note(store.newest_checkpoint(), VerifyKey.parse(store.verify_key))
    leaves = [leaf for (leaf,) in rows(store, "SELECT leaf FROM record ORDER BY seq")]
    assert (checkpoint.size, checkpoint.root) == (len(leaves), root_of(leaves))


def test_the_close_of_a_session_says_which_records_are_its_own(store, clinic):
    commit(store, clinic.link_up(), clinic.opened(), clinic.shot())
    commit(store, Entry(kind="note", key="n/1"), Entry(kind="note", key="n/2"), clinic.shot())
    commit(store, Entry(kind="note", key="n/3"), clinic.closed())
    [(body,)] = rows(store, "SELECT body FROM record WHERE kind = 'session.closed'")
    body = json.loads(body)
    own = rows(
        store, "SELECT seq, leaf FROM record WHERE sess = ? AND kind <> 'session.closed'", bytes.fromhex(SESSION)
    )
    assert (body["first_seq"], body["last_seq"], body["own_count"]) == (own[0][0], own[-1][0], 3)
    assert body["foreign_seqs"] == [[own[1][0] + 1, own[2][0] - 1]]
    assert body["foreign_count"] == 2
    assert b64decode(body["root"]) == root_of(leaf for _, leaf in own)


def test_a_close_with_too_many_foreign_ranges_still_fits(store, clinic):
    commit(store, clinic.link_up(), clinic.opened())
    for number in range(900):
        commit(store, clinic.shot(), Entry(kind="note", key=f"n/{number}"))
    commit(store, clinic.closed())
    [(body,)] = rows(store, "SELECT body FROM record WHERE kind = 'session.closed'")
    assert (json.loads(body)["foreign_count"], json.loads(body)["foreign_seqs"]) == (899, [])


def test_a_session_row_tells_plan_and_what_was_given(store, clinic):
    commit(store, clinic.link_up(), clinic.opened())
    store.commit([clinic.grant()], stamp())
    commit(store, clinic.shot(), clinic.shot(5_000, dose_lo_nl=0, phase="INTERRUPTED"), clinic.shot(shot_kind="PRIME"))
    row = store.session(SESSION)
    assert store.open_session() == replace(row, logged=(GUN.log_epoch, 3))
    assert (row.state, row.simulated, row.gun_uid, row.op) == ("open", True, GUN.gun_uid, "practice")
    assert row.opened == {"plan": {"areas": [3]}, "title": "t"}
    [given] = row.given
    assert (given.area_code, given.shots, given.dose_lo_nl, given.dose_hi_nl, given.interrupted) == (
        3,
        2,
        20_000,
        25_000,
        1,
    )
    commit(store, clinic.closed("interrupted"), at_us=9)
    assert store.open_session() is None
    [row] = store.sessions()
    assert (row.state, row.closed_at_us) == ("interrupted", stamp(9).ts_us)
    assert store.session("00" * 16) is None


# --- on disk --------------------------------------------------------------------------------------


def test_a_log_is_taken_up_where_it_ended(home, clinic):
    store = open_store(home)
    commit(store, clinic.link_up(), clinic.opened(), clinic.shot())
    size, vkey = store.size, store.verify_key
    store.close(stamp(1))
    store = open_store(home, 2)
    assert (store.size, store.verify_key) == (size + 2, vkey)
    assert [
        json.loads(body)["clean"] for (body,) in rows(store, "SELECT body FROM record WHERE kind = 'log.opened'")
    ] == [True, True]
    assert commit(store, clinic.shot()).appended == 1
    assert store.load_gun(GUN.gun_uid, simulated=True).committed_seq == 2
    assert verify_log(store._db, VerifyKey.parse(vkey)).ok
    store.close(stamp(3))


def test_an_unclean_end_is_recorded_at_the_next_start(home, clinic):
    first = open_store(home)
    commit(first, clinic.link_up())
    first._db.close()
    second = open_store(home, 1)
    [(body,)] = rows(second, "SELECT body FROM record WHERE kind = 'log.opened' ORDER BY seq DESC LIMIT 1")
    assert json.loads(body)["clean"] is False
    assert checkpoints(second)[-1] == second.size
    second.close(stamp(2))


def test_the_files_are_for_their_owner_alone(home):
    store = open_store(home)
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}
    store.close(stamp())
    assert modes["audit.key"] == modes["audit.db"] == modes["audit.db-wal"] == 0o600
    assert not (home / "audit.key.new").exists()
    assert (home / "audit.vkey").read_text().strip() == store.verify_key


def test_a_log_without_its_key_and_a_key_without_its_log_are_refused(home):
    open_store(home).close(stamp())
    key = (home / "audit.key").rename(home / "away")
    with pytest.raises(UsageError, match=r"audit\.key is missing"):
        open_store(home)
    key.rename(home / "audit.key")
    (home / "audit.db").rename(home / "audit.db.away")
    with pytest.raises(UsageError, match=r"audit\.db is missing"):
        open_store(home)


def test_a_power_cut_between_first_records_and_key_leaves_a_usable_log(home):
    store = open_store(home)
    vkey = store.verify_key
    store._db.close()
    (home / "audit.key").rename(home / "audit.key.new")
    (home / "audit.vkey").unlink()
    store = open_store(home, 1)
    assert store.verify_key == vkey
    store.close(stamp(2))
    assert (home / "audit.key").exists()


def test_a_power_cut_before_the_first_record_begins_anew(home):
    home.mkdir()
    (home / "audit.key.new").write_text("half a k")
    store = open_store(home)
    assert store.size == 2
    store.close(stamp())


def test_a_log_that_does_not_verify_is_not_continued(home, clinic):
    store = open_store(home)
    commit(store, clinic.link_up(), clinic.shot(), clinic.shot())
    store._db.close()
    db = apsw.Connection(str(home / "audit.db"))
    db.execute("DROP TRIGGER record_never_changes")
    db.execute("UPDATE record SET body = CAST(replace(body, 'forehead', 'foreheid') AS BLOB) WHERE seq = 4")
    db.close()
    with pytest.raises(AuditWriteFailed, match="record 4"):
        open_store(home)


def test_a_second_writer_stops_the_first_and_corrupts_nothing(home, clinic):
    first, second = open_store(home), open_store(home, 1)
    other = Clinic(gun=replace(GUN, gun_uid="ff" * 12))
    assert commit(second, other.link_up()).appended == 1
    [result] = first.commit([batch(clinic.link_up())], stamp(2))
    assert isinstance(result, CommitFailed)
    assert "another program" in result.reason
    assert verify_log(second._db, VerifyKey.parse(second.verify_key)).ok
    first.close(stamp(3))
    assert commit(second, other.shot()).appended == 1
    second.close(stamp(4))


def moved_away(home):
    (home / "audit.db").rename(home / "audit.db.old")


def deleted(home):
    (home / "audit.db").unlink()


def replaced_by_a_copy(home):
    (home / "copy.db").write_bytes((home / "audit.db").read_bytes())
    (home / "copy.db").replace(home / "audit.db")


def without_its_write_ahead_log(home):
    (home / "audit.db-wal").unlink()


def directory_moved(home):
    home.rename(home.with_name("elsewhere"))


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
@pytest.mark.parametrize(
    "harm", [moved_away, deleted, replaced_by_a_copy, without_its_write_ahead_log, directory_moved]
)
def test_nothing_is_called_durable_once_the_logs_name_leads_elsewhere(home, clinic, harm):
    """Found in looking for the fault ``db_replaced``: SQLite went on in a file that had no name any more."""
    store = open_store(home)
    commit(store, clinic.link_up(), clinic.shot())
    harm(home)
    for no in (2, 3):
        (failed,) = store.commit([batch(clinic.shot(), no=no)], stamp())
        assert isinstance(failed, CommitFailed)
        assert "moved, deleted or replaced" in failed.reason
    store.close(stamp())


def test_what_is_not_a_log_is_refused(home):
    home.mkdir()
    db = apsw.Connection(str(home / "audit.db"))
    db.execute("CREATE TABLE other(x)")
    db.close()
    with pytest.raises(UsageError, match="not an audit log"):
        open_store(home)
    (home / "audit.db").write_bytes(random.Random(1).randbytes(8192))
    with pytest.raises(AuditWriteFailed, match="cannot use"):
        open_store(home)


def test_a_log_of_a_newer_version_is_refused(home):
    open_store(home).close(stamp())
    db = apsw.Connection(str(home / "audit.db"))
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(UsageError, match="newer"):
        open_store(home)


def test_a_home_that_is_a_file_is_refused_in_one_line(home):
    home.write_text("x")
    with pytest.raises(AuditWriteFailed, match="cannot be used"):
        open_store(home)


# --- in memory ------------------------------------------------------------------------------------


def test_a_store_in_memory_survives_the_death_of_its_process(store, clinic, seeded):
    commit(store, clinic.link_up(), clinic.shot())
    again = store.restarted(stamp(5, boot="boot-2"))
    shot = clinic.shot()
    assert isinstance(store.commit([batch(shot)], stamp())[0], CommitFailed)
    assert again.load_gun(GUN.gun_uid, simulated=True).committed_seq == 1
    assert commit(again, shot).appended == 1
    assert verify_log(again._db, VerifyKey.parse(again.verify_key)).ok


def test_the_same_seed_gives_the_same_log():
    def log():
        store = Store.in_memory(software="0.1.0", stamp=stamp(), randomness=random.Random(4).randbytes)
        clinic = Clinic()
        commit(store, clinic.link_up(), clinic.opened(), clinic.shot())
        note = store.newest_checkpoint()
        store.close(stamp())
        return note

    assert log() == log()
