import contextlib
import json
import random
import shutil
from base64 import b64decode, b64encode

import apsw
import pytest

from meso_device.audit import canonical, queries
from meso_device.audit.export import export_shots
from meso_device.audit.reader import reading
from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from meso_device.cli.output import one_line
from protocols.errors import AuditWriteFailed, UsageError
from tests.unit.audit.attacker import Attacker
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    home = tmp_path_factory.mktemp("log") / "home"
    store = Store.open(home, software="0.1.0", stamp=stamp())
    clinic = Clinic()
    commit(store, clinic.link_up(), clinic.opened())
    store.commit([clinic.grant(max_shots=40)], stamp())
    for _ in range(30):
        commit(store, clinic.shot())
    commit(store, clinic.grant_state("closed"), clinic.closed())
    (home / "held").write_text(store.newest_checkpoint())
    store.close(stamp())
    return home


@pytest.fixture
def home(original, tmp_path):
    return shutil.copytree(original, tmp_path / "home")


def attacker(home):
    return Attacker(home)


def test_a_whole_log_verifies_and_says_what_it_held(original):
    report = verify_home(original, checkpoint_file=original / "held", vkey=(original / "audit.vkey").read_text())
    assert (report.ok, report.bad, report.bad_seq) == (True, "", None)
    assert (report.records, report.shots, report.outside) == (38, 30, 37)
    assert report.checkpoints >= 4
    assert list(report.heads.values()) == [30]


def test_every_single_changed_record_is_found_and_named(original, tmp_path):
    for seq in range(38):
        home = shutil.copytree(original, tmp_path / f"{seq}")
        log = attacker(home)
        log.edit(seq, op="nobody")
        log.write()
        log.close()
        report = verify_home(home)
        assert not report.ok
        # A last record has no follower to miss it; its own hash does.
        assert report.bad_seq == seq
        shutil.rmtree(home)


def test_every_single_deleted_record_is_found_and_named(original, tmp_path):
    for seq in range(38):
        home = shutil.copytree(original, tmp_path / f"{seq}")
        log = attacker(home)
        log.db.execute("DELETE FROM record WHERE seq = ?", (seq,))
        log.close()
        report = verify_home(home)
        assert (report.ok, report.bad_seq) == (False, seq)
        assert "missing" in report.bad
        shutil.rmtree(home)


def test_a_change_with_its_hash_made_right_shows_at_the_next_record(home):
    log = attacker(home)
    log.edit(9, op="nobody")
    log.rehash(9)
    log.write()
    log.sign_anew()
    log.close()
    assert verify_home(home).bad_seq == 10


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE record SET kind = 'shoot' WHERE seq = 9", "kind"),
        ("UPDATE record SET key = 'shot/x' WHERE seq = 9", "key"),
        ("UPDATE record SET sess = NULL WHERE seq = 9", "session"),
        ("UPDATE record SET sess = zeroblob(16) WHERE seq = 9", "session"),
    ],
)
def test_columns_that_differ_from_the_body_are_found(home, statement, word):
    log = attacker(home)
    log.db.execute(statement)
    log.close()
    report = verify_home(home)
    assert (report.ok, report.bad_seq) == (False, 9)
    assert word in report.bad


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE given SET dose_hi_nl = 0",
        "DELETE FROM shot WHERE seq = 9",
        "UPDATE gun SET committed_seq = 31",
        "UPDATE grant_row SET max_nl = 1",
        "INSERT INTO finding VALUES('f', 'gap', '', 1, NULL)",
        "UPDATE session SET state = 'open'",
        "DELETE FROM house",
    ],
)
def test_derived_tables_that_say_something_else_are_found(home, statement):
    log = attacker(home)
    log.db.execute(statement)
    log.close()
    report = verify_home(home)
    assert not report.ok
    assert "derived table" in report.bad


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DROP TRIGGER record_never_changes", "schema of the database was changed: record_never_changes"),
        ("CREATE TRIGGER more AFTER INSERT ON record BEGIN SELECT 1; END", "schema of the database was changed: more"),
        ("DROP INDEX stop_unheard", "schema of the database was changed: stop_unheard"),
        ("UPDATE checkpoint SET peaks = zeroblob(length(peaks))", "holds other tree hashes than the records give"),
    ],
)
def test_what_a_start_and_a_commit_rely_on_is_verified_too(home, statement, words):
    """A start takes the tree up from the stored hashes; the triggers guard the records."""
    db = apsw.Connection(str(home / "audit.db"))
    if statement.startswith("UPDATE"):
        for (guard,) in db.execute("SELECT sql FROM sqlite_schema WHERE name = 'checkpoint_never_changes'").fetchall():
            db.execute("DROP TRIGGER checkpoint_never_changes")
            db.execute(statement)
            db.execute(guard)
    else:
        db.execute(statement)
    db.close()
    report = verify_home(home)
    assert not report.ok
    assert words in report.bad


