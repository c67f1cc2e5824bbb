"""The host's side of a console: what ends the armed state, what ends the run, and what the screen is shown.

The screen is a guest here. When it is silent, gone or too small the gun is disarmed or stopped, whatever the screen
thinks; the person in front of it is only asked through `ConsoleDesk`.
"""

import signal
from collections.abc import Callable, Sequence
from typing import Final

from drivers.link_stats import LinkStats
from meso_device.audit.pages import Looked
from meso_device.host.alarm_board import HostAlarm, Priority
from meso_device.host.console_desk import ConsoleDesk
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_may import LIVE, is_at_bench
from meso_device.host.console_settings import ConsoleSettings
from meso_device.host.link_trace import LinkTrace
from meso_device.host.members import Leave, Wish
from meso_device.host.relay import Relay
from meso_device.host.screen_link import SILENT_ARMED_US, SILENT_US_MAX, ScreenLink
from meso_device.host.screen_process import ScreenProcess
from meso_device.host.snapshot import Shown, snapshot
from meso_device.host.terminal import Terminal
from meso_device.host.viewers import TAIL_LOOK_NO, Viewers
from meso_device.screen_messages import Body
from meso_device.session.contract import (
    Disarm,
    Effect,
    EngineEvent,
    Instant,
    Notice,
    NoticeKind,
    View,
)

SNAPSHOT_US: Final = 100_000
LOOK_US: Final = 1_000_000
"""Something is shown at least this often: countdowns go on."""
ASIDE_US_MAX: Final = 200_000
"""Longest wait for the disarming before the console stops itself."""
HANGUP: Final = 128 + signal.SIGHUP


