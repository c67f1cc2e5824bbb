"""What the gun makes of its sensors: battery, warmth, encoder and reservoir against their alarms."""

from typing import Final

from protocols.wire.codes import Alarm
from simulator.firmware.board import Board
from simulator.firmware.selftest import BATTERY_CRITICAL_MV
from simulator.physics.events import Sensors

BATTERY_LOW_MV: Final = 3_400
BATTERY_FULL_MV: Final = 4_200
BATTERY_EMPTY_MV: Final = 3_000
OVER_TEMPERATURE_CDEGC: Final = 6_000
_BATTERY_RECOVERED_MV: Final = 100
_COOLED_CDEGC: Final = 500
_LOW_RESERVOIR_DIVISOR: Final = 10


def battery_pct(sensors: Sensors) -> int:
    """Charge in percent, straight between empty and full."""
    span_mv = BATTERY_FULL_MV - BATTERY_EMPTY_MV
    return max(0, min(100, (sensors.battery_mv - BATTERY_EMPTY_MV) * 100 // span_mv))


def battery_is_critical(board: Board) -> bool:
    """Whether no shot could be finished."""
    return board.alarms.is_active(Alarm.BATTERY_CRITICAL)


def watch(board: Board, sensors: Sensors) -> None:
    """Raise and cease the alarms that follow a reading. The battery is judged at rest: a motor makes it sag."""
    if not board.moving:
        _band(
            board,
            Alarm.BATTERY_CRITICAL,
            over=sensors.battery_mv < BATTERY_CRITICAL_MV,
            under=sensors.battery_mv >= BATTERY_CRITICAL_MV + _BATTERY_RECOVERED_MV,
        )
        _band(
            board,
            Alarm.BATTERY_LOW,
            over=sensors.battery_mv < BATTERY_LOW_MV,
            under=sensors.battery_mv >= BATTERY_LOW_MV + _BATTERY_RECOVERED_MV,
        )
    _band(
        board,
        Alarm.OVER_TEMPERATURE,
        over=sensors.temp_cdegc >= OVER_TEMPERATURE_CDEGC,
        under=sensors.temp_cdegc < OVER_TEMPERATURE_CDEGC - _COOLED_CDEGC,
    )
    _band(board, Alarm.SENSOR_FAULT, over=not sensors.encoder_valid, under=sensors.encoder_valid)
    settings = board.settings.values
    if settings is not None:
        syringe = board.calibration.active.syringes.get(settings.syringe_geometry_id)
        if syringe is not None:
            low_um = syringe.travel_um - syringe.travel_um // _LOW_RESERVOIR_DIVISOR
            low = sensors.plunger_um >= low_um
            _band(board, Alarm.LOW_RESERVOIR, over=low, under=not low)


def _band(board: Board, alarm: Alarm, *, over: bool, under: bool) -> None:
    active = board.alarms.is_active(alarm)
    if over and not active:
        board.alarm(alarm, lasting=True)
    elif under and active:
        board.cease(alarm)
