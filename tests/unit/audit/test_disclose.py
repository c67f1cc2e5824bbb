"""One session in one file: complete, untouched, and nothing of any other; whatever is done to the file shows."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from base64 import b64decode, b64encode

import apsw
import pytest

from meso_device.accounting.entries import Entry
from meso_device.audit import standalone
from meso_device.audit.disclose import find, pack
from meso_device.audit.keys import VerifyKey, read_secret
from meso_device.audit.reader import reading
from meso_device.audit.standalone import Unreadable, Wrong, check_file, check_session, read_keys
from protocols.errors import MesoError
from tests.unit.audit.attacker import Attacker
from tests.unit.audit.clinic import ALIAS, SESSION, commit
from tests.unit.audit.sessions import OTHER_ALIAS, OTHER_SESSION, disclosed, make_log, write_sessions


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    home = tmp_path_factory.mktemp("log") / "home"
    make_log(home)
    return home


@pytest.fixture(scope="module")
def vkey(log):
    return (log / "audit.vkey").read_text()


@pytest.fixture(scope="module")
def file(log, vkey):
    with reading(log) as db:
        return disclosed(db, SESSION, vkey)


def unpacked(file):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def with_records(file, change):
    """Return the file with other records, each a line."""
    parts = unpacked(file)
    lines = parts["records.jsonl"].splitlines()
    change(lines)
    return packed(parts | {"records.jsonl": b"".join(line + b"\n" for line in lines)})


def test_a_session_comes_whole_with_what_was_added_after_its_end(file, vkey):
    found = check_session(file, read_keys(vkey))
    assert (found["session"], found["alias"], found["simulated"]) == (SESSION, ALIAS, True)
    assert found["injections"] == 24
    assert (found["dose_lo_nl"], found["dose_hi_nl"]) == (12 * 19_000, 12 * 39_000)
    assert [record["kind"] for record in found["later"]] == ["adverse_event", "sign", "disclosure"]
    assert found["later_complete_to"] == found["later"][-1]["seq"]
    assert not found["key_from_file"]
    assert check_session(file, ())["key_from_file"]


def test_nothing_of_another_session_is_in_it(file):
    for name, content in unpacked(file).items():
        for other in (OTHER_SESSION, OTHER_ALIAS, "ff" * 12, "L-OTHER", "nodule"):
            assert other.encode() not in content, f"{other} in {name}"


def test_the_same_log_gives_the_same_bytes(log, file, vkey):
    with reading(log) as db:
        assert disclosed(db, SESSION, vkey) == file


def test_every_session_of_every_size_is_proven_wherever_its_checkpoints_are(store, monkeypatch):
    monkeypatch.setattr("meso_device.audit.store.CHECKPOINT_RECORDS", 7)
    key = VerifyKey.parse(store.verify_key)
    write_sessions(store, shots=30)
    for number in range(5):
        commit(store, Entry(kind="note", key=f"note/{number}"))
        for session in (SESSION, OTHER_SESSION):
            found = check_session(pack(store._db, find(store._db, session, key), key), read_keys(str(key)))
            assert found["injections"] == (60 if session == SESSION else 30)
            assert found["later_complete_to"] == 0


# --- whatever is done to the file shows -----------------------------------------------------------------------------


def test_no_record_can_be_left_out(file, vkey):
    count = len(unpacked(file)["records.jsonl"].splitlines())
    for at in range(count):
        with pytest.raises(Wrong):
            check_session(with_records(file, lambda lines, at=at: lines.pop(at)), read_keys(vkey))


def test_no_record_can_be_changed_in_any_of_its_fields(file, vkey):
    lines = unpacked(file)["records.jsonl"].splitlines()
    seen = set()
    for at, line in enumerate(lines):
        fields = json.loads(line)
        for name in fields.keys() - seen:
            seen.add(name)
            changed = json.dumps(fields | {name: 7919}, separators=(",", ":")).encode()
            with pytest.raises(Wrong):
                check_session(
                    with_records(file, lambda lines, at=at, to=changed: lines.__setitem__(at, to)), read_keys(vkey)
                )
    assert len(seen) > 40


@pytest.mark.parametrize("name", ["proof.txt", "log.vkey", "records.jsonl"])
def test_no_flipped_bit_goes_by(file, name):
    parts = unpacked(file)
    content = parts[name]
    step = max(1, len(content) // 25)
    for at in range(0, len(content), step):
        flipped = content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]
        # Without a key from outside: the file's own key is no way round its signature. A line end more or less in it,
        # or a capital digit, is the same key.
        try:
            found = check_session(packed(parts | {name: flipped}), ())
        except (Wrong, Unreadable):
            continue
        assert name == "log.vkey"
        assert found == check_session(file, ())


def swap(lines):
    lines[3], lines[4] = lines[4], lines[3]


def repeat(lines):
    lines.insert(3, lines[3])


def empty_line(lines):
    lines.insert(3, b"")


@pytest.mark.parametrize("change", [swap, repeat, empty_line])
def test_records_in_another_order_or_twice_are_refused(file, vkey, change):
    with pytest.raises(Wrong):
        check_session(with_records(file, change), read_keys(vkey))


def test_a_file_signed_by_another_log_is_refused(file, tmp_path):
    make_log(tmp_path / "other")
    with pytest.raises(Wrong, match=r"of log|no valid signature"):
        check_session(file, read_keys((tmp_path / "other" / "audit.vkey").read_text()))


def with_key(log, tmp_path, change):
    """Return the file that somebody with the signing key makes of a log that they changed."""
    home = shutil.copytree(log, tmp_path / "home")
    attacker = Attacker(home)
    change(attacker)
    attacker.rechain()
    attacker.write()
    attacker.sign_anew()
    attacker.close()
    key = read_secret(home / "audit.key").verify_key
    db = apsw.Connection(str(home / "audit.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return pack(db, find(db, SESSION, key), key)
    finally:
        db.close()


def at_of(attacker, kind, nth=0):
    return [
        at for at, row in enumerate(attacker.rows) if row["kind"] == kind and row["sess"] == bytes.fromhex(SESSION)
    ][nth]


def drop_shot(attacker):
    del attacker.rows[at_of(attacker, "shot", 4)]


def drop_last_shot(attacker):
    del attacker.rows[at_of(attacker, "shot", -1)]


def drop_adverse_event(attacker):
    del attacker.rows[at_of(attacker, "adverse_event")]


def give_away_shot(attacker):
    at = at_of(attacker, "shot", 4)
    attacker.edit(at, sess=OTHER_SESSION, alias=OTHER_ALIAS)
    attacker.rows[at]["sess"] = bytes.fromhex(OTHER_SESSION)


def change_ring(attacker):
    at = at_of(attacker, "shot", 4)
    ring = bytearray(b64decode(json.loads(attacker.rows[at]["body"])["ring"]))
    ring[60] ^= 1
    attacker.edit(at, ring=b64encode(bytes(ring)).decode())


@pytest.mark.parametrize("change", [drop_shot, drop_last_shot, drop_adverse_event, give_away_shot, change_ring])
def test_even_with_the_signing_key_a_session_cannot_be_made_smaller_without_being_rewritten_as_a_whole(
    log, tmp_path, change
):
    """The end of the session, the record of the disclosure and the gun's own chain each tell."""
    with pytest.raises(MesoError, match="does not prove"):
        with_key(log, tmp_path, change)


