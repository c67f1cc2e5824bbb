"""One function a request: what the gun does, and what it answers. Checks come before effects.

Each takes a request whose length, reserved bytes and ranges hold, and returns the body of its reply. A `Refusal`
leaves everything as it was.
"""

# ruff: noqa: ARG001  # one signature for the whole table

from collections.abc import Callable
from typing import Any, Final

from protocols.wire.codes import Alarm, Capability, Code, EventKind, GrantEnd, State
from protocols.wire.frame import PAYLOAD_SIZE_MAX
from protocols.wire.hashes import SLOT_SIZE
from protocols.wire.messages import (
    AlarmAck,
    AlarmTest,
    Auth,
    AuthReply,
    CalCommit,
    CalCommitReply,
    CalRead,
    CalReadReply,
    CalWrite,
    Describe,
    DescribeReply,
    EpochOpen,
    EpochOpenReply,
    EstopResetConfirm,
    EstopResetPrepare,
    EstopResetPrepareReply,
    EventRead,
    EventReadReply,
    Goodbye,
    GrantGet,
    GrantRevoke,
    GrantRevokeReply,
    GrantSet,
    LimitsGet,
    LogRead,
    LogReadReply,
    LogRelease,
    LogReleaseReply,
    ReplyBody,
    SelfTest,
    SelfTestDoneEvent,
    ServiceEnter,
    ServiceLeave,
    ServiceMove,
    ServiceMoveReply,
    Settings,
    SettingsGet,
    SettingsGetReply,
    SettingsSetReply,
    StatusGet,
    StatusRate,
    Takeover,
    TakeoverReply,
    TimePing,
    TimePingReply,
)
from protocols.wire.seal import SEALED_PAYLOAD_SIZE_MAX
from protocols.wire.states import GunEvent
from simulator.firmware import service
from simulator.firmware.board import STATUS_PERIOD_US, Board
from simulator.firmware.describe import compressed_descriptor
from simulator.firmware.estop import StopLatch
from simulator.firmware.firing import Firing
from simulator.firmware.granting import need_ready, set_grant
from simulator.firmware.refusal import Refusal
from simulator.firmware.reports import status
from simulator.firmware.selftest import ALL_ITEMS, failed_items
from simulator.firmware.sessions import Session
from simulator.firmware.settings import check

LAMP_TEST_US: Final = 2_000_000
_REPLY_HEAD_SIZE: Final = 4  # code, detail, field_offset


class Call:
    """What a request may need: the board, the firing part, and who asks.

    Attributes:
        rx_bad_frames: Frames dropped for COBS, CRC or length.
        tagged: The request bore the right tag, so the reply will bear one.
    """

    __slots__ = ("board", "firing", "rx_bad_frames", "session", "tagged")

    def __init__(self, board: Board, firing: Firing, session: Session, rx_bad_frames: int, tagged: bool) -> None:
        self.board = board
        self.firing = firing
        self.session = session
        self.rx_bad_frames = rx_bad_frames
        self.tagged = tagged

    def room(self, body: type[ReplyBody]) -> int:
        """Bytes that the reply has for its tail."""
        return (SEALED_PAYLOAD_SIZE_MAX if self.tagged else PAYLOAD_SIZE_MAX) - _REPLY_HEAD_SIZE - body.SIZE


# reading


def _describe(call: Call, request: Describe) -> ReplyBody:
    whole = compressed_descriptor()
    length = min(request.length, call.room(DescribeReply))
    return DescribeReply(len(whole), request.offset, whole[request.offset : request.offset + length])


def _auth(call: Call, request: Auth) -> ReplyBody:
    return AuthReply(call.session.gun_nonce)


def _time_ping(call: Call, request: TimePing) -> ReplyBody:
    return TimePingReply(request.host_mono_ns, call.board.ticks_us, call.board.boot_id)


def _limits_get(call: Call, request: LimitsGet) -> ReplyBody:
    return call.board.identity.limits


def _settings_get(call: Call, request: SettingsGet) -> ReplyBody:
    board = call.board
    block = board.last_sent_settings if board.faults.is_on("readback_lies") else board.settings.block
    return SettingsGetReply(block, board.settings.hash8)


