"""Which references are recalled, and what that means for the calibrations of a gun."""

from typing import Any, Final

import apsw
from msgspec import Struct

from meso_device.audit import canonical
from meso_device.audit.sql import run as run_sql
from meso_device.calibration.recall import RECALL_KEYS, SEEN_KEYS, Recall, read_recall
from meso_device.calibration.record import Begun, read_record
from protocols.units import day_of

_EVER_SEQ: Final = 2**62


class Recorded(Struct, frozen=True):
    """A recall with its place in the log."""

    seq: int
    recall: Recall


class Tenure(Struct, frozen=True, kw_only=True):
    """For how long a signed run stood for what a gun does: from its signatures to those of the next run of its kind.

    Attributes:
        run, gun_uid, what: The run.
        verdict: As left where it was judged so, else as found.
        begun_seq, begun_us: Where and when it began.
        since_seq, until_seq: Places in the log between which the gun worked by it.
    """

    run: str
    gun_uid: str
    what: str
    verdict: str
    begun_seq: int
    begun_us: int
    since_seq: int
    until_seq: int

    @property
    def is_newest(self) -> bool:
        """Whether the gun still works by it."""
        return self.until_seq == _EVER_SEQ

    @property
    def begun_day(self) -> int:
        """Day of its beginning, since 1970-01-01."""
        return day_of(self.begun_us)


def recalls(db: apsw.Connection) -> tuple[Recorded, ...]:
    """Return the newest recall of each certificate, oldest first."""
    found: dict[tuple[str, str, str], Recorded] = {}
    for seq, body in run_sql(
        db, "SELECT seq, body FROM record WHERE key > ? AND key < ? ORDER BY seq", (RECALL_KEYS, _end(RECALL_KEYS))
    ):
        recall = read_recall(canonical.decode(body))
        found[recall.what, recall.serial, recall.certificate] = Recorded(seq, recall)
    return tuple(sorted(found.values(), key=lambda one: one.seq))


def was_seen(db: apsw.Connection, recorded: Recorded) -> bool:
    """Return whether a clinician has signed for whom a recall touches."""
    seen = run_sql(db, "SELECT seq FROM record WHERE key = ?", (f"{SEEN_KEYS}{recorded.seq}",))
    if not seen:
        return False
    first = f"sign/{seen[0][0]}/"
    return bool(run_sql(db, "SELECT 1 FROM record WHERE key > ? AND key < ? LIMIT 1", (first, _end(first))))


def begun_of_run(db: apsw.Connection, run: str) -> Begun:
    """Return the first record of a run."""
    [(kind, body)] = run_sql(db, "SELECT kind, body FROM record WHERE key = ?", (f"calibration/{run}/begun",))
    begun = read_record(kind, canonical.decode(body))
    if not isinstance(begun, Begun):
        raise TypeError(f"the first record of run {run} is no beginning")
    return begun


def tenures(db: apsw.Connection, gun_uid: str = "", what: str = "") -> tuple[Tenure, ...]:
    """Return how long each complete and signed run stood, of one gun and kind where they are named; oldest first."""
    rows = run_sql(
        db,
        "SELECT run, gun_uid, what, CASE as_left WHEN '' THEN as_found ELSE as_left END, begun_seq, begun_us, "
        "signed_seq, coalesce(lead(signed_seq) OVER (PARTITION BY gun_uid, what ORDER BY signed_seq), ?1) "
        "FROM calibration_run WHERE state = 'complete' AND signed_seq IS NOT NULL "
        "AND (?2 = '' OR gun_uid = ?2) AND (?3 = '' OR what = ?3) ORDER BY signed_seq",
        (_EVER_SEQ, gun_uid, what),
    )
    return tuple(_tenure(row) for row in rows)


def _tenure(row: tuple[Any, ...]) -> Tenure:
    run, gun_uid, what, verdict, begun_seq, begun_us, since_seq, until_seq = row
    return Tenure(
        run=run,
        gun_uid=gun_uid,
        what=what,
        verdict=verdict,
        begun_seq=begun_seq,
        begun_us=begun_us,
        since_seq=since_seq,
        until_seq=until_seq,
    )


def recalled_for(db: apsw.Connection, gun_uid: str, what: str) -> tuple[str, str]:
    """Return the recalled reference by which a gun works, and one whose patients nobody has looked at; empty for none.

    The first names instrument and certificate, the second is what ``meso calibration affected`` takes.
    """
    known = recalls(db)
    if not known:
        return "", ""
    in_force, unseen = "", ""
    for one in tenures(db, gun_uid, what):
        references = begun_of_run(db, one.run).references
        for recorded in known:
            recall = recorded.recall
            if not recall.concerns(references, one.begun_day):
                continue
            if one.is_newest:
                in_force = recall.named
            if not unseen and not was_seen(db, recorded) and treated_between(db, gun_uid, one.since_seq, one.until_seq):
                unseen = f"--{recall.what} {recall.serial}"
    return in_force, unseen


def treated_between(db: apsw.Connection, gun_uid: str, after_seq: int, before_seq: int) -> bool:
    """Return whether a patient was treated with a gun between two places in the log."""
    return bool(
        run_sql(
            db,
            "SELECT 1 FROM given JOIN gun ON gun.id = given.gun WHERE gun.gun_uid = ? AND alias <> '' "
            "AND kind IN (1, 2) AND shots > 0 AND last_seq > ? AND first_seq < ? LIMIT 1",
            (gun_uid, after_seq, before_seq),
        )
    )


def _end(prefix: str) -> str:
    return f"{prefix[:-1]}0"
