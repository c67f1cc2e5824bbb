"""What the clinic's records say about patient, people, materials and gun: the facts that interlocks are judged by.

The store reads them in one go before each arming, so that a rule never works on what was true earlier. All pure values.
"""

from collections.abc import Mapping

from msgspec import Struct

from protocols.units import DAY_US


class Approval(Struct, frozen=True, kw_only=True):
    """A treatment protocol file, by digest, that a clinician has approved."""

    digest: str
    op: str
    at_us: int


class Lot(Struct, frozen=True, kw_only=True):
    """A lot that the clinic has listed.

    Attributes:
        product: Product name as treatment files spell it.
        lot: The maker's lot number.
        expiry_day: Last day of use, in days since 1970-01-01.
        ingredients: What is in it, by name; compared with the patient's allergies.
        viscosity_upa_s: Viscosity in micropascal seconds; 0 if unknown.
        blocked: Why it must not be used; empty when it may.
        set_back_us: How far the clock was set back since it was listed, all steps together; 0 or more.
    """

    product: str
    lot: str
    expiry_day: int
    ingredients: tuple[str, ...]
    viscosity_upa_s: int
    blocked: str
    set_back_us: int = 0


class Cartridge(Struct, frozen=True, kw_only=True):
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
        noticed: The gun has noticed a change of syringe since this one was recorded.
        syringe_lot: Lot of the syringe itself; empty if not said.
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
    noticed: bool = False
    syringe_lot: str = ""

    @property
    def left_nl(self) -> int:
        """Least that can still be in it."""
        return self.loaded_nl - self.patient_hi_nl - self.prime_nl - self.waste_nl


class PartUse(Struct, frozen=True, kw_only=True):
    """A single-use part: the aliases that it has been fitted for.

    Attributes:
        serial: Serial or lot-and-number of the needle or head.
        kind: ``needle`` or ``head``.
        aliases: Patients that it was fitted for, in order.
        type_id: Its type on the wire; 0 if none was recorded, which fits no treatment.
        fitted_us: UTC when it was first fitted, less what the clock was set back since; 0 if unknown, which is too
            long ago.
        shots: Shots of all kinds made with it.
    """

    serial: str
    kind: str
    aliases: tuple[str, ...]
    type_id: int = 0
    fitted_us: int = 0
    shots: int = 0


class Reprocessing(Struct, frozen=True, kw_only=True):
    """The newest cleaning of a gun, and its newest patient contact before now.

    Attributes:
        cleaned_us: UTC of the newest cleaning; 0 if none.
        contact_us: Latest time that the newest TREAT or DRY shot can have been; 0 if none. Shots made before this
            host knew the gun count as contact at the time when it was first seen.
        contact_alias: Patient of that shot.
        contact_session: Session of that shot; a contact of the session under way needs no cleaning before it goes on.
    """

    cleaned_us: int
    contact_us: int
    contact_alias: str
    contact_session: str = ""


class LastGiven(Struct, frozen=True, kw_only=True):
    """This patient's treatments before this session in one area with one product, by latest possible time (I-35).

    Attributes:
        area_code: Area.
        product: Product.
        latest_us: Latest time that the newest shot can have been.
        sessions_us: The same for the newest shot of each earlier session, oldest first.
    """

    area_code: int
    product: str
    latest_us: int
    sessions_us: tuple[int, ...] = ()


class LotGiven(Struct, frozen=True, kw_only=True):
    """What a session gave of one product and lot; dry punctures have neither.

    Attributes:
        product: Product.
        lot: Its lot; empty in practice.
        shots: TREAT and DRY shots.
        dose_lo_nl: Least that they gave.
        dose_hi_nl: Most that they gave.
    """

    product: str
    lot: str
    shots: int
    dose_lo_nl: int
    dose_hi_nl: int


class Override(Struct, frozen=True, kw_only=True):
    """A signed reason to go over a soft rule in this session.

    Attributes:
        code: The interlock's code.
        reason: Reason code or text commitment, as recorded.
        signer: Who signed.
    """

    code: str
    reason: str
    signer: str


class CalibrationRun(Struct, frozen=True, kw_only=True):
    """The newest run at the bench that judged a gun, for one thing that is calibrated of it.

    Attributes:
        run: Id.
        what: ``dose``, ``depth`` or ``sensors``.
        verdict: As left where it was judged so, else as found.
        cal_hash8: Hash of the calibration in force at its end, in hex.
        adjusted: It wrote another calibration to the gun.
        complete: It was gone through to its end.
        signed: Two people stand by it.
        shots_since: Shots of the gun recorded since they signed; 0 where they did not.
        impact_open: It found the gun off after patients were treated with it, and no clinician has looked at whom.
        recalled: Instrument by which the newest signed run was made and whose certificate is recalled; empty for none.
        recall_unseen: What names such an instrument to ``meso calibration affected`` while no clinician has looked at
            whom it touches; empty for none.
    """

    run: str
    what: str
    verdict: str
    cal_hash8: str
    adjusted: bool
    complete: bool
    signed: bool
    shots_since: int = 0
    impact_open: bool = False
    recalled: str = ""
    recall_unseen: str = ""


