"""A session with a patient as it is being prepared: who, what, what was answered, what is fitted. No name is in it."""

import secrets
from typing import Final

from msgspec import Struct, field

from meso_device.accounting.cartridges import left_range_nl
from meso_device.accounting.clinic import Approval, Cartridge, Lot, Reprocessing
from meso_device.accounting.materials import checked_lot, day_text, is_expired
from meso_device.audit.database import Log
from meso_device.audit.facts import approval_of, clinic_facts
from meso_device.host.clinical import Clinical, Fitted
from meso_device.people.subject import Sex
from meso_device.people.vault import Patient
from meso_device.screen_messages import Body
from meso_device.session.checklist import ITEMS, Answer, effect_of, missing
from protocols.errors import UsageError
from protocols.treatment.advisory import Sex as AdvisedSex
from protocols.treatment.needles import heads, needles
from protocols.treatment.plan import TreatmentPlan
from protocols.treatment.syringes import smallest_dose_nl, syringes

ID_BYTES: Final = 16
PARTS: Final = ("needle", "head")
AFTERCARE: Final = "aftercare"
_NOBODY: Final = ("", 0)


class Material(Struct, frozen=True, kw_only=True):
    """What the log says of a gun now: read again after each change of it.

    Attributes:
        cartridge: What is in the gun; None if nothing is recorded.
        reprocessing: Its newest cleaning and its newest contact with a patient.
        lots: Listed lots of the treatment's products and of what is in the gun.
    """

    cartridge: Cartridge | None
    reprocessing: Reprocessing
    lots: tuple[Lot, ...]

    def is_clean_for(self, session: str) -> bool:
        """Whether the gun was cleaned since it last touched a patient of another session."""
        last = self.reprocessing
        return not last.contact_us or last.contact_session == session or last.cleaned_us > last.contact_us


class Prepared(Struct, kw_only=True):
    """What a session begins with, and goes on with while it is open.

    Attributes:
        session: Fresh random id, 32 hex digits; or that of the session that was taken up.
        alias, subject: Patient, and the vault's commitment to who that is.
        sex: For the depth advisory; it is shown and never recorded.
        allergies: Ingredients that the vault knows of.
        plan: Treatment.
        approval: Of its very bytes; None without one.
        answers: Of the checklist, by item.
        asked: Who took each answer in this run, and when: login and UTC.
        consent: Form and version that were signed; None without.
        parts: Needle and head, by part.
        aftercare: Whether it is given; None where nobody said.
        material: What is in the gun, and whether it is clean; None before the gun is known.
        op: Who opened or took up the session; empty before.
    """

    session: str
    alias: str
    subject: str
    sex: AdvisedSex | None
    allergies: tuple[str, ...]
    plan: TreatmentPlan
    approval: Approval | None
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: dict[str, tuple[str, int]] = field(default_factory=dict)
    consent: tuple[str, str] | None = None
    parts: dict[str, Fitted] = field(default_factory=dict)
    aftercare: bool | None = None
    material: Material | None = None
    op: str = ""

    @classmethod
    def fresh(cls, patient: Patient, plan: TreatmentPlan, db: Log) -> "Prepared":
        """Begin with a patient and a treatment; nothing is answered yet."""
        return cls(
            session=secrets.token_hex(ID_BYTES),
            alias=patient.alias,
            subject=patient.facts.subject,
            sex=advised(patient),
            allergies=patient.facts.allergies,
            plan=plan,
            approval=approval_of(db, plan.digest),
        )

    def told(self) -> dict[str, str]:
        """Return the answers by item, as the rules and overrides look at them."""
        return {item: answer.answer for item, answer in self.answers.items()}

    def missing(self) -> tuple[str, ...]:
        """Return what nobody has answered or fitted yet."""
        return (*missing(self.told()), *(part for part in PARTS if part not in self.parts))

    def clinical(self, op: str, role: str) -> Clinical:
        """Return the session as it is opened by this operator."""
        return Clinical(
            session=self.session,
            alias=self.alias,
            subject=self.subject,
            op=op,
            role=role,
            answers=tuple(self.answers[item] for item in ITEMS if item in self.answers),
            consent=self.consent,
            fitted=tuple(self.parts[part] for part in PARTS if part in self.parts),
            sex=self.sex,
            aftercare=self.aftercare,
            overrides=(),
        )

    def shown(self, utc_us: int) -> Body:
        """Return it as the screen gets it."""
        syringe = next((one for one in syringes().values() if one.geometry_id == self.plan.syringe_geometry_id), None)
        bore = syringe.pl_per_um if syringe is not None else None
        return {
            "session": self.session,
            "alias": self.alias,
            "title": self.plan.title,
            "version": self.plan.version,
            "status": "approved" if self.approval is not None else self.plan.status,
            "answers": {
                item: {
                    "answer": answer.answer,
                    "effect": effect.name.lower(),
                    "noted": bool(answer.note_hash),
                    "by": self.asked.get(item, _NOBODY)[0],
                    "at_us": self.asked.get(item, _NOBODY)[1],
                    "ingredients": list(answer.ingredients),
                }
                for item, answer in self.answers.items()
                if (effect := effect_of(item, answer.answer)) is not None
            },
            "parts": {part: fitted.serial for part, fitted in self.parts.items()},
            "wanted": {"needle": _type_name("needle", self.plan), "head": _type_name("head", self.plan)},
            AFTERCARE: self.aftercare,
            "missing": list(self.missing()),
            "product": self.plan.product_name,
            "syringe": syringe.id if syringe is not None else "",
            "smallest_nl": smallest_dose_nl(bore) if bore is not None else None,
            "material": None if self.material is None else _material(self.material, self.session, utc_us),
        }


