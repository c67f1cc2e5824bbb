"""The checks, a function a rule, by the sections of SPEC.md. Importing this fills the table."""

from meso_device.conformance.rules import (
    alarms,
    authentication,
    calibration,
    frames,
    grants,
    lease,
    log,
    release,
    requests,
    service,
    sessions,
    settings,
    states,
    stop,
    trigger,
)

__all__ = [
    "alarms",
    "authentication",
    "calibration",
    "frames",
    "grants",
    "lease",
    "log",
    "release",
    "requests",
    "service",
    "sessions",
    "settings",
    "states",
    "stop",
    "trigger",
]
