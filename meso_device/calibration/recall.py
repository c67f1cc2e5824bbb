"""A reference that is recalled: an instrument whose own certificate turned out to be wrong, and what follows from it.

A recall is of one certificate. Once the instrument was calibrated anew it has another one, and is as good as any.
"""

from typing import Final, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from meso_device.accounting.entries import Entry, Json
from meso_device.accounting.materials import Actor, checked_code, key_part
from meso_device.calibration.record import Begun, Reference
from meso_device.calibration.water import Conditions, nl_per_ug
from protocols.errors import UsageError
from protocols.units import Dimension, parse_quantity

RECALLED: Final = "calibration.recalled"
RECALL_KEYS: Final = "calibration/recall/"
SEEN_KEYS: Final = "calibration/recall-seen/"
ERRORS: Final = {
    "balance": Dimension("error", "ppm", {"ppm": 0}, "ppm"),
    "thermometer": Dimension("error", "mK", {"mK": 0, "degC": 3}, "degC"),
    "gauge": Dimension("error", "nm", {"nm": 0, "um": 3, "mm": 6}, "mm"),
}
"""In what the error of an instrument's readings is said: of a balance in parts of the mass."""
# Half of what was weighed; a degree is 200 ppm of a volume. More was mistyped.
ERROR_MAX: Final = {"balance": 500_000, "thermometer": 5_000, "gauge": 2_000_000}
_MILLION: Final = 1_000_000

Range = tuple[int, int]


class Recall(Struct, frozen=True, kw_only=True):
    """An instrument's certificate that does not hold.

    Attributes:
        what: ``balance``, ``thermometer`` or ``gauge``.
        serial: Serial number of the instrument.
        certificate: Number of the certificate that is recalled.
        since_day: First day on which it may have been wrong, in days since 1970-01-01; 0 for always.
        error: Least and greatest error of its readings, what they show less what is true, in ppm, mK or nm; empty
            where nobody knows.
        reason: Code.
    """

    what: str
    serial: str
    certificate: str
    since_day: int = 0
    error: tuple[int, ...] = ()
    reason: str = ""

    @property
    def named(self) -> str:
        """The instrument and its certificate, for people."""
        return f"{self.what} {self.serial} (certificate {self.certificate})"

    def concerns(self, references: tuple[Reference, ...], begun_day: int) -> bool:
        """Return whether a run that began on this day was traced to it."""
        return begun_day >= self.since_day and any(
            (one.what, one.serial, one.certificate) == (self.what, self.serial, self.certificate) for one in references
        )


def checked_recall(recall: Recall) -> Recall:
    """Return a recall as it may be recorded.

    Raises:
        UsageError: names the field.
    """
    if recall.what not in ERRORS:
        raise UsageError(f"{recall.what[:20]!r} is no reference: {', '.join(ERRORS)}")
    if recall.error:
        low, high = recall.error
        most, unit = ERROR_MAX[recall.what], ERRORS[recall.what].base
        if not -most <= low <= high <= most:
            raise UsageError(f"error of {low} to {high} refused: -{most} to {most} {unit}, the lesser one first")
    return replace(recall, reason=checked_code("reason", recall.reason))


def parse_error(text: str, what: str) -> int:
    """Return a signed error such as ``+8000 ppm`` in the unit of this kind of reference.

    Raises:
        UsageError: it is no quantity of that kind.
    """
    sign = -1 if text.startswith("-") else 1
    return sign * parse_quantity(text[1:] if text[:1] in "+-" and text else text, ERRORS[what])


def recall_entry(recall: Recall, by: Actor) -> Entry:
    """Return the record of a recall; the newest of a certificate is the one that holds."""
    payload = cast("dict[str, Json]", msgspec.json.decode(msgspec.json.encode(checked_recall(recall))))
    place = f"{recall.what}/{key_part(recall.serial)}/{key_part(recall.certificate)}"
    key = f"{RECALL_KEYS}{place}/{by.utc_us}"
    return Entry(kind=RECALLED, key=key, payload=payload, op=by.op, role=by.role)


def read_recall(body: dict[str, object]) -> Recall:
    """Return the recall that a record holds."""
    return msgspec.convert({name: body[name] for name in Recall.__struct_fields__}, Recall)


def in_truth(recall: Recall, begun: Begun, error_ppm: Range, error_nm: Range) -> tuple[Range, Range]:
    """Return between what errors a gun was left in truth, rounded outwards.

    Args:
        recall: Of a reference of the run; as judged where nobody knows its error.
        begun: How the run began.
        error_ppm: Least and greatest error of a dose as it was judged.
        error_nm: Least and greatest error of the needle's travel as it was judged.
    """
    if not recall.error:
        return error_ppm, error_nm
    low, high = recall.error
    match recall.what:
        case "balance":
            # What was read is the truth times one and its error.
            return _divided(error_ppm, (_MILLION + low, _MILLION + high)), error_nm
        case "thermometer":
            shown = _volume(begun, 0)
            # A volume is larger the warmer its water was: a reading that was too high made it too large.
            factors = sorted(_MILLION * shown / _volume(begun, error) for error in (low, high))
            return _divided(error_ppm, (int(factors[0]), int(factors[1]) + 1)), error_nm
        case _:
            return error_ppm, (error_nm[0] - high, error_nm[1] - low)


def _divided(error_ppm: Range, factor_ppm: Range) -> Range:
    (low, high), (least, most) = error_ppm, factor_ppm
    return (_MILLION + low) * _MILLION // most - _MILLION, -((-_MILLION - high) * _MILLION // least) - _MILLION


def _volume(begun: Begun, error_mk: int) -> float:
    """Return nanolitres a microgram at the temperature that was true if the thermometer was off by so much."""
    here = Conditions(
        water_mdegc=begun.water_mdegc,
        air_mdegc=begun.air_mdegc,
        pressure_pa=begun.pressure_pa,
        humidity_permille=begun.humidity_permille,
    )
    return nl_per_ug(here, warmer_mdegc=-error_mk)
