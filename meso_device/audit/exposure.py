"""What one session injected, where and of which lot: what a late reaction is tied to. Reads only."""

from collections.abc import Sequence

import apsw
from msgspec import Struct

from meso_device.audit.sql import run


class Exposure(Struct, frozen=True, kw_only=True):
    """Shots into a patient of one gun in one area, of one product and lot."""

    gun_uid: str
    area_code: int
    product: str
    lot: str
    shots: int


def exposures(db: apsw.Connection, session: str, shot_seqs: Sequence[int] = ()) -> tuple[Exposure, ...]:
    """Return what a session gave, by gun, area, product and lot; only these shots where some are named."""
    wanted = set(shot_seqs)
    rows = run(
        db,
        "SELECT gun.gun_uid, given.area_code, given.product, given.lot, shot.shot_seq FROM given "
        "JOIN gun ON gun.id = given.gun "
        "JOIN shot ON shot.seq BETWEEN given.first_seq AND given.last_seq AND shot.given = given.id "
        "WHERE given.sess = ? AND given.kind IN (1, 2) ORDER BY 1, 2, 3, 4",
        (session,),
    )
    counted: dict[tuple[str, int, str, str], int] = {}
    for *place, shot_seq in rows:
        if not wanted or shot_seq in wanted:
            key = (place[0], place[1], place[2], place[3])
            counted[key] = counted.get(key, 0) + 1
    return tuple(
        Exposure(gun_uid=gun_uid, area_code=area_code, product=product, lot=lot, shots=shots)
        for (gun_uid, area_code, product, lot), shots in counted.items()
    )


def latest_given_us(db: apsw.Connection, session: str) -> int:
    """Return the latest time that the newest shot of a session can have been; 0 when it gave nothing."""
    [(latest_us,)] = run(
        db,
        "SELECT coalesce(max(latest_us), 0) FROM given INDEXED BY given_sess WHERE sess = ? AND kind IN (1, 2)",
        (session,),
    )
    return int(latest_us)


def sessions_of(db: apsw.Connection, alias: str) -> tuple[str, ...]:
    """Return the ids of all sessions of a patient, newest first."""
    return tuple(
        sess for (sess,) in run(db, "SELECT sess FROM session WHERE alias = ? ORDER BY opened_seq DESC", (alias,))
    )


def place_of(db: apsw.Connection, key: str) -> tuple[int, bytes] | None:
    """Return seq and leaf hash of the record with this key, for a signature; None when there is none."""
    rows = run(db, "SELECT seq, leaf FROM record WHERE key = ?", (key,))
    return (rows[0][0], rows[0][1]) if rows else None
