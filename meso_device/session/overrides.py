"""What a signed override goes over: the limit and the value, as they stand when it is signed. Pure."""

from collections.abc import Mapping
from typing import Final

from meso_device.accounting.caps import DAY_CAP, INTERVAL_CAP, SECOND_PASS
from meso_device.session.checklist import ITEMS, Effect
from meso_device.session.interlocks import RULES
from protocols.errors import UsageError
from protocols.treatment.plan import AreaPlan, TreatmentPlan
from protocols.units import format_dose

SOFT_CODES: Final = (*(name for name, rule in RULES.items() if rule.soft), DAY_CAP, INTERVAL_CAP)
"""What a clinician may go over, by name; those about one area take the area behind a dot."""
_BY_AREA: Final = frozenset(name for name, rule in RULES.items() if rule.by_area)


def check_code(code: str) -> None:
    """Refuse with UsageError a code that no override opens."""
    name, _, area = code.partition(".")
    if name in RULES and name not in SOFT_CODES:
        raise UsageError(f"--override {name} refused: nobody may go over this rule")
    if name not in SOFT_CODES or bool(area) != (name in _BY_AREA):
        known = ", ".join(f"{one}.AREA" if one in _BY_AREA else one for one in SOFT_CODES)
        raise UsageError(f"--override {code[:60]!r} refused: the code that the refusal named, one of {known}")


def takes_two(code: str) -> bool:
    """Return whether this rule is gone over by two people alone: each with a PIN, both signing."""
    name = code.partition(".")[0]
    return name in RULES and RULES[name].two_people


def terms(code: str, plan: TreatmentPlan, answers: Mapping[str, str], day: str) -> tuple[str, str]:
    """Return the limit that an override goes over, and the value asked for beyond it, as a person reads them.

    Args:
        code: Checked by `check_code`.
        plan: Treatment protocol of the session.
        answers: Told answers of the checklist by item.
        day: Today, as a date.

    Raises:
        UsageError: the area is not in the treatment protocol.
    """
    name, _, area_id = code.partition(".")
    if name in ITEMS:
        passing = (answer for answer, effect in ITEMS[name].answers.items() if effect is Effect.PASSES)
        return " or ".join(passing), answers.get(name, "")
    if name == DAY_CAP:
        return f"{format_dose(plan.per_day_cap_nl)} in 24 hours", f"{format_dose(plan.volume_nl)} more"
    if name == INTERVAL_CAP:
        return f"{format_dose(plan.per_course_interval_cap_nl)} in an interval", f"{format_dose(plan.volume_nl)} more"
    if name in _BY_AREA:
        area = _area(plan, area_id)
        if name == SECOND_PASS:
            return f"{area.shots} injections", f"{area.shots + area.points} injections"
        return "no sensitive area without confirmation", area_id
    return f"interval of course {plan.course}", day


def _area(plan: TreatmentPlan, area_id: str) -> AreaPlan:
    for area in plan.areas:
        if area.area == area_id:
            return area
    known = ", ".join(area.area for area in plan.areas)
    raise UsageError(f"--override for area {area_id[:40]!r} refused: the treatment protocol has {known}")
