"""A record's proof under the newest checkpoint: made from few leaves, and holding for nothing but the log itself."""

import pytest

from meso_device.accounting.entries import Entry
from meso_device.audit import proof
from meso_device.audit.checkpoint import open_note
from meso_device.audit.keys import VerifyKey
from meso_device.audit.proof import prove
from meso_device.audit.tree import inclusion_proof, root_of
from tests.unit.audit.clinic import commit

EVERY = 7


@pytest.fixture
def log(store, monkeypatch):
    """Return what puts notes into the log, with a checkpoint every few records."""
    monkeypatch.setattr("meso_device.audit.store.CHECKPOINT_RECORDS", EVERY)
    monkeypatch.setattr(proof, "LEAVES_AT_ONCE", 4)

    def write(count):
        for _ in range(count):
            commit(store, Entry(kind="note", key=f"note/{store.size}"))
        return store

    return write


def key_of(log):
    return VerifyKey.parse(log.verify_key)


def free(log):
    """Take away what keeps records and checkpoints from being changed."""
    for (name,) in log._db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        log._db.execute(f"DROP TRIGGER {name}")


@pytest.mark.parametrize("count", [0, 1, EVERY, 61, 130])
def test_every_record_under_a_checkpoint_is_proven_by_the_very_path_of_the_whole_tree(log, count):
    store = log(count)
    leaves = [leaf for (leaf,) in store._db.execute("SELECT leaf FROM record ORDER BY seq")]
    newest = open_note(store.newest_checkpoint(), key_of(store))
    for seq in range(store.size):
        found = prove(store._db, seq, key_of(store))
        if seq >= newest.size:
            assert found is None
            continue
        path = inclusion_proof(seq, newest.size, lambda first, end: root_of(leaves[first:end]))
        assert (found.size, found.root, list(found.path), found.problem) == (newest.size, newest.root, path, "")


def test_a_proof_reads_few_leaves_however_long_the_log_is(log, monkeypatch):
    store = log(400)
    monkeypatch.setattr(proof, "LEAVES_READ_MAX", 8 * EVERY)
    assert all(found is None or not found.problem for found in proofs(store))
    monkeypatch.setattr(proof, "LEAVES_READ_MAX", 1)
    assert "too many records" in prove(store._db, 3, key_of(store)).problem


def proofs(store):
    return [prove(store._db, seq, key_of(store)) for seq in range(store.size)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ("UPDATE record SET body = (SELECT body FROM record WHERE seq = 9) WHERE seq = 8", "does not lead"),
        ("UPDATE record SET leaf = zeroblob(32) WHERE seq = 9", "does not lead"),
        ("DELETE FROM record WHERE seq = 9", "does not lead"),
        ("UPDATE checkpoint SET peaks = zeroblob(length(peaks))", "does not lead"),
        ("UPDATE checkpoint SET note = replace(note, substr(note, -20, 4), 'AAAA')", "signature"),
        ("UPDATE checkpoint SET note = 'x'", "malformed"),
    ],
)
def test_nothing_is_proven_of_a_log_that_was_changed(log, changed, said):
    store = log(40)
    assert not prove(store._db, 8, key_of(store)).problem
    free(store)
    store._db.execute(changed)
    assert said in prove(store._db, 8, key_of(store)).problem
