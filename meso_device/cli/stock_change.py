"""Fitting and emptying cartridges from the command line: what was recorded, as text and as JSON."""

from msgspec import Struct

from meso_device.accounting.cartridges import CartridgeBalance
from meso_device.accounting.clinic import Cartridge
from meso_device.accounting.materials import Filling
from meso_device.audit.cartridge_change import Wanted, cartridge_change, waste
from meso_device.audit.facts import fitted_cartridge
from meso_device.cli.acting import Acting
from meso_device.cli.gun_choice import ChosenGun, refuse_unsettled
from protocols.errors import MesoError
from protocols.units import format_dose


class Changed(Struct, frozen=True, kw_only=True):
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
        MesoError: shots of the gun are missing, or what `cartridge_change` refuses.
    """
    refuse_unsettled(gun, work.store.load_gun(gun.uid, simulated=False))
    change = cartridge_change(work.db, gun.uid, wanted, work.by, left_nl=left_nl, reason=reason)
    work.commit(*change.entries)
    return Changed(gun_uid=gun.uid, filling=change.filling, balance=change.balance)


def note_waste(work: Acting, gun: ChosenGun, waste_nl: int, reason: str) -> Cartridge:
    """Record waste of the cartridge that is in a gun, and return it as it is then.

    Raises:
        MesoError: what `waste` refuses.
    """
    work.commit(waste(work.db, gun.uid, waste_nl, reason, work.by))
    now = fitted_cartridge(work.db, gun.uid)
    if now is None:
        raise MesoError(f"the cartridge of gun {gun.uid} is gone: another command took it out meanwhile")
    return now