@pytest.mark.parametrize("column", ["sess", "leaf", "body"])
def test_a_column_that_the_damaged_file_holds_as_text_is_named(home, column):
    """SQLite itself keeps the table strict, so the bytes of the file are changed: the type code of one column."""
    db = apsw.Connection(str(home / "audit.db"))
    row = db.execute("SELECT key, kind, sess, leaf, body FROM record WHERE seq = 30").fetchall()[0]
    db.close()
    at = ["sess", "leaf", "body"].index(column)
    codes = [varint(12 + 2 * len(value)) for value in row[2:]]
    data = (home / "audit.db").read_bytes()
    whole = varint(13 + 2 * len(row[0])) + varint(13 + 2 * len(row[1])) + b"".join(codes)
    assert data.count(whole + row[0].encode()) == 1
    codes[at] = varint(13 + 2 * len(row[2 + at]))
    texts = whole[: -len(b"".join(codes))] + b"".join(codes)
    (home / "audit.db").write_bytes(data.replace(whole + row[0].encode(), texts + row[0].encode()))
    report = verify_home(home)
    assert not report.ok
    assert (report.bad_seq, report.bad) == (30, "record 30: a column of it is of another type") or column != "body"


def test_pages_of_other_tables_in_the_place_of_the_checkpoints_are_damage_and_no_traceback(home):
    """Found by exchanging pages: the notes of checkpoints were numbers."""
    data = (home / "audit.db").read_bytes()
    pages = [data[at : at + 4_096] for at in range(0, len(data), 4_096)]
    db = apsw.Connection(str(home / "audit.db"))
    roots = dict(db.execute("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'").fetchall())
    db.close()
    for name in set(roots) - {"checkpoint", "record"}:
        swapped = list(pages)
        swapped[roots["checkpoint"] - 1] = pages[roots[name] - 1]
        (home / "audit.db").write_bytes(b"".join(swapped))
        assert not verify_home(home).ok
        with contextlib.suppress(UsageError), reading(home) as db:
            assert isinstance(queries.newest_checkpoint(db), str | None)


def varint(number):
    return bytes([number >> 7 | 0x80, number & 0x7F]) if number > 0x7F else bytes([number])


@pytest.mark.parametrize("version", [0, -1, -16_777_215])
def test_a_schema_version_that_there_never_was_is_refused(home, version):
    db = apsw.Connection(str(home / "audit.db"))
    db.execute(f"PRAGMA user_version={version}")
    db.close()
    with pytest.raises(UsageError, match="which there never was"):
        verify_home(home)
    with pytest.raises(UsageError, match="which there never was"):
        Store.open(home, software="0.1.0", stamp=stamp())


def test_what_the_database_quotes_is_told_in_one_line(home):
    data = bytearray((home / "audit.db").read_bytes())
    at = data.index(b"alias TEXT NOT NULL, op TEXT")
    data[at : at + 5] = b'\x1b[2J"'
    (home / "audit.db").write_bytes(data)
    try:
        told = verify_home(home).bad
    except UsageError as refused:
        told = one_line(str(refused))
    assert told.isprintable()


def test_a_shot_missing_in_the_guns_chain_is_found_even_when_all_is_made_right_again(home):
    """The gun is a witness in other hardware: with the key, but without the gun, a shot cannot be taken out."""
    log = attacker(home)
    del log.rows[12]
    log.rechain()
    log.write()
    log.sign_anew()
    log.close()
    report = verify_home(home)
    assert not report.ok
    assert "missing" in report.bad
    assert report.bad_seq == 12


