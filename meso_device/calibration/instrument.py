"""What an instrument, or a person who reads one, says; whichever it is."""

from typing import TypeAlias

from msgspec import Struct


class Measured(Struct, frozen=True):
    """A reading.

    Attributes:
        raw: What came, verbatim.
        value: The value, exact.
        digit: Last digit that is shown, in the same unit.
    """

    raw: str
    value: int
    digit: int


class NotMeasured(Struct, frozen=True):
    """There is no reading; what was read before stands.

    Attributes:
        fault: Name, such as ``UNSTABLE``.
        text: One line that says what to do.
    """

    fault: str
    text: str


Outcome: TypeAlias = Measured | NotMeasured
