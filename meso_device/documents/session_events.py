"""What happened in a session beside the injections, each kind of record in a line: deviations, alarms, changes."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from meso_device.documents.numbers import short
from meso_device.records.session_story import Event
from protocols.treatment.areas import by_code

Fields: TypeAlias = Mapping[str, Any]


def _limit_override(fields: Fields) -> str:
    return f"{fields['code']}: limit {fields['limit']}, value {fields['value']}, reason {fields['reason']}"


def _plan_edited(fields: Fields) -> str:
    setpoint, old, new = fields["setpoint"], fields["old"], fields["new"]
    name, unit = {"depth_um": ("depth", " mm"), "dose_nl": ("dose", " µL")}.get(setpoint, (_words(setpoint), ""))
    if unit:
        old, new = short(old, 3), short(new, 3)
    return f"{fields['area']}: {name} {old} \N{RIGHTWARDS ARROW} {new}{unit}"


def _unknown(fields: Fields) -> str:
    return f"up to {fields['held_shots']} injections, {short(fields['held_nl'], 3)} µL, until the gun's log is read"


def _write_off(fields: Fields) -> str:
    area = by_code().get(fields["area_code"])
    where = area.name if area is not None else f"area {fields['area_code']}"
    return (
        f"{where}: {fields['shots_lo']} to {fields['shots_hi']} injections, {short(fields['dose_lo_nl'], 3)} to "
        f"{short(fields['dose_hi_nl'], 3)} µL stay unknown for good; reason {fields['reason']}"
    )


def _adverse(fields: Fields) -> str:
    areas = ", ".join(fields["areas"])
    when = f"after {fields['onset_day']} days"
    return f"{_words(fields['code'])}, {fields['severity']}, {when}, {areas}; told by {fields['reporter']}"


_TOLD: Final[Mapping[str, tuple[str, Callable[[Fields], str]]]] = {
    "interlock": ("rule", lambda f: str(f["detail"])),
    "limit.override": ("rule gone over", _limit_override),
    "plan.edited": ("plan changed", _plan_edited),
    "point.skipped": ("point skipped", lambda f: f"{f['area']}: point {f['point']}, {_words(f['reason'])}"),
    "stop": ("STOP pressed", lambda f: f"from {f['source']}"),
    "stop.heard": ("gun stopped", lambda f: f"{-(-f['after_us'] // 1_000)} ms after STOP was sent"),
    "estop.reset": ("stop reset", lambda f: f"latch {f['latch_id']}, reason {f['reason_code']}"),
    "alarm.raised": ("alarm", lambda f: str(f["alarm"])),
    "alarm.cleared": ("alarm over", lambda f: str(f["alarm"])),
    "alarm.acknowledged": ("alarm acknowledged", lambda f: str(f["alarm"])),
    "link.down": ("link lost", lambda f: str(f["cause"])),
    "grant.unknown": ("UNKNOWN", _unknown),
    "write_off": ("written off by two", _write_off),
    "gap": ("records missing", lambda _: "the gun's log has a hole"),
    "conflict": ("CONFLICT", lambda _: "the gun told of one injection in two ways"),
    "adverse_event": ("adverse event", _adverse),
    "note": ("note", lambda _: "its text is in the vault"),
}


def is_told(event: Event) -> bool:
    """Whether a record is a deviation, an alarm or a change, and not the ordinary course of a session."""
    if event.kind == "interlock":
        return "detail" in event.fields  # credit taken back belongs to the ordinary course
    return event.kind in _TOLD or event.kind.startswith("finding.")


def event_words(event: Event) -> tuple[str, str]:
    """Return what a record is and what it says."""
    if event.kind.startswith("finding."):
        return "finding", str(event.fields.get("detail", _words(event.kind)))
    name, words = _TOLD[event.kind]
    return name, words(event.fields)


def changed_areas(events: tuple[Event, ...]) -> frozenset[str]:
    """Return the areas of which the plan was changed after the opening."""
    return frozenset(str(event.fields["area"]) for event in events if event.kind == "plan.edited")


def _words(code: object) -> str:
    return str(code).replace("_", " ")
