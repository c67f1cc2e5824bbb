"""From a pull of the trigger to the first motor step, and from the last step to a final record.

Each rule that can keep the gun from firing is one function below; `Firing.obstacle` asks them in order.
"""

from typing import Final

from protocols.wire.codes import (
    Alarm,
    Code,
    ContactGate,
    GrantEnd,
    GrantKind,
    Mode,
    Reason,
    SlotFlag,
    State,
    SuctionMode,
    TriggerSource,
)
from protocols.wire.messages import MoveDoneEvent, Settings, ShotEvent
from simulator.firmware.alarms import OF_REASON
from simulator.firmware.board import Board
from simulator.firmware.grants import Grant
from simulator.firmware.limits import session_allows
from simulator.firmware.nvm import PowerCut
from simulator.firmware.ring import Intent, NvmBroken
from simulator.firmware.senses import battery_is_critical, watch
from simulator.firmware.shots import Shot, outcome_of
from simulator.firmware.trigger import repeats, waits
from simulator.physics.events import Sensors, StrokeEnded
from simulator.physics.stroke import Stroke

_OFF_SKIN: Final = frozenset({GrantKind.PRIME, GrantKind.BENCH})
_ALARM_AT_PERCENT: Final = 80
# Obstacles that no further pull could overcome, and what the credit ends as.
_ENDS_CREDIT: Final = {
    Code.E_LOG_FULL: GrantEnd.LOG_FULL,
    Code.E_LIMIT: GrantEnd.SPENT,
    Code.E_GRANT_NO: GrantEnd.SPENT,
    Code.E_LEASE: GrantEnd.LEASE,
    Code.E_SETTINGS: GrantEnd.SETTINGS,
    Code.E_POWER: GrantEnd.FAULT,
}


def state_allows(board: Board) -> bool:
    """Only a gun that is armed, or on the bench, fires."""
    return board.state is State.ARMED or (board.state is State.SERVICE and board.in_service)


def lease_is_fresh(board: Board) -> bool:
    """Credit lives only while its owner is heard."""
    return not board.lease.lapsed(board.ticks_us)


def settings_are_the_grants(board: Board, grant: Grant) -> bool:
    """The settings in force are those that the grant was given for."""
    return board.settings.hash8 == grant.terms.settings_hash8


def credit_allows(grant: Grant, settings: Settings) -> bool:
    """One more shot fits into the grant."""
    return grant.allows(settings.dose_nl)


def ring_allows(board: Board) -> bool:
    """A slot is free, so nothing unreleased is overwritten."""
    return board.ring.free > 0 and not board.ring.exhausted


def hard_limits_allow(board: Board, settings: Settings) -> bool:
    """The gun's own session has room."""
    return session_allows(board.identity.limits, board.tally, settings.dose_nl)


def contact_allows(grant: Grant, settings: Settings, sensors: Sensors) -> bool:
    """Skin contact where it is needed; none where product flows off skin."""
    if grant.terms.kind in _OFF_SKIN:
        return not sensors.contact
    return sensors.contact or settings.contact_gate == ContactGate.OFF


def suction_allows(settings: Settings, sensors: Sensors) -> bool:
    """Vacuum where it is needed."""
    return settings.suction_mode == SuctionMode.NONE or sensors.suction_pa >= settings.suction_threshold_pa


def parts_allow(board: Board, grant: Grant, sensors: Sensors) -> bool:
    """A cartridge with product is fitted, where product is given, and the battery lasts for the shot."""
    filled = sensors.cartridge_present and not board.alarms.is_active(Alarm.EMPTY)
    return (filled or grant.terms.kind == GrantKind.DRY) and not battery_is_critical(board)


def interval_us(board: Board, settings: Settings) -> int:
    """Shortest time between two shots, whatever the settings say."""
    return max(settings.interval_ms, board.identity.limits.interval_ms_min) * 1_000


