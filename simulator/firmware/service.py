"""On the bench: SERVICE, its movements, calibration and a new epoch. Needs the gun's own button."""

from typing import Final

from protocols.wire.codes import Code, EventKind, GrantEnd, ServiceMoveKind, State
from protocols.wire.messages import CalCommit, CalMain, CalWrite, EpochOpen, ServiceMove
from protocols.wire.states import GunEvent
from simulator.firmware.board import BOARD_ITEM, Board
from simulator.firmware.calibration import Calibration
from simulator.firmware.firing import Firing
from simulator.firmware.granting import need_ready
from simulator.firmware.refusal import Refusal

BUTTON_US: Final = 30_000_000


def need_service(board: Board) -> None:
    """Refuse outside SERVICE.

    Raises:
        Refusal: E_ESTOPPED, E_STATE in FAULT, E_BUSY in a stroke, else E_NEEDS_SERVICE.
    """
    need_ready(board)
    if board.state is not State.SERVICE:
        raise Refusal(Code.E_NEEDS_SERVICE)


def enter(board: Board) -> None:
    """Enter SERVICE from SAFE, with the button pressed shortly before and no skin near; on the bench already: nothing.

    Raises:
        Refusal: E_ESTOPPED, E_BUSY, E_STATE, E_CONTACT or E_NEEDS_BUTTON.
    """
    need_ready(board)
    if board.state is State.SERVICE:
        return
    if board.state is not State.SAFE:
        raise Refusal(Code.E_STATE)
    if board.contact:
        raise Refusal(Code.E_CONTACT)
    if board.button_us is None or board.ticks_us - board.button_us > BUTTON_US:
        raise Refusal(Code.E_NEEDS_BUTTON)
    board.button_us = None
    board.in_service = True
    board.change(GunEvent.SERVICE_ENTERED)
    board.journal.note(board.ticks_us, EventKind.SERVICE, detail=1)


def leave(board: Board) -> None:
    """Leave SERVICE for SAFE; in SAFE already: nothing.

    Raises:
        Refusal: E_ESTOPPED, E_BUSY or E_STATE.
    """
    need_ready(board)
    if board.state is State.ARMED:
        raise Refusal(Code.E_STATE)
    board.leave_service()


def move(board: Board, firing: Firing, request: ServiceMove) -> int:
    """Begin a movement that can neither dispense nor extend; returns its record.

    Raises:
        Refusal: by state, E_RANGE, E_STATE, E_STALE, E_CONTACT, E_SEQ_EXHAUSTED or E_LOG_FULL.
    """
    need_service(board)
    if request.distance_um and request.move != ServiceMoveKind.RETRACT_PLUNGER:
        raise Refusal(Code.E_RANGE, ServiceMove.OFFSETS["distance_um"])
    if board.grants.live is not None:
        raise Refusal(Code.E_STATE)
    if request.expect_head_seq != board.ring.head_seq:
        raise Refusal(Code.E_STALE, ServiceMove.OFFSETS["expect_head_seq"])
    if board.contact:
        raise Refusal(Code.E_CONTACT)
    if board.ring.exhausted:
        raise Refusal(Code.E_SEQ_EXHAUSTED)
    if not board.ring.free:
        raise Refusal(Code.E_LOG_FULL)
    seq = firing.begin_service_move(back_um=request.distance_um)
    if seq is None:
        raise Refusal(Code.E_STATE)
    return seq


def write_calibration(board: Board, request: CalWrite) -> None:
    """Write a page of the shadow.

    Raises:
        Refusal: by state, or E_RANGE with the offset of a field that no calibration has.
    """
    need_service(board)
    if request.page == 0:
        main = CalMain.unpack(request.block)
        for offset, name, lowest, highest in CalMain.RANGES:
            if not lowest <= getattr(main, name) <= highest:
                raise Refusal(Code.E_RANGE, CalWrite.OFFSETS["block"] + offset)
    board.calibration.write_page(request.page, request.block)


def commit_calibration(board: Board, request: CalCommit) -> Calibration:
    """Make the shadow the active calibration; ends the credit, and settings made for the old one no longer hold.

    Raises:
        Refusal: by state, or E_CALIBRATION.
    """
    need_service(board)
    active = board.calibration.commit(request.cal_id, request.cal_hash8)
    board.end_credit(GrantEnd.SETTINGS)
    board.journal.note(board.ticks_us, EventKind.CALIBRATION, arg=active.main.cal_id)
    return active


def open_epoch(board: Board, request: EpochOpen) -> int:
    """Start a new epoch; every record of the old one has been released.

    Raises:
        Refusal: by state, E_EPOCH, E_STALE, or E_STATE while records are not released or a grant is live.
    """
    need_service(board)
    if request.expected_epoch != board.ring.log_epoch:
        raise Refusal(Code.E_EPOCH, EpochOpen.OFFSETS["expected_epoch"])
    if request.expected_head_seq != board.ring.head_seq:
        raise Refusal(Code.E_STALE, EpochOpen.OFFSETS["expected_head_seq"])
    if board.ring.head_seq > board.ring.released_seq or board.grants.live is not None:
        raise Refusal(Code.E_STATE)
    item = board.nvm.board.load()
    epochs = BOARD_ITEM.unpack(item)[2] if item else 0
    epoch = board.draw.draw_u32(other_than=(board.ring.log_epoch,))
    board.nvm.board.save(BOARD_ITEM.pack(board.gun_uid, epoch, epochs + 1))
    board.ring.begin_epoch(epoch)
    board.journal.note(board.ticks_us, EventKind.EPOCH, arg=epoch)
    return epoch
