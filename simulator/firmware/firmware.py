"""The gun's firmware: bytes, time and buttons in; frames and a next deadline out."""

from typing import Final

from protocols.errors import require
from protocols.wire.codes import Alarm, EstopSource, GrantEnd, GrantKind, ResetCause, State
from protocols.wire.frame import STOP_FRAME, TYPE_ESTOP, Deframer, decode_block
from protocols.wire.messages import Status
from simulator.firmware import reactions
from simulator.firmware.board import IDLE_ARMED_US, Board
from simulator.firmware.body import Body
from simulator.firmware.boot import boot
from simulator.firmware.dispatch import Dispatcher
from simulator.firmware.estop import StopRecogniser
from simulator.firmware.faults import FirmwareFaults
from simulator.firmware.firing import Firing
from simulator.firmware.grants import Grant
from simulator.firmware.identity import GunIdentity
from simulator.firmware.nvm import Nvm, PowerCut
from simulator.firmware.reports import status
from simulator.firmware.shots import given_so_far_nl
from simulator.firmware.trigger import STUCK_US, Contact
from simulator.physics.events import HAND, PEDAL

# Longer than any chain of events at one moment; reaching it means that time does not go on.
_STEPS_AT_ONCE_MAX: Final = 1_000
_STOP: Final = decode_block(STOP_FRAME[1:-1])


