"""What a balance says, whichever dialect it speaks: readings, and faults by name."""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class Fault(StrEnum):
    """Why a weighing cannot go on."""

    UNSTABLE = "UNSTABLE"
    OVERLOAD = "OVERLOAD"
    UNDERLOAD = "UNDERLOAD"
    BALANCE_LOST = "BALANCE_LOST"
    OTHER_BALANCE = "OTHER_BALANCE"
    UNIT_CHANGED = "UNIT_CHANGED"
    NOT_UNDERSTOOD = "NOT_UNDERSTOOD"


class Reading(Struct, frozen=True):
    """One reading.

    Attributes:
        mass_ug: The mass in micrograms, exact.
        digit_ug: The last digit that the balance shows, in micrograms: its readability.
        stable: Whether the balance called it stable; only such a reading is a result.
        text: What came, for the record.
    """

    mass_ug: int
    digit_ug: int
    stable: bool
    text: str


class Identity(Struct, frozen=True):
    """Who the balance says it is.

    Attributes:
        serial: Its serial number.
        model: What it calls itself; empty if it does not.
    """

    serial: str
    model: str


class Tared(Struct, frozen=True):
    """The balance was tared or zeroed as asked, by ``command``."""

    command: str


class Failed(Struct, frozen=True):
    """The weighing under way cannot go on; what was read before stands.

    Attributes:
        fault: Which.
        text: One line that says what to do.
    """

    fault: Fault
    text: str


BalanceEvent: TypeAlias = Reading | Identity | Tared | Failed
