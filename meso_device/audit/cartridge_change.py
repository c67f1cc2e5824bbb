"""Fitting a cartridge: what is refused, what is balanced, what is recorded. The records are the caller's to commit."""

import secrets
from typing import Final

import apsw
from msgspec import Struct

from meso_device.accounting.cartridges import CartridgeBalance, balance_at_change
from meso_device.accounting.entries import Entry
from meso_device.accounting.materials import (
    Actor,
    Filling,
    cartridge_fitted,
    cartridge_removed,
    day_text,
    wasted,
)
from meso_device.audit.facts import fitted_cartridge, lot_of
from meso_device.audit.stock import block_reason
from protocols.errors import MesoError, UsageError
from protocols.treatment.syringes import Syringe
from protocols.units import day_of, format_dose

ID_BYTES: Final = 16


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be fitted, its texts checked."""

    product: str
    lot: str
    syringe: Syringe
    loaded_nl: int
    syringe_lot: str = ""


class CartridgeChange(Struct, frozen=True, kw_only=True):
    """What has to be recorded, all or none; ``balance`` is None when nothing comes out."""

    entries: tuple[Entry, ...]
    filling: Filling
    balance: CartridgeBalance | None


def cartridge_change(
    db: apsw.Connection, gun_uid: str, wanted: Wanted, by: Actor, *, left_nl: int | None, reason: str
) -> CartridgeChange:
    """Return the records of a cartridge fitted, and before it of the former one taken out.

    The caller has seen that no shot of the gun is missing in the log: it would count against the wrong cartridge.

    Args:
        db: Connection to the log, for reading.
        gun_uid: Gun.
        wanted: What is fitted.
        by: Who does it.
        left_nl: What is left in the former one; None where there is none.
        reason: Code that explains volumes which do not balance; empty without one.

    Raises:
        MesoError: the lot is not listed, blocked or expired, or the volumes of the former cartridge do not balance and
            no reason explains it.
        UsageError: there is a former one and nobody said what is left in it, or the other way round.
    """
    _check_lot(db, wanted, by)
    before = fitted_cartridge(db, gun_uid)
    entries: list[Entry] = []
    balance = None
    if before is not None:
        if left_nl is None:
            raise UsageError(
                f"gun {gun_uid} holds lot {before.lot} of {before.product}: say what is left in it with --left TEXT"
            )
        balance = balance_at_change(before, left_nl)
        if not balance.holds and not reason:
            raise MesoError(f"{balance.text}; then give --reason CODE, such as leak or misread")
        why = "" if balance.holds else reason
        entries.append(cartridge_removed(before.cartridge, before.waste_nl, balance, gun_uid, by, reason=why))
    elif left_nl is not None:
        raise UsageError(f"no cartridge is recorded as fitted to gun {gun_uid}: leave --left out")
    filling = Filling(
        cartridge=secrets.token_hex(ID_BYTES),
        syringe=wanted.syringe.id,
        geometry_id=wanted.syringe.geometry_id,
        product=wanted.product,
        lot=wanted.lot,
        loaded_nl=wanted.loaded_nl,
        syringe_lot=wanted.syringe_lot,
    )
    entries.append(cartridge_fitted(filling, gun_uid, by))
    return CartridgeChange(entries=tuple(entries), filling=filling, balance=balance)


def waste(db: apsw.Connection, gun_uid: str, waste_nl: int, reason: str, by: Actor) -> Entry:
    """Return the record of a volume that left the cartridge in a gun and reached nobody.

    Raises:
        MesoError: nothing is fitted.
        UsageError: nothing was lost, or more than can be left in it.
    """
    cartridge = fitted_cartridge(db, gun_uid)
    if cartridge is None:
        raise MesoError(f"no cartridge is recorded as fitted to gun {gun_uid}")
    most_nl = cartridge.loaded_nl - cartridge.patient_lo_nl - cartridge.waste_nl
    if not 0 < waste_nl <= most_nl:
        raise UsageError(
            f"waste {format_dose(waste_nl)} refused: more than 0 mL, and at most {format_dose(most_nl)} can be left"
        )
    return wasted(cartridge.cartridge, waste_nl, reason, by)


def _check_lot(db: apsw.Connection, wanted: Wanted, by: Actor) -> None:
    listed = lot_of(db, wanted.product, wanted.lot)
    blocked = block_reason(db, wanted.product, wanted.lot)
    if blocked:
        raise MesoError(f"lot {wanted.lot} of {wanted.product} refused: it is blocked ({blocked}); take another one")
    if listed is None:
        raise MesoError(
            f"lot {wanted.lot} of {wanted.product} refused: it is not listed; check the package and list it with "
            "'meso stock add'"
        )
    if listed.expiry_day < day_of(by.utc_us):
        raise MesoError(f"lot {wanted.lot} of {wanted.product} refused: it expired on {day_text(listed.expiry_day)}")
