"""What viewers are shown of a run that has no screen: the same state as a console has, made while somebody looks."""

import signal
from collections.abc import Sequence
from typing import Final

from drivers.link_stats import LinkStats
from meso_device.audit.pages import Looked
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_may import Seen, why_not
from meso_device.host.link_trace import LinkTrace
from meso_device.host.members import Observer, Operator, Wish
from meso_device.host.snapshot import Shown, Treatment, snapshot
from meso_device.host.viewers import Viewers
from meso_device.session.contract import (
    Effect,
    EngineEvent,
    Instant,
    Notice,
    OpenSession,
    ResumeSession,
    View,
)

SNAPSHOT_US: Final = 100_000
LOOK_US: Final = 1_000_000
"""Something is shown at least this often."""


class HeadlessView:
    """Stands between the loop and the run's script; passes every wish on, and asks for nothing but the newest page.

    Args:
        viewers: Who looks.
        operator: The script.
        observer: Who else follows the run.
        opening: What the run begins with.
        opened_us: When, in UTC.
        stats: The link's counts.
        port: Port of the gun as it was named.
    """

    def __init__(
        self,
        viewers: Viewers,
        *,
        operator: Operator,
        observer: Observer,
        opening: OpenSession | ResumeSession,
        opened_us: int,
        stats: LinkStats,
        port: str,
    ) -> None:
        self._viewers = viewers
        self._operator = operator
        self._observer = observer
        self._stats = stats
        self._operated_by = (opening.op[:8], opening.role)
        self._treatment = _treatment_of(opening, opened_us)
        self._facts = ConsoleFacts()
        self._facts.port = port
        self._view: View | None = None
        self._trace = LinkTrace()
        self._changed = True
        self._shown_us = 0
        self._shown_no = 0

    # --- operator -----------------------------------------------------------------------------------

    def next_wish(self, view: View, now: Instant) -> Wish | None:
        """Return the script's wish; where it has none, the question that viewers have."""
        return self._operator.next_wish(view, now) or self._viewers.next_look(view)

    def slept(self, slept_us: int) -> None:
        """Pass it on."""
        self._operator.slept(slept_us)

    def next_deadline_us(self) -> int | None:
        """Return the script's: it looks often enough for viewers."""
        return self._operator.next_deadline_us()

    # --- observer -----------------------------------------------------------------------------------

    def notice(self, notice: Notice) -> None:
        """Keep a line, and pass it on."""
        self._facts.notice(notice)
        self._changed = True
        self._observer.notice(notice)

    def seen(self, view: View, now: Instant) -> None:
        """Show the state to those who look, and pass it on."""
        was, self._view = self._view, view
        self._facts.seen(view, now)
        self._trace.seen(self._stats, view.link, now)
        self._treatment = self._treatment.following(view)
        self._changed |= view is not was
        since_us = now.mono_us - self._shown_us
        if self._viewers.watched and ((self._changed and since_us >= SNAPSHOT_US) or since_us >= LOOK_US):
            self._shown_us, self._changed = now.mono_us, False
            self._shown_no += 1
            self._viewers.show(snapshot(self._shown(view, now)), now)
        self._observer.seen(view, now)

    # --- attendant ----------------------------------------------------------------------------------

    def stepped(self, event: EngineEvent, effects: Sequence[Effect], now: Instant) -> None:
        """Hear what went on."""
        self._facts.stepped(event, effects, now)

    def looked(self, looked: Looked) -> None:
        """Send what was read; nobody but viewers asks."""
        self._viewers.looked(looked)

    def signalled(self, number: signal.Signals, now: Instant) -> None:
        """Let it pass: without a terminal there is none that concerns it."""

    def _shown(self, view: View, now: Instant) -> Shown:
        seen = Seen(
            view=view, facts=self._facts, signed_in=True, enrolled=True, locked=False, session=True, left_open=None
        )
        return Shown(
            no=self._shown_no,
            now=now,
            view=view,
            facts=self._facts,
            stats=self._stats,
            simulated=False,
            operator=self._operated_by,
            enrolled=True,
            treatment=self._treatment if view.session else None,
            left_open=None,
            copied=0,
            silenced_s=0,
            disarm_in_s=None,
            round_trips_us=self._trace.round_trips_us,
            can=why_not(seen),
        )


def _treatment_of(opening: OpenSession | ResumeSession, opened_us: int) -> Treatment:
    if isinstance(opening, OpenSession):
        return Treatment(
            session=opening.session,
            alias=opening.alias,
            practice=opening.practice,
            opened_us=opened_us,
            plan=opening.plan,
        )
    row = opening.row
    return Treatment(
        session=row.session, alias=row.alias, practice=row.practice, opened_us=row.opened_at_us, plan=opening.plan
    )