def material_of(db: Log, prepared: Prepared, gun_uid: str) -> Material:
    """Return what the log says of a gun and of the treatment's products."""
    facts = clinic_facts(
        db,
        session=prepared.session,
        alias=prepared.alias,
        gun_uid=gun_uid,
        digest=prepared.plan.digest,
        products={prepared.plan.product_name},
    )
    return Material(cartridge=facts.cartridge, reprocessing=facts.reprocessing, lots=tuple(facts.lots.values()))


def fitted_part(part: str, serial: str, kind: str) -> Fitted:
    """Return a needle or head as it was read off its package.

    Raises:
        UsageError: no such part, type or serial.
    """
    if part not in PARTS:
        raise UsageError(f"part {part[:20]!r} refused: one of {', '.join(PARTS)}")
    types = _types(part)
    if kind not in types:
        raise UsageError(f"{part} type {kind[:40]!r} refused: one of {', '.join(types)}")
    return Fitted(part=part, serial=checked_lot(serial, f"{part} serial"), type_id=types[kind])


def advised(patient: Patient) -> AdvisedSex | None:
    """Return whose skin the depth advisory speaks of; None for both."""
    match patient.facts.sex:
        case Sex.FEMALE:
            return "female"
        case Sex.MALE:
            return "male"
        case _:
            return None


def _types(part: str) -> dict[str, int]:
    return {row.id: row.type_id for row in (needles() if part == "needle" else heads()).values()}


def _type_name(part: str, plan: TreatmentPlan) -> str:
    wanted = plan.needle_type_id if part == "needle" else plan.head_type_id
    return next((name for name, number in _types(part).items() if number == wanted), "")


def _material(material: Material, session: str, utc_us: int) -> Body:
    cartridge = material.cartridge
    return {
        "clean": material.is_clean_for(session),
        "cartridge": None
        if cartridge is None
        else {
            "product": cartridge.product,
            "lot": cartridge.lot,
            "syringe": cartridge.syringe,
            "loaded_nl": cartridge.loaded_nl,
            "left_lo_nl": left_range_nl(cartridge)[0],
            "left_hi_nl": left_range_nl(cartridge)[1],
        },
        "lots": [
            {
                "product": lot.product,
                "lot": lot.lot,
                "expiry": day_text(lot.expiry_day),
                "usable": not lot.blocked and not is_expired(lot, utc_us),
            }
            for lot in material.lots[:20]
        ],
    }
