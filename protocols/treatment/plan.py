"""A checked treatment as plain integers and strings: what the session engine works from.

No I/O, because the engine is pure. Numbers that stand for a choice are those of the wire
protocol's settings block.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import fields

from protocols.errors import UsageError

Json: TypeAlias = "int | str | list[Json] | dict[str, Json]"

MODES: Final[Mapping[str, int]] = {
    "single": 1,
    "burst": 2,
    "continuous": 3,
    "papule": 4,
    "micro-dose": 5,
    "mesoperfusion": 6,
    "dry": 7,
}
CONTACT_GATES: Final[Mapping[str, int]] = {"start": 1, "throughout": 2}
SUCTION_MODES: Final[Mapping[str, int]] = {"none": 0, "start": 1, "trigger": 2}
TRIGGERS: Final[Mapping[str, int]] = {"hand": 1, "pedal": 2, "suction": 4}


class AreaPlan(Struct, frozen=True, kw_only=True):
    """What is to be done in one area.

    Attributes:
        area: Id in the area catalogue.
        area_code: Number of the area on the wire.
        short: What the operator types to arm this area.
        points: Injections in one pass.
        passes: How often the whole area is gone over; `shots` is the number of injections in all.
        depth_um: Commanded needle travel.
        dose_nl: Volume of one injection over all needles of the head; 0 in dry mode and only there.
        spacing_um: From point to point.
        interval_ms: From shot to shot at least.
        flow_nl_per_s: Injection speed; 0 in dry mode and only there.
        dwell_ms: Wait before the needle is drawn.
        antidrip_nl: Backward plunger travel after a shot; never counted as dose.
        mode: One of `MODES`.
        pins: Needles of the head.
        burst_shots: Shots of one trigger pull; 0 outside burst mode.
        contact_gate: One of `CONTACT_GATES`.
        suction_threshold_pa: Below ambient; 0 without suction.
        suction_mode: One of `SUCTION_MODES`.
        trigger_mask: Sum of `TRIGGERS`.
        max_pressure_pa: Above it the gun aborts the shot.
        needle_speed_um_per_s: Speed of the needle.
        technique: Word for the record; may be empty.
        cap_nl: Most that the area may be given in the session.
    """

    area: str
    area_code: int
    short: str
    points: int
    passes: int
    depth_um: int
    dose_nl: int
    spacing_um: int
    interval_ms: int
    flow_nl_per_s: int
    dwell_ms: int
    antidrip_nl: int
    mode: int
    pins: int
    burst_shots: int
    contact_gate: int
    suction_threshold_pa: int
    suction_mode: int
    trigger_mask: int
    max_pressure_pa: int
    needle_speed_um_per_s: int
    technique: str
    cap_nl: int

    @property
    def shots(self) -> int:
        """Planned injections over all passes."""
        return self.points * self.passes

    @property
    def volume_nl(self) -> int:
        """Planned volume over all passes."""
        return self.shots * self.dose_nl

    def to_json(self) -> dict[str, Json]:
        """Return the plan as a flat object of integers and strings."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "AreaPlan":
        """Return the plan that `to_json` wrote.

        Raises:
            UsageError: a field is missing, unknown, negative or of another type.
        """
        checked = _checked(value, {field.name: field.type is int for field in fields(cls)})
        return cls(**cast("dict[str, int]", checked))  # type: ignore[arg-type]  # types were checked by name


class TreatmentPlan(Struct, frozen=True, kw_only=True):
    """What is to be done in one session.

    Attributes:
        id: Id of the treatment protocol.
        title: What people read.
        version: The author's version of the file.
        status: What the file says of itself; approval is not in the file but in the audit log, by digest.
        digest: SHA-256 of the file's bytes, in hex.
        course: Id of the course.
        product_name: Products in the syringe, joined by `` + ``.
        syringe_geometry_id: Number of the syringe on the wire.
        needle_type_id: Number of the needle on the wire.
        head_type_id: Number of the head on the wire.
        session_cap_nl: Most that may be given in the session.
        per_point_cap_nl: Most that one injection may be given.
        per_cm2_cap_nl: Most on one square centimetre in the session.
        per_day_cap_nl: Most in a day.
        per_course_interval_cap_nl: Most between the due dates of two sessions.
        per_lot_cap_nl: Most of one lot in one patient.
        areas: In the order of treatment.
    """

    id: str
    title: str
    version: str
    status: str
    digest: str
    course: str
    product_name: str
    syringe_geometry_id: int
    needle_type_id: int
    head_type_id: int
    session_cap_nl: int
    per_point_cap_nl: int
    per_cm2_cap_nl: int
    per_day_cap_nl: int
    per_course_interval_cap_nl: int
    per_lot_cap_nl: int
    areas: tuple[AreaPlan, ...]

    @property
    def shots(self) -> int:
        """Planned injections over all areas."""
        return sum(area.shots for area in self.areas)

    @property
    def volume_nl(self) -> int:
        """Planned volume over all areas."""
        return sum(area.volume_nl for area in self.areas)

    def to_json(self) -> dict[str, Json]:
        """Return the plan as an object of integers and strings; ``areas`` is a list of such objects."""
        flat: dict[str, Json] = {name: getattr(self, name) for name in _flat_types()}
        return {**flat, "areas": [area.to_json() for area in self.areas]}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "TreatmentPlan":
        """Return the plan that `to_json` wrote.

        Raises:
            UsageError: a field is missing, unknown, negative or of another type.
        """
        areas = value.get("areas")
        if not isinstance(areas, list) or not all(isinstance(area, dict) for area in areas):
            raise UsageError("stored plan refused: areas is not a list of objects")
        flat = {name: item for name, item in value.items() if name != "areas"}
        checked = _checked(flat, _flat_types())
        plans = tuple(AreaPlan.from_json(area) for area in areas)
        return cls(**cast("dict[str, int]", checked), areas=plans)  # type: ignore[arg-type]  # as above


def _flat_types() -> dict[str, bool]:
    """Return for each flat field of a treatment whether it is an integer; the others are strings."""
    return {field.name: field.type is int for field in fields(TreatmentPlan) if field.name != "areas"}


def _checked(value: Mapping[str, object], is_integer: Mapping[str, bool]) -> dict[str, object]:
    if set(value) != set(is_integer):
        odd = ", ".join(sorted(set(value) ^ set(is_integer)))[:100]
        raise UsageError(f"stored plan refused: missing or unknown fields: {odd}")
    for name, item in value.items():
        good = type(item) is int and item >= 0 if is_integer[name] else type(item) is str
        if not good:
            raise UsageError(f"stored plan refused: {name} is not a {'count' if is_integer[name] else 'text'}")
    return dict(value)
