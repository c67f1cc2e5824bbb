"""Which flow an operator's command begins, and when it may."""

from meso_device.session.arming import arm
from meso_device.session.bench import calibrate
from meso_device.session.contract import (
    BETWEEN_SESSIONS,
    AcknowledgeFault,
    Arm,
    Calibrate,
    CloseSession,
    Disarm,
    EngineEvent,
    HomeNeedle,
    LeaveGun,
    LinkState,
    Phase,
    ResetStop,
    SelfTestGun,
    WriteOff,
)
from meso_device.session.desk import Desk
from meso_device.session.endings import acknowledge_fault, close, disarm, reset_stop
from meso_device.session.flow import Flow
from meso_device.session.gun_care import home_needle, leave_gun, self_test
from meso_device.session.plan_changes import change_plan
from meso_device.session.plan_commands import ChooseCell, EditPlan, PlanArea, SkipPoint
from meso_device.session.write_off import close_out_of_reach, write_off


def flow_of(desk: Desk, command: EngineEvent, *, link: LinkState, under_way: str) -> tuple[str, Flow] | None:
    """Return the name and the flow that a command begins now; None where it is not possible.

    Args:
        desk: What is known of gun and session.
        command: What the operator asks for.
        link: Whether the gun is in reach.
        under_way: Name of the flow in the foreground, which the new one ends; empty for none.
    """
    match command:
        case Disarm() if desk.phase in (Phase.ARMED, Phase.ARMING):
            return "disarm", disarm(desk, command.cause)
        case CloseSession():
            flow = _closing(desk, command, link, under_way)
            return None if flow is None else ("close", flow)
        case _ if under_way:
            return None
        case WriteOff() if link in (LinkState.DOWN, LinkState.UP):
            return "write off", write_off(desk, command)
        case AcknowledgeFault() if desk.phase in (Phase.FAULT, Phase.ESTOPPED):
            return "acknowledge", acknowledge_fault(desk, command.op)
        case ResetStop() if desk.phase is Phase.ESTOPPED:
            return "reset", reset_stop(desk, command.reason_code, command.op)
        case _ if desk.phase is Phase.READY:
            return _when_ready(desk, command) or _when_connected(desk, command, link)
        case _:
            return _when_connected(desk, command, link)


def _when_ready(desk: Desk, command: EngineEvent) -> tuple[str, Flow] | None:
    match command:
        case Arm():
            return "arm", arm(desk, command.area_id)
        case EditPlan() | PlanArea() | SkipPoint() | ChooseCell():
            return "plan", change_plan(desk, command)
        case _:
            return None


def _when_connected(desk: Desk, command: EngineEvent, link: LinkState) -> tuple[str, Flow] | None:
    if link is not LinkState.UP:
        return None
    match command:
        case SelfTestGun():
            return "self-test", self_test(desk, command.op)
        case HomeNeedle():
            return "home", home_needle(desk, command.op)
        case LeaveGun():
            return "leave", leave_gun(desk, command.op)
        case Calibrate() if desk.phase in BETWEEN_SESSIONS:
            return "bench", calibrate(desk, command)
        case _:
            return None


def _closing(desk: Desk, command: CloseSession, link: LinkState, under_way: str) -> Flow | None:
    """Return how the session is closed.

    Without its gun only where the gun is away and all that it left unknown is written off (I-33).
    """
    if desk.session is None or desk.session.closed:
        return None
    if link is LinkState.UP and under_way in ("", "arm"):
        return close(desk, command.state, command.aftercare)
    settled = desk.written_off and not any(grant.open for grant in desk.unsettled)
    if link is LinkState.DOWN and not under_way and settled:
        return close_out_of_reach(desk, command.state)
    return None
