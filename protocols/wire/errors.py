"""Errors of the codec."""

from protocols.errors import GunProtocolError


class WireLengthError(GunProtocolError):
    """A payload has not the length that its type asks for."""

    def __init__(self, name: str, expected: int, got: int) -> None:
        super().__init__(f"{name}: {got} bytes where {expected} are needed")
