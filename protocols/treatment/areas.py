"""The area catalogue: every place on the body that a treatment protocol may name."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast

from msgspec import Struct

from protocols.treatment.tables import figure, rows

WHOLE_FACE: Final = "face_whole"

Side: TypeAlias = Literal["left", "right", "midline"]
Risk: TypeAlias = Literal["", "extra-confirmation", "no-go"]


class Area(Struct, frozen=True, kw_only=True):
    """One place on one side of the body; all figures are examples that no clinic approved.

    A figure is None where nobody was seen to say.

    Attributes:
        id: Name in treatment protocol files, such as ``cheek_left``.
        code: Number on the wire and in every record, 1 to 65,535; never given to another area.
        short: What the operator types to arm, such as ``F8L``.
        name: What people read.
        view: View of the body map that shows it.
        side: Side of the patient.
        group: Areas that are treated alike: face, neck, decollete, hands, scalp, body, pain, other.
        risk: ``no-go`` is never offered; ``extra-confirmation`` asks a second time.
        skin_female_um, skin_male_um: Epidermis and dermis together, mean, by ultrasound.
        dermis_*_um, dermis_*_sd_um: Dermis alone, mean and standard deviation, by ultrasound.
        depth_*_um, dose_*_nl, spacing_*_um, session_total_*_nl: Range seen in use; the upper ends bind files.
        source: Where the figures come from.
    """

    id: str
    code: int
    short: str
    name: str
    view: str
    side: Side
    group: str
    risk: Risk
    skin_female_um: int | None
    skin_male_um: int | None
    dermis_female_um: int | None
    dermis_female_sd_um: int | None
    dermis_male_um: int | None
    dermis_male_sd_um: int | None
    depth_min_um: int | None
    depth_max_um: int | None
    dose_min_nl: int | None
    dose_max_nl: int | None
    spacing_min_um: int | None
    spacing_max_um: int | None
    session_total_min_nl: int | None
    session_total_max_nl: int | None
    source: str

    @property
    def no_go(self) -> bool:
        """Whether nothing may ever be injected here."""
        return self.risk == "no-go"


@cache
def catalogue() -> Mapping[str, Area]:
    """Return all areas by id, in the order of the body map."""
    areas = (_area(row) for row in rows("areas"))
    return MappingProxyType({area.id: area for area in areas})


@cache
def by_code() -> Mapping[int, Area]:
    """Return all areas by their number on the wire."""
    return MappingProxyType({area.code: area for area in catalogue().values()})


def same_skin(one: Area, other: Area) -> bool:
    """Return whether two areas share skin: they are one area, or one is the whole face and the other a part of it."""
    if one.id == other.id:
        return True
    return WHOLE_FACE in (one.id, other.id) and one.group == other.group == "face"


def _area(row: dict[str, str]) -> Area:
    return Area(
        id=row["id"],
        code=int(row["code"]),
        short=row["short"],
        name=row["name"],
        view=row["view"],
        side=cast("Side", row["side"]),
        group=row["group"],
        risk=cast("Risk", row["risk"]),
        skin_female_um=figure(row["epidermis_plus_dermis_f_um"]),
        skin_male_um=figure(row["epidermis_plus_dermis_m_um"]),
        dermis_female_um=figure(row["dermis_f_um"]),
        dermis_female_sd_um=figure(row["dermis_f_sd_um"]),
        dermis_male_um=figure(row["dermis_m_um"]),
        dermis_male_sd_um=figure(row["dermis_m_sd_um"]),
        depth_min_um=figure(row["depth_min_um"]),
        depth_max_um=figure(row["depth_max_um"]),
        dose_min_nl=figure(row["dose_min_nl"]),
        dose_max_nl=figure(row["dose_max_nl"]),
        spacing_min_um=figure(row["spacing_min_um"]),
        spacing_max_um=figure(row["spacing_max_um"]),
        session_total_min_nl=figure(row["session_total_min_nl"]),
        session_total_max_nl=figure(row["session_total_max_nl"]),
        source=row["source"],
    )
