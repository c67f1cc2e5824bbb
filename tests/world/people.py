"""The operator of the simulated world: gets the plan done, and presses anything at any time."""

from meso_device.session.autopilot import REASON_OPERATOR_COMMAND, Autopilot
from meso_device.session.contract import (
    AcknowledgeFault,
    Arm,
    CloseSession,
    Command,
    Confirm,
    Disarm,
    NoticeKind,
    OpenSession,
    Phase,
    ResetStop,
    ResumeSession,
    Stop,
    View,
)
from meso_device.session.endings import SWITCH_OFF_AND_ON
from tests.world.dice import Draw

PAUSE_US = 300_000
AGAIN_US = 700_000
# A screen that is silent for so long while armed is no screen; for so long at all, and the host ends without it.
SILENT_ARMED_US, SILENT_US_MAX = 2_000_000, 10_000_000
FLOOD = 48


class Operator:
    """Runs the session with the product's own script, starts it again when it gives up, and errs."""

    def __init__(self, world, *, waits_us: int = 0) -> None:
        self._world = world
        self._last: Command | None = None
        self._told = 0
        self._waiting = False
        self._refusal = ""
        self._to_be_switched = False
        self._blind = False
        self.locked = ""
        self.done = False
        self._opening: OpenSession | ResumeSession | None = None
        if waits_us:
            world.later(waits_us, self.begin)
        else:
            self.begin()

    def begin(self) -> None:
        """A host has started: take up the open session, or open one."""
        world = self._world
        self._waiting = self._blind = False
        self.locked = ""
        if world.store.broken:
            self._waiting = True
            world.later(AGAIN_US, self._again)
            return
        row = world.store.open_session()
        if row is not None:
            self._script(ResumeSession(row=row, plan=world.plan, op="practice", role="clinician"))
        elif world.store.sessions():
            self.done = True  # closed, though the host died before it could say so
            world.autopilot = None
            self._look_again()
        else:
            self._script(world.opening())

    def _script(self, opening: OpenSession | ResumeSession) -> None:
        self._opening = opening
        self._world.autopilot = Autopilot(opening, how="test", resets_stop=True)
        self._look_again()

    def _look_again(self) -> None:
        self._world._looked_at = None
        self._world._host_due_us = self._world.now_us

    def look(self, view: View) -> None:
        """See the screen; say what is wanted next."""
        world = self._world
        if self._blind:
            return
        self._hear()
        if self._waiting:
            return
        if world.autopilot is None:
            if self.done and view.phase is Phase.LOCKED:
                self.locked = ",".join(view.findings)
            if world.store.broken:  # nothing is left to be done but to bring the gun's log home
                self._waiting = True
                world.later(AGAIN_US, self._again)
            return
        command = world.autopilot.next_command(view)
        if command is not None:
            self._give(command)
        elif world.autopilot.given_up:
            self._waiting = True
            if view.phase is Phase.LOCKED and view.findings:
                self.locked = ",".join(view.findings)
            world.later(AGAIN_US, self._again)

    def _hear(self) -> None:
        """A refusal: pause, then try again."""
        world = self._world
        fresh, self._told = world.notices[self._told :], len(world.notices)
        for notice in fresh:
            if notice.kind is NoticeKind.REFUSED:
                self._refusal = notice.text
                self._to_be_switched = self._to_be_switched or SWITCH_OFF_AND_ON in notice.text
                if not self._waiting:
                    self._waiting = True
                    world.later(PAUSE_US, self._try_again)

    def _try_again(self) -> None:
        self._waiting = False
        if isinstance(self._last, ResumeSession):
            self.begin()  # what was read of the session may be older than the log
        elif self._world.autopilot is not None:
            self._world.autopilot.refused()
        self._look_again()

    def _again(self) -> None:
        """The script has given up: a person starts it again, or the program where that does not help."""
        world = self._world
        self._waiting = False
        view = world.view
        if view.phase is Phase.LOCKED or world.store.broken:
            world.note(f"operator starts the program again: {view.write_failed or ', '.join(view.findings)}")
            world.die(200_000, clean=True)
        elif self._to_be_switched:
            self._to_be_switched = False
            world.note("operator switches the gun off and on")
            world.reset_gun(anew=True)
            self.begin()
        elif view.phase is Phase.READY and (
            "cap 'session'" in self._refusal or (world.settled and "cap '" in self._refusal)
        ):
            self._give(CloseSession(state="interrupted"))
        else:
            self.begin()

    def _give(self, command: Command) -> None:
        world = self._world
        self._last = command
        if world.trace is not None:
            world.note(f"operator {_told(command)}")
        if isinstance(command, ResetStop | Confirm):
            world.watch.released(isinstance(command, ResetStop))
        world.host(command)

    def harm(self, kind: str, draw: Draw) -> None:
        """Press something that nobody should."""
        areas = [area.area for area in self._world.plan.areas]
        reset = ResetStop(reason_code=REASON_OPERATOR_COMMAND, op="practice")
        match kind:
            case "stop_any_time":
                self._give(Stop(source="test"))
            case "early_reset":
                self._give(reset)
            case "double_press":
                if self._last is not None and not isinstance(self._last, CloseSession):
                    self._give(self._last)
            case "wrong_area":
                self._give(Arm(area_id=areas[draw.below(len(areas))]))
            case "pause":
                self._give(Disarm(cause="test"))
            case "random_keys":
                keys: list[Command] = [
                    reset,
                    Confirm(how="keys"),
                    Arm(area_id=areas[draw.below(len(areas))]),
                    Arm(area_id="nowhere"),
                    Disarm(cause="keys"),
                    AcknowledgeFault(op="practice"),
                    self._opening or reset,
                    Stop(source="keys"),
                ]
                self._give(keys[draw.below(len(keys))])
            case "close_early":
                self._give(CloseSession(state="interrupted"))
            case "screen_flood":
                for _ in range(FLOOD):
                    self.harm("random_keys", draw)
            case "screen_gone":
                self._lose_screen(draw.between(1_000_000, 12_000_000))
        self._look_again()

    def _lose_screen(self, for_us: int) -> None:
        """Nobody sees or says anything; the host disarms for it, and ends where it lasts too long."""
        world = self._world
        self._blind = True
        world.later(SILENT_ARMED_US, self._disarm_blind)
        if for_us < SILENT_US_MAX:
            world.later(for_us, self._see_again)
        else:
            world.later(SILENT_US_MAX, world.terminate)

    def _disarm_blind(self) -> None:
        if self._blind and self._world.view.phase in (Phase.ARMED, Phase.ARMING):
            self._world.host(Disarm(cause="the screen is silent"))

    def _see_again(self) -> None:
        self._blind = False
        self._look_again()


def _told(command: Command) -> str:
    match command:
        case OpenSession() | ResumeSession():
            return type(command).__name__
        case _:
            return repr(command)
