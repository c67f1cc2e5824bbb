"""The calibration certificate: its canonical JSON is the certificate, PDF and HTML are renderings of it.

Everything in it comes from the records of one run, and from what the laboratory says of itself when it issues it.
"""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from meso_device.calibration.record import (
    CORRECTIONS,
    GEOMETRY,
    Adjusted,
    Ended,
    Judged,
    Limits,
    Reading,
    Reference,
    Signed,
    Stage,
)
from meso_device.records.calibration_runs import RunStory
from protocols.errors import UsageError

SCHEMA: Final = 1
NOT_STATED: Final = "not stated"
_ON_CERTIFICATE: Final = frozenset({*CORRECTIONS, *GEOMETRY, "cal_id"})


class Said(Struct, frozen=True, kw_only=True):
    """What the laboratory says when it issues a certificate, and no record holds.

    Attributes:
        laboratory: Who issues it.
        customer: For whom.
        condition: State of the item when it came.
        received: Day on which it came, YYYY-MM-DD.
        deviations: From the method.
    """

    laboratory: str = NOT_STATED
    customer: str = NOT_STATED
    condition: str = NOT_STATED
    received: str = NOT_STATED
    deviations: tuple[str, ...] = ()


class Item(Struct, frozen=True, kw_only=True):
    """What was calibrated; geometry, needle and head by their numbers in the tables, 0 for none.

    Attributes:
        in_force: Corrections that the gun held at the start, and their number; no due date.
    """

    gun_uid: str
    serial: str
    firmware: str
    log_epoch: int
    cal_id: int
    cal_hash8: str
    in_force: dict[str, int]
    geometry_id: int
    syringe_lot: str
    needle_type_id: int
    head_type_id: int


class Method(Struct, frozen=True, kw_only=True):
    """How it was calibrated, and the program that did it."""

    what: str
    profile: str
    targets: tuple[int, ...]
    readings_each: int
    shots_each: int
    limits_sha256: str
    software: str


class Conditions(Struct, frozen=True, kw_only=True):
    """Conditions at the start; 0 where not measured."""

    water_mdegc: int
    air_mdegc: int
    pressure_pa: int
    humidity_permille: int


class Person(Struct, frozen=True, kw_only=True):
    """Somebody by pseudonym and, where the register still has it, by name."""

    op: str
    name: str


class RawReading(Struct, frozen=True, kw_only=True):
    """A reading as recorded; ``excluded`` is the reason why it does not count, empty where it does."""

    at_us: int
    excluded: str
    excluded_by: str
    reading: Reading


class Certificate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A certificate; what is absent is left out of the JSON, which has no null and no fraction.

    Attributes:
        number: Its own number.
        replaces: Number and SHA-256 of the certificate that this one corrects; empty for the first.
        as_found, as_left: What the readings came to before anything was touched, and after an adjustment.
        cal_hash8_after: Hash of the calibration in force at the end.
        reason: Why a conditional pass was accepted.
        origin, first_seq, last_seq: Where its records are in the log.
    """

    schema: int
    number: str
    replaces: str = ""
    run: str
    simulated: bool
    said: Said
    place: str
    item: Item
    method: Method
    conditions: Conditions
    references: tuple[Reference, ...]
    limits: Limits
    begun_us: int
    ended_us: int
    issued_day: int
    readings: tuple[RawReading, ...]
    as_found: Judged | None = None
    adjusted: Adjusted | None = None
    as_left: Judged | None = None
    verdict: str
    cal_hash8_after: str
    performed_by: Person
    authorised_by: Person
    signed_us: int
    reason: str = ""
    origin: str
    first_seq: int
    last_seq: int

    def to_json(self) -> bytes:
        """Return the canonical bytes: keys sorted, integers and strings alone, no white space."""
        return msgspec.json.encode(self, order="sorted")

    def digest(self) -> str:
        """Return the SHA-256 of `to_json` in hex."""
        return sha256(self.to_json()).hexdigest()


def certificate_of(story: RunStory, said: Said, names: dict[str, str], number: str, replaces: str = "") -> Certificate:
    """Return the certificate of a run.

    Args:
        story: The run; complete, and signed by two people.
        said: What the laboratory adds.
        names: Names of operators by pseudonym, as far as they are known.
        number: Number of this certificate.
        replaces: Number and hash of the one that it corrects.

    Raises:
        UsageError: the run is not over, was abandoned, or nobody signed it.
    """
    ended, signed = story.one_of(Ended), story.one_of(Signed)
    if ended is None or ended[1].state != "complete":
        raise UsageError(f"run {story.run[:8]} is {'open' if ended is None else 'abandoned'}: it has no certificate")
    if signed is None:
        raise UsageError(f"run {story.run[:8]} is not signed by two people yet: it has no certificate")
    begun, excluded, adjusted = story.begun, story.excluded(), story.one_of(Adjusted)
    return Certificate(
        schema=SCHEMA,
        number=number,
        replaces=replaces,
        run=story.run,
        simulated=story.simulated,
        said=said,
        place=begun.place or NOT_STATED,
        item=Item(
            gun_uid=story.gun["gun_uid"],
            serial=begun.serial,
            firmware=story.gun["fw"],
            log_epoch=story.gun["log_epoch"],
            cal_id=story.gun["cal_id"],
            cal_hash8=begun.cal_hash8,
            in_force=_corrections(begun.in_force),
            geometry_id=begun.geometry_id,
            syringe_lot=begun.syringe_lot,
            needle_type_id=begun.needle_type_id,
            head_type_id=begun.head_type_id,
        ),
        method=Method(
            what=begun.what.value,
            profile=begun.profile,
            targets=begun.targets,
            readings_each=begun.readings_each,
            shots_each=begun.shots_each,
            limits_sha256=begun.limits_sha256,
            software=story.software,
        ),
        conditions=Conditions(
            water_mdegc=begun.water_mdegc,
            air_mdegc=begun.air_mdegc,
            pressure_pa=begun.pressure_pa,
            humidity_permille=begun.humidity_permille,
        ),
        references=begun.references,
        limits=begun.limits,
        begun_us=story.steps[0].at_us,
        ended_us=ended[0].at_us,
        issued_day=ended[1].issued_day,
        readings=tuple(
            RawReading(
                at_us=step.at_us,
                excluded=excluded[reading.no][1].reason if reading.no in excluded else "",
                excluded_by=_name(excluded[reading.no][0].op, names) if reading.no in excluded else "",
                reading=reading,
            )
            for step, reading in story.all_of(Reading)
        ),
        as_found=story.judged(Stage.AS_FOUND),
        adjusted=None
        if adjusted is None
        else replace(adjusted[1], old=_corrections(adjusted[1].old), new=_corrections(adjusted[1].new)),
        as_left=story.judged(Stage.AS_LEFT),
        verdict=ended[1].verdict,
        cal_hash8_after=ended[1].cal_hash8,
        performed_by=Person(op=signed[1].technician, name=_name(signed[1].technician, names)),
        authorised_by=Person(op=signed[1].second, name=_name(signed[1].second, names)),
        signed_us=signed[0].at_us,
        reason=signed[1].reason,
        origin=story.origin,
        first_seq=story.steps[0].seq,
        last_seq=story.last_seq,
    )


def _corrections(held: dict[str, int]) -> dict[str, int]:
    """Return corrections and their number alone: a due date does not belong on a certificate."""
    return {name: value for name, value in held.items() if name in _ON_CERTIFICATE}


def _name(op: str, names: dict[str, str]) -> str:
    return names.get(op, f"operator {op[:8]}")
