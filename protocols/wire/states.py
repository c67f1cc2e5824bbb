"""The two state machines that the wire protocol joins: the gun, and one grant as the host sees it.

A pair of state and event that a table does not name cannot happen; meeting one is a bug and raises.
SPEC.md draws both tables. A refused request is no event: it changes nothing, so it never gets here.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Final, TypeAlias, TypeVar

from protocols.errors import InvariantError
from protocols.wire.codes import State

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)
Table: TypeAlias = Mapping[S, Mapping[E, S]]


class GunEvent(StrEnum):
    """What changes the state of a gun."""

    BOOT_CLEAR = "boot clear"  # memory read, no latch, no open fault
    BOOT_LATCHED = "boot latched"  # memory read, the stop latch is set
    BOOT_FAULTY = "boot faulty"  # memory read, a latched fault is open
    GRANT_ACCEPTED = "grant accepted"
    CREDIT_ENDED = "credit ended"  # by any cause that `GrantEnd` names
    STROKE_BEGUN = "stroke begun"  # INTENT has read back; the first motor step may follow
    HOMING_BEGUN = "homing begun"  # needle drawn to its end stop after boot or reset; takes no slot
    ENDED_ARMED = "ended, credit left"
    ENDED_SAFE = "ended, no credit"
    ENDED_SERVICE = "ended, in service"
    SERVICE_ENTERED = "service entered"
    SERVICE_LEFT = "service left"
    STOP = "stop"  # STOP frame, the gun's own stop, or line break
    LATCH_RESET = "latch reset"  # both steps of the reset accepted
    FAULT_RAISED = "fault raised"
    FAULT_CLEARED = "fault cleared"  # the last open fault: cause gone and acknowledged
    RESET = "reset"  # of the processor, for any cause


_ALWAYS: Final = {
    GunEvent.STOP: State.ESTOPPED,
    GunEvent.FAULT_RAISED: State.FAULT,
    GunEvent.RESET: State.BOOT,
}

GUN: Final[Table[State, GunEvent]] = {
    State.BOOT: {
        **_ALWAYS,
        GunEvent.BOOT_CLEAR: State.SAFE,
        GunEvent.BOOT_LATCHED: State.ESTOPPED,
        GunEvent.BOOT_FAULTY: State.FAULT,
    },
    State.SAFE: {
        **_ALWAYS,
        GunEvent.GRANT_ACCEPTED: State.ARMED,
        GunEvent.HOMING_BEGUN: State.MOVING,
        GunEvent.SERVICE_ENTERED: State.SERVICE,
    },
    State.ARMED: {
        **_ALWAYS,
        GunEvent.GRANT_ACCEPTED: State.ARMED,
        GunEvent.CREDIT_ENDED: State.SAFE,
        GunEvent.STROKE_BEGUN: State.MOVING,
    },
    # Credit may end in mid-stroke; the stroke is then closed as ABORTED and ends without credit.
    State.MOVING: {
        **_ALWAYS,
        GunEvent.CREDIT_ENDED: State.MOVING,
        GunEvent.ENDED_ARMED: State.ARMED,
        GunEvent.ENDED_SAFE: State.SAFE,
        GunEvent.ENDED_SERVICE: State.SERVICE,
    },
    # A BENCH or PRIME grant is live without leaving SERVICE.
    State.SERVICE: {
        **_ALWAYS,
        GunEvent.GRANT_ACCEPTED: State.SERVICE,
        GunEvent.CREDIT_ENDED: State.SERVICE,
        GunEvent.STROKE_BEGUN: State.MOVING,
        GunEvent.SERVICE_LEFT: State.SAFE,
    },
    # The latch hides a fault but does not end it: the reset is refused while one is open.
    State.ESTOPPED: {
        **_ALWAYS,
        GunEvent.FAULT_RAISED: State.ESTOPPED,
        GunEvent.FAULT_CLEARED: State.ESTOPPED,
        GunEvent.LATCH_RESET: State.SAFE,
    },
    State.FAULT: {
        **_ALWAYS,
        GunEvent.FAULT_CLEARED: State.SAFE,
    },
}


class GrantPhase(StrEnum):
    """How far the host is with one grant; what it may cost stays reserved up to CLOSED."""

    RESERVED = "reserved"
    SENT = "sent"
    LIVE = "live"
    UNKNOWN = "unknown"
    CLOSED = "closed"
    WRITTEN_OFF = "written off"


class GrantEvent(StrEnum):
    """What changes the phase of a grant at the host. Time alone is none of them."""

    SEND = "send"  # the frame is handed to the port; the grant row was committed before
    CONFIRMED = "confirmed"  # reply OK, and GRANT_GET read back equal
    REFUSED = "refused"  # the gun's own refusal
    LINK_LOST = "link lost"  # port lost, all tries without a reply, or the host restarted
    PROVEN_LIVE = "proven live"  # after HELLO: GRANT_GET says LIVE and the log is committed to the head
    PROVEN_OVER = "proven over"  # never sent, new boot_id, GRANT_GET not LIVE, or token raised; log committed
    WRITE_OFF = "write off"  # two persons and a reason


GRANT: Final[Table[GrantPhase, GrantEvent]] = {
    GrantPhase.RESERVED: {
        GrantEvent.SEND: GrantPhase.SENT,
        GrantEvent.LINK_LOST: GrantPhase.UNKNOWN,
        GrantEvent.PROVEN_OVER: GrantPhase.CLOSED,
    },
    GrantPhase.SENT: {
        GrantEvent.CONFIRMED: GrantPhase.LIVE,
        GrantEvent.REFUSED: GrantPhase.CLOSED,
        GrantEvent.LINK_LOST: GrantPhase.UNKNOWN,
        GrantEvent.PROVEN_OVER: GrantPhase.CLOSED,
    },
    GrantPhase.LIVE: {
        GrantEvent.PROVEN_LIVE: GrantPhase.LIVE,
        GrantEvent.LINK_LOST: GrantPhase.UNKNOWN,
        GrantEvent.PROVEN_OVER: GrantPhase.CLOSED,
    },
    GrantPhase.UNKNOWN: {
        GrantEvent.LINK_LOST: GrantPhase.UNKNOWN,
        GrantEvent.PROVEN_LIVE: GrantPhase.LIVE,
        GrantEvent.PROVEN_OVER: GrantPhase.CLOSED,
        GrantEvent.WRITE_OFF: GrantPhase.WRITTEN_OFF,
    },
    GrantPhase.CLOSED: {},
    # Not left again: a gun that comes back adds its shots as rows, the written-off range goes on counting.
    GrantPhase.WRITTEN_OFF: {},
}


def next_state(table: Table[S, E], state: S, event: E) -> S:
    """Return the state that follows; raise `InvariantError` for a pair that the table does not name."""
    after = table[state].get(event)
    if after is None:
        raise InvariantError(f"{event.name} cannot happen in {state.name}")
    return after


def diagram(table: Table[S, E]) -> str:
    """Return the table as a Mermaid state diagram; events between the same two states share one arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(table)).name}"]
    for state, row in table.items():
        arrows: dict[S, list[str]] = {}
        for event, after in row.items():
            arrows.setdefault(after, []).append(event.name)
        lines += [f"    {state.name} --> {after.name}: {', '.join(names)}" for after, names in arrows.items()]
        if not row:
            lines.append(f"    {state.name} --> [*]")
    return "\n".join(lines)
