"""A damaged log: the longest part that holds is taken over, nothing else, and the log says what is missing."""

import json
import random
import shutil

import apsw
import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Entry
from meso_device.audit.checkpoint import Checkpoint, read_unsigned
from meso_device.audit.salvage import READY_NAME, WORKING_NAME, salvage
from meso_device.audit.store import Store
from meso_device.audit.take_over import Elsewhere, Part
from meso_device.audit.verify import verify_home
from protocols.errors import MesoError, UsageError
from tests.unit.audit.attacker import Attacker
from tests.unit.audit.clinic import commit, stamp
from tests.unit.audit.test_attacks import RECORDS, cut_below, edit, edit_rechained, make_original, swap


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_original(tmp_path_factory.mktemp("log") / "home")


@pytest.fixture
def home(original, tmp_path):
    return shutil.copytree(original, tmp_path / "home")


def attacked(home, attack):
    log = Attacker(home)
    attack(log)
    log.write()
    log.close()


def bodies(path):
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [body for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]
    finally:
        db.close()


def goes_on(home, found):
    """Require that the log opens, takes a record, and verifies with what was taken over at its beginning."""
    store = Store.open(home, software="0.1.0", stamp=stamp(10**9))
    commit(store, found.entry())
    store.close(stamp(10**9 + 1))
    report = verify_home(home)
    assert (report.ok, report.records) == (True, found.taken.records + 3)
    [said] = [one for one in map(json.loads, bodies(home / "audit.db")) if one["kind"] == "log.salvaged"]
    assert (said["records"], said["missing"]) == (found.taken.records, found.missing)


