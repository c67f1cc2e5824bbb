"""What technicians do to a gun, as records: who it is, what its counters say, parts that wear, acts of service.

Each record is signed by the technician's PIN. Its key names the gun, so that all of one gun are found at once.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec.structs import asdict

from meso_device.accounting.balance import Balance
from meso_device.accounting.entries import Entry, GunStamp, Json
from meso_device.accounting.findings import Finding
from meso_device.accounting.identity import Identity, identity_of
from meso_device.accounting.materials import Actor, checked_code, checked_lot
from protocols.errors import UsageError
from protocols.wire.messages import HelloReply

IDENTITY: Final = "service.identity"
CHECKED: Final = "service.checked"
PART: Final = "service.part"
ACT: Final = "service.act"
SETTLED: Final = "service.settled"


class WearingPart(StrEnum):
    """A part of a gun that lasts for a number of strokes and is no patient's own."""

    GUARD = "guard"
    LEAD_SCREW = "lead_screw"
    SEAL = "seal"


# Examples until the maker of a gun says what its parts last; another limit is set by two people.
STROKES_MAX: Final[Mapping[WearingPart, int]] = {
    WearingPart.GUARD: 50_000,
    WearingPart.LEAD_SCREW: 2_000_000,
    WearingPart.SEAL: 200_000,
}
STROKES_ASKED_MAX: Final = 100_000_000
"""No part outlives this; more was mistyped."""


def service_key(gun_uid: str, what: str = "") -> str:
    """Return with what the keys of a gun's records begin: all, or those of one kind."""
    return f"service/{gun_uid}/{what}{'/' if what else ''}"


def identity_registered(identity: Identity, gun: GunStamp, by: Actor, *, reason: str) -> Entry:
    """Return the record that a gun is this one from now on."""
    payload: dict[str, Json] = {**asdict(identity), "reason": checked_code("reason", reason)}
    return _entry(IDENTITY, gun.gun_uid, "identity", payload, by, gun)


def counters_checked(hello: HelloReply, gun: GunStamp, balance: Balance | None, waiting: int, by: Actor) -> Entry:
    """Return the record of a gun's counters, beside what the log knows.

    Args:
        hello: What the gun said.
        gun: The gun.
        balance: Its odometer against the records; None where they do not reach equally far.
        waiting: Strokes in its log that are not recorded here yet.
        by: Who looked.
    """
    payload: dict[str, Json] = {
        "identity": asdict(identity_of(hello)),
        "strokes": hello.head_seq,
        "waiting": waiting,
        "odometer_nl": hello.odometer_nl,
        "boots": hello.boot_id,
        "reset_cause": hello.reset_cause,
        "cal_hash8": hello.cal_hash8.hex(),
        "compared": balance is not None,
        "difference_nl": balance.difference_nl if balance is not None else 0,
        "tolerance_nl": balance.tolerance_nl if balance is not None else 0,
    }
    return _entry(CHECKED, gun.gun_uid, "checked", payload, by, gun)


def found_in_service(finding: Finding, gun: GunStamp, by: Actor) -> Entry:
    """Return the record of a lasting finding, as a host that runs would make it."""
    kind = f"finding.{finding.code.value}"
    payload: dict[str, Json] = {"code": finding.code.value, "detail": finding.line}
    return Entry(kind=kind, key=f"{kind}/{gun.gun_uid}/{by.utc_us}", payload=payload, op=by.op, role=by.role, gun=gun)


def finding_closed(key: str, gun: GunStamp | None, by: Actor, *, reason: str) -> Entry:
    """Return the record that closes the finding with this key."""
    payload: dict[str, Json] = {"finding": key, "reason": checked_code("reason", reason)}
    return Entry(
        kind="finding.closed", key=f"closed/{by.utc_us}/{key}", payload=payload, op=by.op, role=by.role, gun=gun
    )


def part_renewed(
    gun_uid: str, part: WearingPart, serial: str, by: Actor, *, strokes_max: int = 0, strokes_before: int = 0
) -> Entry:
    """Return the record of a part fitted to a gun, which counts from now on.

    Args:
        gun_uid: Gun; need not be connected.
        part: Which part.
        serial: Its serial number or lot.
        by: Who fitted it.
        strokes_max: Strokes that it may make; 0 for those of `STROKES_MAX`.
        strokes_before: Strokes that it had made already.

    Raises:
        UsageError: names the field.
    """
    allowed = strokes_max or STROKES_MAX[part]
    if not 1 <= allowed <= STROKES_ASKED_MAX:
        raise UsageError(f"limit of {allowed} strokes refused: 1 to {STROKES_ASKED_MAX}")
    if not 0 <= strokes_before < allowed:
        raise UsageError(f"{part} {serial[:40]!r} refused: {strokes_before} strokes made, {allowed} are allowed")
    payload: dict[str, Json] = {
        "gun_uid": gun_uid,
        "part": part.value,
        "serial": checked_lot(serial, "serial"),
        "strokes_max": allowed,
        "strokes_before": strokes_before,
    }
    return _entry(PART, gun_uid, f"part/{part}", payload, by)


def act_done(gun_uid: str, act: str, by: Actor) -> Entry:
    """Return the record of something that was done to a gun, named by a code; the log holds no free text."""
    payload: dict[str, Json] = {"gun_uid": gun_uid, "act": checked_code("act", act)}
    return _entry(ACT, gun_uid, "act", payload, by)


def _entry(
    kind: str, gun_uid: str, what: str, payload: dict[str, Json], by: Actor, gun: GunStamp | None = None
) -> Entry:
    key = f"{service_key(gun_uid, what)}{by.utc_us}"
    return Entry(kind=kind, key=key, payload=payload, op=by.op, role=by.role, gun=gun)
