"""What a treatment protocol file must keep to beyond its shape: catalogue, equipment, caps, modes, physics.

A check yields what is wrong and where; it changes nothing. Each value is compared with the lowest of the
limits that apply to it. What is unusual but not refused becomes a remark.
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from msgspec import Struct

from protocols.treatment.areas import Area, catalogue
from protocols.treatment.courses import courses
from protocols.treatment.feasibility import judge
from protocols.treatment.limits import HostLimits
from protocols.treatment.models import AreaEntry, TreatmentFile
from protocols.treatment.needles import Head, Needle, heads, needles
from protocols.treatment.positions import Path
from protocols.treatment.syringes import Syringe, dose_grid_nl, smallest_dose_nl, syringes
from protocols.units import FLOW, PRESSURE, format_depth, format_dose, format_quantity

_CM2_IN_UM2: Final = 10**8
_SHOWN_MAX: Final = 12


class Finding(Struct, frozen=True):
    """One thing wrong, at a key of the file."""

    path: Path
    what: str


class Fitted(Struct, frozen=True, kw_only=True):
    """What the file says is fitted, all of it found and usable."""

    syringe: Syringe
    pl_per_um: int
    smallest_dose_nl: int
    dose_grid_nl: int
    needle: Needle
    head: Head


def find_fitted(file: TreatmentFile, limits: HostLimits) -> Fitted | list[Finding]:
    """Return the syringe, needle and head of the file, or why they cannot be used."""
    named = file.equipment
    findings = [
        _unknown(("equipment", key), key, name, known)
        for key, name, known in (
            ("syringe", named.syringe, list(syringes())),
            ("needle", named.needle, list(needles())),
            ("head", named.head, list(heads())),
        )
        if name not in known
    ]
    if findings:
        return findings
    syringe, needle, head = syringes()[named.syringe], needles()[named.needle], heads()[named.head]
    if head.pins not in limits.pins:
        allowed = ", ".join(str(pins) for pins in sorted(limits.pins))
        what = f"a head with {head.pins} needles is not permitted on this host; permitted: {allowed}"
        findings.append(Finding(("equipment", "head"), what))
    if syringe.pl_per_um is None:
        what = f"the bore of syringe {syringe.id} is not known: measure it before it is used"
        return [*findings, Finding(("equipment", "syringe"), what)]
    return findings or Fitted(
        syringe=syringe,
        pl_per_um=syringe.pl_per_um,
        smallest_dose_nl=smallest_dose_nl(syringe.pl_per_um),
        dose_grid_nl=dose_grid_nl(syringe.pl_per_um),
        needle=needle,
        head=head,
    )


def check_file(file: TreatmentFile, limits: HostLimits, fitted: Fitted) -> Iterator[Finding]:
    """Yield everything that is wrong with a file of the right shape."""
    if file.treatment.course not in courses():
        yield _unknown(("treatment", "course"), "course", file.treatment.course, list(courses()))
    yield from _check_limits(file, limits)
    for index, entry in enumerate(file.area):
        yield from _check_area(file, index, entry, limits, fitted)
    yield from _check_together(file, limits)


def remarks(file: TreatmentFile) -> Iterator[str]:
    """Yield what is allowed but worth a second look."""
    for entry in file.area:
        area = catalogue()[entry.id]
        if area.depth_max_um is None or area.dose_max_nl is None:
            yield f"{entry.id}: no published range of depth and dose was found for this area"
        if area.depth_min_um is not None and entry.depth_um < area.depth_min_um:
            lowest = format_depth(area.depth_min_um)
            yield f"{entry.id}: {format_depth(entry.depth_um)} is below the range seen, from {lowest}"
        if area.dose_min_nl is not None and 0 < entry.dose_nl < area.dose_min_nl:
            lowest = format_dose(area.dose_min_nl)
            yield f"{entry.id}: {format_dose(entry.dose_nl)} is below the range seen, from {lowest}"
    if any(product.viscosity_upas is None for product in file.product):
        yield "product: without a viscosity it is not checked whether the needle passes the flow"


def area_cap_nl(file: TreatmentFile, entry: AreaEntry) -> int:
    """Return the most that an area may be given: its own cap, else the file's, else what is planned."""
    for cap_nl in (entry.cap_nl, file.limits.per_area_nl):
        if cap_nl is not None:
            return cap_nl
    return planned_nl(entry)


