"""A run without a screen: the script's commands, and when the run is over for good or ill.

The command that started the run is the operator's standing confirmation while the same gun, on the same boot, comes
back soon enough. Whatever goes beyond that ends the run: disarmed, reconciled as far as it can be, and told.
"""

from typing import Final, Protocol

from meso_device.accounting.findings import locked_line
from meso_device.host.members import End, Wish
from meso_device.session.contract import (
    Command,
    Disarm,
    Instant,
    LinkState,
    Notice,
    NoticeKind,
    Phase,
    View,
)

LOST_US_MAX: Final = 5_000_000
"""The link may be away this long before the run ends; also the time a gun has to answer at the start."""
WIND_DOWN_US_MAX: Final = 5_000_000
"""Longest wait for the gun's log after the run has been given up: a reset gun needs a second to boot."""
PAUSE_US: Final = 300_000
"""After a refusal the script waits this long: a trigger still held, the usual cause, is released by then."""
LOOK_US: Final = 100_000
"""How often to look whether one of these times has passed."""
_LIVE: Final = frozenset({Phase.ARMED, Phase.ARMING})
_HEARD: Final = frozenset({LinkState.RECONCILING, LinkState.UP})


class Script(Protocol):
    """Says the next command of a whole session from what can be seen."""

    given_up: str
    """Why no command will come any more; empty while one may."""
    declined: bool
    """Whether the session is closed because a rule refused it before its first injection."""

    def next_command(self, view: View) -> Command | None:
        """Return the next command, or None to wait."""

    def refused(self) -> None:
        """Hear that the last command was refused."""


class Headless:
    """Operator and observer of a run without a screen.

    Args:
        script: Whose commands are passed on while nothing forbids it.
        port: Name of the port, for messages.
    """

    def __init__(self, script: Script, *, port: str) -> None:
        self._script = script
        self._port = port
        self._ending = ""
        self._ending_since_us = 0
        self._refusal = ""
        self._refused = False
        self._pause_until_us = 0
        self._slept = False
        self._heard_us: int | None = None
        self._ever_heard = False
        self._committed_seq = -1
        self._ever_safe = False
        self._disarming = False
        self._look_us = 0

    # --- operator -----------------------------------------------------------------------------------

    def next_wish(self, view: View, now: Instant) -> Wish | None:
        """Return the script's next command, or the end."""
        self._look_us = now.mono_us + LOOK_US
        self._note(view, now)
        if view.phase is Phase.CLOSED:
            return End(1, self._refusal) if self._script.declined else End(0)
        if not self._ending:
            self._ending = self._why_end(view, now)
            self._ending_since_us = now.mono_us
        if self._ending:
            return self._wind_down(view, now)
        if view.link in _HEARD and view.simulated and now.mono_us >= self._pause_until_us:
            return self._script.next_command(view)
        return None

    def slept(self, slept_us: int) -> None:
        """End the run: nobody watched meanwhile."""
        self._slept = slept_us > 0

    def next_deadline_us(self) -> int | None:
        """Look again a few times a second."""
        return self._look_us

    # --- observer -----------------------------------------------------------------------------------

    def notice(self, notice: Notice) -> None:
        """Note a refusal: the script may try again after a pause, and when it gives up this is why."""
        if notice.kind is NoticeKind.REFUSED:
            self._refusal = notice.text
            self._refused = True

    # --- ends ---------------------------------------------------------------------------------------

    def _note(self, view: View, now: Instant) -> None:
        # A gun that says HELLO again and again and nothing more is not there: reconciling counts while it gets on.
        gets_on = view.link is LinkState.RECONCILING and view.committed_seq > self._committed_seq
        if view.link is LinkState.UP or gets_on:
            self._heard_us = now.mono_us
            self._ever_heard = True
            self._committed_seq = view.committed_seq
        elif self._heard_us is None:
            self._heard_us = now.mono_us
        if self._refused:
            self._refused = False
            self._script.refused()
            self._pause_until_us = now.mono_us + PAUSE_US
        elif view.phase is Phase.ARMED:
            self._refusal = ""
        if view.link is LinkState.UP and view.phase not in {Phase.ESTOPPED, Phase.LOCKED}:
            self._ever_safe = True

    def _why_end(self, view: View, now: Instant) -> str:
        """Return why the run cannot go on; empty while it can."""
        away_us = now.mono_us - (self._heard_us if self._heard_us is not None else now.mono_us)
        lost = f"the link stayed lost for {LOST_US_MAX // 1_000_000} s"
        silent = f"no gun answers on {self._port}; what is there instead says: meso guns {self._port}"
        foreign = f"the gun on {self._port} is not simulated: a session without a screen is for simulated guns only"
        reasons = (
            (bool(view.write_failed), f"recording has stopped: {view.write_failed}"),
            (_is_foreign(view), foreign),
            (view.resets > 0, "the gun was reset"),
            (self._slept, "the computer was asleep"),
            (away_us > LOST_US_MAX, lost if self._ever_heard else silent),
            (bool(self._refusal) and not self._ever_heard, self._refusal),
            (view.phase is Phase.LOCKED, locked_line(view.findings)),
            (view.phase is Phase.ESTOPPED and self._ever_safe, "the gun was stopped"),
        )
        given_up = self._refusal if self._script.given_up and self._refusal else self._script.given_up
        return next((text for holds, text in reasons if holds), given_up)

    def _wind_down(self, view: View, now: Instant) -> Wish | None:
        """Take the credit back and read what the gun did, as far as it can be had."""
        end = End(1, self._ending)
        waited_us = now.mono_us - self._ending_since_us
        lost = view.link not in _HEARD and not view.resets
        if waited_us > WIND_DOWN_US_MAX or lost or _is_foreign(view):
            return end
        if view.phase in _LIVE:
            if self._disarming:
                return None
            self._disarming = True
            return Disarm(cause="run ended")
        if view.write_failed:
            return None if view.stop_unheard else end
        settled = view.link is LinkState.UP and view.open_grants == 0 and view.head_seq == view.committed_seq
        return end if settled or view.findings else None


def _is_foreign(view: View) -> bool:
    """Return whether this is a gun that a run without a screen must leave alone."""
    return view.link in _HEARD and bool(view.gun_uid) and not view.simulated
