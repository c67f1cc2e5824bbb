"""What the firmware does about each thing that the body tells."""

# ruff: noqa: ARG001  # one signature for the whole table

from collections.abc import Callable
from typing import Any, Final

from protocols.wire.codes import Alarm, ContactGate, EstopSource, EventKind, GrantEnd, GrantKind, Reason, SuctionMode
from simulator.firmware.board import Board
from simulator.firmware.firing import Firing
from simulator.physics.events import (
    PEDAL,
    BodyEvent,
    ButtonPressed,
    CartridgeChanged,
    ContactLost,
    ContactMade,
    HeadChanged,
    PressureAbove,
    ReservoirEmpty,
    Stalled,
    StrokeEnded,
    SuctionLost,
    SuctionReached,
    TriggerEdge,
)

_OFF_SKIN: Final = frozenset({GrantKind.PRIME, GrantKind.BENCH})
_INTO_SKIN: Final = frozenset({GrantKind.TREAT, GrantKind.DRY})


def react(board: Board, firing: Firing, event: BodyEvent) -> bool:
    """Act on one event; False for one that needs nothing done, such as the needle reaching its depth."""
    reaction = _REACTIONS.get(type(event))
    if reaction is None:
        return False
    reaction(board, firing, event)
    return True


def press_own_stop(board: Board) -> None:
    """The gun's own stop: latches as a STOP frame does."""
    board.stop(EstopSource.BUTTON)
    if board.sessions.greeted:
        board.outbox.answer_stop(board.stopped_event())


def press_button(board: Board) -> None:
    """The technician's button on the gun."""
    board.button_us = board.ticks_us


def _trigger_edge(board: Board, firing: Firing, event: TriggerEdge) -> None:
    switch, other = (board.pedal, board.hand) if event.source == PEDAL else (board.hand, board.pedal)
    switch.edge(board.ticks_us, level=event.level)
    # Held at boot, the sensor does not tell which of the two it is: both are believed until none is pressed.
    if not event.level and other.level and not board.body.sensors(board.now_us).trigger:
        other.edge(board.ticks_us, level=False)


def _button(board: Board, firing: Firing, event: ButtonPressed) -> None:
    if event.button == "STOP":
        press_own_stop(board)
    else:
        press_button(board)


def _contact_made(board: Board, firing: Firing, event: ContactMade) -> None:
    board.contact = True
    shot, grant = board.shot, board.grants.live
    if (shot is not None and shot.kind in _OFF_SKIN) or (grant is not None and grant.terms.kind in _OFF_SKIN):
        board.end_credit(GrantEnd.CONTACT)
        board.abort(Reason.FAULT)


def _contact_lost(board: Board, firing: Firing, event: ContactLost) -> None:
    board.contact = False
    settings, shot = board.settings.values, board.shot
    if shot is None or shot.kind not in _INTO_SKIN or settings is None:
        return
    if settings.contact_gate == ContactGate.THROUGHOUT:
        board.abort(Reason.LIFT)


def _suction_reached(board: Board, firing: Firing, event: SuctionReached) -> None:
    settings = board.settings.values
    if settings is not None and settings.suction_mode == SuctionMode.STARTS:
        board.pull.shots = 0


def _suction_lost(board: Board, firing: Firing, event: SuctionLost) -> None:
    settings = board.settings.values
    if settings is not None and settings.suction_mode != SuctionMode.NONE:
        board.abort(Reason.SUCTION)


def _pressure(board: Board, firing: Firing, event: PressureAbove) -> None:
    board.abort(Reason.OCCLUSION)


def _stalled(board: Board, firing: Firing, event: Stalled) -> None:
    board.abort(Reason.STALL)


def _empty(board: Board, firing: Firing, event: ReservoirEmpty) -> None:
    board.abort(Reason.EMPTY)


def _cartridge(board: Board, firing: Firing, event: CartridgeChanged) -> None:
    board.cartridge = event.present
    board.drawn_back_um = 0
    board.end_credit(GrantEnd.CARTRIDGE)
    board.journal.note(board.ticks_us, EventKind.CARTRIDGE, detail=event.present)
    if event.present:
        board.cease(Alarm.EMPTY)
    board.alarm(Alarm.CARTRIDGE_CHANGED, lasting=False, each=not event.present)


def _head(board: Board, firing: Firing, event: HeadChanged) -> None:
    board.end_credit(GrantEnd.HEAD)
    board.journal.note(board.ticks_us, EventKind.HEAD)
    board.alarm(Alarm.HEAD_CHANGED, lasting=False, each=True)


def _ended(board: Board, firing: Firing, event: StrokeEnded) -> None:
    firing.stroke_ended(event)


_REACTIONS: Final[dict[type, Callable[[Board, Firing, Any], None]]] = {
    TriggerEdge: _trigger_edge,
    ButtonPressed: _button,
    ContactMade: _contact_made,
    ContactLost: _contact_lost,
    SuctionReached: _suction_reached,
    SuctionLost: _suction_lost,
    PressureAbove: _pressure,
    Stalled: _stalled,
    ReservoirEmpty: _empty,
    CartridgeChanged: _cartridge,
    HeadChanged: _head,
    StrokeEnded: _ended,
}