def test_an_open_session_is_refused(store, clinic):
    commit(store, clinic.link_up(), clinic.opened(), clinic.shot())
    with pytest.raises(MesoError, match="still open"):
        find(store._db, SESSION, VerifyKey.parse(store.verify_key))


# --- hostile files ----------------------------------------------------------------------------------------------------


def test_a_file_that_unpacks_to_more_than_a_session_is_refused_before_it_is_read(file, vkey):
    parts = unpacked(file)
    bomb = packed(parts | {"records.jsonl": bytes(standalone.FILE_BYTES_MAX + 1)})
    assert len(bomb) < 200_000
    with pytest.raises(Wrong, match="more than a session"):
        check_session(bomb, read_keys(vkey))


@pytest.mark.parametrize(
    "line",
    [
        b"", b"[]", b"null", b"{}", b'{"seq":1.0}', b'{"seq":true}', b'{"seq":1,"seq":2}', b'{"seq":NaN}',
        b"[" * 16_000,
        b'{"seq":' + b"9" * 16_000 + b"}", b"\xff", b'{"seq":-1}', b'{"kind":"shot","seq":0,"log":"x"}', b"x" * 20_000,
    ],
)  # fmt: skip
def test_hostile_records_are_refused_in_one_line(file, vkey, line):
    with pytest.raises(Wrong) as refused:
        check_session(with_records(file, lambda lines: lines.__setitem__(0, line)), read_keys(vkey))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"PK\x03\x04" + bytes(100), b"c2sp.org/", b"old 3", b"SQLite format 3\0"]
)
def test_hostile_files_are_refused(tmp_path, vkey, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises((Wrong, Unreadable)):
        check_file(path, vkey)


def test_files_beside_or_missing_are_refused(file, vkey):
    parts = unpacked(file)
    for changed in (parts | {"more": b""}, {name: parts[name] for name in ("log.vkey", "proof.txt")}):
        with pytest.raises(Wrong, match="does not hold just"):
            check_session(packed(changed), read_keys(vkey))


# --- one file, and nothing else --------------------------------------------------------------------------------------


def test_the_verifier_needs_nothing_but_a_python_and_says_the_same(file, vkey, tmp_path):
    """Isolated and without site packages: what is installed on this computer cannot help it."""
    verifier = shutil.copy(standalone.__file__, tmp_path / "meso_verify.py")
    (tmp_path / "session.zip").write_bytes(file)
    lines = unpacked(file)["records.jsonl"].splitlines()
    (tmp_path / "bad.zip").write_bytes(with_records(file, lambda lines: lines.pop(7)))
    assert len(lines) > 7

    def run(*words):
        command = [sys.executable, "-I", "-S", verifier, *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    good = run("session.zip", "--key", vkey.strip(), "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["injections"] == 24
    bad = run("bad.zip", "--key", vkey.strip())
    assert (bad.returncode, bad.stdout.count("\n")) == (1, 1)
    assert bad.stdout.startswith("DOES NOT HOLD: ")
    none = run("session.zip", "--key", "nonsense")
    assert (none.returncode, none.stderr.count("\n")) == (2, 1)
