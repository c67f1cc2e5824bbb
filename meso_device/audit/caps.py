"""Is there room under every cap? Asked inside the transaction that inserts the grant (I-25)."""

from typing import Final

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Cap, GrantIntent
from meso_device.audit.projections import PATIENT_KINDS
from meso_device.audit.sql import run

STEPPED_SINCE: Final = "max(0, coalesce((SELECT stepped_us FROM clock), 0) - given.stepped_us)"
"""How far the clock was set ahead since the times of a row of ``given`` were taken, as an expression.

Added to those times it makes of them what a clock that nobody sets would say, so that a step ahead opens no window
early; one back keeps them inside longer.
"""


class Room(Struct, frozen=True):
    """What stands against one cap before the new grant: given already, and held by grants not proven over."""

    cap: Cap
    used_nl: int
    held_nl: int
    used_shots: int
    held_shots: int


def strays(db: apsw.Connection, *, session: str = "", alias: str = "", area_code: int = 0) -> tuple[int, int]:
    """Return shots and volume of no session here that were recorded since a session was opened that is open still.

    A gun brings them home behind a restored backup, say. They may be its patient's, and count as if they were; of a
    grant that straddles the opening all do.

    Args:
        db: The log.
        session: This session; empty for that of ``alias``.
        alias: This patient.
        area_code: Only shots of this area; 0 for all.
    """
    whose, who = ("sess", session) if session else ("alias", alias)
    # A finding was made of each: where none was open since then, what a bench or others gave is not gone through.
    opened = run(
        db,
        "SELECT opened FROM (SELECT min(opened_seq) AS opened FROM session "  # noqa: S608  # our own names
        f"WHERE state = 'open' AND {whose} = ?) WHERE EXISTS "
        "(SELECT 1 FROM finding WHERE code = 'orphan' AND coalesce(closed_seq, opened + 1) > opened)",
        (who,),
    )
    if not opened:
        return 0, 0
    [(shots, volume_nl)] = run(
        db,
        "SELECT coalesce(sum(shots), 0), coalesce(sum(dose_hi_nl), 0) FROM given INDEXED BY given_sess "
        "WHERE sess = '' AND kind IN (1, 2) AND ? IN (0, area_code) AND last_seq > ?",
        (area_code, opened[0][0]),
    )
    return shots, volume_nl


def exceeded_cap(db: apsw.Connection, intent: GrantIntent) -> Room | None:
    """Return the first cap that a grant would pass, or None.

    The grant itself must be in the tables already; it is left out of what is held. Grants that do not enter a
    patient (PRIME, BENCH) pass: they count against the cartridge (I-26).
    """
    if intent.kind not in PATIENT_KINDS:
        return None
    for cap in intent.caps:
        used_shots, used_nl = _used(db, cap)
        held_shots, held_nl = _held(db, cap, intent)
        over_nl = cap.limit_nl and used_nl + held_nl + intent.max_nl > cap.limit_nl
        over_shots = cap.limit_shots and used_shots + held_shots + intent.max_shots > cap.limit_shots
        if over_nl or over_shots:
            return Room(cap, used_nl, held_nl, used_shots, held_shots)
    return None


def _matching(cap: Cap, table: str) -> tuple[str, list[int | str]]:
    """Return the condition that selects what a cap is about, and its bindings."""
    wanted: list[tuple[str, int | str]] = [
        ("sess", cap.session),
        ("alias", cap.alias),
        ("area_code", cap.area_code),
        ("product", cap.product),
        ("lot", cap.lot),
    ]
    chosen = [(column, value) for column, value in wanted if value]
    condition = "".join(f" AND {table}.{column} = ?" for column, _ in chosen)
    return condition, [value for _, value in chosen]


def _index(cap: Cap) -> str:
    """Return through which index the rows of a cap are found.

    Said outright: of patient, product and lot the planner takes the two of the lot, which may be half of the log,
    where those of one patient are few.
    """
    if cap.session:
        return "INDEXED BY given_sess"
    if cap.alias:
        return "INDEXED BY given_alias"
    return "INDEXED BY given_lot" if cap.product else ""


def _used(db: apsw.Connection, cap: Cap) -> tuple[int, int]:
    """Return shots and volume given; a shot counts while its latest possible time is in the window (I-35).

    Steps of the clock since then are taken out (`STEPPED_SINCE`). What may be this session's or patient's counts too.
    """
    condition, bindings = _matching(cap, "given")
    given = f"given {_index(cap)}"
    [(shots, volume_nl)] = run(
        db,
        "SELECT coalesce(sum(shots), 0), coalesce(sum(dose_hi_nl), 0) "  # noqa: S608  # our own names
        f"FROM {given} WHERE kind IN (1, 2){condition}"
        f"{f' AND oldest_us + {STEPPED_SINCE} > ?' if cap.since_us else ''}",
        (*bindings, *([cap.since_us] if cap.since_us else [])),
    )
    if cap.since_us:
        # Of a grant that straddles the beginning of the window only the shots inside count.
        [(more_shots, more_nl)] = run(
            db,
            "SELECT count(*), coalesce(sum(shot.dose_hi_nl), 0) "  # noqa: S608  # as above
            f"FROM {given} CROSS JOIN shot ON shot.seq BETWEEN given.first_seq AND given.last_seq "
            f"AND shot.given = given.id WHERE given.kind IN (1, 2){condition} "
            f"AND given.oldest_us + {STEPPED_SINCE} <= ? AND given.latest_us + {STEPPED_SINCE} > ? "
            f"AND shot.latest_us + {STEPPED_SINCE} > ?",
            (*bindings, cap.since_us, cap.since_us, cap.since_us),
        )
        shots, volume_nl = shots + more_shots, volume_nl + more_nl
    if cap.session or cap.alias:
        stray_shots, stray_nl = strays(db, session=cap.session, alias=cap.alias, area_code=cap.area_code)
        shots, volume_nl = shots + stray_shots, volume_nl + stray_nl
    return shots, volume_nl


def _held(db: apsw.Connection, cap: Cap, intent: GrantIntent) -> tuple[int, int]:
    """Return what other grants may still cost: their maximum less the shots of theirs that are committed."""
    condition, bindings = _matching(cap, "grant_row")
    [(shots, volume_nl)] = run(
        db,
        "SELECT coalesce(sum(max(0, max_shots - used_shots)), 0), "  # noqa: S608  # as above
        "coalesce(sum(max(0, max_nl - used_nl)), 0) FROM ("
        "SELECT max_shots, max_nl, "
        "(SELECT coalesce(sum(shots), 0) FROM given WHERE given.gun = grant_row.gun "
        "AND given.grant_no = grant_row.grant_no) AS used_shots, "
        "(SELECT coalesce(sum(dose_hi_nl), 0) FROM given WHERE given.gun = grant_row.gun "
        "AND given.grant_no = grant_row.grant_no) AS used_nl "
        "FROM grant_row JOIN gun ON gun.id = grant_row.gun "
        f"WHERE grant_row.state <> 'closed' AND grant_row.kind IN (1, 2){condition} "
        "AND NOT (gun.gun_uid = ? AND gun.log_epoch = ? AND grant_row.grant_no = ?))",
        (*bindings, intent.gun_uid, intent.log_epoch, intent.grant_no),
    )
    return shots, volume_nl
