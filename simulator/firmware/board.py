"""The parts of one gun joined, and the acts that touch several: state, alarms, end of credit, STOP."""

from struct import Struct
from typing import Final

from protocols.wire.codes import Alarm, EstopSource, EventKind, GrantEnd, GrantKind, Reason, ResetCause, State
from protocols.wire.messages import AlarmEvent, EstoppedEvent, EventBody, GrantEndedEvent, MoveDoneEvent
from protocols.wire.states import GUN, GunEvent, next_state
from simulator.firmware.alarms import FAULTS, OF_REASON, Alarms
from simulator.firmware.body import Body
from simulator.firmware.calibration import CalibrationStore
from simulator.firmware.clock import GunClock
from simulator.firmware.draw import NumberSource
from simulator.firmware.estop import StopLatch
from simulator.firmware.faults import FirmwareFaults
from simulator.firmware.grants import GrantBook
from simulator.firmware.identity import GunIdentity
from simulator.firmware.journal import Journal
from simulator.firmware.lease import Lease
from simulator.firmware.nvm import Nvm
from simulator.firmware.outbox import Outbox
from simulator.firmware.ring import LogRing
from simulator.firmware.sessions import SessionTable
from simulator.firmware.settings import ActiveSettings
from simulator.firmware.shots import Shot
from simulator.firmware.tally import Tally
from simulator.firmware.trigger import Contact, Pull
from simulator.physics.stroke import Stroke, StrokeKind, StrokeLabel

STATUS_PERIOD_US: Final = 100_000
IDLE_ARMED_US: Final = 60_000_000
HOMING_SPEED_UM_PER_S: Final = 20_000
BOARD_ITEM: Final = Struct("<12sII")  # gun_uid, log_epoch, how many epochs there have been
_U32: Final = 0xFFFFFFFF
_KIND_NAMES: Final[dict[int, StrokeKind]] = {
    GrantKind.TREAT: "TREAT",
    GrantKind.DRY: "DRY",
    GrantKind.PRIME: "PRIME",
    GrantKind.BENCH: "BENCH",
    GrantKind.SERVICE: "SERVICE",
}
# What a stroke under way is stopped for when its credit ends; other ends let it finish.
_STOPS_STROKE: Final = {
    GrantEnd.LEASE: Reason.LEASE,
    GrantEnd.STOP: Reason.STOP,
    GrantEnd.REVOKED: Reason.REVOKED,
    GrantEnd.TAKEOVER: Reason.REVOKED,
    GrantEnd.SETTINGS: Reason.REVOKED,
    GrantEnd.CARTRIDGE: Reason.FAULT,
    GrantEnd.HEAD: Reason.FAULT,
    GrantEnd.CONTACT: Reason.FAULT,
    GrantEnd.FAULT: Reason.FAULT,
}
_ALARM_OF_END: Final = {
    GrantEnd.LEASE: Alarm.LINK_LOST,
    GrantEnd.IDLE: Alarm.IDLE_ARMED,
    GrantEnd.LOG_FULL: Alarm.LOG_FULL,
}