@pytest.mark.parametrize("change", [{"ring": "AAAA"}, {"shot_seq": 99}, {"ring": "no"}])
def test_a_shot_that_its_own_ring_bytes_contradict_is_found(home, change):
    log = attacker(home)
    log.edit(12, **change)
    log.rechain()
    log.write()
    log.sign_anew()
    log.close()
    report = verify_home(home)
    assert (report.ok, report.bad_seq) == (False, 12)


def test_a_record_that_lacks_its_fields_is_named_without_a_traceback(home):
    log = attacker(home)
    fields = json.loads(log.rows[12]["body"])
    del fields["ring"]
    log.rows[12]["body"] = canonical.encode(fields)
    log.rechain()
    log.write()
    log.sign_anew()
    log.close()
    assert verify_home(home).bad_seq == 12


def test_no_flipped_byte_of_the_file_goes_by_unless_the_log_still_says_the_same(original, tmp_path):
    data, rng = (original / "audit.db").read_bytes(), random.Random(8)
    before = contents(original)
    found = 0
    for number in range(250):
        home = shutil.copytree(original, tmp_path / f"{number}")
        at = rng.randrange(len(data))
        (home / "audit.db").write_bytes(data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :])
        try:
            ok = verify_home(home, checkpoint_file=home / "held").ok
        except UsageError:
            ok = False
        found += not ok
        assert not ok or contents(home) == before, f"byte {at}"
        shutil.rmtree(home)
    assert found > 40


def test_a_damaged_file_is_opened_for_writing_or_refused_but_never_a_traceback(original, tmp_path):
    data, rng, refused = (original / "audit.db").read_bytes(), random.Random(9), 0
    held = [at for at, byte in enumerate(data) if byte]  # much of a small file is empty
    for number in range(80):
        home = shutil.copytree(original, tmp_path / f"{number}")
        at = rng.choice(held)
        (home / "audit.db").write_bytes(data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :])
        try:
            Store.open(home, software="0.1.0", stamp=stamp(5)).close(stamp(6))
        except (UsageError, AuditWriteFailed) as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017  # either way is right
        try:
            assert all(json.loads(line)["simulated"] in {True, False} for line in export_shots(home))
            with reading(home) as db:
                queries.sessions(db)
                queries.load_gun(db, GUN.gun_uid, simulated=True)
        except UsageError as error:
            assert "\n" not in str(error)  # noqa: PT017  # either way is right
        shutil.rmtree(home)
    assert refused