def session_cap_nl(file: TreatmentFile) -> int:
    """Return the most that a session may give: the file's cap, else what is planned."""
    cap_nl = file.limits.per_session_nl
    return cap_nl if cap_nl is not None else sum(planned_nl(entry) for entry in file.area)


def planned_nl(entry: AreaEntry) -> int:
    """Return the planned volume of an area over all passes."""
    return entry.points * entry.passes * entry.dose_nl


def _check_limits(file: TreatmentFile, limits: HostLimits) -> Iterator[Finding]:
    for attribute, field in type(file.limits).model_fields.items():
        asked_nl, host_nl = getattr(file.limits, attribute), getattr(limits, attribute)
        if asked_nl is not None and asked_nl > host_nl:
            what = (
                f"{format_dose(asked_nl)} is above this host's own limit of {format_dose(host_nl)}; "
                "a file can only lower it"
            )
            yield Finding(("limits", field.alias or attribute), what)


def _check_area(
    file: TreatmentFile, index: int, entry: AreaEntry, limits: HostLimits, fitted: Fitted
) -> Iterator[Finding]:
    at: Path = ("area", index)
    area = catalogue().get(entry.id)
    if area is None:
        yield _unknown((*at, "id"), "area", entry.id, [name for name, known in catalogue().items() if not known.no_go])
        return
    if area.no_go:
        yield Finding((*at, "id"), f"{area.name}: nothing may ever be injected here")
        return
    yield from _check_depth(at, entry, area, fitted)
    if entry.mode == "dry":
        yield from _check_dry(at, entry)
    else:
        yield from _check_dose(at, file, entry, area, limits, fitted)
        yield from _check_flow(at, file, entry, fitted)
    yield from _check_pace(at, entry)
    yield from _check_mode(at, entry)
    if area.spacing_min_um is not None and entry.spacing_um < area.spacing_min_um:
        closest = format_depth(area.spacing_min_um)
        what = f"{format_depth(entry.spacing_um)} is closer than area {area.id} allows, {closest}"
        yield Finding((*at, "spacing"), what)


def _check_depth(at: Path, entry: AreaEntry, area: Area, fitted: Fitted) -> Iterator[Finding]:
    depth = format_depth(entry.depth_um)
    if entry.depth_um == 0:
        yield Finding((*at, "depth"), "0 mm would not reach the skin")
    if area.depth_max_um is not None and entry.depth_um > area.depth_max_um:
        what = f"{depth} is deeper than area {area.id} allows, {format_depth(area.depth_max_um)}"
        yield Finding((*at, "depth"), what)
    if entry.depth_um > fitted.needle.length_um:
        length = format_depth(fitted.needle.length_um)
        what = f"{depth} is more than the needle {fitted.needle.id} is long, {length}"
        yield Finding((*at, "depth"), what)


def _check_dry(at: Path, entry: AreaEntry) -> Iterator[Finding]:
    for key, value in (
        ("dose", entry.dose_nl),
        ("flow", entry.flow_nl_per_s),
        ("antidrip", entry.antidrip_nl),
    ):
        if value != 0:
            yield Finding((*at, key), f"{key} must be 0 in dry mode, such as '{'0 mL/s' if key == 'flow' else '0 mL'}'")


