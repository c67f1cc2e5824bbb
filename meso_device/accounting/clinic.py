"""What the clinic's records say about patient, people, materials and gun: the facts that interlocks are judged by.

The store reads them in one go before each arming, so that a rule never works on what was true earlier. All pure values.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A treatment protocol file, by digest, that a clinician has approved."""

    digest: str
    op: str
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A lot that the clinic has listed.

    Attributes:
        product: Product name as treatment files spell it.
        lot: The maker's lot number.
        expiry_day: Last day of use, in days since 1970-01-01.
        ingredients: What is in it, by name; compared with the patient's allergies.
        viscosity_upa_s: Viscosity in micropascal seconds; 0 if unknown.
        blocked: Why it must not be used; empty when it may.
    """

    product: str
    lot: str
    expiry_day: int
    ingredients: tuple[str, ...]
    viscosity_upa_s: int
    blocked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cartridge:
    """The syringe in the gun, and where its content went (I-29): loaded = patient + prime + waste + left.

    Attributes:
        cartridge: Random id of this filling.
        syringe: Id in the syringe table, such as ``bd_5ml``.
        geometry_id: Number of that syringe on the wire.
        product: Product.
        lot: Its lot.
        loaded_nl: Volume when it was fitted.
        patient_lo_nl: Least that TREAT records took from it.
        patient_hi_nl: Most that they took.
        prime_nl: Most that PRIME and BENCH records took.
        waste_nl: What the operator declared as wasted.
    """

    cartridge: str
    syringe: str
    geometry_id: int
    product: str
    lot: str
    loaded_nl: int
    patient_lo_nl: int
    patient_hi_nl: int
    prime_nl: int
    waste_nl: int

    @property
    def left_nl(self) -> int:
        """Least that can still be in it."""
        return self.loaded_nl - self.patient_hi_nl - self.prime_nl - self.waste_nl


@dataclass(frozen=True, slots=True, kw_only=True)
class PartUse:
    """A single-use part: the aliases that it has been fitted for.

    Attributes:
        serial: Serial or lot-and-number of the needle or head.
        kind: ``needle`` or ``head``.
        aliases: Patients that it was fitted for, in order.
    """

    serial: str
    kind: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reprocessing:
    """The newest cleaning of a gun, and its newest patient contact before now."""

    cleaned_us: int
    contact_us: int
    contact_alias: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastGiven:
    """The newest shot of this patient in one area with one product, by the latest time that it can have been (I-35)."""

    area_code: int
    product: str
    latest_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A signed reason to go over a soft rule in this session.

    Attributes:
        code: The interlock's code.
        reason: Reason code or text commitment, as recorded.
        signer: Who signed.
    """

    code: str
    reason: str
    signer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicFacts:
    """Everything that the clinic's interlocks look at, as of one reading of the log.

    Attributes:
        approval: Approval of the treatment protocol in force; None if nobody approved these very bytes.
        checks: Answers of this session's checklist by item: ``yes``, ``no``, or a code; an item not asked is missing.
        lots: Listed lots of the treatment's products, by (product, lot).
        cartridge: What is in this gun now; None if nothing was recorded as fitted.
        needle: The needle fitted now; None if none was recorded for this session.
        head: The head fitted now; None if none was recorded for this session.
        reprocessing: Cleaning and last contact of this gun.
        last_given: This patient's newest shots by area and product.
        overrides: Signed overrides of this session.
        allergies: Ingredients that this patient must not get, as checked for this session.
    """

    approval: Approval | None = None
    checks: Mapping[str, str]
    lots: Mapping[tuple[str, str], Lot]
    cartridge: Cartridge | None = None
    needle: PartUse | None = None
    head: PartUse | None = None
    reprocessing: Reprocessing
    last_given: tuple[LastGiven, ...] = ()
    overrides: tuple[Override, ...] = ()
    allergies: tuple[str, ...] = ()
