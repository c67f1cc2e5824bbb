"""Writing off what can no longer be proven: two people, a reason, and what may have been given goes on counting.

Only for grants whose outcome is unknown and that no log in reach can prove (I-20). Nothing is said to have happened
or not to have happened: the record holds the range.
"""

from collections.abc import Generator

from msgspec.structs import replace

from meso_device.accounting.entries import GunLedger, GunStamp, OpenGrant
from meso_device.accounting.grants import GrantAccount, Signers, write_off_entry
from meso_device.session.contract import NoticeKind, WriteOff
from meso_device.session.desk import Desk
from meso_device.session.endings import totals
from meso_device.session.flow import Answer, Flow, FlowEnded, Load, Need, record
from protocols.units import HELD_VOLUME, format_quantity
from protocols.wire.states import GrantEvent


def write_off(desk: Desk, command: WriteOff) -> Flow:
    """Record that nobody waits any more for the grants of a gun that nothing can prove."""
    ledger = yield from _load(command)
    provable = desk.book.provable_grants() if desk.book is not None and not desk.log_halted else []
    waiting = {(grant.grant_no, desk.gun().stamp.log_epoch) for grant in provable}
    rows = [row for row in ledger.open_grants if (row.grant_no, row.log_epoch) not in waiting]
    if not rows:
        raise FlowEnded("nothing is unknown that could be written off")
    accounts = [GrantAccount.of_ledger(row) for row in rows]
    signers = Signers(
        first=command.first, first_role=command.first_role, second=command.second, second_role=command.second_role
    )
    yield from record(*[write_off_entry(row, _stamp(desk, command, row), signers, command.reason) for row in rows])
    held = desk.book.open_grants() if desk.book is not None else list(desk.unsettled)
    for account in held:
        if account.unknown and any(row.grant_no == account.grant_no for row in rows):
            account.move(GrantEvent.WRITE_OFF)
    desk.unsettled = tuple(account for account in desk.unsettled if account.open)
    desk.written_off = True
    shots, volume_nl = sum(one.held_shots for one in accounts), sum(one.held_nl for one in accounts)
    volume = format_quantity(volume_nl, HELD_VOLUME)
    desk.tell(NoticeKind.INFO, f"written off: up to {shots} injections, {volume}, which go on counting as given")


def close_out_of_reach(desk: Desk, state: str) -> Flow:
    """Close a session whose gun does not come back, after everything unknown of it was written off (I-33)."""
    session = desk.treatment()
    entry = desk.entry("session.closed", f"session/{session.session}/closed", totals(session, state))
    yield from record(entry)
    session.closed = True


def _load(command: WriteOff) -> Generator[Need, Answer, GunLedger]:
    ledger = yield Load(command.gun_uid, command.simulated)
    if not isinstance(ledger, GunLedger):
        raise TypeError("the store answered something else")
    return ledger


def _stamp(desk: Desk, command: WriteOff, row: OpenGrant) -> GunStamp:
    """Return the gun as the record names it; of one that is not connected only what the log knows."""
    if desk.book is not None and desk.book.stamp.gun_uid == command.gun_uid:
        return replace(desk.book.stamp, log_epoch=row.log_epoch)
    return GunStamp(
        gun_uid=command.gun_uid,
        log_epoch=row.log_epoch,
        boot_id=0,
        firmware="",
        cal_id=0,
        simulated=command.simulated,
    )
