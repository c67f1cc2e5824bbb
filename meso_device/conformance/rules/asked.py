"""Requests that are good in themselves, one of each type, for checks that go through all of them."""

from typing import Final

from protocols.wire.messages import (
    AlarmAck,
    AlarmTest,
    CalCommit,
    CalRead,
    CalWrite,
    Describe,
    EpochOpen,
    EstopResetConfirm,
    EstopResetPrepare,
    EventRead,
    Goodbye,
    GrantGet,
    GrantRevoke,
    LimitsGet,
    LogRead,
    LogRelease,
    Request,
    SelfTest,
    ServiceEnter,
    ServiceLeave,
    Settings,
    SettingsGet,
    StatusGet,
    StatusRate,
    TimePing,
)

READS: Final[tuple[Request, ...]] = (
    Describe(0, 220),
    TimePing(0x0102030405060708),
    LimitsGet(),
    SettingsGet(),
    GrantGet(1),
    EventRead(1),
    StatusGet(),
    CalRead(0),
)
# Refused or without effect in SAFE, all but STATUS_RATE, ALARM_TEST and SELF_TEST, which change nothing that lasts.
# GOODBYE is left out: it ends the session that asks.
CHANGES: Final[tuple[Request, ...]] = (
    GrantRevoke(0),
    LogRelease(0, 0, bytes(8)),
    StatusRate(100),
    SelfTest(1),
    AlarmAck(63),
    AlarmTest(),
    ServiceEnter(),
    ServiceLeave(),
    CalWrite(0, bytes(64)),
    CalCommit(1, bytes(8)),
    EpochOpen(0, 0),
    EstopResetPrepare(),
    EstopResetConfirm(1, 1, 1),
)
ALL_FIXED: Final = (*READS, LogRead(0, 1, 3), *CHANGES, Goodbye())
EMPTY_SETTINGS: Final = bytes(Settings.SIZE)
