"""Injections that may have been given and that nobody has settled: grants whose end is in no record."""

import apsw
from msgspec import Struct

from meso_device.audit.sql import run

_UNSETTLED = (
    "SELECT held.sess, held.alias, gun.gun_uid, held.area_code, held.product, held.lot, held.state = 'unknown', "
    "coalesce(session.opened_us, 0), session.state = 'open', "
    "max_shots - coalesce(sum(given.shots), 0), max(0, max_nl - coalesce(sum(given.dose_hi_nl), 0)) "
    "FROM grant_row AS held JOIN gun ON gun.id = held.gun LEFT JOIN session ON session.sess = held.sess "
    "LEFT JOIN given ON given.gun = held.gun AND given.grant_no = held.grant_no "
    "WHERE held.kind IN (1, 2) AND held.state NOT IN ('closed', 'written_off') "
    "GROUP BY held.gun, held.grant_no HAVING max_shots > coalesce(sum(given.shots), 0) ORDER BY held.seq"
)


class Unsettled(Struct, frozen=True, kw_only=True):
    """What one grant may have cost beyond the injections in the log.

    Attributes:
        session: Id; empty without one.
        alias: Patient; empty where nobody here can say who it was.
        gun_uid: Gun.
        area_code: Where.
        product, lot: Of what.
        lost: The link was lost meanwhile; else no record tells of an end, as is so while a session runs.
        opened_us: UTC when the session was opened; 0 without one.
        running: The session is not closed.
        shots_max: Up to so many injections.
        nl_max: Up to so much.
    """

    session: str
    alias: str
    gun_uid: str
    area_code: int
    product: str
    lot: str
    lost: bool
    opened_us: int
    running: bool
    shots_max: int
    nl_max: int


def unsettled(db: apsw.Connection) -> tuple[Unsettled, ...]:
    """Return every grant of an injection into a patient or of practice that is not settled, oldest first."""
    return tuple(
        Unsettled(
            session=session,
            alias=alias,
            gun_uid=gun_uid,
            area_code=area_code,
            product=product,
            lot=lot,
            lost=bool(lost),
            opened_us=opened_us,
            running=bool(running),
            shots_max=shots_max,
            nl_max=nl_max,
        )
        for session, alias, gun_uid, area_code, product, lot, lost, opened_us, running, shots_max, nl_max in run(
            db, _UNSETTLED
        )
    )
