"""What the screen is told first: everything to choose from, none of which changes while the host runs."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from meso_device.host.console_gun import RESET_REASONS
from meso_device.host.console_plan import AGAIN_REASONS, SKIP_REASONS
from meso_device.host.console_settings import ConsoleSettings
from meso_device.host.prepared import AFTERCARE
from meso_device.host.write_off_desk import REASONS
from meso_device.people.adverse import Reaction, Reporter, Severity
from meso_device.people.roles import Role
from meso_device.screen_messages import VERSION, Body
from meso_device.session.checklist import ITEMS
from meso_device.session.overrides import SOFT_CODES, takes_two
from protocols.treatment.needles import heads, needles
from protocols.treatment.plan import TreatmentPlan
from protocols.treatment.syringes import syringes


def welcome(
    *,
    plans: Mapping[str, TreatmentPlan],
    approved: Collection[str],
    simulated: bool,
    enrolled: bool,
    settings: ConsoleSettings,
    before: Body,
) -> Body:
    """Return the body of WELCOME.

    Args:
        plans: Treatments that a practice session can be of, by name.
        approved: Digests of the files that a clinician here approved, whatever they call themselves.
        simulated: The gun was started with the console.
        enrolled: Somebody is enrolled in this data directory.
        settings: What is set.
        before: Who signed in last and which guns were met.
    """
    return {
        "version": VERSION,
        "simulated": simulated,
        "enrolled": enrolled,
        "treatments": [_treatment(name, plan, approved=plan.digest in approved) for name, plan in plans.items()],
        "reset_reasons": _reasons(RESET_REASONS),
        "skip_reasons": _reasons(SKIP_REASONS),
        "again_reasons": _reasons(AGAIN_REASONS),
        "write_off_reasons": _reasons(REASONS),
        "two_people": [name for name in SOFT_CODES if takes_two(name)],
        "roles": [role.value for role in Role],
        "reactions": [one.value for one in Reaction],
        "severities": [one.value for one in Severity],
        "reporters": [one.value for one in Reporter],
        "settings": dict(settings.shown),
        "checklist": [
            *(_question(name, item.question, item.answers) for name, item in ITEMS.items()),
            _question(AFTERCARE, "Is aftercare explained and given?", ("yes", "no")),
        ],
        "needles": list(needles()),
        "heads": list(heads()),
        "syringes": [one.id for one in syringes().values() if one.pl_per_um is not None],
        **before,
    }


def _treatment(name: str, plan: TreatmentPlan, *, approved: bool) -> dict[str, Any]:
    return {
        "name": name,
        "title": plan.title,
        "version": plan.version,
        "status": "approved" if approved else plan.status,
        "points": plan.shots,
        "volume_nl": plan.volume_nl,
    }


def _reasons(texts: Mapping[Any, str]) -> list[dict[str, Any]]:
    return [{"code": code, "text": text} for code, text in texts.items()]


def _question(item: str, question: str, answers: Iterable[str]) -> dict[str, Any]:
    return {"item": item, "question": question, "answers": list(answers)}
