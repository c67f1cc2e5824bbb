"""All records of one session, wherever they stand in the log, and the signatures on them. Reads only."""

from collections.abc import Iterable
from typing import Final

import apsw

from meso_device.audit.sql import run
from protocols.errors import MesoError

SEQ_END: Final = 2**62


def closed_seq(db: apsw.Connection, session: str) -> int:
    """Return the place of the record that ended a session.

    Raises:
        MesoError: it is still open.
    """
    closed = run(db, "SELECT seq FROM record WHERE key = ?", (f"session/{session}/closed",))
    if not closed:
        raise MesoError(f"session {session} is still open: only its end says what belongs to it; end it first")
    return int(closed[0][0])


def records_of(db: apsw.Connection, session: str, end: int = SEQ_END) -> dict[int, bytes]:
    """Return the bodies of a session's records below ``end``, by their place, in order; none for an unknown one."""
    sess = bytes.fromhex(session)
    beside = run(
        db,
        "SELECT seq, body FROM record WHERE sess = ? AND kind <> 'shot' AND sess IS NOT NULL AND seq < ?",
        (sess, end),
    )
    if not beside:
        return {}
    # A session's shots stand behind its beginning, and before its end: the gun's log is copied before it is closed.
    closed = run(db, "SELECT seq FROM record WHERE key = ?", (f"session/{session}/closed",))
    shots = run(
        db,
        "SELECT seq, body FROM record WHERE seq > ? AND seq < ? AND sess = ? AND kind = 'shot'",
        (min(seq for seq, _ in beside), closed[0][0] if closed else end, sess),
    )
    own = dict(beside + shots)
    return dict(sorted((own | _signatures(db, own, end)).items()))


def _signatures(db: apsw.Connection, own: Iterable[int], end: int) -> dict[int, bytes]:
    """Return the signatures on these records: they bear no session, only what they sign."""
    found: dict[int, bytes] = {}
    for seq in own:
        begin = f"sign/{seq}/"
        found |= run(
            db, "SELECT seq, body FROM record WHERE key >= ? AND key < ? AND seq < ?", (begin, f"{begin[:-1]}0", end)
        )
    return found