def _grant_get(call: Call, request: GrantGet) -> ReplyBody:
    return call.board.grants.reply_for(request.grant_no, call.board.ring)


def _log_read(call: Call, request: LogRead) -> ReplyBody:
    ring = call.board.ring
    most = min(request.count, call.room(LogReadReply) // SLOT_SIZE)
    count, slots = ring.read(request.log_epoch, request.from_seq, most)
    return LogReadReply(ring.log_epoch, request.from_seq, count, slots)


def _event_read(call: Call, request: EventRead) -> ReplyBody:
    return EventReadReply(*call.board.journal.read(request.from_no, call.room(EventReadReply)))


def _status_get(call: Call, request: StatusGet) -> ReplyBody:
    return status(call.board, call.rx_bad_frames, authenticated=call.tagged)


def _cal_read(call: Call, request: CalRead) -> ReplyBody:
    return CalReadReply(request.page, call.board.calibration.page(request.page))


# ownership and settings


def _takeover(call: Call, request: Takeover) -> ReplyBody:
    board = call.board
    token = board.sessions.take_over(call.session, request.expected_token, request.host_id)
    board.end_credit(GrantEnd.TAKEOVER)
    board.leave_service()
    board.lease.forget_beats()
    board.status_period_us = STATUS_PERIOD_US
    board.status_due_us = board.ticks_us + STATUS_PERIOD_US
    board.journal.note(board.ticks_us, EventKind.TAKEOVER, arg=token)
    return TakeoverReply(token)


def _goodbye(call: Call, request: Goodbye) -> None:
    board = call.board
    board.end_credit(GrantEnd.REVOKED)
    board.leave_service()
    board.sessions.goodbye(call.session)


def _settings_set(call: Call, request: Settings) -> ReplyBody:
    board = call.board
    need_ready(board)
    check(
        request,
        limits=board.identity.limits,
        calibration=board.calibration.active,
        head_type_id=board.body.sensors(board.now_us).head_type_id,
        has_suction=Capability.SUCTION in board.identity.capabilities,
    )
    board.end_credit(GrantEnd.SETTINGS)
    board.last_sent_settings = request.pack()
    if board.faults.take("setting_not_taken") is None:
        board.settings.take(request)
    return SettingsSetReply(board.settings.hash8)


def _status_rate(call: Call, request: StatusRate) -> None:
    board = call.board
    board.status_period_us = request.period_ms * 1_000
    board.status_due_us = board.ticks_us + board.status_period_us


# credit and log


def _grant_set(call: Call, request: GrantSet) -> ReplyBody:
    return set_grant(call.board, request)


def _grant_revoke(call: Call, request: GrantRevoke) -> ReplyBody:
    board = call.board
    grant = board.grants.live
    if grant is None or request.grant_no not in {0, grant.terms.grant_no}:
        return GrantRevokeReply(0, 0, 0)
    reply = GrantRevokeReply(grant.terms.grant_no, grant.remaining_shots, grant.remaining_nl)
    board.end_credit(GrantEnd.REVOKED)
    return reply


def _log_release(call: Call, request: LogRelease) -> ReplyBody:
    board = call.board
    released_seq = board.ring.release(request.log_epoch, request.upto_seq, request.record_hash8)
    if board.ring.free:
        board.cease(Alarm.LOG_FULL)
    if (board.ring.head_seq - released_seq) * 100 < board.nvm.slots * 80:
        board.cease(Alarm.LOG_80_PERCENT)
    if not board.ring.damaged:
        board.cease(Alarm.NVM_FAULT)
    return LogReleaseReply(released_seq)


# alarms and self-test


def _self_test(call: Call, request: SelfTest) -> None:
    board = call.board
    if board.latch.latch_id:
        raise Refusal(Code.E_ESTOPPED)
    if board.state is State.MOVING:
        raise Refusal(Code.E_BUSY)
    if board.state is State.ARMED:
        raise Refusal(Code.E_STATE)
    failed = failed_items(request.mask, board.ring, board.body.sensors(board.now_us))
    board.passed = (board.passed | request.mask) & ~failed
    if failed:
        board.alarm(Alarm.SELF_TEST_FAILED, lasting=True)
    elif board.passed == ALL_ITEMS:
        board.cease(Alarm.SELF_TEST_FAILED)
    board.tell(SelfTestDoneEvent(request.mask, failed))


def _alarm_ack(call: Call, request: AlarmAck) -> None:
    if call.board.state is State.MOVING:
        raise Refusal(Code.E_BUSY)
    call.board.acknowledge(request.alarm)


def _alarm_test(call: Call, request: AlarmTest) -> None:
    call.board.lamp_test_until_us = call.board.ticks_us + LAMP_TEST_US


# the bench


def _service_enter(call: Call, request: ServiceEnter) -> None:
    service.enter(call.board)


def _service_leave(call: Call, request: ServiceLeave) -> None:
    service.leave(call.board)


def _service_move(call: Call, request: ServiceMove) -> ReplyBody:
    return ServiceMoveReply(service.move(call.board, call.firing, request))


def _cal_write(call: Call, request: CalWrite) -> None:
    service.write_calibration(call.board, request)


def _cal_commit(call: Call, request: CalCommit) -> ReplyBody:
    active = service.commit_calibration(call.board, request)
    return CalCommitReply(active.main.cal_id, active.hash8)


def _epoch_open(call: Call, request: EpochOpen) -> ReplyBody:
    return EpochOpenReply(service.open_epoch(call.board, request))


# the stop latch


def _reset_prepare(call: Call, request: EstopResetPrepare) -> ReplyBody:
    latch = _resettable(call.board)
    return EstopResetPrepareReply(latch.prepare(call.board.ticks_us), latch.latch_id)


def _reset_confirm(call: Call, request: EstopResetConfirm) -> None:
    board = call.board
    latch = _resettable(board)
    latch.check(board.ticks_us, nonce=request.nonce, latch_id=request.latch_id)
    board.journal.note(board.ticks_us, EventKind.ESTOP_RESET, detail=request.reason_code, arg=request.latch_id)
    latch.clear()
    board.change(GunEvent.LATCH_RESET)
    board.cease(Alarm.ESTOP)
    board.home()


def _resettable(board: Board) -> StopLatch:
    if not board.latch.latch_id:
        raise Refusal(Code.E_STATE)
    if board.moving:
        raise Refusal(Code.E_BUSY)
    if board.trigger_held:
        raise Refusal(Code.E_TRIGGER_HELD)
    if board.contact:
        raise Refusal(Code.E_CONTACT)
    if board.alarms.fault_open:
        raise Refusal(Code.E_STATE)
    return board.latch


Handler = Callable[[Call, Any], ReplyBody | None]

HANDLERS: Final[dict[int, Handler]] = {
    Describe.TYPE: _describe,
    Auth.TYPE: _auth,
    TimePing.TYPE: _time_ping,
    Takeover.TYPE: _takeover,
    Goodbye.TYPE: _goodbye,
    LimitsGet.TYPE: _limits_get,
    Settings.TYPE: _settings_set,
    SettingsGet.TYPE: _settings_get,
    GrantSet.TYPE: _grant_set,
    GrantGet.TYPE: _grant_get,
    GrantRevoke.TYPE: _grant_revoke,
    LogRead.TYPE: _log_read,
    LogRelease.TYPE: _log_release,
    EventRead.TYPE: _event_read,
    StatusGet.TYPE: _status_get,
    StatusRate.TYPE: _status_rate,
    SelfTest.TYPE: _self_test,
    AlarmAck.TYPE: _alarm_ack,
    AlarmTest.TYPE: _alarm_test,
    ServiceEnter.TYPE: _service_enter,
    ServiceLeave.TYPE: _service_leave,
    ServiceMove.TYPE: _service_move,
    CalRead.TYPE: _cal_read,
    CalWrite.TYPE: _cal_write,
    CalCommit.TYPE: _cal_commit,
    EpochOpen.TYPE: _epoch_open,
    EstopResetPrepare.TYPE: _reset_prepare,
    EstopResetConfirm.TYPE: _reset_confirm,
}
