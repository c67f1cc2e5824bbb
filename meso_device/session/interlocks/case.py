"""What a rule looks at and what it answers."""

from collections.abc import Callable
from datetime import date
from typing import Final

from msgspec import Struct

from meso_device.accounting.clinic import ClinicFacts, Lot
from meso_device.session.calibration import GunCalibration
from meso_device.session.contract import Instant
from protocols.treatment.limits import BUILD_LIMITS, HostLimits
from protocols.treatment.needles import Needle, needles
from protocols.treatment.plan import AreaPlan, TreatmentPlan
from protocols.treatment.syringes import Syringe, syringes
from protocols.units import day_of
from protocols.wire.codes import GunFlag, Mode
from protocols.wire.messages import HelloReply, LimitsGetReply

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


class Case(Struct, frozen=True, kw_only=True):
    """One area about to be armed, and everything that is known about it at this moment.

    Attributes:
        plan: The treatment protocol in force.
        area: The area of it that is to be armed.
        facts: What the clinic's records say, read after everything recorded so far.
        hello: The gun's HELLO reply of this connection.
        limits: The gun's LIMITS_GET reply.
        calibration: The gun's active calibration as read back.
        session, alias, role: Session, patient, and the role in which the operator acts.
        practice: A session without a patient, on a simulated gun.
        given_shots: Injections of this session in this area so far; attempts count.
        ask_nl: Volume that the next grant would permit; 0 in dry mode.
        now: This moment.
        host: Limits of build and clinic.
    """

    plan: TreatmentPlan
    area: AreaPlan
    facts: ClinicFacts
    hello: HelloReply
    limits: LimitsGetReply
    calibration: GunCalibration
    session: str
    alias: str
    role: str
    practice: bool
    given_shots: int
    ask_nl: int
    now: Instant
    host: HostLimits = BUILD_LIMITS

    @property
    def simulated(self) -> bool:
        """Whether the gun says that it is simulated."""
        return bool(self.hello.flags & GunFlag.SIMULATED)

    @property
    def dry(self) -> bool:
        """Whether the needle only punctures, so that no product takes part."""
        return self.area.mode == Mode.DRY

    @property
    def today(self) -> int:
        """The UTC day, since 1970-01-01."""
        return day_of(self.now.utc_us)

    @property
    def lot(self) -> Lot | None:
        """The listed lot of what is in the gun; None without a syringe or when it is not listed."""
        fitted = self.facts.cartridge
        return None if fitted is None else self.facts.lots.get((fitted.product, fitted.lot))

    @property
    def syringe(self) -> Syringe | None:
        """The syringe of the treatment protocol; None when the table does not know it."""
        return syringe_of(self.plan)

    @property
    def needle(self) -> Needle | None:
        """The needle of the treatment protocol; None when the table does not know it."""
        return needle_of(self.plan)


class Block(Struct, frozen=True):
    """Why an area is not armed.

    Attributes:
        code: What an override names; with the area behind a dot where the rule is about one area.
        text: What was found, the limit with units, and what to do.
        soft: A clinician may go on with a signed reason.
        hazard: What the rule prevents.
    """

    code: str
    text: str
    soft: bool
    hazard: str


class Rule(Struct, frozen=True):
    """One rule.

    Attributes:
        find: Returns what stands against arming, or an empty text.
        hazard: What it prevents.
        soft: A clinician may go on with a signed reason.
        practice: Holds without a patient too.
        by_area: An override is for the area alone, not for the session.
        two_people: It takes a second clinician, who signs as well.
    """

    find: Callable[[Case], str]
    hazard: str
    soft: bool = False
    practice: bool = False
    by_area: bool = False
    two_people: bool = False


def syringe_of(plan: TreatmentPlan) -> Syringe | None:
    """Return the syringe of a plan; None when the table does not know it."""
    return next((one for one in syringes().values() if one.geometry_id == plan.syringe_geometry_id), None)


def needle_of(plan: TreatmentPlan) -> Needle | None:
    """Return the needle of a plan; None when the table does not know it."""
    return next((needle for needle in needles().values() if needle.type_id == plan.needle_type_id), None)


def date_text(day: int) -> str:
    """Write a day since 1970-01-01 as people do; what no calendar holds stays a number."""
    ordinal = _EPOCH_ORDINAL + day
    return date.fromordinal(ordinal).isoformat() if 0 < ordinal <= date.max.toordinal() else f"day {day}"
