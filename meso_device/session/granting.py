"""From a reserved grant to one that the gun itself says it has; the same on skin and at the bench."""

from collections.abc import Callable, Generator
from typing import Final, TypeAlias

from drivers.outcome import Done, Refused
from meso_device.accounting.entries import Json
from meso_device.accounting.grants import GrantAccount, closed_entry, grant_entry
from meso_device.session.connect import settle
from meso_device.session.desk import Desk
from meso_device.session.flow import Answer, FlowEnded, LinkTrouble, Need, Until, ask, record, send
from protocols.wire.codes import Code, GrantState
from protocols.wire.hashes import hash8
from protocols.wire.messages import GrantGet, GrantGetReply, GrantRevoke, GrantSet, Settings
from protocols.wire.states import GrantEvent

LEASE_MS: Final = 500
# A grant that is not spent in this time ends; the operator arms again.
VALID_S: Final = 600
# A grant frame that reaches the gun later than this was stuck somewhere and must not take effect (I-52); without a
# heartbeat its credit ends then too. Less than a lease, which is the most that the gun takes: its uptime is estimated
# from its newest frame by a clock that may be a little faster.
GRANT_FRAME_LIFE_MS: Final = LEASE_MS - 50
# E_STALE and E_LATE mean that the head or the time moved on meanwhile: read the log and try again, but not for ever.
STALE_TRIES: Final = 3

Reserve: TypeAlias = Callable[[], Generator[Need, Answer, GrantAccount]]


def live_grant(
    desk: Desk, block: Settings, reserve: Reserve, why: Callable[[Refused], str]
) -> Generator[Need, Answer, GrantAccount]:
    """Reserve, record, ask, read back; return the live grant.

    Args:
        desk: Of the gun; its log is read to the head before each try (I-47).
        block: The settings that the gun has read back.
        reserve: Makes the grant's row durable, before anything is asked of the gun.
        why: Says what a refusal of the gun means, for the person.

    Raises:
        FlowEnded: the gun refused it.
        LinkTrouble: it is not known what became of it.
    """
    for _ in range(STALE_TRIES):
        yield Until(lambda: desk.gun().synced)
        grant = yield from reserve()
        grant.move(GrantEvent.SEND)
        answered = yield from send(grant_frame(desk, grant, block))
        match answered.outcome:
            case Done():
                yield from confirm_live(desk, grant, block)
                return grant
            case Refused(code=code) as refused:
                grant.move(GrantEvent.REFUSED)
                yield from record(closed_entry(grant, desk.gun().stamp, f"refused by the gun, code {code}"))
                if code not in (Code.E_STALE, Code.E_LATE):
                    raise FlowEnded(f"grant {grant.grant_no}: {why(refused)}")
                yield from settle(desk)
            case _:
                raise LinkTrouble(f"the gun did not answer grant {grant.grant_no}")
    raise FlowEnded("the gun's log or the time moved on at every try: release the trigger, check the cable, try again")


def grant_frame(desk: Desk, grant: GrantAccount, block: Settings) -> GrantSet:
    """Return the request for a grant whose row is durable; a frame that is held up is worth nothing (I-52)."""
    return GrantSet(
        grant_no=grant.grant_no,
        expect_head_seq=desk.gun().committed_seq,
        owner_token=desk.owner_token,
        kind=grant.kind,
        area_code=grant.area_code,
        settings_hash8=hash8(block.pack()),
        max_shots=grant.max_shots,
        max_nl=grant.max_nl,
        lease_ms=LEASE_MS,
        valid_s=VALID_S,
        not_after_uptime_ms=(desk.gun_uptime_ms() + GRANT_FRAME_LIFE_MS) & 0xFFFFFFFF,
        session_tag8=hash8(bytes.fromhex(grant.context.session)),
    )


def confirm_live(desk: Desk, grant: GrantAccount, block: Settings) -> Generator[Need, Answer, None]:
    """Show ARMED only for what the gun itself says it has."""
    got = (yield from ask(GrantGet(grant.grant_no))).body
    if not isinstance(got, GrantGetReply):
        raise LinkTrouble("GRANT_GET was answered by something else")
    # The trigger may have been pulled already: shots and volume used add up with what remains.
    equal = (
        got.grant_no == grant.grant_no
        and got.state in (GrantState.LIVE, GrantState.SPENT)
        and got.kind == grant.kind
        and got.area_code == grant.area_code
        and got.settings_hash8 == hash8(block.pack())
        and (got.max_shots, got.max_nl, got.lease_ms) == (grant.max_shots, grant.max_nl, LEASE_MS)
    )
    if not equal:
        yield from ask(GrantRevoke(0))
        if got.state == GrantState.VOID and got.grant_no == grant.grant_no:
            grant.move(GrantEvent.CONFIRMED)
            desk.ended_grant = (grant.grant_no, 0)
            return  # ended between the two frames, by a lapse or the like
        raise LinkTrouble(f"the gun reads back grant {grant.grant_no} otherwise than it was set")
    grant.move(GrantEvent.CONFIRMED)
    live: dict[str, Json] = {"max_shots": grant.max_shots, "max_nl": grant.max_nl}
    yield from record(grant_entry("live", grant.grant_no, desk.gun().stamp, grant.context, live))


def grant_over(desk: Desk, grant: GrantAccount) -> Until:
    """Wait for its end: the event GRANT_ENDED may get lost, so every newer status is looked at too."""
    before = desk.status

    def over() -> bool:
        status = desk.status
        return (
            grant.spent
            or desk.ended_grant[0] == grant.grant_no
            or (status is not None and status is not before and status.active_grant_no != grant.grant_no)
        )

    return Until(over)
