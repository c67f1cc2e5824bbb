"""One stroke under way, and what its record says of it afterwards."""

from typing import Final

from msgspec import Struct

from protocols.wire.codes import Alarm, Phase, Reason
from simulator.firmware.calibration import Calibration
from simulator.firmware.ring import Outcome
from simulator.physics.events import StrokeEnded

DEPTH_TOLERANCE_UM: Final = 100
_TWO_FULL_STEPS_UM: Final = 10
_U16_MAX: Final = 0xFFFF


class Shot(Struct):
    """The stroke under way that a record is open for.

    Attributes:
        shot_seq: Its record.
        kind: `GrantKind`.
        grant_no: Grant that it spends.
        planned_nl: Dose ordered.
        planned_depth_um: Travel ordered.
        pl_per_um: Geometry that it was ordered with.
        plunger_start_um: Plunger position, by its encoder, beyond which motion is dose.
        back_um: How far the plunger is drawn back after it.
        reason: Why it is being stopped; NONE while it is not.
    """

    shot_seq: int
    kind: int
    grant_no: int
    planned_nl: int
    planned_depth_um: int
    pl_per_um: int
    plunger_start_um: int
    back_um: int
    reason: Reason = Reason.NONE


def outcome_of(shot: Shot, ended: StrokeEnded, calibration: Calibration) -> tuple[Outcome, list[Alarm]]:
    """What the record says, and the alarms that follow.

    A stop that came when the needle was already being drawn has changed nothing: such a stroke is DONE.
    """
    alarms: list[Alarm] = []
    phase, reason = Phase.DONE, Reason.NONE
    if ended.cause == "STOPPED":
        phase, reason = Phase.ABORTED, shot.reason
    ordered_nl = calibration.commanded_dose_nl(shot.planned_nl)
    if not ended.encoder_valid:
        # The plunger moved, and nothing tells how far: anything up to the order.
        lo_nl, hi_nl = 0, shot.planned_nl
        alarms.append(Alarm.SENSOR_FAULT)
    else:
        lo_nl, hi_nl = calibration.real_dose_nl(ended.encoder_nl)
        tolerance_nl = max(ordered_nl // 20, _TWO_FULL_STEPS_UM * shot.pl_per_um // 1_000)
        if ended.encoder_nl > ordered_nl + tolerance_nl:
            alarms.append(Alarm.OVER_DELIVERY)
        elif phase is Phase.DONE and ended.encoder_nl < ordered_nl - tolerance_nl:
            phase, reason = Phase.ABORTED, Reason.STALL
            alarms.append(Alarm.STALL)
    ordered_um = calibration.commanded_depth_um(shot.planned_depth_um)
    if phase is Phase.DONE and abs(ended.measured_depth_um - ordered_um) > DEPTH_TOLERANCE_UM:
        alarms.append(Alarm.DEPTH_FAULT)
    outcome = Outcome(
        dose_lo_nl=lo_nl,
        dose_hi_nl=hi_nl,
        measured_depth_um=min(calibration.real_depth_um(ended.measured_depth_um), _U16_MAX),
        duration_ms=min(ended.duration_ms, _U16_MAX),
        peak_pressure_kpa=min(ended.peak_pressure_kpa, _U16_MAX),
        phase=phase,
        reason=reason,
    )
    return outcome, alarms


def interrupted(planned_nl: int, latched_nl: int) -> Outcome:
    """What the record of a stroke says in which power was lost: anything from the latched value to the order."""
    return Outcome(
        dose_lo_nl=min(latched_nl, planned_nl),
        dose_hi_nl=planned_nl,
        measured_depth_um=0,
        duration_ms=0,
        peak_pressure_kpa=0,
        phase=Phase.INTERRUPTED,
        reason=Reason.RESET,
    )


def given_so_far_nl(shot: Shot, plunger_um: int, calibration: Calibration) -> int:
    """Least that a stroke under way has given, by the plunger's encoder, whose reading is in whole micrometres."""
    moved_um = max(0, plunger_um - shot.plunger_start_um - 1)
    return calibration.real_dose_nl(moved_um * shot.pl_per_um // 1_000)[0]
