"""What the clinician is told before an area is armed. It informs and never blocks; rules block."""

from collections.abc import Iterable
from typing import Final

from meso_device.accounting.clinic import PartWear
from meso_device.session.interlocks.case import date_text
from protocols.treatment.advisory import Sex, advise
from protocols.treatment.areas import catalogue
from protocols.treatment.plan import AreaPlan
from protocols.wire.messages import CalMain

CALIBRATION_WARNS_DAYS: Final = 14
_BOTH: Final[tuple[Sex, ...]] = ("female", "male")


def depth_advice(area: AreaPlan, sex: Sex | None) -> tuple[str, ...]:
    """Return the lines on the layer that the commanded needle travel is likely to end in.

    One line for the patient's sex, both where it is not known; none for an area outside the catalogue.
    """
    known = catalogue().get(area.area)
    if known is None:
        return ()
    return tuple(advise(known, one, area.depth_um).text for one in (_BOTH if sex is None else (sex,)))


def calibration_advice(main: CalMain, today: int) -> tuple[str, ...]:
    """Return the line on a calibration that ends within `CALIBRATION_WARNS_DAYS`; none before, and none after its end.

    ``today`` is days since 1970-01-01. From the day after its last one on, a rule refuses the gun (HZ-20).
    """
    left = main.due_day - today
    if not 0 <= left <= CALIBRATION_WARNS_DAYS:
        return ()
    when = "today" if not left else "tomorrow" if left == 1 else f"in {left} days"
    return (f"calibration {main.cal_id} of this gun ends {when}, on {date_text(main.due_day)}: have it calibrated",)


def wear_advice(parts: Iterable[PartWear]) -> tuple[str, ...]:
    """Return a line on each part of the gun that has made nine tenths of its strokes; a worn one a rule refuses."""
    return tuple(
        f"{one.part.replace('_', ' ')} {one.serial!r} of this gun has made {one.strokes} of {one.strokes_max} strokes: "
        "have a new one ready"
        for one in parts
        if one.nearly and not one.worn
    )
