"""What only the log can say when a session closes: which records are its own, to show them complete later."""

from base64 import b64encode
from itertools import pairwise
from typing import Final

import apsw
from msgspec.structs import replace

from meso_device.accounting.entries import Entry, Json
from meso_device.audit.sql import run
from meso_device.audit.tree import root_of

# Ranges of other records inside the session's own, listed in its close record. More would not fit in one
# record; then the list is left out and `foreign_count` still tells how many there are.
FOREIGN_RANGES_MAX: Final = 400


def complete(db: apsw.Connection, entry: Entry) -> Entry:
    """Return a ``session.closed`` entry with its range, counts and root filled in.

    ``root`` is the RFC 6962 root over the session's own records before this one; ``foreign_seqs`` lists, as
    pairs of first and last, the records between that are not of this session.

    Raises:
        ValueError: no record of this session exists.
    """
    sess = bytes.fromhex(entry.session)
    opened = run(db, "SELECT seq FROM record WHERE key = ?", (f"session/{entry.session}/opened",))
    if not opened:
        raise ValueError(f"session {entry.session} was never opened")
    own = run(db, "SELECT seq, leaf FROM record WHERE seq >= ? AND sess = ? ORDER BY seq", (opened[0][0], sess))
    foreign = _between([seq for seq, _ in own])
    payload: dict[str, Json] = dict(entry.payload)
    payload["first_seq"] = own[0][0]
    payload["last_seq"] = own[-1][0]
    payload["own_count"] = len(own)
    payload["foreign_count"] = sum(last - first + 1 for first, last in foreign)
    listed = foreign if len(foreign) <= FOREIGN_RANGES_MAX else []
    payload["foreign_seqs"] = [[first, last] for first, last in listed]
    payload["root"] = b64encode(root_of(leaf for _, leaf in own)).decode()
    return replace(entry, payload=payload)


def _between(own: list[int]) -> list[tuple[int, int]]:
    """Return the ranges missing from an ascending list."""
    return [(left + 1, right - 1) for left, right in pairwise(own) if right - left > 1]
