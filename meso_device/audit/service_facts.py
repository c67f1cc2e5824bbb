"""What the log says of service: who a gun was registered as, and how worn its parts are. Reads only."""

from typing import Any

import apsw
from msgspec import Struct

from meso_device.accounting.clinic import PartWear
from meso_device.accounting.identity import Identity
from meso_device.accounting.service import WearingPart, service_key
from meso_device.audit import canonical
from meso_device.audit.calibration_facts import shots_since
from meso_device.audit.sql import run


class Orphans(Struct, frozen=True):
    """Injections of one grant that belong to no session here.

    Attributes:
        grant_no: The grant.
        area_code: Area that they were in, as the gun says.
        shots: How many.
        dose_lo_nl: Least that they gave.
        dose_hi_nl: Most that they gave.
        oldest_us: UTC before which none was made.
        latest_us: UTC after which none was made.
        last_seq: Place of the newest in the log.
    """

    grant_no: int
    area_code: int
    shots: int
    dose_lo_nl: int
    dose_hi_nl: int
    oldest_us: int
    latest_us: int
    last_seq: int


def registered(db: apsw.Connection, gun_uid: str) -> Identity | None:
    """Return who a technician last registered this gun as; None where nobody did."""
    found = newest_service(db, gun_uid, "identity")
    return None if found is None else identity_in(found[1])


def identity_in(body: dict[str, Any]) -> Identity:
    """Return the identity that a record registered."""
    return Identity(**{name: body[name] for name in Identity.__struct_fields__})


def wear_of(db: apsw.Connection, gun_uid: str) -> tuple[PartWear, ...]:
    """Return the wearing parts that are recorded as fitted to a gun, with all strokes recorded since."""
    found = ((part, newest_service(db, gun_uid, f"part/{part}")) for part in WearingPart)
    return tuple(
        PartWear(
            part=part.value,
            serial=newest[1]["serial"],
            fitted_us=newest[1]["ts_us"],
            strokes=newest[1]["strokes_before"] + shots_since(db, gun_uid, newest[0]),
            strokes_max=newest[1]["strokes_max"],
        )
        for part, newest in found
        if newest is not None
    )


def newest_service(db: apsw.Connection, gun_uid: str, what: str) -> tuple[int, dict[str, Any]] | None:
    """Return place and body of the newest record of this kind about a gun; None where there is none."""
    first = service_key(gun_uid, what)
    rows = run(
        db,
        "SELECT seq, body FROM record WHERE key > ? AND key < ? ORDER BY seq DESC LIMIT 1",
        (first, f"{first[:-1]}0"),
    )
    return (rows[0][0], canonical.decode(rows[0][1])) if rows else None


def open_identity_findings(db: apsw.Connection, gun_uid: str) -> tuple[str, ...]:
    """Return the keys of the findings that this gun is another than registered, and that nobody has closed."""
    rows = run(
        db,
        "SELECT key FROM finding WHERE gun_uid = ? AND code = 'identity' AND closed_seq IS NULL ORDER BY seq",
        (gun_uid,),
    )
    return tuple(str(key) for (key,) in rows)


def orphans_of(db: apsw.Connection, gun_uid: str) -> tuple[Orphans, ...]:
    """Return the injections of a gun that were recorded for no session, oldest first.

    Their grants are not known here, or were closed long before: a finding was made of it, and where there is none, none
    are looked for.
    """
    if not run(db, "SELECT 1 FROM finding WHERE gun_uid = ? AND code = 'orphan' LIMIT 1", (gun_uid,)):
        return ()
    rows = run(
        db,
        "SELECT grant_no, area_code, shots, dose_lo_nl, dose_hi_nl, oldest_us, latest_us, last_seq FROM given "
        "WHERE sess = '' AND kind IN (1, 2) AND gun IN (SELECT id FROM gun WHERE gun_uid = ?) ORDER BY first_seq",
        (gun_uid,),
    )
    return tuple(Orphans(*row) for row in rows)


def gun_of_serial(db: apsw.Connection, serial: str, gun_uid: str) -> str:
    """Return another gun that is registered with this serial number; empty where there is none."""
    for uid in guns_in_service(db):
        known = registered(db, uid) if uid != gun_uid else None
        if known is not None and known.serial == serial:
            return uid
    return ""


def guns_in_service(db: apsw.Connection) -> tuple[str, ...]:
    """Return the uids of all guns with a record of service, in order."""
    rows = run(
        db,
        "WITH RECURSIVE seen(uid) AS ("
        "SELECT substr(min(key), 9, 24) FROM record WHERE key > 'service/' AND key < 'service0' "
        "UNION ALL SELECT (SELECT substr(min(key), 9, 24) FROM record "
        "WHERE key > 'service/' || uid || '0' AND key < 'service0') FROM seen WHERE uid IS NOT NULL) "
        "SELECT uid FROM seen WHERE uid IS NOT NULL",
    )
    return tuple(str(uid) for (uid,) in rows)
