"""Lots and cartridges, for people and as JSON."""

from meso_device.accounting.clinic import Cartridge
from meso_device.accounting.materials import day_text
from meso_device.audit.stock import StockLot
from protocols.units import format_dose


def lot_document(row: StockLot) -> dict[str, object]:
    """Return a lot as one JSON object; ``expiry`` is empty while it is blocked without being listed."""
    lot = row.lot
    return {
        "product": lot.product,
        "lot": lot.lot,
        "listed": row.listed,
        "expiry": day_text(lot.expiry_day) if row.listed else "",
        "blocked": lot.blocked,
        "ingredients": list(lot.ingredients),
        "viscosity_upa_s": lot.viscosity_upa_s,
        "maker": row.maker,
        "injections": row.shots,
        "dose_hi_nl": row.dose_hi_nl,
    }


def lot_line(row: StockLot) -> str:
    """Return a lot in one line."""
    lot = row.lot
    until = f"until {day_text(lot.expiry_day)}" if row.listed else "not listed"
    mark = f"  BLOCKED: {lot.blocked}" if lot.blocked else ""
    return f"{lot.product}, lot {lot.lot}, {until}, {row.shots} injections, {format_dose(row.dose_hi_nl)}{mark}"


def cartridge_document(gun_uid: str, cartridge: Cartridge) -> dict[str, object]:
    """Return what is in a gun as one JSON object."""
    return {
        "gun_uid": gun_uid,
        "cartridge": cartridge.cartridge,
        "syringe": cartridge.syringe,
        "product": cartridge.product,
        "lot": cartridge.lot,
        "loaded_nl": cartridge.loaded_nl,
        "patient_lo_nl": cartridge.patient_lo_nl,
        "patient_hi_nl": cartridge.patient_hi_nl,
        "prime_nl": cartridge.prime_nl,
        "waste_nl": cartridge.waste_nl,
        "left_nl": cartridge.left_nl,
    }


def cartridge_line(gun_uid: str, cartridge: Cartridge) -> str:
    """Return what is in a gun in one line."""
    return (
        f"gun {gun_uid}: {cartridge.product}, lot {cartridge.lot}, {cartridge.syringe}, "
        f"{format_dose(cartridge.loaded_nl)} loaded = {format_dose(cartridge.patient_hi_nl)} in patients "
        f"+ {format_dose(cartridge.prime_nl)} primed + {format_dose(cartridge.waste_nl)} waste "
        f"+ {format_dose(cartridge.left_nl)} left at least"
    )