class Board:
    """One gun's parts and what they share.

    Attributes:
        state: By the table of the wire protocol.
        now_us: World's time of the step under way.
        ticks_us: Gun's time of it.
        gun_uid: The board's.
        boot_id: Number of this boot.
        reset_cause: Why it booted.
        shot: Stroke under way that a record is open for.
        homing: A stroke under way that no record is open for.
        contact: Skin contact as sensed.
        cartridge: A cartridge is fitted.
        last_intent_us: Ticks of the newest INTENT of this boot, None before.
        credit_since_us: Ticks of the newest grant or shot, for the idle limit.
        trigger_count: Shots begun since boot.
        status_due_us: Ticks of the next STATUS; None while no one has greeted.
        status_period_us: Between two STATUS events.
        button_us: Ticks of the newest press of the gun's own button; None when used or never.
        in_service: On the bench.
        passed: Self-test items passed since boot.
        lamp_test_until_us: Ticks until which lamp and buzzer are shown for a test.
        last_sent_settings: Block of the newest SETTINGS_SET, for a read-back that lies.
        rx_dropped: Requests dropped for want of room for the reply.
        rx_untrue: Frames dropped for their tag.
        drawn_back_um: How far the plunger may stand behind its furthest position.
    """

    def __init__(self, identity: GunIdentity, nvm: Nvm, body: Body, faults: FirmwareFaults) -> None:
        self.identity = identity
        self.nvm = nvm
        self.body = body
        self.faults = faults
        self.clock = GunClock(drift_ppm=identity.drift_ppm, faults=faults)
        self.draw = NumberSource(identity.entropy + identity.uid)
        self.alarms = Alarms()
        self.journal = Journal(nvm)
        self.outbox = Outbox()
        self.sessions = SessionTable(nvm, self.draw)
        self.lease = Lease(faults)
        self.grants = GrantBook(nvm)
        self.settings = ActiveSettings()
        self.tally = Tally(nvm)
        self.ring = LogRing(nvm, self.tally, faults)
        self.calibration = CalibrationStore(nvm, identity.calibration)
        self.latch = StopLatch(nvm, self.draw)
        self.hand = Contact()
        self.pedal = Contact()
        self.pull = Pull()
        self.state = State.BOOT
        self.now_us = self.ticks_us = 0
        self.gun_uid = identity.uid
        self.boot_id = self.trigger_count = self.passed = 0
        self.reset_cause = ResetCause.POWER_ON
        self.shot: Shot | None = None
        self.homing = False
        self.contact = self.cartridge = False
        self.last_intent_us: int | None = None
        self.credit_since_us = 0
        self.status_due_us: int | None = None
        self.status_period_us = STATUS_PERIOD_US
        self.button_us: int | None = None
        self.in_service = False
        self.drawn_back_um = self.lamp_test_until_us = 0
        self.last_sent_settings = self.settings.block
        self.rx_dropped = self.rx_untrue = 0

    # time and state

    def set_time(self, now_us: int) -> None:
        """Go on to a moment of the world's."""
        self.now_us = now_us
        self.ticks_us = self.clock.ticks_us(now_us)

    @property
    def uptime_ms(self) -> int:
        """As in the header."""
        return self.ticks_us // 1_000 & _U32

    @property
    def moving(self) -> bool:
        """Whether a stroke is under way."""
        return self.shot is not None or self.homing

    @property
    def trigger_held(self) -> bool:
        """Whether hand trigger or pedal is pressed, bounces included."""
        return self.hand.level or self.pedal.level or self.hand.pressed or self.pedal.pressed

    def change(self, event: GunEvent) -> None:
        """Change the state by the table, and show it at once."""
        before = self.state
        self.state = next_state(GUN, before, event)
        if self.state is not before and self.sessions.greeted:
            self.outbox.status_wanted = True

    def tell(self, event: EventBody) -> None:
        """Send an event if anyone has greeted."""
        if self.sessions.greeted:
            self.outbox.event(event)

    # alarms

    def alarm(self, alarm: Alarm, *, lasting: bool, each: bool = False) -> None:
        """Raise an alarm; a fault ends the credit and latches. ``each`` tells of one that is latched already, too."""
        if self.alarms.raise_(alarm, lasting=lasting) or each:
            self._alarm_changed(alarm, raised=1)
        if alarm in FAULTS and self.state not in {State.FAULT, State.BOOT}:
            self.end_credit(GrantEnd.FAULT)
            self.abort(Reason.FAULT)
            self.in_service = False
            self.change(GunEvent.FAULT_RAISED)

    def cease(self, alarm: Alarm) -> None:
        """The cause of an alarm is gone."""
        if self.alarms.is_active(alarm) and self.alarms.cease(alarm):
            self._alarm_changed(alarm, raised=0)

    def acknowledge(self, alarm: int) -> None:
        """Acknowledge an alarm; the last fault cleared ends FAULT. While the needle is drawn no cause is gone yet."""
        open_before = self.alarms.fault_open
        if self.alarms.acknowledge(alarm, self.ticks_us, over=not self.moving):
            self._alarm_changed(alarm, raised=0)
        if open_before and not self.alarms.fault_open:
            self.change(GunEvent.FAULT_CLEARED)

    def _alarm_changed(self, alarm: int, *, raised: int) -> None:
        self.journal.note(self.ticks_us, EventKind.ALARM, detail=alarm, arg=raised)
        self.tell(AlarmEvent(alarm, raised, 0, self.alarms.bits))

    # credit and strokes

    def end_credit(self, cause: GrantEnd) -> None:
        """End the live grant, if there is one: credit 0 at once, a stroke under way stopped where the cause asks."""
        grant = self.grants.live
        if grant is None:
            return
        shots, volume_nl = grant.remaining_shots, grant.remaining_nl
        grant.ended = cause
        self.lease.end()
        reason = _STOPS_STROKE.get(cause)
        if reason is not None:
            self.abort(reason)
        if cause not in {GrantEnd.SPENT, GrantEnd.REPLACED}:
            self.pull.end()
            self._suction_off()
        grant_no = grant.terms.grant_no
        self.journal.note(self.ticks_us, EventKind.GRANT_ENDED, detail=cause, arg=grant_no, arg2=volume_nl)
        self.tell(GrantEndedEvent(grant_no, cause, shots, volume_nl))
        if self.state in {State.ARMED, State.MOVING, State.SERVICE} and cause is not GrantEnd.REPLACED:
            self.change(GunEvent.CREDIT_ENDED)
        alarm = _ALARM_OF_END.get(cause)
        if alarm is not None:
            self.alarm(alarm, lasting=True)

    def abort(self, reason: Reason) -> None:
        """Stop the flow and draw the needle; the record is closed when the needle is home. Once a stroke."""
        shot = self.shot
        if shot is not None and shot.reason is Reason.NONE:
            shot.reason = reason
            self.body.stop_stroke(self.now_us)
            alarm = OF_REASON.get(reason)
            if alarm in FAULTS:
                self.alarm(alarm, lasting=False)

    def start_stroke(self, shot: Shot, stroke: Stroke) -> None:
        """Order a stroke whose INTENT has read back."""
        self.shot = shot
        self.change(GunEvent.STROKE_BEGUN)
        self.body.start_stroke(self.now_us, stroke)

    def home(self) -> None:
        """Draw the needle home if it is out; takes no slot, and is done in any state: it is the safe direction."""
        if not self.body.sensors(self.now_us).needle_um:
            self.tell(MoveDoneEvent(0, Reason.NONE))
            return
        if self.state is State.SAFE:
            self.change(GunEvent.HOMING_BEGUN)
        self.homing = True
        self.body.start_stroke(
            self.now_us,
            Stroke(
                label=None,
                depth_um=0,
                needle_speed_um_per_s=HOMING_SPEED_UM_PER_S,
                dose_nl=0,
                flow_nl_per_s=1,
                pl_per_um=1,
            ),
        )

    def rest(self) -> None:
        """The stroke is over: go back to where the gun is when it stands."""
        if self.state is not State.MOVING:
            return
        if self.in_service:
            self.change(GunEvent.ENDED_SERVICE)
        elif self.grants.live is not None:
            self.change(GunEvent.ENDED_ARMED)
        else:
            self.change(GunEvent.ENDED_SAFE)

    def label(self, *, kind: int, shot_seq: int, grant_no: int, area_code: int) -> StrokeLabel:
        """Name a stroke for the truth that the physics writes."""
        return StrokeLabel(
            kind=_KIND_NAMES[kind],
            gun_uid=self.gun_uid.hex(),
            log_epoch=self.ring.log_epoch,
            shot_seq=shot_seq,
            grant_no=grant_no,
            area_code=area_code,
        )

    def leave_service(self) -> None:
        """Leave SERVICE if the gun is on the bench; a stroke under way is stopped."""
        if not self.in_service:
            return
        self.end_credit(GrantEnd.REVOKED)
        self.abort(Reason.REVOKED)
        self.in_service = False
        self.journal.note(self.ticks_us, EventKind.SERVICE, detail=0)
        if self.state is State.SERVICE:
            self.change(GunEvent.SERVICE_LEFT)

    # STOP

    def stop(self, source: EstopSource) -> None:
        """Stop everything and latch; again voids a reset that was begun. Motion first, memory after it."""
        self.abort(Reason.STOP)
        self.end_credit(GrantEnd.STOP)
        self.in_service = False
        if self.latch.set(source):
            self.change(GunEvent.STOP)
            self.alarm(Alarm.ESTOP, lasting=True)
            self.journal.note(self.ticks_us, EventKind.ESTOP, detail=source, arg=self.latch.latch_id)

    def stopped_event(self) -> EstoppedEvent:
        """What the gun answers to STOP."""
        return EstoppedEvent(self.latch.latch_id, self.latch.source, self.ring.head_seq)

    def _suction_off(self) -> None:
        settings = self.settings.values
        if settings is not None and settings.suction_mode:
            self.body.set_suction(self.now_us, on=False, threshold_pa=settings.suction_threshold_pa)
