"""The caps that a grant must keep; they are checked where the grant is inserted (I-25).

A cap's figure is the lowest of the treatment protocol's, the host's (the build's, lowered by the clinic's file) and
the gun's: each can only lower it. Hard caps are never passed. A soft cap is what the treatment protocol plans or asks
for where a signed reason may go beyond it; above each of them stands the hard cap of host and gun.

| cap | over | hard | soft, with its code |
|---|---|---|---|
| points | area, session | one pass more than planned | planned: ``second_pass.<area>`` |
| area | area, session | treatment protocol, host | |
| 1 cm2 | area, session; and area, patient, 24 h | treatment protocol, host | |
| session | session | treatment protocol, host, gun | |
| day | patient, 24 h | host | treatment protocol: ``day_cap`` |
| course interval | patient, product, interval | host | treatment protocol: ``interval_cap`` |
| lot | patient, product, lot | treatment protocol, host | |

A point's own cap is the dose of one injection; it needs no sum and is an interlock (`point_cap_nl`).

The surface of an area is not measured. The caps per cm2 take it as planned: each point of a pass stands for a square
of its spacing, so that an area of n points at spacing s has n x s2 of skin. Who treats a smaller patch than planned
gives more per cm2 than this can see.
"""

from collections.abc import Collection
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from meso_device.accounting.entries import Cap
from protocols.treatment.areas import catalogue
from protocols.treatment.limits import BUILD_LIMITS, HostLimits
from protocols.treatment.plan import AreaPlan, TreatmentPlan
from protocols.units import DAY_US

SECOND_PASS: Final = "second_pass"  # noqa: S105  # a code, no password
DAY_CAP: Final = "day_cap"
INTERVAL_CAP: Final = "interval_cap"

_UM2_PER_CM2: Final = 10**8


class CapScope(Struct, frozen=True, kw_only=True):
    """Whom and what the caps of a grant are about.

    Attributes:
        session: Session of the grant.
        alias: Its patient.
        product: Product in the syringe.
        lot: Its lot; empty in practice.
        now_us: UTC now.
        interval_days: Days that the cap per course interval looks back; 0 for none
            (`meso_device.accounting.courses.interval_days`).
        gun_session_nl: What the gun allows in one of its sessions, by its LIMITS_GET.
        gun_session_shots: The same in shots.
        host: Limits of build and clinic.
        overrides: Codes of the signed overrides of this session.
    """

    session: str
    alias: str
    product: str
    lot: str
    now_us: int
    interval_days: int
    gun_session_nl: int
    gun_session_shots: int
    host: HostLimits = BUILD_LIMITS
    overrides: Collection[str] = field(default=())


def grant_caps(plan: TreatmentPlan, area: AreaPlan, scope: CapScope) -> tuple[Cap, ...]:
    """Return every cap that a grant for this area must keep; soft ones that were overridden are left out."""
    return (
        *_of_area(plan, area, scope),
        _of_session(plan, scope),
        *_of_day(plan, scope),
        *_of_interval(plan, scope),
        *_of_lot(plan, scope),
    )


def point_cap_nl(plan: TreatmentPlan, area: AreaPlan, host: HostLimits, gun_dose_nl_max: int) -> int:
    """Return the most that one injection may be: the lowest of treatment protocol, host, gun and area catalogue."""
    known = catalogue().get(area.area)
    of_area_nl = known.dose_max_nl if known is not None and known.dose_max_nl is not None else host.per_point_nl
    return min(plan.per_point_cap_nl, host.per_point_nl, gun_dose_nl_max, of_area_nl)


def second_pass_code(area: AreaPlan) -> str:
    """Return the code of the override that permits one pass more than planned over an area."""
    return f"{SECOND_PASS}.{area.area}"


def cm2_cap_nl(per_cm2_nl: int, area: AreaPlan) -> int:
    """Return what an area may be given so that no square centimetre of its planned surface gets more than allowed."""
    return per_cm2_nl * area.points * area.spacing_um**2 // _UM2_PER_CM2


def _of_area(plan: TreatmentPlan, area: AreaPlan, scope: CapScope) -> list[Cap]:
    here = Cap(name=f"area {area.area}", area_code=area.area_code, session=scope.session)
    points = f"points of {area.area}"
    caps = [replace(here, name=f"{points} with one pass more", limit_shots=area.shots + area.points)]
    code = second_pass_code(area)
    if code not in scope.overrides:
        caps.append(replace(here, name=points, limit_shots=area.shots, hard=False, code=code))
    if not area.dose_nl:
        return caps  # dry: nothing is injected
    known = catalogue().get(area.area)
    area_nl = min(area.cap_nl, scope.host.per_area_nl)
    if known is not None and known.session_total_max_nl is not None:
        area_nl = min(area_nl, known.session_total_max_nl)
    on_cm2 = replace(
        here,
        name=f"1 cm2 of {area.area}",
        limit_nl=_at_least_one(cm2_cap_nl(min(plan.per_cm2_cap_nl, scope.host.per_cm2_nl), area)),
    )
    # A session that is closed and opened again does not give the skin back what it got.
    in_a_day = replace(
        on_cm2, name=f"{on_cm2.name} in 24 h", session="", alias=scope.alias, since_us=scope.now_us - DAY_US
    )
    return [*caps, replace(here, limit_nl=_at_least_one(area_nl)), on_cm2, in_a_day]


def _of_session(plan: TreatmentPlan, scope: CapScope) -> Cap:
    return Cap(
        name="session",
        limit_nl=_at_least_one(min(plan.session_cap_nl, scope.host.per_session_nl, scope.gun_session_nl)),
        limit_shots=_at_least_one(scope.gun_session_shots),
        session=scope.session,
    )


def _of_window(own: Cap, host_nl: int, overrides: Collection[str]) -> list[Cap]:
    """Return the caps of a window: the treatment protocol's own, soft, and the host's above it, hard."""
    caps = [replace(own, name=f"{own.name}, host", limit_nl=_at_least_one(host_nl), hard=True, code="")]
    if own.limit_nl < host_nl and own.code not in overrides:
        caps.append(replace(own, limit_nl=_at_least_one(own.limit_nl)))
    return caps


def _of_day(plan: TreatmentPlan, scope: CapScope) -> list[Cap]:
    own = Cap(
        name="24 hours",
        limit_nl=plan.per_day_cap_nl,
        alias=scope.alias,
        since_us=scope.now_us - DAY_US,
        hard=False,
        code=DAY_CAP,
    )
    return _of_window(own, scope.host.per_day_nl, scope.overrides)


def _of_interval(plan: TreatmentPlan, scope: CapScope) -> list[Cap]:
    if not scope.interval_days:
        return []
    own = Cap(
        name=f"course interval of {scope.interval_days} days",
        limit_nl=plan.per_course_interval_cap_nl,
        alias=scope.alias,
        product=scope.product,
        since_us=scope.now_us - scope.interval_days * DAY_US,
        hard=False,
        code=INTERVAL_CAP,
    )
    return _of_window(own, scope.host.per_course_interval_nl, scope.overrides)


def _of_lot(plan: TreatmentPlan, scope: CapScope) -> list[Cap]:
    if not scope.lot:
        return []
    limit_nl = _at_least_one(min(plan.per_lot_cap_nl, scope.host.per_lot_nl))
    return [Cap(name=f"lot {scope.lot}", limit_nl=limit_nl, alias=scope.alias, product=scope.product, lot=scope.lot)]


def _at_least_one(limit: int) -> int:
    """Return a limit as a cap bears it: there 0 means none at all, and no injection is as small as 1."""
    return max(limit, 1)
