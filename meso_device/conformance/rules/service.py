"""Section 14 of SPEC.md: SERVICE, its movements, the bench."""

from meso_device.conformance.asking import MS, S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import NotRun, expect, rule
from protocols.wire.codes import Code, ContactGate, GrantEnd, GrantKind, Phase, Reason, State
from protocols.wire.messages import GrantEndedEvent, MoveDoneEvent, ServiceEnter, ServiceLeave, ServiceMove, Slot


def _move(bench: Bench, move: int, distance_um: int = 0) -> Slot:
    """Make a service movement and return its record."""
    head, mark = bench.status().head_seq, bench.mark()
    bench.done(ServiceMove(move, distance_um, head))
    expect(bench.until(lambda: bool(bench.events(MoveDoneEvent, mark)), 10 * S), "no MOVE_DONE within 10 s")
    done = bench.events(MoveDoneEvent, mark)[0]
    expect(done.shot_seq == head + 1, f"MOVE_DONE names record {done.shot_seq}, not {head + 1}")
    return next(bench.read(head + 1, 1))


@rule("W-172")
def w172(bench: Bench) -> str | None:
    """Enters SERVICE without the button; with hands on the pad, once a press, and not 30 s after one."""
    bench.refused(ServiceEnter(), Code.E_NEEDS_BUTTON)
    expect(bench.status().state == State.SAFE, "SERVICE without the button")
    hands = bench.hands
    if hands is None or not bench.guarded:
        return "without the button"
    bench.touch()
    bench.refused(ServiceEnter(), Code.E_CONTACT)
    bench.touch(False)
    bench.enter_service()
    bench.done(ServiceLeave())
    bench.refused(ServiceEnter(), Code.E_NEEDS_BUTTON)
    if not hands.exact:
        return "without the 30 s"
    hands.press_service_button()
    bench.listen(30_100 * MS)
    bench.refused(ServiceEnter(), Code.E_NEEDS_BUTTON)
    return None


@rule("W-173", hands=True)
def w173(bench: Bench) -> str | None:
    """Leaves SERVICE while a BENCH grant is live: it ends with cause REVOKED, and the gun is SAFE."""
    bench.enter_service()
    bench.arm(shots=1, kind=GrantKind.BENCH, contact_gate=ContactGate.OFF, interval_ms=5_000)
    mark = bench.mark()
    bench.done(ServiceLeave())
    bench.beating = None
    bench.listen(20 * MS)
    causes = [event.cause for event in bench.events(GrantEndedEvent, mark)]
    expect(causes == [GrantEnd.REVOKED], f"GRANT_ENDED with causes {causes}")
    expect(bench.status().state == State.SAFE, "not SAFE after SERVICE_LEAVE")
    return None


@rule("W-174", hands=True)
def w174(bench: Bench) -> str | None:
    """Orders service movements with a distance that none has, with a live grant, a stale head and on the pad."""
    bench.enter_service()
    head = bench.status().head_seq
    bench.refused(ServiceMove(1, 10, head), Code.E_RANGE, 4)
    bench.refused(ServiceMove(2, 10, head + 1), Code.E_RANGE, 4)
    bench.refused(ServiceMove(4, 0, head), Code.E_RANGE)
    bench.refused(ServiceMove(1, 0, head + 1), Code.E_STALE, 8)
    bench.touch()
    bench.refused(ServiceMove(1, 0, head), Code.E_CONTACT)
    bench.touch(False)
    bench.arm(shots=1, kind=GrantKind.BENCH, contact_gate=ContactGate.OFF, interval_ms=5_000)
    answer = bench.ask(ServiceMove(1, 0, head))
    expect(answer.code == Code.E_STATE, f"a service movement with a live grant: {answer.named}")
    bench.beating = None
    bench.done(ServiceLeave())
    bench.refused(ServiceMove(1, 0, head), Code.E_NEEDS_SERVICE)
    return "without a full ring"


@rule("W-175", hands=True)
def w175(bench: Bench) -> str | None:
    """Homes the needle, homes the depth stop and draws the plunger back: a record of kind SERVICE each."""
    bench.enter_service()
    for move, distance_um in ((1, 0), (2, 0), (3, 5_000)):
        record = _move(bench, move, distance_um)
        told = (record.kind, record.phase, record.reason)
        expect(told == (GrantKind.SERVICE, Phase.DONE, Reason.NONE), f"movement {move}: kind, phase, reason {told}")
        expect(bench.status().state == State.SERVICE, "not in SERVICE after a service movement")
    return None


@rule("W-176", hands=True)
def w176(bench: Bench) -> str | None:
    """Watches needle and plunger through service movements: neither goes forward."""
    bench.enter_service()
    furthest = bench.status().plunger_um
    for move, distance_um in ((1, 0), (2, 0), (3, 2_000)):
        mark = bench.mark()
        bench.done(ServiceMove(move, distance_um, bench.status().head_seq))
        for _ in range(200):
            status = bench.status()
            expect(status.plunger_um <= furthest, f"movement {move} pushed the plunger forward")
            expect(status.needle_um <= 0, f"movement {move} extended the needle")
            if bench.events(MoveDoneEvent, mark):
                break
            bench.listen(20 * MS)
    return None


@rule("W-177", hands=True)
def w177(bench: Bench) -> str | None:
    """Touches the pad in the middle of a BENCH stroke: the grant ends with cause CONTACT, the stroke is stopped."""
    bench.enter_service()
    slow = max(1, bench.settings().dose_nl // 2)
    bench.arm(shots=2, kind=GrantKind.BENCH, contact_gate=ContactGate.OFF, flow_nl_per_s=slow)
    head, mark = bench.status().head_seq, bench.mark()
    count = bench.status().trigger_count
    if not bench.until(lambda: bench.status().trigger_count > count, 3 * S):
        raise NotRun("the automatic trigger made no stroke")
    bench.listen(50 * MS)
    bench.touch()
    expect(bench.until(lambda: bench.status().head_seq > head, 5 * S), "the stroke has no record")
    causes = [event.cause for event in bench.events(GrantEndedEvent, mark)]
    expect(causes == [GrantEnd.CONTACT], f"GRANT_ENDED with causes {causes}")
    [record] = bench.read(head + 1, 1)
    expect(
        (record.phase, record.reason) == (Phase.ABORTED, Reason.FAULT), f"phase {record.phase}, reason {record.reason}"
    )
    return None