def held_elsewhere(original, size, parts=None, said=None):
    """What somebody holds of the log: up to a checkpoint, in parts from checkpoint to checkpoint."""
    db = apsw.Connection(str(original / "audit.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        notes = [*db.execute("SELECT size, note FROM checkpoint WHERE size <= ? ORDER BY size", (size,))]
    finally:
        db.close()
    whole = bodies(original / "audit.db")

    def give(first):
        for end, note in notes:
            if end > first:
                yield Part(bodies=whole[first:end], note=note)
                first = end

    head = read_unsigned(notes[-1][1])
    if said is not None:
        head = Checkpoint(head.origin, said, head.root)
    return Elsewhere(heads={"other": head}, parts=parts or give)


def sizes_signed(home):
    db = apsw.Connection(str(home / "audit.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [size for (size,) in db.execute("SELECT size FROM checkpoint ORDER BY size")]
    finally:
        db.close()


@pytest.mark.parametrize("attack", [edit, swap, edit_rechained])
def test_what_is_missing_comes_from_elsewhere_and_the_rest_from_behind_the_damage(home, original, attack):
    attacked(home, attack)
    held = sizes_signed(original)[-2]
    found = salvage(home, "1", held_elsewhere(original, held))
    assert 20 < held < RECORDS
    # What was chained anew does not follow the true records, so nothing of it is taken behind them.
    whole = held if attack is edit_rechained else RECORDS
    assert bodies(home / "audit.db") == bodies(original / "audit.db")[:whole]
    assert sizes_signed(home) == [size for size in sizes_signed(original) if size <= whole]
    assert (found.taken.records, found.missing, found.taken.refilled_by) == (whole, RECORDS - whole, "other")
    assert found.taken.refilled == held - found.taken.refilled_first > 0
    goes_on(home, found)


def test_of_a_log_that_is_no_database_any_more_all_that_is_held_elsewhere_comes_back(home, original):
    (home / "audit.db").write_bytes(random.Random(3).randbytes(20_000))
    held = sizes_signed(original)[-2]
    found = salvage(home, "1", held_elsewhere(original, held))
    assert (found.taken.records, found.taken.refilled_first, found.taken.refilled) == (held, 0, held)
    assert bodies(home / "audit.db") == bodies(original / "audit.db")[:held]
    goes_on(home, found)


def lies(part, other):
    """Yield a part with one thing wrong, each its own way."""
    half = len(part.bodies) // 2
    yield replace(part, bodies=part.bodies[:-1])
    yield replace(part, bodies=[*part.bodies[:half], *part.bodies[half + 1 :]])
    yield replace(part, bodies=[*part.bodies, part.bodies[-1]])
    yield replace(part, bodies=part.bodies[::-1])
    yield replace(part, bodies=[body.replace(b'"v":1', b'"v":2') for body in part.bodies])
    yield replace(part, bodies=[*part.bodies[:-1], b"{}"])
    yield replace(part, bodies=[*part.bodies[:-1], b"\xff[" * 99])
    yield replace(part, note=part.note.replace("\n", " ", 1))
    yield replace(part, note=other.note)


def test_nothing_that_is_not_proven_comes_from_elsewhere(home, original):
    attacked(home, edit)
    before = (home / "audit.db").read_bytes()
    true = held_elsewhere(original, RECORDS)
    parts = [*true.parts(sizes_signed(home)[0])]
    for lie in lies(parts[0], parts[1]):
        for given in ([lie, *parts[1:]], [lie]):
            with pytest.raises(MesoError):
                salvage(home, "1", held_elsewhere(original, RECORDS, parts=lambda _, given=given: iter(given)))
    # Less than was said, and nothing at all.
    for given in (parts[:1], []):
        with pytest.raises(MesoError, match="gave back"):
            salvage(home, "1", held_elsewhere(original, RECORDS, parts=lambda _, given=given: iter(given)))
    assert (home / "audit.db").read_bytes() == before
    assert salvage(home, "1", true).taken.records == RECORDS


def test_records_here_that_are_others_than_those_held_elsewhere_are_two_histories(home, original):
    """What holds here and no checkpoint covers yet was perhaps made by this very console: nobody may overwrite it."""
    twin = shutil.copytree(original, home.with_name("twin"))
    for place, kind in ((home, "here"), (twin, "there")):
        store = Store.open(place, software="0.1.0", stamp=stamp(10**9))
        commit(store, Entry(kind="note", key=f"note/{kind}", payload={"said": kind}))
        if place is twin:
            store.close(stamp(10**9 + 1))
        else:
            store._db.close()
    found = bodies(home / "audit.db")
    assert found[-1] != bodies(twin / "audit.db")[len(found) - 1]
    db = apsw.Connection(str(home / "audit.db"))
    db.execute("INSERT INTO record VALUES(9999, 'x', 'x', NULL, x'00', x'00')")
    db.close()
    with pytest.raises(MesoError, match="another history"):
        salvage(home, "1", held_elsewhere(twin, 10**6))
    assert bodies(home / "audit.db")[: len(found)] == found


def test_another_history_that_is_held_elsewhere_is_told_also_where_nothing_is_needed_from_it(home, original):
    """All that it says to hold is here, and not as it was signed there."""
    attacked(home, edit)
    before = (home / "audit.db").read_bytes()
    size = sizes_signed(original)[0]
    true = held_elsewhere(original, size)
    [head] = true.heads.values()
    other = Elsewhere(heads={"first": head, "second": Checkpoint(head.origin, size, bytes(32))}, parts=true.parts)
    with pytest.raises(MesoError, match="second holds another history"):
        salvage(home, "1", other)
    assert (home / "audit.db").read_bytes() == before
    assert salvage(home, "1", true).taken.refilled == 0


@pytest.mark.parametrize("attack", [edit, swap])
def test_everything_before_the_damage_is_taken_over(home, original, attack):
    attacked(home, attack)
    found = salvage(home, "1")
    assert found.taken.records == 20
    assert found.taken.promised == RECORDS
    assert found.missing == RECORDS - 20
    assert bodies(home / "audit.db") == bodies(original / "audit.db")[:20]
    assert len(bodies(home / "audit.db.damaged-1")) == RECORDS
    goes_on(home, found)


def test_nothing_is_taken_over_past_a_checkpoint_that_the_records_contradict(home, original):
    """Records rewritten with all their hashes: the chain alone would take them."""
    attacked(home, edit_rechained)
    found = salvage(home, "1")
    assert found.taken.records == found.taken.signed < 20
    assert bodies(home / "audit.db") == bodies(original / "audit.db")[: found.taken.records]
    assert "not those that were signed" in found.taken.bad


def test_a_cut_log_keeps_what_is_there_and_says_how_much_is_not(home):
    attacked(home, cut_below)
    found = salvage(home, "1")
    assert (found.taken.records, found.missing) == (40, RECORDS - 40)
    goes_on(home, found)


def test_a_log_that_holds_is_left_alone(home):
    before = (home / "audit.db").read_bytes()
    with pytest.raises(MesoError, match="nothing to salvage"):
        salvage(home, "1")
    assert (home / "audit.db").read_bytes() == before
    assert sorted(path.name for path in home.iterdir() if "salvag" in path.name or "damaged" in path.name) == []


def test_a_log_of_which_nothing_signed_is_left_is_refused_and_left_alone(home):
    log = Attacker(home)
    log.edit(0, op="x")
    log.write()
    log.close()
    before = (home / "audit.db").read_bytes()
    with pytest.raises(MesoError, match="meso backup restore"):
        salvage(home, "1")
    assert (home / "audit.db").read_bytes() == before


def test_what_is_no_log_is_refused(tmp_path):
    with pytest.raises(UsageError):
        salvage(tmp_path, "1")


def test_whatever_byte_is_turned_the_salvaged_part_is_a_beginning_of_the_log(original, tmp_path):
    data, rng, whole = (original / "audit.db").read_bytes(), random.Random(4), bodies(original / "audit.db")
    held = [at for at, byte in enumerate(data) if byte]
    salvaged = 0
    for number in range(25):
        home = shutil.copytree(original, tmp_path / f"{number}")
        at = rng.choice(held)
        torn = bytearray(data)
        torn[at : at + 64] = rng.randbytes(64)
        (home / "audit.db").write_bytes(torn)
        try:
            found = salvage(home, "1")
        except MesoError as refused:
            assert "\n" not in str(refused)  # noqa: PT017  # either way is right
            assert (home / "audit.db").read_bytes() == bytes(torn)
            continue
        salvaged += 1
        assert bodies(home / "audit.db") == whole[: found.taken.records]
        assert not (home / WORKING_NAME).exists()
        assert not (home / READY_NAME).exists()
        shutil.rmtree(home)
    assert salvaged > 5