def contents(home):
    db = apsw.Connection(str(home / "audit.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [
            db.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608
            for table in ("record", "given", "gun", "shot", "session")
        ]
    finally:
        db.close()


def test_a_cut_file_is_found(home):
    data = (home / "audit.db").read_bytes()
    for length in (0, 100, 4096, len(data) // 2, len(data) - 4096, len(data) - 1):
        (home / "audit.db").write_bytes(data[:length])
        try:
            assert not verify_home(home).ok
        except UsageError as refused:
            assert "\n" not in str(refused)  # noqa: PT017  # either way is right


def test_a_log_verifies_while_a_host_writes_to_it(home):
    store, clinic = Store.open(home, software="0.1.0", stamp=stamp(5)), Clinic(session="", alias="")
    clinic.shot_seq = 30
    clinic.prev = b""
    sizes = []
    for number in range(5):
        commit(store, clinic.entry("alarm.raised", f"alarm/{number}", {"code": "x"}))
        sizes.append(verify_home(home).records)
        assert verify_home(home).ok
    assert sizes == sorted(set(sizes))
    store.close(stamp(6))


def test_progress_is_told(original):
    told = []
    verify_home(original, progress=lambda done, total: told.append((done, total)))
    assert told
    assert all(done <= total == 38 for done, total in told)


def test_what_cannot_be_verified_is_refused_in_one_line(home, tmp_path):
    with pytest.raises(UsageError, match="check --home"):
        verify_home(tmp_path / "nothing")
    with pytest.raises(UsageError, match="key"):
        verify_home(home, vkey="nonsense")
    with pytest.raises(UsageError, match="cannot be read"):
        verify_home(home, checkpoint_file=tmp_path / "nothing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not text"):
        verify_home(home, checkpoint_file=tmp_path / "binary")
    (tmp_path / "other").write_text((home / "held").read_text().replace("meso/", "meso."))
    with pytest.raises(UsageError, match="of log"):
        verify_home(home, checkpoint_file=tmp_path / "other")


# --- a log of many blocks, where the quick look is at work ----------------------------------------

FAR = 500


@pytest.fixture(scope="module")
def long_original(tmp_path_factory):
    home = tmp_path_factory.mktemp("long") / "home"
    store, clinic = Store.open(home, software="0.1.0", stamp=stamp()), Clinic()
    commit(store, clinic.link_up(), clinic.opened())
    for number in range(700):
        commit(store, clinic.shot())
        if number % 25 == 0:
            commit(store, clinic.entry("alarm.raised", f"alarm/{number}", {"code": "x"}, session="", alias=""))
    store.close(stamp())
    return home


@pytest.fixture
def long_home(long_original, tmp_path):
    return shutil.copytree(long_original, tmp_path / "home")


def spoil_spaces(log):
    log.rows[FAR]["body"] = log.rows[FAR]["body"].replace(b'{"', b'{ "', 1)
    log.rehash(FAR)


def spoil_float(log):
    log.rows[FAR]["body"] = log.rows[FAR]["body"].replace(b'"planned_depth_um":1500', b'"planned_depth_um":1500.0')
    log.rehash(FAR)


def spoil_twice(log):
    log.rows[FAR]["body"] = log.rows[FAR]["body"].replace(
        b'"planned_depth_um":1500', b'"planned_depth_um":1500,"planned_depth_um":1500'
    )
    log.rehash(FAR)


def spoil_link(log):
    log.edit(FAR, prev="A" * 43 + "=")
    log.rehash(FAR)


def spoil_key(log):
    log.rows[FAR]["key"] = "shot/other"


def spoil_kind(log):
    log.rows[FAR]["kind"] = "alarm.raised"


def spoil_session(log):
    log.rows[FAR]["sess"] = bytes(16)


def spoil_no_session(log):
    log.rows[FAR]["sess"] = None


def spoil_leaf(log):
    log.rows[FAR]["leaf"] = bytes(32)


def spoil_log(log):
    log.edit(FAR, log="meso/other")
    log.rehash(FAR)


def spoil_version(log):
    log.edit(FAR, v=2)
    log.rehash(FAR)


def spoil_number(log):
    log.edit(FAR, seq=FAR + 1)
    log.rehash(FAR)


def spoil_gun(log):
    fields = json.loads(log.rows[FAR]["body"])
    log.edit(FAR, gun=fields["gun"] | {"gun_uid": "ff" * 12})
    log.rehash(FAR)


def spoil_ring(log):
    fields = json.loads(log.rows[FAR]["body"])
    ring = bytearray(b64decode(fields["ring"]))
    ring[44] ^= 1
    log.edit(FAR, ring=b64encode(ring).decode())
    log.rehash(FAR)


def spoil_shot_seq(log):
    fields = json.loads(log.rows[FAR]["body"])
    log.edit(FAR, shot_seq=fields["shot_seq"] + 1)
    log.rehash(FAR)


SPOILS = [value for name, value in list(globals().items()) if name.startswith("spoil_")]


def test_the_long_log_verifies(long_original):
    report = verify_home(long_original)
    assert (report.ok, report.shots) == (True, 700)


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_each_kind_of_damage_far_inside_is_found_and_named(long_home, spoil):
    log = attacker(long_home)
    assert log.rows[FAR]["kind"] == "shot"
    spoil(log)
    if spoil is not spoil_leaf:
        log.rechain(FAR + 1)
    log.write()
    log.sign_anew()
    log.close()
    report = verify_home(long_home)
    # A shot given to another gun is missed where that shot's own gun goes on.
    named = FAR + (spoil is spoil_gun)
    assert (report.ok, report.bad_seq) == (False, named), report.bad


def test_a_shot_taken_out_far_inside_is_missed_by_its_gun(long_home):
    log = attacker(long_home)
    del log.rows[FAR]
    log.rechain()
    log.write()
    log.sign_anew()
    log.close()
    report = verify_home(long_home)
    assert (report.ok, report.bad_seq) == (False, FAR)
    assert "missing" in report.bad
