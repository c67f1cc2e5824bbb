"""The operator of a run without a screen: opens or resumes a session, confirms, arms area by area, closes.

It sees only the view and gives only commands, like a person. Where a person would have to decide, it gives up and
says why.
"""

from typing import Final

from meso_device.session.contract import (
    AcknowledgeFault,
    Arm,
    CloseSession,
    Command,
    Confirm,
    LinkState,
    OpenSession,
    Phase,
    ResetStop,
    ResumeSession,
    View,
)
from meso_device.session.plan_commands import ChooseCell
from protocols.treatment.plan import AreaPlan
from protocols.wire.codes import Alarm

# An area that gives no shot in so many armings needs a person.
ARMINGS_WITHOUT_SHOT: Final = 3
# A stop is not reset while the trigger is held or the head is on the skin: lifting it off takes a person a moment.
RESET_TRIES: Final = 10
REFUSED: Final = "refused"
"""State of a session that a rule or cap refused before its first injection: there is nothing to go on with."""
# Reason code of a reset that the operator asked for by giving the command.
REASON_OPERATOR_COMMAND: Final = 1


class Autopilot:
    """Runs one session to its end.

    A session that a rule refuses before its first injection is closed: it takes a new one, with what was amiss mended.

    Args:
        opening: The session to open or to resume.
        how: What is recorded as the operator's confirmation (I-45).
        resets_stop: Whether a latched stop is reset: only where the command itself is the operator's word for it.
        aftercare: Whether aftercare is given; None where nobody said.

    Attributes:
        given_up: Why no command will come any more; empty while one may.
        declined: The session is closed because a rule refused it before its first injection.
    """

    def __init__(
        self, opening: OpenSession | ResumeSession, *, how: str, resets_stop: bool, aftercare: bool | None = None
    ) -> None:
        self._opening = opening
        self._aftercare = aftercare
        self._how = how
        self._resets_stop = resets_stop
        self._last: tuple[type[Command], Phase, int] | None = None
        self._armings = 0
        self._resets = 0
        self._reset_refused = False
        self._shots_at_arming = -1
        self.given_up = ""
        self.declined = False

    @property
    def _session(self) -> str:
        opening = self._opening
        return opening.session if isinstance(opening, OpenSession) else opening.row.session

    def next_command(self, view: View) -> Command | None:
        """Return what an operator would do now; None to wait. The same command is not given twice in one phase."""
        command = self._wish(view)
        if command is None:
            self._last = None
            return None
        key = (type(command), view.phase, view.boot_id)
        if key == self._last and not isinstance(command, Arm):
            return None
        self._last = key
        return command

    def refused(self) -> None:
        """Hear that the last command was refused: it may be given once more."""
        self._reset_refused = self._last is not None and self._last[0] is ResetStop
        self._last = None

    def _wish(self, view: View) -> Command | None:
        self.given_up = self.given_up or view.write_failed
        if self.given_up:
            return None
        # Resumed before the gun is greeted: so another gun is recognised as another before anything is asked of it.
        if view.session != self._session and (isinstance(self._opening, ResumeSession) or view.link is LinkState.UP):
            return self._opening
        if view.phase is Phase.LOCKED:
            self.given_up = f"locked: {', '.join(view.findings)}"
        return self._next_step(view) if view.link is LinkState.UP and not self.given_up else None

    def _next_step(self, view: View) -> Command | None:
        match view.phase:
            case Phase.UNCONFIRMED:
                return Confirm(how=self._how)
            case Phase.ESTOPPED:
                return self._reset(view)
            case Phase.FAULT:
                return self._acknowledge()
            case Phase.READY:
                area = _next_area(view)
                self.declined = self._armings > 0 and bool(view.blocked) and not view.shots_given
                if self.declined:
                    return CloseSession(state=REFUSED)
                if area is not None:
                    return self._next_cell(area, view) or self._arm(area, view)
                return CloseSession(state="complete", aftercare=self._aftercare)
            case _:
                return None

    def _reset(self, view: View) -> Command | None:
        under_way = self._last is not None and self._last[0] is ResetStop
        if view.stop_unheard and under_way:
            self.given_up = "STOP was pressed while the one before was being reset; resume when it is safe to go on"
        if self.given_up or view.stop_unheard or not view.estop_latch_id:
            return None
        if self._reset_refused and view.alarms & ~(1 << Alarm.ESTOP):
            return self._acknowledge()  # STOP and a fault at once: the reset is refused until the fault is gone
        if not self._resets_stop or (self._resets >= RESET_TRIES and not under_way):
            self.given_up = "the gun is stopped; resume when it is safe to go on"
            return None
        self._resets += not under_way
        return ResetStop(reason_code=REASON_OPERATOR_COMMAND, op=self._opening.op)

    def _acknowledge(self) -> Command | None:
        under_way = self._last is not None and self._last[0] is AcknowledgeFault
        if not self._resets_stop or (self._resets >= RESET_TRIES and not under_way):
            self.given_up = "the gun is in FAULT; resume when its cause is mended"
            return None
        self._resets += not under_way
        return AcknowledgeFault(op=self._opening.op)

    def _next_cell(self, area: AreaPlan, view: View) -> ChooseCell | None:
        """Return the move to the next cell of an area that was left split, once the cell chosen is done."""
        cells, places = view.cells.get(area.area_code), _places(area, view)
        following = cells.next_open(places) if cells is not None and cells.left(places) <= 0 else None
        if cells is None or following is None:
            return None
        op, role = self._opening.op, self._opening.role
        return ChooseCell(area_id=area.area, cells=len(cells.planned), cell=following, reason="", op=op, role=role)

    def _arm(self, area: AreaPlan, view: View) -> Command | None:
        if view.shots_given != self._shots_at_arming:
            self._armings = 0
        self._shots_at_arming = view.shots_given
        self._armings += 1
        if self._armings > ARMINGS_WITHOUT_SHOT:
            self.given_up = f"area {area.area}: armed {ARMINGS_WITHOUT_SHOT} times without an injection"
            return None
        return Arm(area_id=area.area)


def _places(area: AreaPlan, view: View) -> int:
    given = next((given.shots for given in view.given if given.area_code == area.area_code), 0)
    return given + view.skipped.get(area.area_code, 0)


def _next_area(view: View) -> AreaPlan | None:
    areas = view.plan.areas if view.plan is not None else ()
    return next((area for area in areas if _places(area, view) < area.shots), None)
