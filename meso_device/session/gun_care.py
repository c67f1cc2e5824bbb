"""What is done with a gun between injections: its self-test, drawing its needle home, taking leave of it."""

from collections.abc import Generator
from typing import Final

from drivers.outcome import Done, Refused
from meso_device.accounting.entries import Json
from meso_device.session.connect import settle
from meso_device.session.contract import NoticeKind
from meso_device.session.desk import Desk
from meso_device.session.endings import needle_stands
from meso_device.session.flow import Answer, Flow, FlowEnded, LinkTrouble, Need, Until, ask, record, refusal_text, send
from protocols.wire.codes import Code, SelfTestItem, ServiceMoveKind
from protocols.wire.messages import Goodbye, SelfTest, ServiceEnter, ServiceLeave, ServiceMove, ServiceMoveReply

SELF_TEST_US_MAX: Final = 10_000_000
"""A gun that has not said by then how its self-test ended has lost the word, or itself."""
EVERY_ITEM: Final = sum(SelfTestItem)


def self_test(desk: Desk, op: str) -> Flow:
    """Run every item of the gun's self-test, and record what it came to."""
    desk.self_tested = (0, 0)
    began_us = desk.now.mono_us
    yield from ask(SelfTest(EVERY_ITEM))
    yield Until(lambda: desk.self_tested[0] != 0 or desk.now.mono_us - began_us > SELF_TEST_US_MAX)
    items, missed = desk.self_tested
    if not items:
        raise FlowEnded("the gun has not said how its self-test ended: run it again")
    failed = [item.name for item in SelfTestItem if missed & item]
    names: list[Json] = [name for name in failed if name]
    payload: dict[str, Json] = {"by": op, "items": items, "failed": names}
    yield from record(desk.entry("gun.self_test", desk.event_key("gun.self_test"), payload))
    if failed:
        desk.tell(NoticeKind.ALARM, f"self-test: {', '.join(map(str, names))} not passed; do not treat with this gun")
    else:
        desk.tell(NoticeKind.INFO, "self-test: every item passed")


def home_needle(desk: Desk, op: str) -> Flow:
    """Draw the needle to its end stop in SERVICE, and leave SERVICE whatever came of it."""
    answered = yield from send(ServiceEnter())
    match answered.outcome:
        case Done():
            pass
        case Refused(code=Code.E_NEEDS_BUTTON):
            raise FlowEnded("press the service button at the gun, then ask again within 30 s")
        case Refused():
            raise FlowEnded(f"needle not homed: {refusal_text(answered.outcome)}")
        case _:
            raise LinkTrouble("the gun did not say whether it is in SERVICE")
    moved_seq, refused = yield from draw_home(desk)
    yield from ask(ServiceLeave())
    yield from settle(desk)  # the movement has its record in the gun's log
    if refused:
        raise FlowEnded(f"needle not homed: {refused}")
    payload: dict[str, Json] = {"by": op, "shot_seq": moved_seq}
    yield from record(desk.entry("gun.homed", desk.event_key("gun.homed"), payload))
    desk.tell(NoticeKind.INFO, "the needle is home")


def draw_home(desk: Desk) -> Generator[Need, Answer, tuple[int, str]]:
    """Move, and wait for the end; return the movement's record, and why the gun refused, or nothing."""
    desk.moved_seq, before = 0, desk.status
    answered = yield from send(ServiceMove(ServiceMoveKind.HOME_NEEDLE, 0, desk.gun().head_seq))
    match answered.outcome:
        case Done(body=ServiceMoveReply() as begun):
            # The event may get lost: a newer status tells as well that the needle stands.
            yield Until(
                lambda: desk.moved_seq == begun.shot_seq or (desk.status is not before and needle_stands(desk.status))
            )
            return begun.shot_seq, ""
        case Refused():
            return 0, refusal_text(answered.outcome)
        case _:
            raise LinkTrouble("the gun did not say whether its needle moves")


def leave_gun(desk: Desk, op: str) -> Flow:
    """Record who takes leave, and say goodbye; the engine then gives up the link."""
    yield from record(desk.entry("gun.left", desk.event_key("gun.left"), {"by": op}))
    yield from send(Goodbye())  # unheard, the lease does the same
