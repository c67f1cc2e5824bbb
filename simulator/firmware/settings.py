"""The settings block: taken as a whole or refused as a whole."""

from typing import Final

from protocols.wire.codes import Code, Mode, SuctionMode, TriggerSource
from protocols.wire.hashes import hash8
from protocols.wire.messages import LimitsGetReply, Settings
from simulator.firmware.calibration import Calibration
from simulator.firmware.limits import check_settings
from simulator.firmware.refusal import Refusal

_AT: Final = Settings.OFFSETS
_NONE: Final = bytes(Settings.SIZE)


class ActiveSettings:
    """What the gun works with now. Work memory only: after a reset there are none.

    Attributes:
        block: The 72 bytes; zeros when there are none.
        hash8: Their hash.
        values: Their fields, None when there are none.
    """

    __slots__ = ("block", "hash8", "values")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the settings."""
        self.block = _NONE
        self.hash8 = hash8(_NONE)
        self.values: Settings | None = None

    def take(self, settings: Settings) -> None:
        """Make checked settings the active ones."""
        self.block = settings.pack()
        self.hash8 = hash8(self.block)
        self.values = settings


def check(
    settings: Settings, *, limits: LimitsGetReply, calibration: Calibration, head_type_id: int, has_suction: bool
) -> None:
    """Refuse a block whose fields contradict each other, the gun, or its calibration; ranges are checked before.

    Raises:
        Refusal: with the offset of the field refused.
    """
    _check_mode(settings)
    check_settings(limits, settings)
    _check_suction(settings, has_suction=has_suction)
    if settings.cal_hash8 != calibration.hash8:
        raise Refusal(Code.E_CALIBRATION, _AT["cal_hash8"])
    syringe = calibration.syringes.get(settings.syringe_geometry_id)
    if syringe is None:
        raise Refusal(Code.E_CARTRIDGE, _AT["syringe_geometry_id"])
    if settings.dose_nl and settings.dose_nl < syringe.min_dose_nl:
        raise Refusal(Code.E_RANGE, _AT["dose_nl"])
    if settings.dose_nl and not calibration.commanded_dose_nl(settings.dose_nl):
        raise Refusal(Code.E_RANGE, _AT["dose_nl"])
    head = calibration.heads.get(settings.head_type_id)
    if head is None or settings.head_type_id != head_type_id:
        raise Refusal(Code.E_HEAD, _AT["head_type_id"])
    if settings.pins != head.pins:
        raise Refusal(Code.E_RANGE, _AT["pins"])
    if settings.depth_um > head.needle_length_um:
        raise Refusal(Code.E_LIMIT, _AT["depth_um"])


def _check_mode(settings: Settings) -> None:
    if (settings.mode == Mode.DRY) != (settings.dose_nl == 0):
        raise Refusal(Code.E_RANGE, _AT["dose_nl"])
    if settings.mode != Mode.BURST and settings.burst_shots != 1:
        raise Refusal(Code.E_RANGE, _AT["burst_shots"])


def _check_suction(settings: Settings, *, has_suction: bool) -> None:
    if settings.suction_mode == SuctionMode.NONE:
        return
    if not has_suction:
        raise Refusal(Code.E_RANGE, _AT["suction_mode"])
    if not settings.suction_threshold_pa:
        raise Refusal(Code.E_RANGE, _AT["suction_threshold_pa"])
    if settings.suction_mode == SuctionMode.STARTS and not settings.trigger_mask & TriggerSource.SUCTION:
        raise Refusal(Code.E_RANGE, _AT["trigger_mask"])
