"""What goes into the gun at the console, and what cleans it: lots, syringes, waste, reprocessing."""

from collections.abc import Callable, Sequence
from typing import Any

from meso_device.accounting.cartridges import syringe_for_filling
from meso_device.accounting.entries import Entry
from meso_device.accounting.materials import (
    Actor,
    GunPart,
    Listing,
    checked_code,
    checked_lot,
    checked_product,
    day_text,
    expiry_day,
    lot_listed,
    reprocessed,
    rinse_medium,
)
from meso_device.audit.cartridge_change import CartridgeChange, Wanted, cartridge_change, waste
from meso_device.audit.facts import lot_of
from meso_device.host.errands import Errands
from meso_device.host.owed import Owe
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.roles import Act, Person, role_for
from meso_device.screen_messages import Body
from meso_device.session.contract import Command, Instant, View
from protocols.errors import MesoError
from protocols.treatment.quantities import VISCOSITY
from protocols.units import VOLUME, day_of, parse_quantity


class ConsoleMaterials:
    """Takes the commands about materials.

    Args:
        errands: Does what must not wait in the loop.
        answers: Answers to the screen.
        owe: Takes records for the log.
        changed: Called when something about the gun changed; calls back once that can be shown.
    """

    def __init__(
        self,
        errands: Errands,
        answers: ScreenAnswers,
        owe: Owe,
        changed: Callable[[Instant, Callable[[], None]], None],
    ) -> None:
        self._errands = errands
        self._answers = answers
        self._owe = owe
        self._changed = changed

    def lot(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """List a lot.

        Raises:
            UsageError: names the field.
            MesoError: it expired.
        """
        by = _actor(person, Act.HANDLE_MATERIALS, now)
        listing = Listing(
            product=body["product"],
            lot=body["lot"],
            expiry_day=expiry_day(body["expiry"]),
            ingredients=tuple(name.strip() for name in body["ingredients"].split(",") if name.strip()),
            viscosity_upa_s=parse_quantity(body["viscosity"], VISCOSITY) if body["viscosity"] else 0,
            maker=body["maker"],
        ).checked()
        if listing.expiry_day < day_of(now.utc_us):
            raise MesoError(f"lot {listing.lot} refused: it expired on {day_text(listing.expiry_day)}")

        def look(_office: Office, _moment: Moment) -> Entry:
            with self._errands.read() as db:
                if lot_of(db, listing.product, listing.lot) is not None:
                    raise MesoError(f"lot {listing.lot} of {listing.product} is listed already")
            return lot_listed(listing, by)

        self._record(number, look, lambda entry: (entry,), now)

    def load(self, number: int, body: Body, person: Person, view: View, now: Instant) -> None:
        """Fit a filled syringe; the one before it comes out, and its volumes are balanced.

        Raises:
            Refuse: shots may be missing that came from what is in the gun now.
            UsageError: names the field.
        """
        by = _actor(person, Act.HANDLE_MATERIALS, now)
        if view.open_grants or view.head_seq != view.committed_seq:
            raise Refuse("unsettled", "wait: the gun's log is not read to its end, or a grant is open")
        loaded_nl = parse_quantity(body["volume"], VOLUME)
        left_nl = parse_quantity(body["left"], VOLUME) if body["left"] else None
        wanted = Wanted(
            product=checked_product(body["product"]),
            lot=checked_lot(body["lot"]),
            syringe=syringe_for_filling(body["syringe"], loaded_nl),
            loaded_nl=loaded_nl,
        )

        def look(_office: Office, _moment: Moment) -> CartridgeChange:
            with self._errands.read() as db:
                return cartridge_change(db, view.gun_uid, wanted, by, left_nl=left_nl, reason=body["reason"])

        self._record(number, look, lambda change: change.entries, now)

    def waste(self, number: int, body: Body, person: Person, view: View, now: Instant) -> None:
        """Note a volume that left the syringe and reached nobody.

        Raises:
            UsageError: names the field.
        """
        by = _actor(person, Act.HANDLE_MATERIALS, now)
        waste_nl = parse_quantity(body["volume"], VOLUME)
        reason = checked_code("reason", body["reason"])

        def look(_office: Office, _moment: Moment) -> Entry:
            with self._errands.read() as db:
                return waste(db, view.gun_uid, waste_nl, reason, by)

        self._record(number, look, lambda entry: (entry,), now)

    def clean(self, number: int, body: Body, person: Person, view: View, now: Instant) -> None:
        """Record that the gun was cleaned after a patient; tap water is refused.

        Raises:
            UsageError: names the field.
        """
        entry = reprocessed(
            view.gun_uid,
            part=GunPart.GUN,
            agent=body["agent"],
            lot=body["lot"],
            medium=rinse_medium(body["medium"]),
            method=body["method"],
            by=_actor(person, Act.REPROCESS, now),
        )
        self._owe((entry,), self._done(number), number)

    def _record(
        self,
        number: int,
        job: Callable[[Office, Moment], Any],
        entries: Callable[[Any], Sequence[Entry]],
        now: Instant,
    ) -> None:
        def looked(result: Any, _now: Instant) -> Sequence[Command]:
            self._owe(tuple(entries(result)), self._done(number), number)
            return ()

        self._errands.send(number, job, looked, now)

    def _done(self, number: int) -> Callable[[Instant], None]:
        def durable(at: Instant) -> None:
            self._changed(at, lambda: self._answers.done(number))

        return durable


def _actor(person: Person, act: Act, now: Instant) -> Actor:
    return Actor(op=person.op, role=role_for(person, act).value, utc_us=now.utc_us)
