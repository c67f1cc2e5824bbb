"""What the clinic has on its list and in its guns. Reads only; any connection will do."""

import apsw
from msgspec import Struct

from meso_device.accounting.clinic import Cartridge, Lot
from meso_device.audit.clinic_rows import names_of
from meso_device.audit.facts import fitted_cartridge
from meso_device.audit.sql import run


class StockLot(Struct, frozen=True, kw_only=True):
    """A lot that is listed, blocked, or both.

    Attributes:
        lot: The lot; its expiry day is 0 while it is blocked without being listed.
        listed: Whether it is on the list.
        maker: Empty if not said.
        shots: TREAT and DRY shots with it, in all.
        dose_hi_nl: Most that those gave.
    """

    lot: Lot
    listed: bool
    maker: str
    shots: int
    dose_hi_nl: int


def stock_lots(db: apsw.Connection) -> tuple[StockLot, ...]:
    """Return all lots by product and number."""
    rows = run(
        db,
        "WITH known AS (SELECT product, lot FROM lot UNION SELECT product, lot FROM lot_block) "
        "SELECT product, lot, expiry_day, coalesce(ingredients, '[]'), coalesce(viscosity_upa_s, 0), "
        "coalesce(maker, ''), coalesce(reason, ''), "
        "(SELECT coalesce(sum(shots), 0) FROM given WHERE given.product = known.product AND given.lot = known.lot "
        "AND kind IN (1, 2)), "
        "(SELECT coalesce(sum(dose_hi_nl), 0) FROM given WHERE given.product = known.product "
        "AND given.lot = known.lot AND kind IN (1, 2)) "
        "FROM known LEFT JOIN lot USING (product, lot) LEFT JOIN lot_block USING (product, lot) ORDER BY product, lot",
    )
    return tuple(
        StockLot(
            lot=Lot(
                product=product,
                lot=lot,
                expiry_day=expiry_day or 0,
                ingredients=names_of(ingredients),
                viscosity_upa_s=viscosity_upa_s,
                blocked=blocked,
            ),
            listed=expiry_day is not None,
            maker=maker,
            shots=shots,
            dose_hi_nl=dose_hi_nl,
        )
        for product, lot, expiry_day, ingredients, viscosity_upa_s, maker, blocked, shots, dose_hi_nl in rows
    )


def fitted_cartridges(db: apsw.Connection) -> tuple[tuple[str, Cartridge], ...]:
    """Return what is in each gun, by the gun's uid."""
    uids = [uid for (uid,) in run(db, "SELECT gun_uid FROM cartridge WHERE removed_seq IS NULL ORDER BY gun_uid")]
    found = ((uid, fitted_cartridge(db, uid)) for uid in uids)
    return tuple((uid, cartridge) for uid, cartridge in found if cartridge is not None)


def block_reason(db: apsw.Connection, product: str, lot: str) -> str:
    """Return why a lot is blocked; empty when it is not."""
    rows = run(db, "SELECT reason FROM lot_block WHERE product = ? AND lot = ?", (product, lot))
    return str(rows[0][0]) if rows else ""
