"""How long no PIN is looked at after wrong ones: pure, and no clock step makes it shorter.

Time counts on the monotonic clock of one boot of the host alone. Seen from another boot, nothing says how much has
passed, as the wall clock can be set: the pause then begins anew at the first look, and never ends early.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

FREE_FAILURES: Final = 5
"""Wrong PINs in a row until the first pause."""
PAUSES_US: Final = tuple(minutes * 60_000_000 for minutes in (1, 2, 4, 8, 15))
"""The pause after the fifth wrong PIN, and after each one that follows; the last one repeats."""


class Moment(Struct, frozen=True, kw_only=True):
    """Now.

    Attributes:
        boot: Id of this boot of the host.
        mono_us: Monotonic clock; comparable within one boot only.
        utc_us: Wall clock: a label that decides nothing.
    """

    boot: str
    mono_us: int
    utc_us: int


class Lockout(Struct, frozen=True, kw_only=True):
    """What is kept of one operator's wrong PINs.

    Attributes:
        failures: Wrong PINs since the last right one.
        pause_us: Length of the pause that the last of them began; 0 for none.
        since: When the pause began, as far as this boot can tell; None without one.
    """

    failures: int = 0
    pause_us: int = 0
    since: Moment | None = None


def looked_at(state: Lockout, now: Moment) -> Lockout:
    """Return the state as this boot has to see it; keep the result, or no time counts."""
    if state.since is None or _same_clock(state.since, now):
        return state
    return replace(state, since=now)


def remaining_us(state: Lockout, now: Moment) -> int:
    """Return how long no PIN may be looked at yet; 0 when one may."""
    if state.since is None:
        return 0
    passed_us = now.mono_us - state.since.mono_us if _same_clock(state.since, now) else 0
    return max(0, state.pause_us - passed_us)


def charged(state: Lockout, now: Moment) -> Lockout:
    """Return the state with one more try counted as wrong; a right PIN clears it afterwards.

    Counting first means that ending the program while a PIN is looked at wins no try.
    """
    failures = state.failures + 1
    pause = failures - FREE_FAILURES
    if pause < 0:
        return Lockout(failures=failures)
    return Lockout(failures=failures, pause_us=PAUSES_US[min(pause, len(PAUSES_US) - 1)], since=now)


def _same_clock(since: Moment, now: Moment) -> bool:
    return since.boot == now.boot and since.mono_us <= now.mono_us
