"""Which layer of the skin a commanded needle travel is likely to end in. It informs; limits refuse.

Figures are ultrasound means of faces (PMC9205051 table 2, n = 118). Histology reads thicker; the two are not
mixed, and an area without a figure never borrows its neighbour's.
"""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from protocols.treatment.areas import Area
from protocols.units import format_depth

Sex: TypeAlias = Literal["female", "male"]
Layer: TypeAlias = Literal["epidermis", "dermis", "lower edge of the dermis", "below the dermis", "no data"]

SOURCE: Final = "ultrasound, PMC9205051 table 2; histology reads thicker"
_WOMEN_OR_MEN: Final = {"female": "women", "male": "men"}
# In puncture tests less than half of a needle was buried below this.
SHALLOW_UM: Final = 1_000


class Advisory(Struct, frozen=True, kw_only=True):
    """What the clinician is told about a depth.

    Attributes:
        layer: Where the travel is likely to end; ``no data`` where no figure exists.
        mean_um: Mean lower edge of the dermis below the surface; None without data.
        low_um, high_um: Two standard deviations of the dermis below and above the mean; None without data.
        deeper_than_wanted: The travel may pass the dermis: beyond ``low_um``.
        text: One line for the screen.
    """

    layer: Layer
    mean_um: int | None
    low_um: int | None
    high_um: int | None
    deeper_than_wanted: bool
    text: str


def advise(area: Area, sex: Sex, depth_um: int) -> Advisory:
    """Return the expected layer at a commanded needle travel in an area."""
    mean_um, dermis_um, sd_um = _figures(area, sex)
    travel = f"{format_depth(depth_um)} commanded needle travel"
    shallow = "; below 1 mm less than half was buried in puncture tests" if depth_um < SHALLOW_UM else ""
    if mean_um is None or dermis_um is None or sd_um is None:
        text = f"{travel}: no data for {area.name}, {_WOMEN_OR_MEN[sex]}; commanded, not achieved{shallow}"
        return Advisory(layer="no data", mean_um=None, low_um=None, high_um=None, deeper_than_wanted=False, text=text)
    low_um, high_um = mean_um - 2 * sd_um, mean_um + 2 * sd_um
    layer = _layer(depth_um, mean_um - dermis_um, low_um, high_um)
    text = (
        f"skin about {format_depth(mean_um)} ({_bare(low_um)}-{_bare(high_um)}, {_WOMEN_OR_MEN[sex]}); "
        f"{travel}: likely {layer}; commanded, not achieved{shallow}"
    )
    return Advisory(
        layer=layer,
        mean_um=mean_um,
        low_um=low_um,
        high_um=high_um,
        deeper_than_wanted=depth_um > low_um,
        text=text,
    )


def _figures(area: Area, sex: Sex) -> tuple[int | None, int | None, int | None]:
    if sex == "female":
        return area.skin_female_um, area.dermis_female_um, area.dermis_female_sd_um
    return area.skin_male_um, area.dermis_male_um, area.dermis_male_sd_um


def _layer(depth_um: int, epidermis_um: int, low_um: int, high_um: int) -> Layer:
    if depth_um > high_um:
        return "below the dermis"
    if depth_um > low_um:
        return "lower edge of the dermis"
    return "dermis" if depth_um > epidermis_um else "epidermis"


def _bare(depth_um: int) -> str:
    return format_depth(depth_um).removesuffix(" mm")
