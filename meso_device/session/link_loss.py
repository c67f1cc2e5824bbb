"""What is recorded when the gun is out of reach: what it was permitted and nobody saw the end of is unknown."""

from msgspec.structs import replace

from meso_device.accounting.book import GunBook
from meso_device.accounting.entries import Entry, Json
from meso_device.accounting.grants import GrantAccount, grant_entry
from meso_device.session.contract import NoticeKind
from meso_device.session.desk import Desk
from protocols.units import HELD_VOLUME, format_quantity
from protocols.wire.states import GrantEvent


def lost(desk: Desk, book: GunBook, reason: str) -> tuple[Entry, ...]:
    """Return the entries of a lost link, and make every grant that is not proven over unknown (I-20, I-21)."""
    down = desk.entry("link.down", desk.event_key("link.down"), {"cause": reason})
    unknown = [_unknown(desk, book, grant) for grant in book.open_grants() if not grant.unknown]
    desk.tell(NoticeKind.INFO, f"link lost: {reason}; the gun's lease disarms it")
    return (down, *unknown)


def _unknown(desk: Desk, book: GunBook, grant: GrantAccount) -> Entry:
    grant.move(GrantEvent.LINK_LOST)
    held: dict[str, Json] = {"held_shots": grant.held_shots, "held_nl": grant.held_nl}
    volume = format_quantity(grant.held_nl, HELD_VOLUME)
    text = (
        f"unknown: up to {grant.held_shots} injections, {volume} of grant {grant.grant_no}, until the gun's log is read"
    )
    desk.tell(NoticeKind.UNKNOWN, text)
    # The same grant may become unknown, live and unknown again: the key carries the moment.
    entry = grant_entry(f"unknown/{desk.now.utc_us}", grant.grant_no, book.stamp, grant.context, held)
    return replace(entry, kind="grant.unknown")
