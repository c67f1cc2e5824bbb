"""Rules about what is in the gun and on it: cleaning, lot, syringe, needle, head."""

import unicodedata
from typing import Final

from meso_device.accounting.cartridges import left_range_nl
from meso_device.accounting.clinic import PartUse
from meso_device.accounting.materials import is_expired
from meso_device.session.interlocks.case import Case, date_text
from protocols.treatment.limits import POINTS_MAX
from protocols.units import DAY_US, format_dose

# A part that was opened yesterday is not sterile today.
PART_AGE_US_MAX: Final = DAY_US
# The worst session known; a needle that made more is blunt, whoever it was for.
PART_SHOTS_MAX: Final = POINTS_MAX


def reprocessing(case: Case) -> str:
    """Refuse a gun that touched a patient in another session and was not cleaned since (I-53)."""
    last = case.facts.reprocessing
    if not last.contact_us or last.contact_session == case.session or last.cleaned_us > last.contact_us:
        return ""
    return (
        "the gun has not been cleaned since its last contact with a patient: clean it and record agent, lot and rinse "
        "(sterile water or saline, never tap water)"
    )


def cartridge(case: Case) -> str:
    """Refuse when nothing is recorded as being in the gun, or the gun noticed a change after it was (HZ-17)."""
    fitted = case.facts.cartridge
    if case.dry or (fitted is not None and not fitted.noticed):
        return ""
    if fitted is None:
        return "no syringe is recorded as fitted: scan and load it first"
    return (
        f"the gun noticed that its syringe was taken out after lot {fitted.lot!r} was recorded: look which one is in "
        "it now, and record it as fitted, also where it is the same"
    )


def product(case: Case) -> str:
    """Refuse another product than the treatment protocol's."""
    fitted = case.facts.cartridge
    if case.dry or fitted is None or fitted.product == case.plan.product_name:
        return ""
    return (
        f"{fitted.product!r} is in the gun, the treatment protocol is for {case.plan.product_name!r}: "
        "change the syringe or the treatment protocol"
    )


def lot_listed(case: Case) -> str:
    """Refuse a lot that the clinic has not listed."""
    fitted = case.facts.cartridge
    if case.dry or fitted is None or case.lot is not None:
        return ""
    return f"lot {fitted.lot!r} of {fitted.product!r} is not listed: add it to the stock with expiry and ingredients"


def lot_blocked(case: Case) -> str:
    """Refuse a lot that was blocked."""
    if case.dry or case.lot is None or not case.lot.blocked:
        return ""
    return f"lot {case.lot.lot!r} is blocked ({case.lot.blocked}): take it out of the gun and use another"


def lot_expired(case: Case) -> str:
    """Refuse a lot after its last day, also where only a clock that was set back says that it is not over."""
    lot = case.lot
    if case.dry or lot is None or not is_expired(lot, case.now.utc_us):
        return ""
    last_day = date_text(lot.expiry_day)
    if case.today > lot.expiry_day:
        return f"lot {lot.lot!r} expired after {last_day}: take it out of the gun and use another"
    return (
        f"lot {lot.lot!r} expired after {last_day} by the clock before it was set back: take it out of the gun, or "
        "if the clock is right now, list the lot again by its label (meso stock add --correct CODE)"
    )


def allergy(case: Case) -> str:
    """Refuse a lot with an ingredient that the patient must not get, and one of which that cannot be told."""
    lot, wanted = case.lot, case.facts.allergies
    if case.dry or lot is None:
        return ""
    if case.facts.checks.get("allergy") == "listed" and not wanted:
        return "an allergy is answered 'listed' and no ingredient is named: name the ingredients"
    if wanted and not lot.ingredients:
        return f"lot {lot.lot!r} has no ingredients on record and the patient has allergies: list its ingredients"
    refused = {_plain(name) for name in wanted}
    hit = [name for name in lot.ingredients if _plain(name) in refused]
    if not hit:
        return ""
    return f"lot {lot.lot!r} contains {', '.join(hit)}, the patient is allergic to it: do not use it for this patient"


def content(case: Case) -> str:
    """Refuse a grant of more than is certainly left in the syringe (I-29)."""
    fitted = case.facts.cartridge
    if case.dry or fitted is None:
        return ""
    least_nl, most_nl = left_range_nl(fitted)
    if most_nl < 0:
        return (
            f"by the records {format_dose(-most_nl)} more left the syringe than was loaded: check which one is fitted"
        )
    if case.ask_nl <= least_nl:
        return ""
    return (
        f"the syringe holds {format_dose(max(least_nl, 0))} for certain, the next grant takes up to "
        f"{format_dose(case.ask_nl)}: fit a full syringe"
    )


def needle(case: Case) -> str:
    """Refuse a needle that is not this patient's own, of this treatment, fresh (I-54)."""
    return _part(case, case.facts.needle, "needle", case.plan.needle_type_id)


def head(case: Case) -> str:
    """Refuse a head that is not this patient's own, of this treatment, fresh (I-54)."""
    return _part(case, case.facts.head, "head", case.plan.head_type_id)


def _part(case: Case, part: PartUse | None, kind: str, type_id: int) -> str:
    renew = f"fit a new {kind} and record it"
    if part is None:
        return f"no {kind} is recorded as fitted in this session: {renew}"
    if any(alias != case.alias for alias in part.aliases):
        return f"{kind} {part.serial!r} was used on another patient: take it off, {renew}"
    if case.alias not in part.aliases:
        return f"{kind} {part.serial!r} is not recorded as fitted for this patient: {renew}"
    if part.type_id != type_id:
        return (
            f"{kind} {part.serial!r} is of type {part.type_id}, the treatment protocol is for type {type_id}: {renew}"
        )
    if case.now.utc_us - part.fitted_us > PART_AGE_US_MAX:
        return f"{kind} {part.serial!r} was fitted more than {PART_AGE_US_MAX // DAY_US * 24} h ago: {renew}"
    if part.shots >= PART_SHOTS_MAX:
        return f"{kind} {part.serial!r} has made {part.shots} strokes, {PART_SHOTS_MAX} are allowed: {renew}"
    return ""


def _plain(name: str) -> str:
    """Return a name so that two ways of writing one ingredient are equal."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