def _check_dose(
    at: Path, file: TreatmentFile, entry: AreaEntry, area: Area, limits: HostLimits, fitted: Fitted
) -> Iterator[Finding]:
    dose, key = format_dose(entry.dose_nl), (*at, "dose")
    smallest_nl, grid_nl = fitted.smallest_dose_nl, fitted.dose_grid_nl
    if entry.dose_nl == 0:
        yield Finding(key, "0 mL is for dry mode alone")
        return
    if entry.dose_nl < smallest_nl:
        what = f"{dose} is below the smallest dose of syringe {fitted.syringe.id}, {format_dose(smallest_nl)}"
        yield Finding(key, what)
    if entry.dose_nl % grid_nl:
        grid = format_dose(grid_nl)
        what = f"{dose} is off the grid of syringe {fitted.syringe.id}: multiples of {grid} are allowed"
        yield Finding(key, what)
    caps = [(limits.per_point_nl, "this host allows a point")]
    if file.limits.per_point_nl is not None:
        caps.append((file.limits.per_point_nl, "limits.per_point of this file"))
    if area.dose_max_nl is not None:
        caps.append((area.dose_max_nl, f"area {area.id} allows a point"))
    cap_nl, whose = min(caps)
    if entry.dose_nl > cap_nl:
        yield Finding(key, f"{dose} is more than {whose}, {format_dose(cap_nl)}")
    yield from _check_density(at, file, entry, limits)
    yield from _check_area_cap(at, file, entry, area, limits)
    if entry.antidrip_nl > entry.dose_nl:
        yield Finding((*at, "antidrip"), f"{format_dose(entry.antidrip_nl)} is more than the dose itself, {dose}")


