"""GRANT_SET from the first check to live credit."""

from typing import Final

from protocols.wire.codes import Alarm, Code, GrantEnd, GrantKind, State
from protocols.wire.messages import GrantSet, GrantSetReply, Settings
from protocols.wire.states import GunEvent
from simulator.firmware.board import Board
from simulator.firmware.grants import Grant, check_age, check_number, check_terms
from simulator.firmware.refusal import Refusal
from simulator.firmware.selftest import ALL_ITEMS
from simulator.firmware.senses import battery_is_critical

_AT: Final = GrantSet.OFFSETS
_OFF_SKIN: Final = frozenset({GrantKind.PRIME, GrantKind.BENCH})


def set_grant(board: Board, request: GrantSet) -> GrantSetReply:
    """Accept a grant, or say what is left of it when it is the newest already.

    Raises:
        Refusal: by the first check that does not hold; nothing has changed then.
    """
    if board.grants.is_repeat(request) and board.grants.newest is not None:
        return _reply(board.grants.newest)
    need_ready(board)
    if request.owner_token != board.sessions.owner_token:
        raise Refusal(Code.E_FENCED, _AT["owner_token"])
    check_number(request, board.grants.last_no)
    check_age(request, head_seq=board.ring.head_seq, uptime_ms=board.uptime_ms)
    _end_session_after_pause(board)
    settings = check_terms(request, board.settings, board.identity.limits, board.tally, board.state)
    _check_gun(board, request, settings)
    if not board.grants.renews(request):
        board.pull.end()
    board.end_credit(GrantEnd.REPLACED)
    grant = board.grants.accept(request, board.ticks_us)
    board.lease.start(board.ticks_us, request.lease_ms, request.not_after_uptime_ms)
    board.credit_since_us = board.ticks_us
    board.change(GunEvent.GRANT_ACCEPTED)
    board.cease(Alarm.IDLE_ARMED)
    if settings.suction_mode:
        board.body.set_suction(board.now_us, on=True, threshold_pa=settings.suction_threshold_pa)
    return _reply(grant)


def need_ready(board: Board) -> None:
    """Refuse while the gun may not move, or moves.

    Raises:
        Refusal: E_ESTOPPED, E_STATE in FAULT, or E_BUSY.
    """
    if board.latch.latch_id:
        raise Refusal(Code.E_ESTOPPED)
    if board.state is State.FAULT:
        raise Refusal(Code.E_STATE)
    if board.moving:
        raise Refusal(Code.E_BUSY)


def _check_gun(board: Board, request: GrantSet, settings: Settings) -> None:
    """Refuse what the terms cannot be blamed for: ring, calibration, parts, skin, hand."""
    if not board.ring.free:
        raise Refusal(Code.E_LOG_FULL)
    if board.ring.exhausted:
        raise Refusal(Code.E_SEQ_EXHAUSTED)
    if settings.cal_hash8 != board.calibration.active.hash8:
        raise Refusal(Code.E_CALIBRATION)
    if board.passed != ALL_ITEMS:
        raise Refusal(Code.E_SELF_TEST)
    sensors = board.body.sensors(board.now_us)
    empty = not sensors.cartridge_present or board.alarms.is_active(Alarm.EMPTY)
    if empty and request.kind != GrantKind.DRY:
        raise Refusal(Code.E_CARTRIDGE)
    if sensors.head_type_id != settings.head_type_id:
        raise Refusal(Code.E_HEAD)
    if battery_is_critical(board):
        raise Refusal(Code.E_POWER)
    if request.kind in _OFF_SKIN and sensors.contact:
        raise Refusal(Code.E_CONTACT)
    if board.trigger_held and not board.grants.renews(request):
        raise Refusal(Code.E_TRIGGER_HELD)


def _end_session_after_pause(board: Board) -> None:
    """The gun's own session ends by a pause without a shot, measured in time with power."""
    since_us = board.last_intent_us or 0
    if board.ticks_us - since_us >= board.identity.limits.session_idle_s * 1_000_000:
        board.tally.end_session()


def _reply(grant: Grant) -> GrantSetReply:
    return GrantSetReply(grant.terms.grant_no, grant.remaining_shots, grant.remaining_nl)
