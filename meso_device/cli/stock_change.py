"""Fitting and emptying cartridges: what is refused, what is balanced, what is recorded."""

import secrets
from dataclasses import dataclass
from typing import Final

from meso_device.accounting.cartridges import CartridgeBalance, balance_at_change
from meso_device.accounting.clinic import Cartridge
from meso_device.accounting.entries import Entry
from meso_device.accounting.materials import Filling, cartridge_fitted, cartridge_removed, day_of, day_text, wasted
from meso_device.audit.facts import fitted_cartridge, lot_of
from meso_device.audit.stock import block_reason
from meso_device.cli.acting import Acting
from meso_device.cli.gun_choice import ChosenGun, refuse_unsettled
from protocols.errors import MesoError, UsageError, require
from protocols.treatment.syringes import Syringe
from protocols.units import format_dose

ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be fitted, its texts checked."""

    product: str
    lot: str
    syringe: Syringe
    loaded_nl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What was recorded; ``balance`` is None when nothing came out."""

    gun_uid: str
    filling: Filling
    balance: CartridgeBalance | None

    def document(self) -> dict[str, object]:
        """Return it as one JSON object."""
        filling = self.filling
        document: dict[str, object] = {
            "gun_uid": self.gun_uid,
            "cartridge": filling.cartridge,
            "product": filling.product,
            "lot": filling.lot,
            "loaded_nl": filling.loaded_nl,
        }
        if self.balance is not None:
            document |= {"difference_nl": self.balance.difference_nl, "balanced": self.balance.holds}
        return document

    def lines(self) -> list[str]:
        """Return it for people."""
        filling = self.filling
        fitted = (
            f"fitted: {filling.product}, lot {filling.lot}, {format_dose(filling.loaded_nl)} in {filling.syringe}, "
            f"gun {self.gun_uid}"
        )
        return [fitted] if self.balance is None else [self.balance.text, fitted]


def change_cartridge(work: Acting, gun: ChosenGun, wanted: Wanted, *, left_nl: int | None, reason: str) -> Changed:
    """Record that a cartridge was fitted, and before it that the former one was taken out.

    Raises:
        MesoError: the lot is not listed, blocked or expired; shots of the gun are missing; the volumes of the former
            one do not balance and no reason explains it.
        UsageError: there is a former one and nobody said what is left in it, or the other way round.
    """
    _check_lot(work, wanted)
    refuse_unsettled(gun, work.store.load_gun(gun.uid, simulated=False))
    before = fitted_cartridge(work.db, gun.uid)
    entries: list[Entry] = []
    balance = None
    if before is not None:
        if left_nl is None:
            raise UsageError(
                f"gun {gun.uid} holds lot {before.lot} of {before.product}: say what is left in it with --left TEXT"
            )
        balance = balance_at_change(before, left_nl)
        if not balance.holds and not reason:
            raise MesoError(f"{balance.text}; then give --reason CODE, such as leak or misread")
        why = "" if balance.holds else reason
        entries.append(cartridge_removed(before.cartridge, before.waste_nl, balance, gun.uid, work.by, reason=why))
    elif left_nl is not None:
        raise UsageError(f"no cartridge is recorded as fitted to gun {gun.uid}: leave --left out")
    filling = Filling(
        cartridge=secrets.token_hex(ID_BYTES),
        syringe=wanted.syringe.id,
        geometry_id=wanted.syringe.geometry_id,
        product=wanted.product,
        lot=wanted.lot,
        loaded_nl=wanted.loaded_nl,
    )
    work.commit(*entries, cartridge_fitted(filling, gun.uid, work.by))
    return Changed(gun_uid=gun.uid, filling=filling, balance=balance)


def note_waste(work: Acting, gun: ChosenGun, waste_nl: int, reason: str) -> Cartridge:
    """Record waste of the cartridge that is in a gun, and return it as it is then.

    Raises:
        MesoError: nothing is fitted, or more than can be left in it.
        UsageError: nothing was lost.
    """
    cartridge = fitted_cartridge(work.db, gun.uid)
    if cartridge is None:
        raise MesoError(f"no cartridge is recorded as fitted to gun {gun.uid}")
    most_nl = cartridge.loaded_nl - cartridge.patient_lo_nl - cartridge.waste_nl
    if not 0 < waste_nl <= most_nl:
        raise UsageError(
            f"waste {format_dose(waste_nl)} refused: more than 0 mL, and at most {format_dose(most_nl)} can be left"
        )
    work.commit(wasted(cartridge.cartridge, waste_nl, reason, work.by))
    now = fitted_cartridge(work.db, gun.uid)
    require(now is not None, f"the cartridge of gun {gun.uid} is gone")
    return now or cartridge


def _check_lot(work: Acting, wanted: Wanted) -> None:
    listed = lot_of(work.db, wanted.product, wanted.lot)
    blocked = block_reason(work.db, wanted.product, wanted.lot)
    if blocked:
        raise MesoError(f"lot {wanted.lot} of {wanted.product} refused: it is blocked ({blocked}); take another one")
    if listed is None:
        raise MesoError(
            f"lot {wanted.lot} of {wanted.product} refused: it is not listed; check the package and list it with "
            "'meso stock add'"
        )
    if listed.expiry_day < day_of(work.by.utc_us):
        raise MesoError(f"lot {wanted.lot} of {wanted.product} refused: it expired on {day_text(listed.expiry_day)}")