class Firing:
    """Begins and ends shots.

    Attributes:
        due_us: Ticks at which a pull may get its next shot; None when there is nothing to wait for.
    """

    __slots__ = ("_board", "_missed_us", "due_us")

    def __init__(self, board: Board) -> None:
        self._board = board
        self.due_us: int | None = None
        self._missed_us = 0  # newest press of the automatic trigger that made no shot

    # towards a shot

    def pump(self) -> None:
        """Fire if the trigger asks for it and every rule allows it; called after everything that happens."""
        board = self._board
        self.due_us = None
        if board.moving:
            return
        grant = board.grants.live
        settings = board.settings.values
        if grant is None or settings is None:
            return
        bench = grant.terms.kind == GrantKind.BENCH
        if not bench and not board.pull.wants_more(settings):
            return
        # The automatic trigger presses once an interval, from acceptance on.
        since_us = max(board.credit_since_us, self._missed_us) if bench else board.last_intent_us
        if since_us is not None and board.ticks_us < (ready_us := since_us + interval_us(board, settings)):
            self.due_us = ready_us
            return
        self._try(grant, settings, TriggerSource.BENCH if bench else TriggerSource(board.pull.source))

    def restart(self) -> None:
        """Wait for nothing after a boot."""
        self.due_us = None
        self._missed_us = 0

    def _try(self, grant: Grant, settings: Settings, source: TriggerSource) -> None:
        board = self._board
        sensors = board.body.sensors(board.now_us)
        watch(board, sensors)
        obstacle = self.obstacle(grant, settings, sensors)
        if obstacle is Code.OK:
            if settings.suction_mode == SuctionMode.STARTS and source is not TriggerSource.BENCH:
                source = TriggerSource.SUCTION
            self._fire(grant, settings, source, sensors)
        elif obstacle in {Code.E_CONTACT, Code.E_STATE} and board.pull.source and waits(settings):
            # Contact and vacuum come as events; where the vacuum starts shots, reaching it is a press of its own.
            if not repeats(settings):
                board.pull.use_up(settings)
        else:
            self._give_up(obstacle)

    def obstacle(self, grant: Grant, settings: Settings, sensors: Sensors) -> Code:
        """The first rule that keeps the gun from firing, as the code of a refusal; OK when none does."""
        board = self._board
        for allowed, code in (
            (state_allows(board), Code.E_BUSY),
            (lease_is_fresh(board), Code.E_LEASE),
            (settings_are_the_grants(board, grant), Code.E_SETTINGS),
            (credit_allows(grant, settings), Code.E_GRANT_NO),
            (ring_allows(board), Code.E_LOG_FULL),
            (hard_limits_allow(board, settings), Code.E_LIMIT),
            (parts_allow(board, grant, sensors), Code.E_POWER),
            (contact_allows(grant, settings, sensors), Code.E_CONTACT),
            (suction_allows(settings, sensors), Code.E_STATE),
        ):
            if not allowed:
                return code
        return Code.OK

    def _give_up(self, obstacle: Code) -> None:
        """The pull is over; where no further pull could help either, so is the credit."""
        board = self._board
        board.pull.end()
        self._missed_us = board.ticks_us
        end = _ENDS_CREDIT.get(obstacle)
        if end is not None:
            board.end_credit(end)

    def _fire(self, grant: Grant, settings: Settings, source: TriggerSource, sensors: Sensors) -> None:
        board = self._board
        terms = grant.terms
        depth_um = 0 if terms.kind == GrantKind.PRIME else settings.depth_um
        seq = self._write_intent(
            Intent(
                boot_id=board.boot_id,
                ticks_start_us=board.ticks_us,
                grant_no=terms.grant_no,
                settings_hash8=board.settings.hash8,
                planned_nl=settings.dose_nl,
                planned_depth_um=depth_um,
                area_code=terms.area_code,
                kind=terms.kind,
                trigger_source=source,
                pins=settings.pins,
                flags=_slot_flags(settings, sensors),
            )
        )
        if seq is None:
            return
        grant.spend(settings.dose_nl)
        board.last_intent_us = board.credit_since_us = board.ticks_us
        board.trigger_count += 1
        board.pull.shots += 1
        calibration = board.calibration.active
        pl_per_um = calibration.syringes[settings.syringe_geometry_id].pl_per_um
        board.start_stroke(
            Shot(
                shot_seq=seq,
                kind=terms.kind,
                grant_no=terms.grant_no,
                planned_nl=settings.dose_nl,
                planned_depth_um=depth_um,
                pl_per_um=pl_per_um,
                plunger_start_um=sensors.plunger_um + board.drawn_back_um,
                back_um=_back_um(settings.antidrip_nl, pl_per_um),
            ),
            Stroke(
                label=board.label(kind=terms.kind, shot_seq=seq, grant_no=terms.grant_no, area_code=terms.area_code),
                depth_um=calibration.commanded_depth_um(depth_um),
                needle_speed_um_per_s=settings.needle_speed_um_per_s,
                dose_nl=calibration.commanded_dose_nl(settings.dose_nl),
                flow_nl_per_s=settings.flow_nl_per_s,
                pl_per_um=pl_per_um,
                dwell_ms=settings.dwell_ms,
                antidrip_nl=settings.antidrip_nl,
                needle_locked=terms.kind == GrantKind.PRIME,
                max_pressure_pa=settings.max_pressure_pa,
                contact_needed_throughout=settings.contact_gate == ContactGate.THROUGHOUT,
            ),
        )

    def begin_service_move(self, *, back_um: int) -> int | None:
        """Write INTENT and begin a service movement; returns its record, None where memory is broken."""
        board = self._board
        seq = self._write_intent(
            Intent(
                boot_id=board.boot_id,
                ticks_start_us=board.ticks_us,
                grant_no=0,
                settings_hash8=board.settings.hash8,
                planned_nl=0,
                planned_depth_um=0,
                area_code=0,
                kind=GrantKind.SERVICE,
                trigger_source=TriggerSource.NONE,
                pins=0,
                flags=SlotFlag.SIMULATED | SlotFlag.GATE_OFF,
            )
        )
        if seq is None:
            return None
        board.start_stroke(
            Shot(
                shot_seq=seq,
                kind=GrantKind.SERVICE,
                grant_no=0,
                planned_nl=0,
                planned_depth_um=0,
                pl_per_um=1_000,
                plunger_start_um=0,
                back_um=back_um,
            ),
            Stroke(
                label=board.label(kind=GrantKind.SERVICE, shot_seq=seq, grant_no=0, area_code=0),
                depth_um=0,
                needle_speed_um_per_s=20_000,
                dose_nl=0,
                flow_nl_per_s=10_000,
                pl_per_um=1_000,  # a nanolitre a micrometre: the back-step is a way, not a volume
                antidrip_nl=back_um,
            ),
        )
        return seq

    def _write_intent(self, intent: Intent) -> int | None:
        try:
            return self._board.ring.begin(intent)
        except NvmBroken:
            self._board.alarm(Alarm.NVM_FAULT, lasting=True)
            return None

    # from the last step to a final record

    def stroke_ended(self, ended: StrokeEnded) -> None:
        """Close the record of the stroke, tell of it, and go back to rest."""
        board = self._board
        shot = board.shot
        if shot is None:
            board.homing = False
            board.rest()
            board.tell(MoveDoneEvent(0, Reason.NONE))
            return
        outcome, alarms = outcome_of(shot, ended, board.calibration.active)
        if board.faults.take("after_motion_before_outcome") is not None:
            raise PowerCut
        board.ring.finish(outcome)
        board.shot = None
        self._stand_back(shot, ended)
        self._tell(shot, outcome.phase, outcome.reason, outcome.dose_hi_nl, outcome.measured_depth_um)
        late = OF_REASON.get(outcome.reason)
        for alarm in [*alarms, *([late] if late is not None else [])]:
            board.alarm(alarm, lasting=alarm in {Alarm.EMPTY, Alarm.SENSOR_FAULT})
        self._use_up()
        board.rest()

    def _stand_back(self, shot: Shot, ended: StrokeEnded) -> None:
        """Note how far the plunger may stand behind its furthest: a whole dose has taken up what was before."""
        board = self._board
        if shot.planned_nl and ended.cause == "COMPLETE":
            board.drawn_back_um = shot.back_um
        else:
            board.drawn_back_um = max(board.drawn_back_um, shot.back_um)

    def _tell(self, shot: Shot, phase: int, reason: int, dose_hi_nl: int, depth_um: int) -> None:
        board = self._board
        if shot.kind == GrantKind.SERVICE:
            board.tell(MoveDoneEvent(shot.shot_seq, reason))
            return
        live = board.grants.live
        left = live.remaining_shots if live is not None else 0
        board.tell(ShotEvent(shot.shot_seq, shot.grant_no, phase, reason, left, dose_hi_nl, depth_um, shot.kind))

    def _use_up(self) -> None:
        """End a credit that has no further shot in it."""
        board = self._board
        grant, settings = board.grants.live, board.settings.values
        if board.ring.free <= 0:
            board.alarm(Alarm.LOG_FULL, lasting=True)
        if (board.ring.head_seq - board.ring.released_seq) * 100 >= board.nvm.slots * _ALARM_AT_PERCENT:
            board.alarm(Alarm.LOG_80_PERCENT, lasting=True)
        if grant is None or settings is None:
            return
        if board.alarms.is_active(Alarm.EMPTY):
            board.end_credit(GrantEnd.CARTRIDGE)
        elif not credit_allows(grant, settings):
            board.end_credit(GrantEnd.SPENT)

    # the trigger

    def pulled(self, source: int) -> None:
        """The trigger was pulled: it counts if credit is live and this switch may trigger."""
        board = self._board
        grant, settings = board.grants.live, board.settings.values
        if grant is None or settings is None or not settings.trigger_mask & source:
            return
        if board.state in {State.ARMED, State.MOVING, State.SERVICE} and grant.terms.kind != GrantKind.BENCH:
            board.pull.begin(source)

    def released(self, source: int) -> None:
        """The switch that pulled was released: bursts end, and so does the flow of a mesoperfusion."""
        board = self._board
        if board.pull.source != source:
            return
        board.pull.end()
        settings = board.settings.values
        if settings is not None and settings.mode == Mode.MESOPERFUSION:
            board.abort(Reason.TRIGGER_RELEASED)


def _slot_flags(settings: Settings, sensors: Sensors) -> int:
    flags = int(SlotFlag.SIMULATED)
    if sensors.contact:
        flags |= SlotFlag.CONTACT
    if settings.suction_mode and sensors.suction_pa >= settings.suction_threshold_pa:
        flags |= SlotFlag.SUCTION_OK
    if settings.contact_gate == ContactGate.OFF:
        flags |= SlotFlag.GATE_OFF
    return flags


def _back_um(antidrip_nl: int, pl_per_um: int) -> int:
    """How far a back-step draws the plunger, rounded up and one more: what must be taken up before dose flows."""
    return -(-antidrip_nl * 1_000 // pl_per_um) + 1 if antidrip_nl else 0
