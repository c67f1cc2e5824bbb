"""Whoever changes the log is found out, given one checkpoint that was taken away before."""

import random
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.bench import Bench
from support.checks import assert_one_clear_line
from support.gun import assert_gun_disarmed
from support.treatment import treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")

MAGIC = b"SQLite format 3\0"


@pytest.fixture(scope="module")
def recorded():
    """A data directory with one closed session, and a checkpoint kept outside of it."""
    bench = Bench()
    gun = bench.gun(seed=11)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 4), ("cheek_left", 3))))
    bench.run_session(gun.link, plan).ok()
    bench.assert_proven(gun, planned=7, verify=True)
    bench.meso("audit", "checkpoint", "--out", bench.path / "checkpoint").ok()
    gun.process.kill()
    yield bench
    bench.close()


@pytest.fixture
def copy(recorded, bench):
    """A copy that a test may damage, with the checkpoint beside it."""
    shutil.copytree(recorded.home, bench.home)
    shutil.copy(recorded.path / "checkpoint", bench.path / "checkpoint")
    return bench


def database(home: Path) -> Path:
    """The one SQLite file of the data directory that holds records."""
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.read_bytes()[: len(MAGIC)] == MAGIC:
            with closing(sqlite3.connect(path)) as db:
                if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone():
                    return path
    raise AssertionError(f"no log in {home}")


def edit(home: Path, *statements: tuple[str, tuple]) -> None:
    """Do what an insider with the file would: lift the triggers, change, put the triggers back."""
    with closing(sqlite3.connect(database(home))) as db, db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        for text, values in statements:
            db.execute(text, values)
        for _, sql in triggers:
            db.execute(sql)


def rows(home: Path) -> list[tuple[int, bytes, bytes]]:
    with closing(sqlite3.connect(database(home))) as db:
        return db.execute("SELECT seq, leaf, body FROM record ORDER BY seq").fetchall()


def readable_rows(home: Path) -> list[tuple[int, bytes, bytes]] | None:
    try:
        return rows(home)
    except (sqlite3.Error, AssertionError):
        return None


def verify(bench: Bench, *words: object):
    process = bench.meso("audit", "verify", *words)
    process.wait()
    return process


def assert_found(bench: Bench, *, what: str, seq: int | None = None) -> None:
    process = verify(bench, "--checkpoint", bench.path / "checkpoint")
    assert process.status == 1, f"{what} not found: {process.describe()}"
    assert "Traceback" not in process.err, process.describe()
    if seq is not None:
        assert process.out.count(f"record {seq}:") == 1, f"{what}: record {seq} not named once: {process.describe()}"
        assert f"over the {seq} records before it" in process.out, f"{what}: {process.describe()}"


def test_an_untouched_log_verifies_with_and_without_the_checkpoint_and_says_how_much(copy):
    assert verify(copy).status == 0
    process = verify(copy, "--checkpoint", copy.path / "checkpoint", "--json")
    assert process.status == 0, process.describe()
    told = process.json()
    assert len(rows(copy.home)) in told.values(), told


# Every record there is gets its turn inside one process, in tests/unit/audit/test_verify.py.
EVERY = 5


@pytest.mark.hazard("HZ-25")
def test_each_single_changed_record_is_found(copy):
    original = copy.path / "original"
    shutil.copytree(copy.home, original)
    chance = random.Random(1)
    for seq, _, body in rows(copy.home)[::EVERY]:
        at = chance.randrange(len(body))
        changed = body[:at] + bytes([body[at] ^ 1 << chance.randrange(8)]) + body[at + 1 :]
        edit(copy.home, ("UPDATE record SET body = ? WHERE seq = ?", (changed, seq)))
        assert_found(copy, what=f"byte {at} of record {seq} changed", seq=seq)
        shutil.rmtree(copy.home)
        shutil.copytree(original, copy.home)


@pytest.mark.hazard("HZ-25")
def test_each_single_deleted_record_is_found(copy):
    original = copy.path / "original"
    shutil.copytree(copy.home, original)
    for seq, _, _ in rows(copy.home)[1::EVERY]:
        edit(copy.home, ("DELETE FROM record WHERE seq = ?", (seq,)))
        assert_found(copy, what=f"record {seq} deleted")
        shutil.rmtree(copy.home)
        shutil.copytree(original, copy.home)


@pytest.mark.hazard("HZ-25")
@pytest.mark.parametrize("seed", range(2))
def test_two_records_swapped_are_found(copy, seed):
    chance = random.Random(seed)
    log = rows(copy.home)
    (one, leaf_1, body_1), (two, leaf_2, body_2) = chance.sample(log, 2)
    edit(
        copy.home,
        ("UPDATE record SET leaf = ?, body = ? WHERE seq = ?", (leaf_2, body_2, one)),
        ("UPDATE record SET leaf = ?, body = ? WHERE seq = ?", (leaf_1, body_1, two)),
    )
    assert_found(copy, what=f"{one} and {two} swapped", seq=min(one, two))


