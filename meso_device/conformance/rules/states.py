"""Section 3.2 of SPEC.md: states, what each allows, boot and events."""

from meso_device.conformance.asking import MS, S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import NotRun, expect, rule
from meso_device.conformance.rules.asked import CHANGES
from protocols.wire.codes import Code, State
from protocols.wire.frame import REPLY, STOP_FRAME
from protocols.wire.messages import (
    AlarmTest,
    BootEvent,
    EstoppedEvent,
    LimitsGet,
    MoveDoneEvent,
    Request,
    SelfTest,
    ServiceEnter,
    ServiceLeave,
    ServiceMove,
    StatusRate,
)


@rule("W-020", hands=True)
def w020(bench: Bench) -> str | None:
    """Orders a service movement: its reply comes before MOVE_DONE, and at once."""
    bench.enter_service()
    mark = bench.mark()
    answer = bench.done(ServiceMove(3, 5_000, bench.status().head_seq))
    order = [one.frame.type for one in bench.since(mark) if one.frame.type in {answer.frame.type, MoveDoneEvent.TYPE}]
    expect(order[0] == answer.frame.type, "MOVE_DONE came before the reply")
    expect(answer.took_us < 100 * MS, f"the reply took {answer.took_us // MS} ms")
    expect(bench.until(lambda: bool(bench.events(MoveDoneEvent, mark)), 10 * S), "no MOVE_DONE within 10 s")
    return None


def _table(bench: Bench, state: State, wanted: dict[Request, Code]) -> None:
    expect(bench.status().state == state, f"{State(bench.status().state).name} where {state.name} was due")
    for request, code in wanted.items():
        answer = bench.ask(request)
        expect(answer.code == code, f"{type(request).__name__} in {state.name}: {answer.named} instead of {code.name}")


@rule("W-037")
def w037(bench: Bench) -> str | None:
    """Sends what each state refuses, in each state that can be reached: SAFE and ESTOPPED, then ARMED and SERVICE."""
    anywhere: dict[Request, Code] = {StatusRate(100): Code.OK, AlarmTest(): Code.OK, LimitsGet(): Code.OK}
    bench_only = [request for request in CHANGES if request.TYPE in {0x24, 0x25, 0x27}]
    reset = [request for request in CHANGES if request.TYPE in {0x30, 0x31}]
    good = bench.settings()
    _table(
        bench,
        State.SAFE,
        {
            **anywhere,
            good: Code.OK,
            SelfTest(1): Code.OK,
            ServiceLeave(): Code.OK,
            **dict.fromkeys(reset, Code.E_STATE),
            **dict.fromkeys(bench_only, Code.E_NEEDS_SERVICE),
        },
    )
    seen = ["SAFE", "ESTOPPED"]
    if bench.guarded:
        seen.append("ARMED")
        bench.arm(shots=3)
        _table(
            bench,
            State.ARMED,
            {
                **anywhere,
                SelfTest(1): Code.E_STATE,
                ServiceEnter(): Code.E_STATE,
                ServiceLeave(): Code.E_STATE,
                **dict.fromkeys(reset, Code.E_STATE),
                **dict.fromkeys(bench_only, Code.E_NEEDS_SERVICE),
            },
        )
        bench.settle()
    if bench.guarded and bench.hands is not None:
        seen.append("SERVICE")
        bench.enter_service()
        _table(
            bench,
            State.SERVICE,
            {**anywhere, ServiceEnter(): Code.OK, SelfTest(1): Code.OK, **dict.fromkeys(reset, Code.E_STATE)},
        )
        treat = bench.ask(bench.grant(shots=1))
        expect(treat.code == Code.E_STATE, f"GRANT_SET TREAT in SERVICE: {treat.named} instead of E_STATE")
        bench.done(ServiceLeave())
    bench.stop()
    _table(
        bench,
        State.ESTOPPED,
        {
            **anywhere,
            good: Code.E_ESTOPPED,
            SelfTest(1): Code.E_ESTOPPED,
            ServiceEnter(): Code.E_ESTOPPED,
            ServiceLeave(): Code.E_ESTOPPED,
            **dict.fromkeys(bench_only, Code.E_ESTOPPED),
        },
    )
    return f"seen: {', '.join(seen)}"


@rule("W-038")
def w038(bench: Bench) -> str | None:
    """Walks through the diagram as far as it can be walked here, and looks at the state after each step."""

    def at(state: State, after: str) -> None:
        shown = bench.status().state
        expect(shown == state, f"state {shown} after {after}, not {state.name}")

    at(State.SAFE, "TAKEOVER")
    bench.stop()
    at(State.ESTOPPED, "STOP")
    bench.own()
    at(State.ESTOPPED, "TAKEOVER while stopped")
    bench.reset_latch()
    bench.still()
    at(State.SAFE, "the reset")
    if not bench.guarded:
        return "without ARMED, for want of the guard"
    bench.arm(shots=1)
    at(State.ARMED, "GRANT_SET")
    bench.done(bench.grant(shots=1))
    at(State.ARMED, "a second GRANT_SET")
    bench.own()
    at(State.SAFE, "TAKEOVER while armed")
    return None


@rule("W-040", hands=True)
def w040(bench: Bench) -> str | None:
    """Has the gun switched off and on: within 2 s it answers, and the first frame is the event BOOT."""
    hands = bench.need_hands()
    mark = bench.power_cycle()
    if not hands.exact:
        raise NotRun("needs a fixture that switches the power")
    bench.until(lambda: bool(bench.since(mark)), 2 * S)
    first = bench.since(mark)
    expect(bool(first), "nothing came within 2 s of power")
    expect(first[0].frame.type == BootEvent.TYPE, f"the first frame was of type 0x{first[0].frame.type:02X}")
    boot = bench.events(BootEvent, mark)[0]
    expect(boot.boot_id == bench.hello.boot_id + 1, f"BOOT says boot {boot.boot_id} after {bench.hello.boot_id}")
    return None


@rule("W-041", hands=True)
def w041(bench: Bench) -> str | None:
    """Has the gun switched off and on while armed: it is not armed afterwards."""
    bench.arm(shots=3)
    bench.power_cycle()
    hello = bench.look()
    expect(hello.state in {State.SAFE, State.FAULT}, f"state {hello.state} after a boot")
    expect((hello.active_grant_no, hello.remaining_shots) == (0, 0), "credit after a boot")
    return None


@rule("W-043")
def w043(bench: Bench) -> str | None:
    """Looks at every event of a STOP, a reset and half a second of status: number 0, and session 0 without a tag."""
    mark = bench.mark()
    bench.stop()
    bench.reset_latch()
    bench.listen(500 * MS)
    events = [one for one in bench.since(mark) if not one.frame.type & REPLY]
    expect(bool(events), "no event came")
    named = [one for one in events if one.frame.req_id or (one.frame.session and not one.proven)]
    expect(not named, f"{len(named)} of {len(events)} events carry a number or a session")
    return None


@rule("W-044", hands=True)
def w044(bench: Bench) -> str | None:
    """After a boot without HELLO: only BOOT comes, and ESTOPPED when it hears STOP."""
    hands = bench.need_hands(exact=True)
    hands.power(False)
    bench.listen(100 * MS)
    mark = bench.mark()
    hands.power(True)
    bench.listen(S)
    kinds = {one.frame.type for one in bench.since(mark)}
    expect(kinds == {BootEvent.TYPE}, f"without HELLO types {sorted(kinds)} came")
    bench.send(STOP_FRAME)
    bench.listen(50 * MS)
    expect(bool(bench.events(EstoppedEvent, mark)), "no ESTOPPED without a session")
    return None
