"""The checks, a function a rule, by the sections of SPEC.md. Importing this fills the table."""

from meso_device.conformance.rules import (
    alarms,
    calibration,
    frames,
    grants,
    lease,
    log,
    requests,
    service,
    sessions,
    settings,
    stop,
    trigger,
)

__all__ = [
    "alarms",
    "calibration",
    "frames",
    "grants",
    "lease",
    "log",
    "requests",
    "service",
    "sessions",
    "settings",
    "stop",
    "trigger",
]
