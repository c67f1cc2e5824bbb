"""What a clinic's IT does and sees: give out codes, revoke, look at the state of all consoles."""

import re
from datetime import datetime
from hashlib import sha256
from typing import Final

from msgspec import Struct

from meso_device.audit.keys import NAME_LENGTH_MAX
from meso_device.collector.database import Connection
from protocols.errors import UsageError

CODE_HOURS: Final = 24
_NAME: Final = re.compile(rf"[!-~]{{1,{NAME_LENGTH_MAX}}}")


class ConsoleState(Struct, frozen=True, kw_only=True):
    """A console as the collector knows it.

    Attributes:
        name: As it was enrolled.
        origin: Name of its log.
        records: Records held.
        taken_at: When the newest of them came; None if none did.
        simulated: Whether any of them is of a simulated gun.
        revoked: Whether its credential is revoked.
        retired: Whether its log has ended for ever.
    """

    name: str
    origin: str
    records: int
    taken_at: datetime | None
    simulated: bool
    revoked: bool
    retired: bool


class Fork(Struct, frozen=True, kw_only=True):
    """Two histories of one thing."""

    name: str
    kind: str
    detail: str
    found_at: datetime


def give_code(db: Connection, name: str, secret: bytes) -> None:
    """Note a one-time code for a console, new or known.

    Raises:
        UsageError: the name cannot be one.
    """
    if _NAME.fullmatch(name) is None:
        raise UsageError(f"console name {name!r} refused: 1 to {NAME_LENGTH_MAX} ASCII characters without space")
    db.execute(
        "INSERT INTO meso.code (secret_sha256, name, expires_at) VALUES (%s, %s, now() + make_interval(hours => %s))",
        (sha256(secret).digest(), name, CODE_HOURS),
    )


def revoke(db: Connection, name: str) -> None:
    """Take nothing more from a console until it is enrolled again, and void its codes; asking twice changes nothing.

    Raises:
        UsageError: nobody was enrolled, or given a code, under this name.
    """
    known = "SELECT FROM meso.console WHERE name = %(name)s UNION ALL SELECT FROM meso.code WHERE name = %(name)s"
    with db.transaction():
        if not db.execute(known, {"name": name}).rowcount:
            raise UsageError(f"no console {name!r}; 'meso collector status' shows all")
        db.execute(
            "INSERT INTO meso.code_use (secret_sha256) SELECT secret_sha256 FROM meso.code WHERE name = %s "
            "ON CONFLICT DO NOTHING",
            (name,),
        )
        db.execute(
            "INSERT INTO meso.revocation (no) SELECT no FROM meso.credential JOIN meso.console USING (origin) "
            "WHERE name = %s ON CONFLICT DO NOTHING",
            (name,),
        )


def states(db: Connection) -> tuple[ConsoleState, ...]:
    """Return all consoles, by name."""
    rows = db.execute(
        "SELECT name, origin, records, taken_at, simulated, revoked, retired.seq IS NOT NULL "
        "FROM meso.consoles LEFT JOIN meso.retired USING (origin) ORDER BY name"
    )
    return tuple(
        ConsoleState(
            name=name,
            origin=origin,
            records=records,
            taken_at=taken_at,
            simulated=simulated,
            revoked=revoked,
            retired=retired,
        )
        for name, origin, records, taken_at, simulated, revoked, retired in rows
    )


def forks(db: Connection) -> tuple[Fork, ...]:
    """Return all fork alarms, oldest first."""
    rows = db.execute(
        "SELECT name, kind, detail, found_at FROM meso.fork JOIN meso.console USING (origin) ORDER BY found_at, subject"
    )
    return tuple(Fork(name=name, kind=kind, detail=detail, found_at=found_at) for name, kind, detail, found_at in rows)
