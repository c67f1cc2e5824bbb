"""The shape of a treatment protocol file; the names that people write are the aliases."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from protocols.treatment import limits
from protocols.treatment.quantities import (
    Antidrip,
    Depth,
    Dose,
    Dwell,
    Flow,
    Id,
    NeedleSpeed,
    Pressure,
    ProductWords,
    Rate,
    Spacing,
    Suction,
    Version,
    Viscosity,
    Volume,
    Words,
)

# More than the catalogue holds.
AREAS_MAX: Final = 60

Mode: TypeAlias = Literal["single", "burst", "continuous", "papule", "micro-dose", "mesoperfusion", "dry"]
Technique: TypeAlias = Literal[
    "nappage",
    "micropapule",
    "intradermal",
    "lit",
    "point-by-point",
    "hypodermal",
    "multi-needle",
    "dry-needling",
]
# No file can approve itself: approval is a signed record of the file's digest.
Status: TypeAlias = Literal["example, unapproved", "unapproved"]

# TOML knows arrays only, which arrive as lists: strictness holds for the elements.
WordsList: TypeAlias = Annotated[tuple[Words, ...], Field(strict=False, min_length=1, max_length=20)]
TriggerList: TypeAlias = Annotated[
    tuple[Literal["hand", "pedal", "suction"], ...], Field(strict=False, min_length=1, max_length=3)
]


class _Strict(BaseModel):
    # One schema is built, that of the whole file and when it is needed: building one for each part takes longer.
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True)


class TreatmentHead(_Strict):
    """What the file is and who answers for it."""

    id: Id
    title: Words
    version: Version
    author: Words
    status: Status
    course: Id
    indications: WordsList
    sources: WordsList
    note: Words | None = None


class ProductEntry(_Strict):
    """One product in the syringe. There is no key for an amount of a drug, on purpose."""

    name: ProductWords
    volume_nl: Volume = Field(alias="volume")
    viscosity_upas: Viscosity | None = Field(default=None, alias="viscosity")
    note: ProductWords | None = None


class EquipmentEntry(_Strict):
    """What is fitted for the whole session; another needle, head or syringe is another treatment protocol."""

    syringe: Id
    needle: Id
    head: Id = "single"


class LimitsEntry(_Strict):
    """Caps of this treatment protocol; each can only lower the host's."""

    per_point_nl: Volume | None = Field(default=None, alias="per_point")
    per_cm2_nl: Volume | None = Field(default=None, alias="per_cm2")
    per_area_nl: Volume | None = Field(default=None, alias="per_area")
    per_session_nl: Volume | None = Field(default=None, alias="per_session")
    per_day_nl: Volume | None = Field(default=None, alias="per_day")
    per_course_interval_nl: Volume | None = Field(default=None, alias="per_course_interval")
    per_lot_nl: Volume | None = Field(default=None, alias="per_lot")


class AreaEntry(_Strict):
    """One area; each key but ``id`` may stand under ``[defaults]`` instead."""

    id: Id
    depth_um: Depth = Field(alias="depth")
    dose_nl: Dose = Field(alias="dose")
    spacing_um: Spacing = Field(alias="spacing")
    points: int = Field(ge=1, le=limits.POINTS_MAX)
    interval_ms: Rate = Field(alias="rate")
    mode: Mode
    flow_nl_per_s: Flow = Field(alias="flow")
    passes: int = Field(default=1, ge=1, le=limits.PASSES_MAX)
    technique: Technique | None = None
    burst_shots: int | None = Field(default=None, ge=1, le=limits.BURST_SHOTS_MAX)
    dwell_ms: Dwell = Field(default=0, alias="dwell")
    antidrip_nl: Antidrip = Field(default=0, alias="antidrip")
    contact: Literal["start", "throughout"] = "throughout"
    suction: Literal["none", "start", "trigger"] = "none"
    suction_threshold_pa: Suction = Field(default=0, alias="suction_threshold")
    trigger: TriggerList = ("hand",)
    max_pressure_pa: Pressure = Field(default=400_000, alias="max_pressure")
    needle_speed_um_per_s: NeedleSpeed = Field(default=100_000, alias="needle_speed")
    cap_nl: Volume | None = Field(default=None, alias="cap")
    note: Words | None = None


class TreatmentFile(_Strict):
    """A treatment protocol file; ``[defaults]`` is merged into each area before this is built."""

    treatment: TreatmentHead
    product: Annotated[tuple[ProductEntry, ...], Field(strict=False, min_length=1, max_length=10)]
    equipment: EquipmentEntry
    limits: LimitsEntry = LimitsEntry()
    area: Annotated[tuple[AreaEntry, ...], Field(strict=False, min_length=1, max_length=AREAS_MAX)]