@pytest.mark.hazard("HZ-25")
@pytest.mark.parametrize("left", [0, 0.5, -1])
def test_a_log_cut_short_is_found(copy, left):
    count = len(rows(copy.home))
    keep = int(count * left) if left == 0.5 else left % count if left < 0 else left
    edit(
        copy.home,
        ("DELETE FROM record WHERE seq >= ?", (keep,)),
        ("DELETE FROM checkpoint WHERE size > ?", (keep,)),
    )
    assert_found(copy, what=f"{count - keep} of {count} records cut off")


@pytest.mark.hazard("HZ-25")
def test_a_leaf_hash_changed_with_its_record_is_found(copy):
    from hashlib import sha256

    seq, _, body = rows(copy.home)[-2]
    changed = body.replace(b'"kind"', b'"kinD"')
    assert changed != body
    leaf = sha256(b"\0" + changed).digest()
    edit(copy.home, ("UPDATE record SET body = ?, leaf = ? WHERE seq = ?", (changed, leaf, seq)))
    assert_found(copy, what="record and leaf changed together")


@pytest.mark.hazard("HZ-25")
def test_a_log_replaced_by_another_is_found(copy, recorded):
    gun = copy.gun(seed=12)
    shutil.rmtree(copy.home)
    copy.run_session(gun.link, write_treatment(copy.path / "p.toml", treatment_text((("forehead", 9),)))).ok()
    assert verify(copy).status == 0
    process = verify(copy, "--checkpoint", copy.path / "checkpoint")
    # Also what a person sees who names the checkpoint of another log: both are told, neither is called good.
    assert process.status in {1, 2}, process.describe()
    assert "checkpoint" in process.err + process.out


def test_the_log_may_grow_after_the_checkpoint_was_taken(copy):
    gun = copy.gun(seed=11)
    copy.run_session(gun.link, write_treatment(copy.path / "p.toml", treatment_text((("forehead", 3),)))).ok()
    assert verify(copy, "--checkpoint", copy.path / "checkpoint").status == 0


@pytest.mark.hazard("HZ-25")
@pytest.mark.parametrize("seed", [1])
def test_one_byte_changed_in_the_file_is_found_or_touches_no_record(copy, seed):
    """Raw bytes, as a failing disk or an editor would; most of a file is free space, which holds nothing."""
    chance = random.Random(seed)
    path = database(copy.home)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = rows(copy.home)
    good = path.read_bytes()
    places = [chance.randrange(len(good)) for _ in range(6)]
    for _ in range(6):  # often a live record, sometimes a copy that a split page left behind
        _, leaf, body = chance.choice(before)
        blob = chance.choice((leaf, body))
        places.append(good.index(blob) + chance.randrange(len(blob)))
    hits = 0
    for at in places:
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1 :])
        untouched = readable_rows(copy.home) == before
        process = verify(copy, "--checkpoint", copy.path / "checkpoint")
        assert "Traceback" not in process.err, process.describe()
        assert process.status in {0, 1, 2}, process.describe()
        assert untouched or process.status != 0, f"byte {at} not found: {process.describe()}"
        hits += not untouched
    assert hits
    path.write_bytes(good)
    assert verify(copy).status == 0


@pytest.mark.hazard("HZ-25")
def test_a_log_changed_since_its_last_checkpoint_takes_no_more(bench):
    gun = bench.gun(seed=11)
    host = bench.run_session(gun.link, write_treatment(bench.path / "p.toml", treatment_text((("forehead", 9),))))
    bench.wait_shots(gun, 5)
    host.send(signal.SIGKILL)
    host.wait()
    shots = [(seq, body) for seq, _, body in rows(bench.home) if b'"kind":"shot"' in body]
    seq, body = shots[1]
    edit(bench.home, ("UPDATE record SET body = ? WHERE seq = ?", (body.replace(b"DONE", b"DOME"), seq)))
    assert_gun_disarmed(gun.link)
    made = gun.shots()
    process = bench.resume(gun.link)
    process.wait()
    assert process.status in {1, 2}, process.describe()
    assert_one_clear_line(process, status=process.status)
    assert gun.shots() == made


@pytest.mark.parametrize("damage", ["cut", "empty", "letters", "missing"])
def test_a_checkpoint_that_is_none_is_refused_and_not_taken_for_proof(copy, damage):
    path = copy.path / "checkpoint"
    good = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut": good[:-30], "empty": b"", "letters": good.replace(good[-10:-6], b"AAAA")}[damage])
    process = verify(copy, "--checkpoint", path)
    assert process.status in {1, 2}, process.describe()
    assert "Traceback" not in process.err


def test_the_checkpoint_is_three_lines_and_a_signature_and_fits_a_code(copy):
    text = (copy.path / "checkpoint").read_text()
    origin, size, root, empty, *signatures = text.rstrip("\n").split("\n")
    assert origin
    assert int(size) <= len(rows(copy.home))
    assert len(root) == 44
    assert empty == ""
    assert all(line.startswith("— ") for line in signatures)
    assert len(text.encode()) <= 250
    code = copy.meso("audit", "checkpoint", "--qr").ok()
    assert len(code.out.splitlines()) > 15


def test_verify_runs_while_a_session_writes(bench):
    gun = bench.gun(seed=4)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 20),)))
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 3)
    for _ in range(3):
        assert verify(bench).status == 0
    host.send(signal.SIGTERM)
    host.wait()
    assert verify(bench).status == 0
