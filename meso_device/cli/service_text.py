"""The service of a gun as people read it and as JSON."""

from typing import Final

from msgspec.structs import asdict

from meso_device.accounting.clinic import PartWear
from meso_device.accounting.findings import FindingCode, still_open
from meso_device.audit.export import rfc3339
from meso_device.cli.output import printable
from meso_device.records.service import GunService
from meso_device.session.interlocks.materials import PART_SHOTS_MAX
from protocols.units import format_dose

_STATES: Final = {"good": "", "soon": "  SOON WORN", "worn": "  WORN OUT: fit a new one"}


def service_document(gun: GunService) -> dict[str, object]:
    """Return the service of a gun as one JSON object."""
    return {
        "gun_uid": gun.gun_uid,
        "identity": asdict(gun.identity) if gun.identity is not None else None,
        "registered_at": rfc3339(gun.registered_us) if gun.registered_us else "",
        "findings": list(gun.findings),
        "counters": _counters(gun),
        "parts": [part_document(one) for one in gun.wear],
        "of_patients": [
            {"part": one.kind, "serial": one.serial, "strokes": one.shots, "strokes_max": PART_SHOTS_MAX}
            for one in gun.patients_parts
        ],
        "acts": [{"at": rfc3339(one.at_us), "op": one.op, "act": one.act} for one in gun.acts],
    }


def _counters(gun: GunService) -> dict[str, object] | None:
    if gun.counters is None:
        return None
    told = asdict(gun.counters)
    return {"at": rfc3339(told.pop("at_us")), **told}


def part_document(part: PartWear) -> dict[str, object]:
    """Return a wearing part as one JSON object."""
    return {
        "part": part.part,
        "serial": part.serial,
        "fitted_at": rfc3339(part.fitted_us),
        "strokes": part.strokes,
        "strokes_max": part.strokes_max,
        "state": _state(part),
    }


def service_lines(gun: GunService) -> list[str]:
    """Return the service of a gun in lines."""
    known, counters = gun.identity, gun.counters
    who = "NOT REGISTERED: meso service check does it"
    if known is not None:
        who = (
            f"{known.model} {known.serial}, hardware {known.hw_rev}, firmware {known.firmware}, registered "
            f"{_minute(gun.registered_us)}"
        )
    lines = [f"gun {gun.gun_uid}  {who}"]
    lines += [f"  OPEN FINDING: {still_open(FindingCode(code)).line}" for code in gun.findings]
    lines += [f"  {part_line(one)}" for one in gun.wear]
    lines += [
        f"  {one.kind} {one.serial}, a patient's own: {one.shots} of {PART_SHOTS_MAX} strokes"
        for one in gun.patients_parts
    ]
    if counters is not None:
        lines.append(
            f"  counters {_minute(counters.at_us)}: {counters.strokes} strokes, {format_dose(counters.odometer_nl)} "
            f"pushed, switched on {counters.boots} times"
        )
    lines += [f"  {_minute(one.at_us)}  {one.act} by {one.op[:8]}" for one in gun.acts]
    return [printable(line) for line in lines]


def part_line(part: PartWear) -> str:
    """Return a wearing part in one line."""
    return (
        f"{part.part.replace('_', ' ')} {part.serial}, fitted {_minute(part.fitted_us)}: {part.strokes} of "
        f"{part.strokes_max} strokes{_STATES[_state(part)]}"
    )


def _state(part: PartWear) -> str:
    return "worn" if part.worn else "soon" if part.nearly else "good"


def _minute(at_us: int) -> str:
    return rfc3339(at_us)[:16].replace("T", " ")
