"""The gun at the console: which port it is at, its self-test, homing, the reset of a stop, acknowledged faults."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from drivers.discovery import FoundGun, candidate_ports, discover
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.errands import Errands
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.host.two_steps import VALID_US, Bound, TwoSteps
from meso_device.people.roles import Act, Person, role_for
from meso_device.screen_messages import Body
from meso_device.session.contract import (
    AcknowledgeFault,
    Command,
    HomeNeedle,
    Instant,
    LeaveGun,
    LinkState,
    Phase,
    ResetStop,
    SelfTestGun,
    View,
)

RESET_WORD: Final = "RESET"
RESET_REASONS: Final[Mapping[int, str]] = {
    1: "false alarm: nothing was wrong",
    2: "the patient moved or felt unwell, and is well again",
    3: "the gun or its needle was in the wrong place",
    4: "a fault of the gun, mended",
    5: "test of the stop",
}
PORTS_SHOWN: Final = 9
HOST_ID_BYTES: Final = 16
TEXT_MAX: Final = 120


class ConsoleGun:
    """Commands of the screen that are about the gun alone; each was found allowed before it comes here.

    Args:
        facts: What was heard of the gun.
        steps: Two-step confirmations.
        answers: Answers to the screen.
        errands: Work beside the loop.
        plug: Opens a port and takes it for the gun's from now on; raises UsageError where it cannot be opened.
    """

    def __init__(
        self,
        *,
        facts: ConsoleFacts,
        steps: TwoSteps,
        answers: ScreenAnswers,
        errands: Errands,
        plug: Callable[[str], None],
    ) -> None:
        self._facts = facts
        self._steps = steps
        self._answers = answers
        self._errands = errands
        self._plug = plug

    # --- the port -----------------------------------------------------------------------------------

    def ports(self, number: int, now: Instant) -> None:
        """Answer with the ports of this computer and what answers on each, found out beside the loop."""
        known = [self._facts.port] if self._facts.port else []

        def came(found: list[FoundGun], _at: Instant) -> Sequence[Command]:
            self._answers.done(number, ports=[_port_body(one) for one in found[:PORTS_SHOWN]])
            return ()

        def look(*_: object) -> list[FoundGun]:
            return discover(candidate_ports(known), secrets.token_bytes(HOST_ID_BYTES))

        self._errands.send(number, look, came, now)

    def connect(self, number: int, body: Body) -> None:
        """Take the gun at this port from now on; whether one answers is seen in the state.

        Raises:
            MesoError: the port cannot be opened.
        """
        self._plug(body["port"])
        self._answers.done(number)

    def disconnect(self, number: int, who: str, now: Instant) -> Sequence[Command]:
        """Take leave of the gun; nothing is looked for until a port is named."""
        self._steps.forget()
        self._answers.wait(number, now, lambda view: view.link is LinkState.DOWN, of_gun=False)
        return (LeaveGun(op=who),)

    # --- care ---------------------------------------------------------------------------------------

    def self_test(self, number: int, who: str, now: Instant) -> Sequence[Command]:
        """Let the gun test itself; done when the result is recorded."""
        before = self._facts.self_tests
        self._answers.wait(number, now, lambda _: self._facts.self_tests > before)
        return (SelfTestGun(op=who),)

    def home(self, number: int, who: str, person: Person | None, now: Instant) -> Sequence[Command]:
        """Draw the needle home; done when the movement is recorded and over.

        Raises:
            NotAllowed: whoever is signed in does no service.
        """
        if person is not None:
            role_for(person, Act.SERVICE)
        before = self._facts.homings
        self._answers.wait(number, now, lambda _: self._facts.homings > before)
        return (HomeNeedle(op=who),)

    # --- stop and faults ----------------------------------------------------------------------------

    def reset_open(self, number: int, view: View, now: Instant) -> None:
        """Answer with the token of the first step of a reset."""
        token = self._steps.open(_reset_of(view), now.mono_us)
        self._answers.done(number, token=token, expires_ms=VALID_US // 1_000, typed=RESET_WORD)

    def reset_confirm(self, number: int, body: Body, view: View, who: str, now: Instant) -> Sequence[Command]:
        """Take the second step.

        Raises:
            Refuse: no such reason, or the first step is not there any more.
        """
        if body["reason"] not in RESET_REASONS:
            raise Refuse("reason", "choose a reason from the list")
        why = self._steps.take(body["token"], _reset_of(view), body["typed"], now.mono_us)
        if why:
            raise Refuse("step", why)
        self._answers.wait(number, now, lambda seen: seen.phase is not Phase.ESTOPPED and seen.link is LinkState.UP)
        return (ResetStop(reason_code=body["reason"], op=who),)

    def clear_fault(self, number: int, view: View, who: str, now: Instant) -> Sequence[Command]:
        """Acknowledge the gun's faults; done when it shows fewer and is not in FAULT."""
        alarms = view.alarms
        self._answers.wait(number, now, lambda seen: seen.phase is not Phase.FAULT and seen.alarms != alarms)
        return (AcknowledgeFault(op=who),)


def _reset_of(view: View) -> Bound:
    return Bound("reset", RESET_WORD, (view.gun_uid, view.boot_id, view.estop_latch_id))


def _port_body(found: FoundGun) -> dict[str, Any]:
    reply = found.reply
    return {
        "port": found.port,
        "serial": reply.serial if reply is not None else "",
        "model": reply.model if reply is not None else "",
        "simulated": found.simulated,
        "problem": found.problem[:TEXT_MAX],
    }