class GunFirmware:
    """One gun's firmware between two buttons: power on (`boot`) and power off.

    Times are the world's monotonic microseconds and never go back; the gun's own ticks derive from them. It works
    through what is due in order of time however late it is called, so a late caller sees what a punctual one sees.

    Args:
        identity: Who the gun is.
        nvm: Its memory, which outlives this object.
        body: Its motors and sensors.
        faults: What is wrong with it; may be changed at any time.
    """

    def __init__(self, identity: GunIdentity, nvm: Nvm, body: Body, faults: FirmwareFaults) -> None:
        self._board = Board(identity, nvm, body, faults)
        self._firing = Firing(self._board)
        self._dispatcher = Dispatcher(self._board, self._firing)
        self._deframer = Deframer()
        self._stop = StopRecogniser()
        self._powered = False
        self._own_due_us: int | None = None

    # what can be seen

    @property
    def powered(self) -> bool:
        """Whether the processor runs; a fault may have cut the power, then only `boot` helps."""
        return self._powered

    @property
    def state(self) -> State:
        """State of the gun; BOOT without power."""
        return self._board.state if self._powered else State.BOOT

    @property
    def credit(self) -> Grant | None:
        """The live grant, None without credit."""
        return self._board.grants.live if self._powered else None

    @property
    def armed_area(self) -> int:
        """Area of the live grant, 0 without credit."""
        grant = self.credit
        return grant.terms.area_code if grant is not None else 0

    @property
    def armed_kind(self) -> GrantKind | None:
        """Kind of the live grant, None without credit."""
        grant = self.credit
        return GrantKind(grant.terms.kind) if grant is not None else None

    @property
    def remaining_shots(self) -> int:
        """Shots left of the live grant, 0 without credit."""
        grant = self.credit
        return grant.remaining_shots if grant is not None else 0

    @property
    def gun_uid_text(self) -> str:
        """Identity of the board, as the truth spells it."""
        return self._board.gun_uid.hex()

    @property
    def head_seq(self) -> int:
        """Last final record."""
        return self._board.ring.head_seq

    @property
    def log_epoch(self) -> int:
        """Epoch of the log ring."""
        return self._board.ring.log_epoch

    @property
    def released_seq(self) -> int:
        """Last record that the host has released."""
        return self._board.ring.released_seq

    @property
    def alarms(self) -> int:
        """Alarm bits, active or latched."""
        return self._board.alarms.bits

    @property
    def trigger_count(self) -> int:
        """Shots since boot, as on the gun's own display."""
        return self._board.trigger_count

    @property
    def lamp(self) -> str:
        """What the gun's lamp shows: HIGH, MEDIUM, LOW, TEST or nothing."""
        board = self._board
        return board.alarms.lamp() or ("TEST" if board.ticks_us < board.lamp_test_until_us else "")

    @property
    def buzzing(self) -> bool:
        """Whether the gun's buzzer sounds."""
        board = self._board
        return board.alarms.buzzing(board.ticks_us) or board.ticks_us < board.lamp_test_until_us

    # power

    def boot(self, now_us: int, reset_cause: ResetCause = ResetCause.POWER_ON) -> None:
        """Start after power or a reset, which stops all motion; ends SAFE, ESTOPPED, FAULT, or without power again."""
        self.power_off(now_us)
        self._deframer = Deframer()
        self._stop = StopRecogniser()
        self._powered = True
        self._firing.restart()
        self._board.now_us = now_us
        try:
            boot(self._board, reset_cause)
        except PowerCut:
            self._lose_power(now_us)
        self._look_ahead()

    def power_off(self, now_us: int) -> None:
        """Lose the supply: all motion stops where it is; nothing happens until the next `boot`."""
        self.advance(now_us)
        if self._powered:
            self._lose_power(now_us)

    # bytes

    def receive(self, now_us: int, data: bytes) -> None:
        """Take bytes from the line, split anywhere. What they ask for is done, and answered, before this returns."""
        self.advance(now_us)
        if not self._powered:
            return
        try:
            # As in an interrupt handler: STOP acts before anything that came with it is even decoded.
            for _ in range(self._stop.count(data)):
                self._stop_heard()
            for frame in self._deframer.feed(data):
                if frame.type == TYPE_ESTOP and (frame != _STOP or not self._board.latch.latch_id):
                    self._stop_heard()  # not the frozen bytes, or the first delimiter was lost: in doubt, stop
                self._dispatcher.take(frame, self._deframer.bad_blocks)
            self._firing.pump()
        except PowerCut:
            self._lose_power(now_us)
        self._look_ahead()

    def transmit(self, now_us: int) -> bytes:
        """The next whole frame for the line, or nothing: answers to STOP, then replies, then events."""
        if now_us > self._board.now_us:
            self.advance(now_us)
        if not self._powered or self._board.outbox.empty:
            return b""
        return self._board.outbox.take(self._board.uptime_ms, self._status, self._board.sessions.voice)

    # time

    def advance(self, now_us: int) -> None:
        """Let everything happen that is due up to now, in order of time."""
        if not self._powered:
            return
        at_us = self._board.now_us
        try:
            steps = 0
            while (due_us := self._due_us()) is not None and due_us <= now_us:
                steps = steps + 1 if due_us <= at_us else 0
                require(steps < _STEPS_AT_ONCE_MAX, "the firmware does not get on in time")
                at_us = max(at_us, due_us)
                self._step(at_us)
            if now_us > at_us:
                self._board.set_time(now_us)
        except PowerCut:
            self._lose_power(max(at_us, now_us))

    def next_deadline_us(self) -> int | None:
        """When `advance` has something to do by itself; None without power or while nothing is due."""
        return self._due_us() if self._powered else None

    # hands on the gun

    def press_button(self, now_us: int) -> None:
        """Press the technician's button: SERVICE may be entered for 30 s."""
        self.advance(now_us)
        if self._powered:
            reactions.press_button(self._board)

    def press_own_stop(self, now_us: int) -> None:
        """Press the gun's own stop: latches as a STOP frame does."""
        self.advance(now_us)
        if self._powered:
            try:
                reactions.press_own_stop(self._board)
            except PowerCut:
                self._lose_power(now_us)
            self._look_ahead()

    # inside

    def _step(self, now_us: int) -> None:
        board = self._board
        board.set_time(now_us)
        own = self._own_due_us is not None and now_us >= self._own_due_us
        for event in board.body.advance(now_us):
            own |= reactions.react(board, self._firing, event)
        if not own:
            return
        self._settle(board.hand, HAND)
        self._settle(board.pedal, PEDAL)
        self._run_out()
        if board.status_due_us is not None and board.ticks_us >= board.status_due_us:
            self._status_tick()
        self._firing.pump()
        self._look_ahead()

    def _settle(self, switch: Contact, source: int) -> None:
        board = self._board
        if switch.settle(board.ticks_us):
            if switch.pressed:
                self._firing.pulled(source)
            else:
                self._firing.released(source)
                board.cease(Alarm.TRIGGER_STUCK)

    def _run_out(self) -> None:
        """End what has had its time: lease, validity, patience, a trigger that is held and makes no shot."""
        board = self._board
        ticks_us = board.ticks_us
        grant = board.grants.live
        if grant is not None:
            if board.lease.lapsed(ticks_us):
                board.end_credit(GrantEnd.LEASE)
            elif ticks_us >= grant.valid_until_us:
                board.end_credit(GrantEnd.EXPIRED)
            elif not board.moving and ticks_us >= board.credit_since_us + IDLE_ARMED_US:
                board.end_credit(GrantEnd.IDLE)
        stuck_us = self._stuck_due_us()
        if stuck_us is not None and ticks_us >= stuck_us:
            board.alarm(Alarm.TRIGGER_STUCK, lasting=True)

    def _status_tick(self) -> None:
        board = self._board
        if not board.sessions.greeted:
            board.status_due_us = None
            return
        board.status_due_us = board.ticks_us + board.status_period_us
        board.outbox.status_wanted = True

    def _due_us(self) -> int | None:
        """World's time of the next thing to do: the body's, or the firmware's own."""
        due_us = self._own_due_us
        body_us = self._board.body.next_event_us()
        return body_us if body_us is not None and (due_us is None or body_us < due_us) else due_us

    def _look_ahead(self) -> None:
        """Find out when the firmware has something to do by itself; called after everything that may change it."""
        board = self._board
        due = board.hand.due_us
        grant = board.grants.live
        for other in (
            board.pedal.due_us,
            board.status_due_us,
            self._firing.due_us,
            self._stuck_due_us(),
            board.lease.due_us if grant is not None and board.lease.runs else None,
            grant.valid_until_us if grant is not None else None,
            board.credit_since_us + IDLE_ARMED_US if grant is not None and not board.moving else None,
        ):
            if other is not None and (due is None or other < due):
                due = other
        self._own_due_us = board.clock.world_us(due) if due is not None else None

    def _stuck_due_us(self) -> int | None:
        board = self._board
        if not (board.hand.pressed or board.pedal.pressed) or board.alarms.is_active(Alarm.TRIGGER_STUCK):
            return None
        since_us = board.hand.since_us if board.hand.pressed else board.pedal.since_us
        return max(since_us, board.last_intent_us or 0) + STUCK_US

    def _status(self) -> Status:
        authenticated = self._board.sessions.voice is not None
        return status(self._board, self._deframer.bad_blocks, authenticated=authenticated)

    def _stop_heard(self) -> None:
        self._board.stop(EstopSource.FRAME)
        self._board.outbox.answer_stop(self._board.stopped_event())

    def _lose_power(self, now_us: int) -> None:
        """Motion stops; if the supply holds up long enough, what the encoder has counted is kept for the record."""
        board = self._board
        self._powered = False
        board.now_us = now_us
        given_nl = 0
        shot = board.shot
        if shot is not None:
            sensors = board.body.sensors(now_us)
            if sensors.encoder_valid:
                given_nl = given_so_far_nl(shot, sensors.plunger_um, board.calibration.active)
        board.body.power_off(now_us)
        if shot is not None and given_nl and not board.faults.is_on("brownout_no_latch"):
            item = b"".join(number.to_bytes(4, "little") for number in (board.ring.log_epoch, shot.shot_seq, given_nl))
            try:
                board.nvm.hold_up.save(item)
            except PowerCut:
                return
