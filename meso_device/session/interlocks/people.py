"""Rules about approval, operator, patient and course."""

from typing import Final

from meso_device.accounting.courses import next_due, past_sessions
from meso_device.session.checklist import ITEMS, Effect, areas_in, effect_of, missing
from meso_device.session.interlocks.case import Case
from protocols.treatment.areas import catalogue, same_skin
from protocols.treatment.courses import courses

# The roles that may treat; who holds them is the people package's.
TREATING_ROLES: Final = frozenset({"clinician"})


def practice_gun(case: Case) -> str:
    """Refuse to practise with a real gun."""
    if not case.practice or case.simulated:
        return ""
    return (
        "this is a real gun and no patient is named: open the session with a patient, or practise with a simulated gun"
    )


def approval(case: Case) -> str:
    """Refuse a treatment protocol that nobody approved, byte for byte, on a real gun."""
    approved = case.facts.approval
    if case.simulated or (approved is not None and approved.digest == case.plan.digest):
        return ""
    return (
        f"treatment protocol {case.plan.id} {case.plan.version} is '{case.plan.status}' and these very bytes were not "
        "approved here: a clinician must approve the file first"
    )


def role(case: Case) -> str:
    """Refuse an operator who does not act as somebody who may treat (I-62)."""
    if case.role in TREATING_ROLES:
        return ""
    return f"you act as {case.role or 'nobody'}: only a {' or '.join(sorted(TREATING_ROLES))} may arm the gun"


def checklist(case: Case) -> str:
    """Refuse while an item has no answer (I-64)."""
    items = missing(case.facts.checks)
    return f"checklist: {', '.join(items)} not answered; ask the patient and record the answers" if items else ""


def answered_badly(item: str, case: Case) -> str:
    """Refuse an answer of the checklist that blocks by itself."""
    answer = case.facts.checks.get(item, "")
    if effect_of(item, answer) not in (Effect.BLOCKS, Effect.SOFT, Effect.NOTE):
        return ""
    return f"checklist: {item} is answered '{answer}' ({ITEMS[item].question})"


def infection(case: Case) -> str:
    """Refuse an area that has an infection, and any that shares skin with it."""
    known = catalogue()
    here = known.get(case.area.area)
    answer = case.facts.checks.get("infection_in_area", "")
    hit = [area for area in areas_in(answer) if here is not None and same_skin(known[area], here)]
    return f"infection in {', '.join(hit)}: {case.area.area} must not be treated until it has healed" if hit else ""


def anticoagulants_note(case: Case) -> str:
    """Refuse a patient on anticoagulants without the clinician's note."""
    taken = effect_of("anticoagulants", case.facts.checks.get("anticoagulants", "")) is Effect.NOTE
    if not taken or "anticoagulants" in case.facts.notes:
        return ""
    return "the patient takes anticoagulants: discuss it and record the clinician's note with the answer"


def too_early(case: Case) -> str:
    """Refuse a session before the course's interval has passed, on all skin that the area shares (I-57)."""
    course = courses().get(case.plan.course)
    if course is None:
        return f"course {case.plan.course!r} is not in the table of courses: the interval cannot be checked"
    due = next_due(course, past_sessions(case.facts.last_given, case.area.area_code, case.plan.product_name))
    days = due.too_early_days(case.today)
    if not days:
        return ""
    done = f"{due.given} session{'s' if due.given > 1 else ''} given"
    return (
        f"{case.area.area} with {case.plan.product_name}: too early by {days} day{'s' if days > 1 else ''} for course "
        f"{course.id} ({done}{', course complete' if due.complete else ''}): wait"
    )
