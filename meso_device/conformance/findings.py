"""How a check ends, and the table of all checks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from protocols.errors import require

if TYPE_CHECKING:
    from meso_device.conformance.bench import Bench


class Broken(Exception):  # noqa: N818  # names what was found: the gun breaks the rule
    """The gun did not do what the rule says; the message is what was seen."""


class NotRun(Exception):  # noqa: N818  # names the event: the check could not be made
    """The rule cannot be checked here and now; the message says why."""


Check: TypeAlias = Callable[["Bench"], str | None]


class Rule(Struct, frozen=True):
    """One rule and how it is tried.

    Attributes:
        number: As in SPEC.md, such as W-029.
        tries: What the check does, in one line.
        check: Raises `Broken` or `NotRun`; may return what it left out.
        hands: Whether somebody must press or touch something.
        slow: Whether it takes longer than five seconds.
        keyed: Whether it is about link authentication, which a gun may be without.
    """

    number: str
    tries: str
    check: Check
    hands: bool
    slow: bool
    keyed: bool


CHECKED: Final[dict[str, Rule]] = {}


def rule(number: str, *, hands: bool = False, slow: bool = False, keyed: bool = False) -> Callable[[Check], Check]:
    """Enter a function as the check of a rule. Its docstring's first line says what it tries."""

    def enter(check: Check) -> Check:
        require(number not in CHECKED, f"{number} is checked twice")
        tries = (check.__doc__ or "").strip().split("\n", maxsplit=1)[0]
        require(bool(tries), f"the check of {number} does not say what it tries")
        CHECKED[number] = Rule(number, tries, check, hands, slow, keyed)
        return check

    return enter


def expect(condition: bool, seen: str) -> None:
    """Raise `Broken` with what was seen unless the condition holds."""
    if not condition:
        raise Broken(seen)
