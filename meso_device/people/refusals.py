"""What this package refuses, each with the line that a user reads."""

from protocols.errors import MesoError


class NotAllowed(MesoError):  # noqa: N818  # names the answer
    """This person may not do this; nothing was changed."""


class PinRefused(MesoError):  # noqa: N818  # names the answer
    """Name and PIN were not accepted."""


class LockedOut(PinRefused):
    """No PIN is looked at for a while; STOP and reading go on as ever.

    Attributes:
        remaining_us: Time until the next try, on the monotonic clock.
    """

    def __init__(self, message: str, remaining_us: int) -> None:
        super().__init__(message)
        self.remaining_us = remaining_us


class PeopleRefused(MesoError):  # noqa: N818  # names the answer
    """The register or the vault does not take this; nothing was changed."""


class VaultBroken(MesoError):  # noqa: N818  # names the state
    """The vault cannot be read or written."""