class ConsoleOperator:
    """Operator, observer and attendant of a run with a screen.

    Args:
        desk: Takes the screen's commands.
        facts: Hears what is shown.
        relay: Between the two terminals.
        link: Socket to the screen.
        process: The screen.
        terminal: The operator's.
        viewers: Who else looks.
        stats: The link's counts.
        settings: What is set.
        put_aside: Stops this process until it is taken up again; the terminal is the shell's meanwhile.
        backup_late: Says what to tell of a late backup, see `BackupWatch.late`.
    """

    def __init__(
        self,
        *,
        desk: ConsoleDesk,
        facts: ConsoleFacts,
        relay: Relay,
        link: ScreenLink,
        process: ScreenProcess,
        terminal: Terminal,
        viewers: Viewers,
        stats: LinkStats,
        settings: ConsoleSettings,
        put_aside: Callable[[], None],
        backup_late: Callable[[Instant], str | None],
    ) -> None:
        self._desk = desk
        self._facts = facts
        self._relay = relay
        self._link = link
        self._process = process
        self._terminal = terminal
        self._viewers = viewers
        self._stats = stats
        self._settings = settings
        self._put_aside = put_aside
        self._backup_late = backup_late
        self._enough = terminal.size().is_enough
        self._view: View | None = None
        self._shown_us = 0
        self._shown_no = 0
        self._changed = True
        self._shot_us = 0
        self._seen_alarms: set[int] = set()
        self._disarming = False
        self._aside_since_us: int | None = None
        self._copied_from: tuple[str, int] | None = None
        self._look_us = 0
        self._began_us = 0
        self._verified: Body | None = None
        self._trace = LinkTrace()

    # --- operator -----------------------------------------------------------------------------------

    def next_wish(self, view: View, now: Instant) -> Wish | None:
        """Return what has to be done, whoever wants it: the end first, then disarming."""
        leave = self._why_leave(now)
        if leave is not None:
            return leave
        if self._desk.ending is not None:
            return self._desk.ending
        cause = self._why_disarm(view, now)
        if cause:
            self._disarming = True
            self._desk.forget_steps()
            return Disarm(cause=cause)
        if self._is_left_alone(view, now) and self._desk.leave_alone(now):
            self._facts.notice(Notice(NoticeKind.INFO, "nobody at the keys: signed out"))
        if self._desk.owed:
            self._look_us = 0
            return self._desk.owed.take()
        if self._desk.history.asked:
            self._look_us = 0
            return self._desk.history.asked.popleft()
        if self._aside_since_us is not None:
            self._go_aside(view, now)
        return self._viewers.next_look(view)

    def slept(self, slept_us: int) -> None:
        """Forget what was half confirmed; the engine asks for a confirmation anew."""
        if slept_us:
            self._desk.forget_steps()

    def next_deadline_us(self) -> int | None:
        """Return when to look again."""
        waiting_us = self._desk.next_deadline_us()
        return min(self._look_us, waiting_us) if waiting_us is not None else self._look_us

    # --- observer -----------------------------------------------------------------------------------

    def notice(self, notice: Notice) -> None:
        """Keep a line for the screen; a refusal answers the command that waits."""
        self._facts.notice(notice)
        self._changed = True
        if notice.kind is NoticeKind.REFUSED:
            self._desk.engine_refused(notice.text)

    def seen(self, view: View, now: Instant) -> None:
        """Follow the state, answer what has come about, and show it."""
        was, self._view = self._view, view
        self._began_us = self._began_us or now.mono_us
        self._relay.armed = view.phase in LIVE
        if view.phase not in LIVE:
            self._disarming = False
        if was is None or was.phase not in LIVE or was.shots_given != view.shots_given:
            self._shot_us = now.mono_us
        if view.gun_uid and (self._copied_from is None or self._copied_from[0] != view.gun_uid):
            self._copied_from = (view.gun_uid, view.committed_seq)
        self._changed |= view is not was
        self._facts.seen(view, now)
        late = self._backup_late(now)
        if late is not None:
            self._facts.standing(HostAlarm.BACKUP_LATE, late)
        self._changed |= self._desk.seen(view, now) or self._desk.verify.state is not self._verified
        self._verified = self._desk.verify.state
        self._trace.seen(self._stats, view.link, now)
        self._show(view, now)

    # --- attendant ----------------------------------------------------------------------------------

    def stepped(self, event: EngineEvent, effects: Sequence[Effect], now: Instant) -> None:
        """Hear what went on."""
        self._facts.stepped(event, effects, now)
        self._desk.owed.heard(event, now)
        self._desk.bench.stepped(event, effects, now)

    def looked(self, looked: Looked) -> None:
        """Send what was read of the history to whoever asked."""
        if looked.no == TAIL_LOOK_NO:
            self._viewers.looked(looked)
        else:
            self._desk.history.looked(looked)

    def signalled(self, number: signal.Signals, now: Instant) -> None:
        """Take a signal of the terminal or of the shell's job control."""
        match number:
            case signal.SIGWINCH:
                self._resize()
            case signal.SIGTSTP:
                self._aside_since_us = now.mono_us
            case signal.SIGCONT:
                self._link.excuse(now)
                self._desk.forget_steps()
                self._resize()
            case _:
                pass

    # --- what ends what -----------------------------------------------------------------------------

    def _why_leave(self, now: Instant) -> Leave | None:
        if self._relay.hung_up:
            return Leave(HANGUP, "the terminal was closed", "terminal closed")
        if self._link.gone:
            if self._desk.ending is not None:
                return None
            return Leave(1, f"the screen is gone: {self._how_it_ended()}", "screen gone")
        if self._link.silent_us(now) > SILENT_US_MAX:
            self._process.kill()
            return Leave(1, f"the screen was silent for {SILENT_US_MAX // 1_000_000} s and was ended", "screen silent")
        return None

    def _how_it_ended(self) -> str:
        self._process.wait(0.05)
        status = self._process.status()
        if status is None or not status:
            return self._link.gone
        if status < 0:
            return f"it was ended by {signal.Signals(-status).name}"
        return f"it ended with status {status}"

    def _why_disarm(self, view: View, now: Instant) -> str:
        if view.phase not in LIVE or self._disarming:
            self._seen_alarms = self._pressing()
            return ""
        fresh = self._pressing() - self._seen_alarms
        idle_us, idle_s = now.mono_us - self._shot_us, self._settings.disarm_after_s
        silent = self._link.silent_us(now) > SILENT_ARMED_US
        if silent:
            self._facts.alarm(HostAlarm.SCREEN_SILENT, "the screen does not answer: disarmed")
        reasons = (
            (silent, "screen silent"),
            (self._aside_since_us is not None, "console put aside"),
            (not self._enough, "terminal too small"),
            (bool(fresh), "alarm"),
            (idle_us > idle_s * 1_000_000, f"{idle_s} s without a shot"),
        )
        return next((text for holds, text in reasons if holds), "")

    def _is_left_alone(self, view: View, now: Instant) -> bool:
        since_us = now.mono_us - max(self._relay.heard_us, self._began_us)
        busy = view.phase in LIVE or is_at_bench(view)  # a balance may take an hour; its run is watched, not keyed
        return not busy and since_us > self._settings.lock_after_s * 1_000_000

    def _pressing(self) -> set[int]:
        return {row.no for row in self._facts.alarms.rows() if row.priority > Priority.LOW}

    def _go_aside(self, view: View, now: Instant) -> None:
        waited_us = now.mono_us - (self._aside_since_us or 0)
        if view.phase in LIVE and waited_us < ASIDE_US_MAX:
            self._look_us = min(self._look_us, now.mono_us + ASIDE_US_MAX // 10)
            return
        self._aside_since_us = None
        self._put_aside()

    def _resize(self) -> None:
        size = self._terminal.size()
        self._enough = size.is_enough
        self._process.resize(size)

    # --- what is shown ------------------------------------------------------------------------------

    def _show(self, view: View, now: Instant) -> None:
        since_us = now.mono_us - self._shown_us
        due = self._desk.heard_hello and (
            self._link.wants_snapshot
            or (self._changed and since_us >= SNAPSHOT_US)
            or since_us >= LOOK_US
            or not self._shown_no
        )
        if due:
            self._shown_no += 1
            self._shown_us, self._changed = now.mono_us, False
            state = snapshot(self._shown(view, now))
            self._link.show(state)
            self._viewers.show(state, now)
        self._look_us = self._shown_us + (SNAPSHOT_US if self._changed else LOOK_US)
        if not self._desk.heard_hello:
            self._look_us = now.mono_us + LOOK_US
        if view.phase in LIVE or view.stop_unheard:
            self._look_us = min(self._look_us, now.mono_us + SNAPSHOT_US)
        if self._desk.owed or self._desk.history.asked:
            self._look_us = 0

    def _shown(self, view: View, now: Instant) -> Shown:
        desk = self._desk
        armed_left_us = self._shot_us + self._settings.disarm_after_s * 1_000_000 - now.mono_us
        copied = view.committed_seq - self._copied_from[1] if self._copied_from is not None else 0
        return Shown(
            no=self._shown_no,
            now=now,
            view=view,
            facts=self._facts,
            stats=self._stats,
            simulated=self._desk.simulated,
            operator=desk.people.shown_as,
            enrolled=desk.people.enrolled,
            treatment=desk.treatment,
            left_open=desk.left_open[0] if desk.left_open is not None else None,
            copied=max(0, copied) if desk.left_open is not None else 0,
            silenced_s=max(0, desk.silenced_until_us - now.mono_us) // 1_000_000,
            disarm_in_s=max(0, armed_left_us) // 1_000_000 if view.phase in LIVE else None,
            round_trips_us=self._trace.round_trips_us,
            can=desk.can(),
            clinic=desk.clinic_shown(now),
            to_sign=desk.to_sign,
            verify=desk.verify.state,
            tree_head=desk.tree_head.shown,
            approved=desk.approved,
            bench=desk.bench.shown(),
        )


def ended_by(status: int) -> str:
    """Return what ended a run with this status, for runs that a signal ended; empty for others."""
    return f"ended by {signal.Signals(status - 128).name}" if status > 128 else ""
