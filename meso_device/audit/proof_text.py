"""Proofs as text, in the forms of C2SP: what others' programs read."""

from base64 import b64encode
from collections.abc import Iterable

import apsw

from meso_device.audit import standalone
from meso_device.audit.checkpoint import open_note
from meso_device.audit.disclose import LEAVES_MAX
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import log_keys
from meso_device.audit.proof import Nodes
from meso_device.audit.sql import run
from meso_device.audit.tree import consistency_proof, inclusion_proof
from protocols.errors import MesoError, UsageError


def record_proof(db: apsw.Connection, seq: int, key: VerifyKey) -> str:
    """Return the C2SP tlog-proof of one record, its body as the ``extra`` line.

    Raises:
        UsageError: there is no such record, or no checkpoint above it yet.
        MesoError: the log does not prove it.
    """
    bodies = run(db, "SELECT body FROM record WHERE seq = ?", (seq,))
    newest = run(db, "SELECT note FROM checkpoint WHERE size > ? ORDER BY size DESC LIMIT 1", (seq,))
    if not bodies or not newest:
        raise UsageError(f"no checkpoint covers a record {seq}; the newest record is {_head(db)}")
    note = newest[0][0]
    path = inclusion_proof(seq, open_note(note, key).size, Nodes(db, LEAVES_MAX).root)
    words = [standalone.TLOG_HEADER, f"extra {b64encode(bodies[0][0]).decode()}", f"index {seq}"]
    text = _text(words, path, note)
    try:
        standalone.check_record(text.encode(), (standalone.read_key(str(key)),))
    except standalone.Wrong as error:
        raise MesoError(f"the log does not prove this record: {error}; run: meso audit verify") from None
    return text


def growth_proof(db: apsw.Connection, kept: str, key: VerifyKey) -> str:
    """Return the proof that the log only grew since a checkpoint, as a C2SP tlog-witness is asked to cosign it.

    Raises:
        UsageError: the checkpoint is not one of this log.
        MesoError: the log does not prove it: it was rewritten, or is shorter.
    """
    keys = log_keys(db, key)
    old = keys.open(kept)
    newest = run(db, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
    new = keys.open(newest[0][0]) if newest else None
    if new is None or new.size < old.size:
        raise MesoError(f"the log has no checkpoint of {old.size} records or more: it was cut; run: meso audit verify")
    path = consistency_proof(old.size, new.size, Nodes(db, LEAVES_MAX).root)
    text = _text([f"old {old.size}"], path, newest[0][0])
    try:
        trusted = tuple(standalone.read_key(str(era.key)) for era in keys.eras)
        standalone.check_growth(text.encode(), trusted, kept)
    except standalone.Wrong as error:
        raise MesoError(f"the log does not prove that it only grew: {error}; run: meso audit verify") from None
    return text


def _text(words: Iterable[str], hashes: Iterable[bytes], note: str) -> str:
    return "\n".join([*words, *(b64encode(one).decode() for one in hashes)]) + "\n\n" + note


def _head(db: apsw.Connection) -> int:
    return int(run(db, "SELECT coalesce(max(seq), -1) FROM record")[0][0])
