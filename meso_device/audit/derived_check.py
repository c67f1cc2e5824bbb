"""Are the derived tables what the records say? Asked before caps and rules are judged by them, at a bounded cost.

A whole comparison reads every shot, which is what `meso audit verify` does. Here each shot counts through two
tables that hold it apart from each other, and all else is derived anew: some 25 times fewer records.
"""

from collections.abc import Iterator
from typing import Final

import apsw

from meso_device.audit import canonical
from meso_device.audit.check import Damage
from meso_device.audit.projections import Projections, difference
from meso_device.audit.schema import PROJECTION_STATEMENTS, PROJECTIONS
from meso_device.audit.shot_rows import Body
from meso_device.audit.sql import run

CACHE_KIB: Final = 1_024
# What the shots behind the first of each sum change is left out; `_check_sums` looks at the sums.
_COMPARED: Final = {name: "*" for name in PROJECTIONS if name != "shot"} | {
    "gun": "id, gun_uid, log_epoch, base_seq, last_grant_no, odometer_nl, odometer_seq, known_seq",
    "given": "id, gun, grant_no, sess, alias, area_code, product, lot, kind, cartridge, stepped_us, first_seq",
}
_SUMS: Final = "shots, interrupted, dose_lo_nl, dose_hi_nl, oldest_us, latest_us, first_seq, last_seq"
_ADDED_UP: Final = (
    "count(*), sum(shot.phase = 'INTERRUPTED'), sum(shot.dose_lo_nl), sum(shot.dose_hi_nl), "
    "min(shot.latest_us), max(shot.latest_us), min(shot.seq), max(shot.seq)"
)


def check_derived(db: apsw.Connection) -> None:
    """Compare the derived tables with the records and with each other.

    What goes by unseen is a change that fits in itself: the same one in a shot's row and in its sum. That, and the
    columns of ``gun`` that the gun itself answers for at each connection, are left to a verification.

    Raises:
        Damage: they differ; says where.
    """
    try:
        _check_indexes(db)
        _check_sums(db)
        wrong = _difference_but_for_sums(db)
    except (apsw.Error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Damage(None, f"the derived tables cannot be compared with the records: {error}") from None
    if wrong:
        raise Damage(None, f"a derived {wrong}")


def _check_indexes(db: apsw.Connection) -> None:
    """A row that its index does not lead to would not be found by whoever adds up."""
    for name in PROJECTIONS:
        for (answer,) in run(db, f"PRAGMA integrity_check({name})"):
            if answer != "ok":
                raise Damage(None, f"the derived table {name} is damaged: {' '.join(answer.split())}")


def _check_sums(db: apsw.Connection) -> None:
    wrong = run(
        db,
        f"SELECT id FROM given WHERE (SELECT {_ADDED_UP} FROM shot "  # noqa: S608  # our own names
        "WHERE shot.seq BETWEEN given.first_seq AND given.last_seq AND shot.given = given.id) "
        f"IS NOT ({_SUMS}) LIMIT 1",
    )
    if wrong:
        raise Damage(None, f"the derived table given does not hold the sum of its shots in row {wrong[0][0]}")
    [(summed, rows, records)] = run(
        db,
        "SELECT (SELECT coalesce(sum(shots), 0) FROM given), (SELECT count(*) FROM shot), "
        "(SELECT count(*) FROM record WHERE key >= 'shot/' AND key < 'shot0')",
    )
    if not summed == rows == records:
        raise Damage(None, f"the derived tables hold {summed} and {rows} shots, the log {records}")


def _difference_but_for_sums(db: apsw.Connection) -> str:
    # In a file of its own that goes with it: in memory it would grow with the log, and the process keep what it took.
    fresh = apsw.Connection("")
    try:
        run(fresh, f"PRAGMA cache_size = -{CACHE_KIB}")
        run(fresh, "PRAGMA journal_mode = OFF")
        run(fresh, "BEGIN")
        for statement in PROJECTION_STATEMENTS:
            run(fresh, statement)
        Projections(fresh, db).apply_but_for_sums(_skeleton(db))
        return difference(db, fresh, _COMPARED)
    finally:
        fresh.close()


def _skeleton(db: apsw.Connection) -> Iterator[tuple[int, Body]]:
    """Return all records but the shots, and of each sum its first shot, in the order of the log."""
    rows = db.execute(
        "SELECT seq, body FROM record WHERE seq IN (SELECT seq FROM record WHERE key < 'shot/' OR key >= 'shot0' "
        "UNION ALL SELECT first_seq FROM given) ORDER BY seq"
    )
    return ((seq, canonical.decode(body)) for seq, body in rows)