class MeasuredSyringe(Struct, frozen=True, kw_only=True):
    """A syringe with which a gun was calibrated, two people standing by it.

    Attributes:
        geometry_id: Its number on the wire: brand and size.
        lot: Of which its geometry was measured last; empty where it was not.
    """

    geometry_id: int
    lot: str = ""


class PartWear(Struct, frozen=True, kw_only=True):
    """A part of a gun that wears, as a technician recorded it fitted.

    Attributes:
        part: ``guard``, ``lead_screw`` or ``seal``.
        serial: Its serial number or lot.
        fitted_us: UTC.
        strokes: Of all kinds that it has made.
        strokes_max: Strokes that it may make.
    """

    part: str
    serial: str
    fitted_us: int
    strokes: int
    strokes_max: int

    @property
    def worn(self) -> bool:
        """Whether it has made what it may make."""
        return self.strokes >= self.strokes_max

    @property
    def nearly(self) -> bool:
        """Whether nine tenths of that are made, or all."""
        return self.strokes * 10 >= self.strokes_max * 9


class Outside(Struct, frozen=True, kw_only=True):
    """How far the log had gone on, when a session was opened, since the newest checkpoint kept outside (HZ-25).

    Attributes:
        records: Records behind that checkpoint; all of them where none is kept. Below 0 where it is newer.
        age_us: Time since it was handed out, or since the log was begun; what the clock was set back is in it.
        records_max: As many as the clinic allows; 0 for any number.
        days_max: As many days as the clinic allows; 0 for any number.
    """

    records: int
    age_us: int
    records_max: int
    days_max: int

    @property
    def too_many(self) -> bool:
        """Whether more records are behind it than the clinic allows."""
        return 0 < self.records_max < self.records

    @property
    def too_old(self) -> bool:
        """Whether it is older than the clinic allows."""
        return 0 < self.days_max * DAY_US < self.age_us

    @property
    def nearly(self) -> bool:
        """Whether nine tenths of the one or of the other are used, or all."""
        return 0 < self.records_max * 9 <= self.records * 10 or 0 < self.days_max * DAY_US * 9 <= self.age_us * 10


class ClinicFacts(Struct, frozen=True, kw_only=True):
    """Everything that the clinic's interlocks look at, as of one reading of the log.

    Attributes:
        approval: Approval of the treatment protocol in force; None if nobody approved these very bytes.
        checks: Answers of this session's checklist by item: ``yes``, ``no``, or a code; an item not asked is missing.
        lots: Listed lots of the treatment's products, by (product, lot).
        cartridge: What is in this gun now; None if nothing was recorded as fitted.
        needle: The needle fitted now; None if none was recorded for this session.
        head: The head fitted now; None if none was recorded for this session.
        reprocessing: Cleaning and last contact of this gun.
        notes: Items of the checklist whose newest answer carries a note.
        last_given: This patient's treatments before this session by area and product.
        given: What this session gave so far, by product and lot.
        overrides: Signed overrides of this session.
        allergies: Ingredients that this patient must not get, as checked for this session.
        disk_low: The disk of the log is nearly full.
        calibrations: Newest run of this gun for each thing that is calibrated.
        measured: Syringes with which this gun was calibrated; none where that was not done here.
        wear: Parts of this gun that wear, as recorded.
        outside: How far the log is beyond what is kept outside; None where the clinic asks for nothing.
    """

    approval: Approval | None = None
    checks: Mapping[str, str]
    lots: Mapping[tuple[str, str], Lot]
    cartridge: Cartridge | None = None
    needle: PartUse | None = None
    head: PartUse | None = None
    reprocessing: Reprocessing
    last_given: tuple[LastGiven, ...] = ()
    given: tuple[LotGiven, ...] = ()
    overrides: tuple[Override, ...] = ()
    allergies: tuple[str, ...] = ()
    notes: frozenset[str] = frozenset()
    disk_low: bool = False
    calibrations: tuple[CalibrationRun, ...] = ()
    measured: tuple[MeasuredSyringe, ...] = ()
    wear: tuple[PartWear, ...] = ()
    outside: Outside | None = None
