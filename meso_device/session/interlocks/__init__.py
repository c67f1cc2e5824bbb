"""What forbids an area, as of now: the clinic's rules in one table, and the verdict over them. Pure."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from meso_device.accounting.caps import SECOND_PASS
from meso_device.session.interlocks import gun, host, materials, people
from meso_device.session.interlocks.case import Block, Case, Rule

__all__ = ["RULES", "Block", "Case", "Rule", "judge", "protocol_status"]

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "practice_gun": Rule(people.practice_gun, "HZ-36", practice=True),
        "approval": Rule(people.approval, "HZ-58"),
        "role": Rule(people.role, "HZ-35"),
        "checklist": Rule(people.checklist, "HZ-57"),
        "identity": Rule(partial(people.answered_badly, "identity"), "HZ-16"),
        "explained": Rule(partial(people.answered_badly, "explained"), "HZ-57"),
        "consent": Rule(partial(people.answered_badly, "consent"), "HZ-57"),
        "needle_new": Rule(partial(people.answered_badly, "needle_new"), "HZ-34"),
        "infection": Rule(people.infection, "HZ-57"),
        "anticoagulants_note": Rule(people.anticoagulants_note, "HZ-57"),
        "anticoagulants": Rule(partial(people.answered_badly, "anticoagulants"), "HZ-57", soft=True),
        "pregnancy": Rule(partial(people.answered_badly, "pregnancy"), "HZ-57", soft=True),
        "bleeding_disorder": Rule(partial(people.answered_badly, "bleeding_disorder"), "HZ-57", soft=True),
        "herpes_history": Rule(partial(people.answered_badly, "herpes_history"), "HZ-57", soft=True),
        "implants_near_site": Rule(partial(people.answered_badly, "implants_near_site"), "HZ-57", soft=True),
        "reprocessing": Rule(materials.reprocessing, "HZ-42"),
        "cartridge": Rule(materials.cartridge, "HZ-17"),
        "product": Rule(materials.product, "HZ-17"),
        "lot_listed": Rule(materials.lot_listed, "HZ-43"),
        "lot_blocked": Rule(materials.lot_blocked, "HZ-43"),
        "lot_expired": Rule(materials.lot_expired, "HZ-43"),
        "allergy": Rule(materials.allergy, "HZ-57"),
        "content": Rule(materials.content, "HZ-21"),
        "needle": Rule(materials.needle, "HZ-34"),
        "head": Rule(materials.head, "HZ-44"),
        "calibration": Rule(gun.calibration, "HZ-20", practice=True),
        "calibration_judged": Rule(gun.calibration_judged, "HZ-20", practice=True),
        "calibration_use": Rule(gun.calibration_use, "HZ-20", practice=True),
        "calibration_impact": Rule(gun.calibration_impact, "HZ-20"),
        "wear": Rule(gun.wear, "HZ-21", practice=True),
        "geometry": Rule(gun.geometry, "HZ-45", practice=True),
        "syringe_measured": Rule(gun.syringe_measured, "HZ-45"),
        "syringe_lot": Rule(gun.syringe_lot, "HZ-45", soft=True),
        "bore": Rule(gun.bore, "HZ-45", practice=True),
        "smallest_dose": Rule(gun.smallest_dose, "HZ-46", practice=True),
        "dose_grid": Rule(gun.dose_grid, "HZ-46", practice=True),
        "point_dose": Rule(gun.point_dose, "HZ-58", practice=True),
        "pins": Rule(gun.pins, "HZ-53", practice=True),
        "flow": Rule(gun.flow, "HZ-49"),
        "area": Rule(gun.area, "HZ-52", practice=True),
        "sensitive_area": Rule(gun.sensitive_area, "HZ-52", soft=True, by_area=True, two_people=True),
        "depth": Rule(gun.depth, "HZ-50", practice=True),
        "disk_low": Rule(host.disk_low, "HZ-31", practice=True),
        "outside": Rule(host.outside, "HZ-25"),
        "too_early": Rule(people.too_early, "HZ-48", soft=True),
        SECOND_PASS: Rule(gun.second_pass, "HZ-47", soft=True, practice=True, by_area=True),
    }
)


def judge(case: Case, rules: Mapping[str, Rule] = RULES) -> list[Block]:
    """Return what stands against arming, in the order of the table; empty when the area may be armed.

    A soft block is left out once a signed reason for its code is among the facts' overrides. Without a patient only
    the rules marked for practice are judged, and nobody signs anything.
    """
    signed = {override.code for override in case.facts.overrides}
    blocks = []
    for name, rule in rules.items():
        if case.practice and not rule.practice:
            continue
        code = f"{name}.{case.area.area}" if rule.by_area else name
        if rule.soft and not case.practice and code in signed:
            continue
        text = rule.find(case)
        if text and rule.soft and not case.practice:
            who = "two clinicians" if rule.two_people else "a clinician"
            text = f"{text}; {who} may go on with a signed reason (override {code})"
        if text:
            blocks.append(Block(code, text, rule.soft, rule.hazard))
    return blocks


def protocol_status(case: Case) -> tuple[str, str]:
    """Return how the treatment protocol stands, for every screen and record of it, and who approved it.

    The second is empty, and the first what the file says of itself, until these very bytes are approved.
    """
    approved = case.facts.approval
    if approved is None or approved.digest != case.plan.digest:
        return case.plan.status, ""
    return "approved", approved.op
