"""What goes into a gun and what cleans it, as records: lots, cartridges, waste, needles and heads, reprocessing.

Texts are checked here, before they become part of a key or a comparison: a lot that is typed in two ways would be two
lots to a recall.
"""

import contextlib
import re
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from meso_device.accounting.cartridges import CartridgeBalance
from meso_device.accounting.clinic import Lot
from meso_device.accounting.entries import Entry, Json
from protocols.errors import UsageError
from protocols.units import day_of

PRODUCT_LETTERS_MAX: Final = 400
LOT_LETTERS_MAX: Final = 40
INGREDIENTS_MAX: Final = 40
VISCOSITY_UPA_S_MAX: Final = 1_000_000_000
TAP_WATER: Final = "tap_water"

_LOT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_+#-]*", re.ASCII)
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_GUN_UID: Final = re.compile(r"[0-9a-f]{24}", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONTH: Final = re.compile(r"\d{4}-\d{2}", re.ASCII)
_KEY_PART_MAX: Final = 60
_EPOCH: Final = date(1970, 1, 1)


class RinseMedium(StrEnum):
    """What a gun may be rinsed with."""

    STERILE_WATER = "sterile_water"
    SALINE = "saline"
    NONE = "none"


class GunPart(StrEnum):
    """What was reprocessed; ``gun`` is everything of it that touches a patient."""

    GUN = "gun"
    GUARD = "guard"
    HEAD = "head"
    TUBING = "tubing"


class Actor(Struct, frozen=True, kw_only=True):
    """Who records something, and when: stamped on the entry, and part of keys that may come again.

    Attributes:
        op: Pseudonym.
        role: Role acted in.
        utc_us: UTC now.
    """

    op: str
    role: str
    utc_us: int


class Listing(Struct, frozen=True, kw_only=True):
    """A lot as it is put on the clinic's list; made by `checked`.

    Attributes:
        expiry_day: Last day of use, in days since 1970-01-01.
        ingredients: By name, as compared with allergies.
        viscosity_upa_s: 0 if unknown.
        maker: Empty if not said.
    """

    product: str
    lot: str
    expiry_day: int
    ingredients: tuple[str, ...]
    viscosity_upa_s: int = 0
    maker: str = ""

    def checked(self) -> "Listing":
        """Return it with its texts in their one form.

        Raises:
            UsageError: names the field.
        """
        if not self.ingredients:
            raise UsageError("a lot needs its ingredients, for the check against allergies: add --ingredient NAME")
        if len(self.ingredients) > INGREDIENTS_MAX:
            raise UsageError(f"{len(self.ingredients)} ingredients refused: at most {INGREDIENTS_MAX}")
        if not 0 <= self.viscosity_upa_s <= VISCOSITY_UPA_S_MAX:
            raise UsageError(f"viscosity {self.viscosity_upa_s} uPas refused: 0 to {VISCOSITY_UPA_S_MAX}")
        return replace(
            self,
            product=checked_product(self.product),
            lot=checked_lot(self.lot),
            ingredients=tuple(dict.fromkeys(checked_words("ingredient", name, 80) for name in self.ingredients)),
            maker=checked_words("maker", self.maker, 80) if self.maker else "",
        )


# --- lots -----------------------------------------------------------------------------------------


def lot_listed(listing: Listing, by: Actor, *, correction: str = "") -> Entry:
    """Return the record of a lot put on the list; with a reason code, of its listing corrected."""
    payload: dict[str, Json] = {
        "product": listing.product,
        "lot": listing.lot,
        "expiry_day": listing.expiry_day,
        "ingredients": list[Json](listing.ingredients),
        "viscosity_upa_s": listing.viscosity_upa_s,
        "maker": listing.maker,
    }
    key = f"lot/{_lot_key(listing.product, listing.lot)}"
    if correction:
        payload["reason"] = checked_code("reason", correction)
        key = f"{key}/{by.utc_us}"
    return _entry("lot.listed", key, payload, by)


def lot_blocked(product: str, lot: str, reason: str, by: Actor) -> Entry:
    """Return the record of a lot that must not be used from now on, listed or not."""
    return _lot_entry("lot.blocked", product, lot, reason, by)


def lot_unblocked(product: str, lot: str, reason: str, by: Actor) -> Entry:
    """Return the record of a lot released again."""
    return _lot_entry("lot.unblocked", product, lot, reason, by)


def _lot_entry(kind: str, product: str, lot: str, reason: str, by: Actor) -> Entry:
    payload: dict[str, Json] = {"product": product, "lot": lot, "reason": checked_code("reason", reason)}
    return _entry(kind, f"{kind}/{_lot_key(product, lot)}/{by.utc_us}", payload, by)


def _lot_key(product: str, lot: str) -> str:
    return f"{key_part(product)}/{key_part(lot)}"


def is_expired(lot: Lot, utc_us: int) -> bool:
    """Whether the last day of a lot is over, by the clock now or by what that would say had it not been set back."""
    return day_of(utc_us + lot.set_back_us) > lot.expiry_day


# --- cartridges -----------------------------------------------------------------------------------


class Filling(Struct, frozen=True, kw_only=True):
    """A syringe filled from a lot.

    Attributes:
        cartridge: Fresh random id of this filling, 32 hex digits.
        syringe: Id in the syringe table.
        geometry_id: Its number on the wire.
        loaded_nl: Volume in it.
        syringe_lot: Lot of the syringe itself; empty if not said.
    """

    cartridge: str
    syringe: str
    geometry_id: int
    product: str
    lot: str
    loaded_nl: int
    syringe_lot: str = ""


def cartridge_fitted(filling: Filling, gun_uid: str, by: Actor) -> Entry:
    """Return the record of a cartridge fitted to a gun that need not be connected."""
    payload: dict[str, Json] = {
        "cartridge": filling.cartridge,
        "syringe": filling.syringe,
        "geometry_id": filling.geometry_id,
        "product": filling.product,
        "lot": filling.lot,
        "loaded_nl": filling.loaded_nl,
        "gun_uid": gun_uid,
    }
    if filling.syringe_lot:
        payload["syringe_lot"] = filling.syringe_lot
    return _entry("lot.loaded", f"cartridge/{filling.cartridge}", payload, by)


def cartridge_removed(
    cartridge: str, waste_nl: int, balance: CartridgeBalance, gun_uid: str, by: Actor, *, reason: str = ""
) -> Entry:
    """Return the record of a cartridge taken out, with its balance; ``waste_nl`` is all that was recorded as waste.

    ``reason`` explains a balance that does not hold.
    """
    payload = balance.payload(cartridge, waste_nl) | {"gun_uid": gun_uid}
    if reason:
        payload["reason"] = checked_code("reason", reason)
    return _entry("cartridge.changed", f"cartridge/{cartridge}/changed", payload, by)


def wasted(cartridge: str, waste_nl: int, reason: str, by: Actor) -> Entry:
    """Return the record of a volume that left a cartridge and reached nobody."""
    payload: dict[str, Json] = {
        "cartridge": cartridge,
        "waste_nl": waste_nl,
        "reason": checked_code("reason", reason),
    }
    return _entry("waste", f"waste/{cartridge}/{by.utc_us}", payload, by)


# --- parts and cleaning ---------------------------------------------------------------------------


def part_fitted(part: str, serial: str, type_id: int, *, session: str, alias: str, by: Actor) -> Entry:
    """Return the record of a needle or head (``part``) fitted for a patient; the gun is stamped by the caller."""
    serial = checked_lot(serial, "serial")
    payload: dict[str, Json] = {"part": part, "serial": serial, "type_id": type_id}
    entry = _entry(f"{part}.changed", f"part/{part}/{key_part(serial)}/{session}", payload, by)
    return replace(entry, session=session, alias=alias)


def reprocessed(
    gun_uid: str, *, part: GunPart, agent: str, lot: str, medium: RinseMedium, method: str, by: Actor
) -> Entry:
    """Return the record of a gun cleaned after a patient."""
    payload: dict[str, Json] = {
        "gun_uid": gun_uid,
        "part": part.value,
        "product": checked_words("agent", agent, 80),
        "lot": checked_lot(lot),
        "rinse_medium": medium.value,
        "method": checked_code("method", method),
    }
    return _entry("reprocessing", f"reprocessing/{gun_uid}/{by.utc_us}", payload, by)


def rinse_medium(word: str) -> RinseMedium:
    """Return what a gun was rinsed with.

    Raises:
        UsageError: tap water, or a word that is none of the known.
    """
    if word.replace("-", "_").replace(" ", "_").lower() in {TAP_WATER, "tap", "water"}:
        raise UsageError(
            "tap water refused: it carries mycobacteria into the next patient; clean the gun again and rinse with "
            "sterile water or saline"
        )
    try:
        return RinseMedium(word)
    except ValueError:
        raise UsageError(f"rinse medium {word!r} refused: one of {', '.join(RinseMedium)}") from None


# --- texts ----------------------------------------------------------------------------------------


def checked_words(field: str, text: str, letters_max: int) -> str:
    """Return a text with single spaces; UsageError for an empty or endless one, or one with control characters."""
    words = " ".join(text.split())
    if not words or len(words) > letters_max or not words.isprintable():
        raise UsageError(f"{field} {text[:40]!r} refused: 1 to {letters_max} printable characters")
    return words


def checked_product(text: str) -> str:
    """Return a product's name as treatment protocol files spell it."""
    return checked_words("product", text, PRODUCT_LETTERS_MAX)


def checked_lot(text: str, field: str = "lot") -> str:
    """Return a lot number or serial; letters that only look alike are refused, as they would be another lot."""
    lot = " ".join(text.split())
    if len(lot) > LOT_LETTERS_MAX or _LOT.fullmatch(lot) is None:
        raise UsageError(
            f"{field} {text[:LOT_LETTERS_MAX]!r} refused: 1 to {LOT_LETTERS_MAX} of A-Z, a-z, 0-9, space and ./_+#-, "
            "beginning with a letter or digit"
        )
    return lot


def checked_code(field: str, text: str) -> str:
    """Return a code such as ``recalled``: the log holds no free text, in which a name could be written."""
    if _CODE.fullmatch(text) is None:
        raise UsageError(f"{field} {text[:40]!r} refused: a code of a-z, 0-9 and _, such as 'recalled'")
    return text


def checked_gun_uid(text: str) -> str:
    """Return a gun's uid; UsageError for anything but 24 hex digits."""
    uid = text.lower()
    if _GUN_UID.fullmatch(uid) is None:
        raise UsageError(f"gun {text[:40]!r} refused: a port, or the gun's 24 hex digits as 'meso guns' shows them")
    return uid


def expiry_day(text: str) -> int:
    """Return a date as written on a package, YYYY-MM-DD or YYYY-MM for the last day of that month, in days."""
    day = 0
    with contextlib.suppress(ValueError):
        if _DATE.fullmatch(text):
            day = (date.fromisoformat(text) - _EPOCH).days
        elif _MONTH.fullmatch(text):
            first = date.fromisoformat(f"{text}-01")
            day = (date(first.year + first.month // 12, first.month % 12 + 1, 1) - _EPOCH).days - 1
    if day <= 0:
        raise UsageError(f"expiry {text[:20]!r} refused: write YYYY-MM-DD, or YYYY-MM for the end of a month")
    return day


def day_text(day: int) -> str:
    """Write days since 1970-01-01 as a date."""
    return date.fromordinal(_EPOCH.toordinal() + day).isoformat()


def key_part(text: str) -> str:
    """Return a text as a part of a record's key: ASCII without space and ``/``, another one for another text."""
    part = quote(text, safe="")
    if len(part) <= _KEY_PART_MAX:
        return part
    return f"{part[:20]}~{sha256(text.encode()).hexdigest()[:32]}"


def _entry(kind: str, key: str, payload: dict[str, Json], by: Actor) -> Entry:
    return Entry(kind=kind, key=key, payload=payload, op=by.op, role=by.role)
