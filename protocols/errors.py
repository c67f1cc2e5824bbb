"""The error tree that every layer shares.

A message is one line for the user: what, where, the value and the limit with units, and what to do.
"""

from typing import Final


class MesoError(Exception):
    """Base of all errors that are shown to a user; never shown with a traceback."""

    exit_status: Final = 1


class UsageError(MesoError):
    """Refused before a byte left: the caller asked for something that cannot be."""


class GunProtocolError(MesoError):
    """The peer broke the wire protocol."""


class LinkLost(MesoError):  # noqa: N818  # names the event, as the wire protocol and the screens do
    """The connection to the gun is gone; the gun's lease disarms it."""


class GunRefused(MesoError):  # noqa: N818  # names the event
    """The gun refused a request and changed nothing."""


class OutcomeUnknown(MesoError):  # noqa: N818  # names the state
    """Bytes left and there is no proof either way: never retried, only reconciled against the gun's log."""


class AuditWriteFailed(MesoError):  # noqa: N818  # names the event
    """A record could not be made durable: injecting stops."""


class InvariantError(Exception):
    """The program contradicts itself. Outside the tree on purpose: it stops the process."""


def require(condition: bool, broken: str) -> None:
    """Raise `InvariantError` naming what is broken unless the condition holds; stays on under ``-O``."""
    if not condition:
        raise InvariantError(broken)
