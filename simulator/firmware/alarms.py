"""Alarms: what is wrong now, what was and waits for an acknowledgement, and what the gun itself shows of it."""

from typing import Final

from protocols.wire.codes import Alarm, Reason

SILENCE_US: Final = 120_000_000

# Each keeps the gun in FAULT until its cause is gone and it is acknowledged.
FAULTS: Final = frozenset(
    {
        Alarm.OVER_DELIVERY,
        Alarm.RUNAWAY,
        Alarm.NEEDLE_NOT_HOME,
        Alarm.TRIGGER_STUCK,
        Alarm.NVM_FAULT,
        Alarm.DEPTH_FAULT,
        Alarm.OCCLUSION,
        Alarm.STALL,
        Alarm.SENSOR_FAULT,
        Alarm.OVER_TEMPERATURE,
        Alarm.SELF_TEST_FAILED,
    }
)
LATCHED: Final = FAULTS | {
    Alarm.EMPTY,
    Alarm.LIFT_IN_SHOT,
    Alarm.LEAK,
    Alarm.SUCTION_LOST,
    Alarm.CARTRIDGE_CHANGED,
    Alarm.HEAD_CHANGED,
}
OF_REASON: Final = {
    Reason.LIFT: Alarm.LIFT_IN_SHOT,
    Reason.OCCLUSION: Alarm.OCCLUSION,
    Reason.STALL: Alarm.STALL,
    Reason.EMPTY: Alarm.EMPTY,
    Reason.SUCTION: Alarm.SUCTION_LOST,
}
_FAULT_BITS: Final = sum(1 << alarm for alarm in FAULTS)
_LATCHED_BITS: Final = sum(1 << alarm for alarm in LATCHED)
_PRIORITIES: Final = (("HIGH", 0, 7), ("MEDIUM", 8, 23), ("LOW", 24, 63))


class Alarms:
    """The alarms of this gun since its boot.

    Attributes:
        active: Bits whose cause is there now.
        latched: Bits that wait for an acknowledgement.
    """

    __slots__ = ("_silent_until_us", "active", "latched")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget all at boot; what is still wrong is found again."""
        self.active = self.latched = 0
        self._silent_until_us: dict[int, int] = {}

    @property
    def bits(self) -> int:
        """Active or latched, as on the wire."""
        return self.active | self.latched

    @property
    def fault_open(self) -> bool:
        """Whether a latched fault keeps the gun from moving."""
        return bool(self.bits & _FAULT_BITS)

    def is_active(self, alarm: Alarm) -> bool:
        """Whether the cause of an alarm is there now."""
        return bool(self.active >> alarm & 1)

    def raise_(self, alarm: Alarm, *, lasting: bool) -> bool:
        """Take note of a cause; True when the alarm is new.

        Args:
            alarm: Which.
            lasting: The cause stays until `cease`; False for what has happened and is over.
        """
        bit = 1 << alarm
        new = not self.bits & bit
        if lasting:
            self.active |= bit
        if bit & _LATCHED_BITS:
            self.latched |= bit
        if new:
            self._silent_until_us.pop(alarm, None)
        return new

    def cease(self, alarm: Alarm) -> bool:
        """The cause is gone; True when the alarm is over with it."""
        bit = 1 << alarm
        was = self.active & bit
        self.active &= ~bit
        return bool(was) and not self.latched & bit

    def acknowledge(self, alarm: int, ticks_us: int, *, over: bool) -> bool:
        """Clear a latched alarm whose cause is gone, else silence it; True when it is over.

        Args:
            alarm: Which.
            ticks_us: Now.
            over: Whether what it came from has ended; False keeps it.
        """
        bit = 1 << alarm
        if over and not self.active & bit and self.latched & bit:
            self.latched &= ~bit
            return True
        self._silent_until_us[alarm] = ticks_us + SILENCE_US
        return False

    def lamp(self) -> str:
        """Priority that the gun's lamp shows: HIGH, MEDIUM, LOW or nothing."""
        for name, first, last in _PRIORITIES:
            if self.bits >> first & ((1 << (last - first + 1)) - 1):
                return name
        return ""

    def buzzing(self, ticks_us: int) -> bool:
        """Whether the buzzer sounds: a high or medium alarm that is not silenced."""
        bits = self.bits & 0xFFFFFF
        while bits:
            alarm = bits.bit_length() - 1
            if self._silent_until_us.get(alarm, 0) <= ticks_us:
                return True
            bits ^= 1 << alarm
        return False