def _check_density(at: Path, file: TreatmentFile, entry: AreaEntry, limits: HostLimits) -> Iterator[Finding]:
    own_nl = file.limits.per_cm2_nl
    cap_nl = limits.per_cm2_nl if own_nl is None else min(own_nl, limits.per_cm2_nl)
    # Up to the next nanolitre, so that neither the check nor its message makes a value look smaller than it is.
    on_cm2_nl = -(-entry.dose_nl * entry.passes * _CM2_IN_UM2 // entry.spacing_um**2)
    if on_cm2_nl > cap_nl:
        what = f"dose, spacing and passes give {format_dose(on_cm2_nl)} per cm2; {format_dose(cap_nl)} is allowed"
        yield Finding((*at, "spacing"), what)


def _check_area_cap(
    at: Path, file: TreatmentFile, entry: AreaEntry, area: Area, limits: HostLimits
) -> Iterator[Finding]:
    planned, cap_nl = planned_nl(entry), area_cap_nl(file, entry)
    caps = [(limits.per_area_nl, "this host allows an area")]
    if file.limits.per_area_nl is not None:
        caps.append((file.limits.per_area_nl, "limits.per_area of this file"))
    if area.session_total_max_nl is not None:
        caps.append((area.session_total_max_nl, f"area {area.id} allows a session"))
    highest_nl, whose = min(caps)
    if entry.cap_nl is not None and entry.cap_nl > highest_nl:
        yield Finding((*at, "cap"), f"{format_dose(entry.cap_nl)} is more than {whose}, {format_dose(highest_nl)}")
    lowest_nl, whose = min((highest_nl, whose), (cap_nl, "its cap"))
    if planned > lowest_nl:
        product = f"{entry.points} points x {entry.passes} x {format_dose(entry.dose_nl)} = {format_dose(planned)}"
        yield Finding((*at, "points"), f"{product} is more than {whose}, {format_dose(lowest_nl)}")


def _check_flow(at: Path, file: TreatmentFile, entry: AreaEntry, fitted: Fitted) -> Iterator[Finding]:
    if entry.flow_nl_per_s == 0:
        yield Finding((*at, "flow"), "0 mL/s is for dry mode alone")
        return
    for product in file.product:
        if product.viscosity_upas is None:
            continue
        found = judge(
            needle=fitted.needle,
            pins=fitted.head.pins,
            viscosity_upas=product.viscosity_upas,
            flow_nl_per_s=entry.flow_nl_per_s,
            pl_per_um=fitted.pl_per_um,
            pressure_pa_max=entry.max_pressure_pa,
        )
        if not found.feasible:
            pressure, allowed = (
                format_quantity(at_pa, PRESSURE) for at_pa in (found.pressure_pa, entry.max_pressure_pa)
            )
            flow, fastest = (format_quantity(at, FLOW) for at in (entry.flow_nl_per_s, found.flow_nl_per_s_max))
            what = (
                f"{product.name} through {fitted.needle.id} at {flow} takes {pressure}, "
                f"more than max_pressure {allowed}: at most {fastest} is feasible"
            )
            yield Finding((*at, "flow"), what)


def _check_pace(at: Path, entry: AreaEntry) -> Iterator[Finding]:
    """Refuse a rate that leaves too little time for the needle to go in, dose, dwell and come out."""
    stroke_us = -(-2 * entry.depth_um * 1_000_000 // entry.needle_speed_um_per_s)
    dose_us = -(-entry.dose_nl * 1_000_000 // entry.flow_nl_per_s) if entry.flow_nl_per_s else 0
    cycle_ms = -(-(stroke_us + dose_us) // 1_000) + entry.dwell_ms
    if cycle_ms > entry.interval_ms:
        fitting = 60_000 // cycle_ms
        advice = f"at most {fitting} /min fits" if fitting else "no rate fits, raise the flow"
        what = (
            f"needle travel, dose and dwell take {cycle_ms} ms, but this rate leaves {entry.interval_ms} ms: {advice}"
        )
        yield Finding((*at, "rate"), what)


def _check_mode(at: Path, entry: AreaEntry) -> Iterator[Finding]:
    if entry.mode == "burst" and entry.burst_shots is None:
        yield Finding((*at, "mode"), "burst mode needs burst_shots, 1 to 50")
    if entry.mode != "burst" and entry.burst_shots is not None:
        yield Finding((*at, "burst_shots"), "burst_shots is for burst mode alone")
    if (entry.suction == "none") != (entry.suction_threshold_pa == 0):
        what = "suction and suction_threshold belong together: both or neither"
        yield Finding((*at, "suction_threshold" if entry.suction == "none" else "suction"), what)
    if ("suction" in entry.trigger) != (entry.suction == "trigger"):
        yield Finding((*at, "trigger"), "trigger 'suction' and suction = 'trigger' belong together")
    if len(set(entry.trigger)) != len(entry.trigger):
        yield Finding((*at, "trigger"), "a trigger is named twice")


def _check_together(file: TreatmentFile, limits: HostLimits) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, entry in enumerate(file.area):
        if entry.id in seen:
            what = f"area {entry.id} is there already: an area has one depth and one dose in a session"
            yield Finding(("area", index, "id"), what)
        seen.setdefault(entry.id, index)
    if "face_whole" in seen:
        for name, index in seen.items():
            if name != "face_whole" and name in catalogue() and catalogue()[name].group == "face":
                yield Finding(("area", index, "id"), f"area {name} lies inside face_whole: it would be treated twice")
    planned = sum(planned_nl(entry) for entry in file.area)
    caps = [
        (limits.per_session_nl, "this host allows a session"),
        (limits.per_day_nl, "this host allows a day"),
    ]
    for key in ("per_session", "per_day", "per_course_interval", "per_lot"):
        own_nl = getattr(file.limits, f"{key}_nl")
        if own_nl is not None:
            caps.append((own_nl, f"limits.{key} of this file"))
    cap_nl, whose = min(caps)
    if planned > cap_nl:
        yield Finding(
            ("area",),
            f"all areas together plan {format_dose(planned)}, more than {whose}, {format_dose(cap_nl)}",
        )
    loaded = sum(product.volume_nl for product in file.product)
    if planned > loaded:
        what = f"all areas together plan {format_dose(planned)}, but the products hold {format_dose(loaded)}"
        yield Finding(("product",), what)


def _unknown(path: Path, kind: str, name: str, known: list[str]) -> Finding:
    near = get_close_matches(name, known, 1)
    shown = ", ".join(known[:_SHOWN_MAX]) + (f" ... ({len(known)} in all)" if len(known) > _SHOWN_MAX else "")
    hint = f"did you mean {near[0]!r}?" if near else f"known are {shown}"
    return Finding(path, f"unknown {kind} {name!r}: {hint}")
