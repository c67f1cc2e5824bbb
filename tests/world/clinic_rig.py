"""A clinic on a virtual clock: a session of a patient on one host and one gun, with all recorded that the rules ask.

What people do with commands (list a lot, load a syringe, clean the gun, answer, sign) is committed here as the very
entries that those commands make; the session is the real one of `tests.world.rig`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from meso_device.accounting.entries import Batch, Committed, Entry
from meso_device.accounting.materials import Actor, Filling, Listing, cartridge_fitted, lot_listed
from meso_device.audit import canonical
from meso_device.host.clinical import Clinical, Fitted, opening_of
from meso_device.session.autopilot import Autopilot
from meso_device.session.checklist import ITEMS, read_answers
from protocols.treatment.plan import TreatmentPlan
from protocols.treatment.syringes import syringes
from simulator.gun import SimulatedGun
from simulator.physics import SYRINGES
from simulator.shells.scenario import PlannedFault
from tests.world.rig import Rig

LOT = "L-1"
OP, SIGNER = "c1" * 16, "c2" * 16
PATIENT, OTHER = "a1" * 16, "a2" * 16
ANSWERS = {item: next(iter(entry.answers)) for item, entry in ITEMS.items()}
FAR_DAY = 40_000


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One session of a patient: all that is asked, fitted and signed."""

    alias: str = PATIENT
    role: str = "clinician"
    answers: dict = field(default_factory=dict)
    leave_out: tuple = ()
    notes: tuple = ()
    needle: str = "N-1"
    head: str = "H-1"
    needle_type_id: int = 0
    overrides: tuple = ()
    consent: tuple | None = ("C-12", "3")


class ClinicRig(Rig):
    """One clinic, one gun."""

    def __init__(self, plan: TreatmentPlan, *, scenario: Sequence[PlannedFault] = (), syringe: str = "", **more):
        self.scenario = tuple(scenario)
        self.session = ""
        table = syringes().values()
        geometry_id = syringes()[syringe].geometry_id if syringe else plan.syringe_geometry_id
        self.syringe = next(row for row in table if row.geometry_id == geometry_id)
        super().__init__(plan, **more)
        self.run(self.up)

    def new_gun(self, body_state: bytes | None) -> SimulatedGun:
        return SimulatedGun(
            name="rig",
            seed=f"{self.random.random()}",
            store=self.nvm,
            on_injection=self.truth.append,
            body_state=body_state,
            rate_per_s=self.rate_per_s,
            scenario=self.scenario,
            syringe=next(row for row in SYRINGES if row.geometry_id == self.syringe.geometry_id),
            now_us=self.now_us,
        )

    # --- what people do -----------------------------------------------------------------------

    def actor(self) -> Actor:
        return Actor(op=OP, role="clinician", utc_us=self.instant().utc_us)

    def keep(self, *entries: Entry) -> None:
        (result,) = self.store.commit([Batch(no=0, entries=entries)], self.stamp())
        assert isinstance(result, Committed), result

    def stock(self, lot: str = LOT, *, product: str = "", **more) -> None:
        listing = {"expiry_day": FAR_DAY, "ingredients": ("water",), "viscosity_upa_s": 1_000} | more
        product = product or self.plan.product_name
        self.keep(lot_listed(Listing(product=product, lot=lot, **listing), self.actor()))

    def fill(self, lot: str = LOT, *, product: str = "", syringe: str = "", loaded_nl: int = 0) -> None:
        row = syringes()[syringe] if syringe else self.syringe
        filling = Filling(
            cartridge=self.random.randbytes(16).hex(),
            syringe=row.id,
            geometry_id=row.geometry_id,
            product=product or self.plan.product_name,
            lot=lot,
            loaded_nl=loaded_nl or row.size_nl,
        )
        self.keep(cartridge_fitted(filling, self.view.gun_uid, self.actor()))

    def visit(self, visit: Visit, plan: TreatmentPlan | None = None) -> str:
        """Open a session for a patient; the autopilot runs it. Returns its id."""
        plan = plan or self.plan
        self.session = session = self.random.randbytes(16).hex()
        asked = {**ANSWERS, **visit.answers}
        given = {item: answer for item, answer in asked.items() if item not in visit.leave_out}
        fitted = [("needle", visit.needle, visit.needle_type_id or plan.needle_type_id)]
        fitted += [("head", visit.head, plan.head_type_id)]
        clinical = Clinical(
            session=session,
            alias=visit.alias,
            subject="5b" * 32,
            op=OP,
            role=visit.role,
            answers=read_answers(given, dict.fromkeys(visit.notes, "0e" * 32)),
            consent=visit.consent,
            fitted=tuple(Fitted(part=part, serial=serial, type_id=kind) for part, serial, kind in fitted if serial),
            sex="female",
            aftercare=True,
            overrides=(),
        )
        for code in visit.overrides:
            payload = {"code": code, "reason": "discussed", "signer": SIGNER}
            entry = Entry(kind="limit.override", key=f"override/{session}/{code}", payload=payload, op=SIGNER)
            self.keep(replace(entry, session=session, alias=visit.alias))
        approval = self.store.load_clinic(session="", alias="", gun_uid="", digest=plan.digest).approval
        opening = opening_of(clinical, plan, approval, self.instant().utc_us)
        self.autopilot = Autopilot(opening, how="test", resets_stop=False, aftercare=True)
        return session

    # --- what came of it ----------------------------------------------------------------------

    def ended(self) -> bool:
        done = self.closed() and self.session in ("", self.view.session)
        return done or bool(self.autopilot and self.autopilot.given_up)

    def records(self, *kinds: str, session: str = "") -> list[dict]:
        rows = self.store._db.execute("SELECT body FROM record ORDER BY seq")
        bodies = [canonical.parse(body) for (body,) in rows]
        return [body for body in bodies if body["kind"] in kinds and (not session or body["sess"] == session)]
