"""What the clinician is told about depth before an area is armed. It informs and never blocks; rules block."""

from typing import Final

from protocols.treatment.advisory import Sex, advise
from protocols.treatment.areas import catalogue
from protocols.treatment.plan import AreaPlan

_BOTH: Final[tuple[Sex, ...]] = ("female", "male")


def depth_advice(area: AreaPlan, sex: Sex | None) -> tuple[str, ...]:
    """Return the lines on the layer that the commanded needle travel is likely to end in.

    One line for the patient's sex, both where it is not known; none for an area outside the catalogue.
    """
    known = catalogue().get(area.area)
    if known is None:
        return ()
    return tuple(advise(known, one, area.depth_um).text for one in (_BOTH if sex is None else (sex,)))
