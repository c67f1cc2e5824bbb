"""The state of each gun's service, read from the log: who it is, its counters, its parts, what was done to it."""

from typing import Any, Final

import apsw
from msgspec import Struct

from meso_device.accounting.clinic import PartUse, PartWear
from meso_device.accounting.identity import Identity
from meso_device.accounting.service import service_key
from meso_device.audit import canonical
from meso_device.audit.facts import part_in_session
from meso_device.audit.service_facts import guns_in_service, identity_in, newest_service, wear_of
from meso_device.audit.sql import run as run_sql

PATIENTS_PARTS: Final = ("needle", "head")


class Counters(Struct, frozen=True, kw_only=True):
    """What a gun's counters said when a technician looked.

    Attributes:
        at_us: UTC.
        strokes: Strokes of all kinds in its log since that began.
        waiting: Strokes of these that were not recorded here.
        odometer_nl: All product that it ever pushed.
        boots: How often it was switched on.
        compared: Whether its odometer could be compared with the records.
        difference_nl: How far the two were apart.
    """

    at_us: int
    strokes: int
    waiting: int
    odometer_nl: int
    boots: int
    compared: bool
    difference_nl: int


class Act(Struct, frozen=True, kw_only=True):
    """Something that was done to a gun, by whom and when."""

    at_us: int
    op: str
    act: str


class GunService(Struct, frozen=True, kw_only=True):
    """All of one gun.

    Attributes:
        gun_uid: Gun.
        identity: Who it was last registered as; None where nobody did that.
        registered_us: UTC of it; 0 likewise.
        findings: Codes of the findings that are open.
        counters: As looked at last; None where nobody did.
        wear: Parts that wear, as recorded.
        patients_parts: Needle and head that were fitted last in a session with this gun.
        acts: What was done to it, newest first.
    """

    gun_uid: str
    identity: Identity | None
    registered_us: int
    findings: tuple[str, ...]
    counters: Counters | None
    wear: tuple[PartWear, ...]
    patients_parts: tuple[PartUse, ...]
    acts: tuple[Act, ...]


def guns_serviced(db: apsw.Connection) -> tuple[GunService, ...]:
    """Return every gun with a record of service, in the order of their uids."""
    return tuple(service_of(db, uid) for uid in guns_in_service(db))


def service_of(db: apsw.Connection, gun_uid: str) -> GunService:
    """Return the state of one gun, of which nothing need be recorded."""
    identity = newest_service(db, gun_uid, "identity")
    checked = newest_service(db, gun_uid, "checked")
    codes = run_sql(db, "SELECT code FROM finding WHERE gun_uid = ? AND closed_seq IS NULL ORDER BY seq", (gun_uid,))
    return GunService(
        gun_uid=gun_uid,
        identity=identity_in(identity[1]) if identity is not None else None,
        registered_us=identity[1]["ts_us"] if identity is not None else 0,
        findings=tuple(dict.fromkeys(str(code) for (code,) in codes)),
        counters=_counters(checked[1]) if checked is not None else None,
        wear=wear_of(db, gun_uid),
        patients_parts=tuple(part for part in (_fitted_last(db, gun_uid, name) for name in PATIENTS_PARTS) if part),
        acts=_acts(db, gun_uid),
    )


def nearly_worn(db: apsw.Connection) -> tuple[tuple[str, PartWear], ...]:
    """Return the parts that have made nine tenths of their strokes or more, with their guns; the most worn first."""
    found = [(uid, part) for uid in guns_in_service(db) for part in wear_of(db, uid) if part.nearly]
    return tuple(sorted(found, key=lambda one: -one[1].strokes * 1_000 // one[1].strokes_max))


def _counters(body: dict[str, Any]) -> Counters:
    names = [name for name in Counters.__struct_fields__ if name != "at_us"]
    return Counters(at_us=body["ts_us"], **{name: body[name] for name in names})


def _fitted_last(db: apsw.Connection, gun_uid: str, part: str) -> PartUse | None:
    rows = run_sql(
        db,
        "SELECT part.sess FROM part JOIN session ON session.sess = part.sess "
        "WHERE session.gun_uid = ? AND part = ? ORDER BY part.seq DESC LIMIT 1",
        (gun_uid, part),
    )
    return part_in_session(db, rows[0][0], part) if rows else None


def _acts(db: apsw.Connection, gun_uid: str) -> tuple[Act, ...]:
    first = service_key(gun_uid, "act")
    rows = run_sql(db, "SELECT body FROM record WHERE key > ? AND key < ? ORDER BY seq DESC", (first, f"{first[:-1]}0"))
    bodies = (canonical.decode(body) for (body,) in rows)
    return tuple(Act(at_us=body["ts_us"], op=body["op"], act=body["act"]) for body in bodies)
