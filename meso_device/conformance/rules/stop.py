"""Section 6 of SPEC.md: STOP, its latch, and the reset in two steps."""

import itertools
from typing import Final

from meso_device.conformance.asking import MS, S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import NotRun, expect, rule
from meso_device.conformance.raw import raw_frame
from protocols.wire.codes import Capability, Code, EstopSource, GrantEnd, Phase, Reason, State
from protocols.wire.frame import STOP_FRAME, TYPE_ESTOP
from protocols.wire.messages import (
    EstoppedEvent,
    EstopResetConfirm,
    EstopResetPrepare,
    EstopResetPrepareReply,
    GrantEndedEvent,
    StatusGet,
)

_ANSWER_MS: Final = 20


def _latched(bench: Bench, what: str) -> None:
    bench.listen(25 * MS)
    status = bench.status()
    expect(status.estop_latch_id != 0, f"STOP {what} set no latch")
    expect(status.state == State.ESTOPPED, f"state {status.state} after STOP {what}")


def _prepare(bench: Bench) -> EstopResetPrepareReply:
    return bench.done(EstopResetPrepare()).body(EstopResetPrepareReply)


@rule("W-072")
def w072(bench: Bench) -> str | None:
    """Sends STOP in SAFE, in the middle of a frame, byte by byte, armed and on the bench where that can be had."""
    bench.send(STOP_FRAME)
    _latched(bench, "in SAFE")
    bench.settle()
    bench.send(bench.frame(StatusGet(), bench.owner)[:9] + STOP_FRAME)
    _latched(bench, "in the middle of a frame")
    bench.settle()
    for byte in STOP_FRAME:
        bench.send(bytes([byte]))
        bench.listen(2 * MS)
    _latched(bench, "byte by byte")
    if bench.guarded:
        bench.settle()
        bench.arm(shots=3)
        bench.beating = None
        bench.send(STOP_FRAME)
        _latched(bench, "in ARMED")
    if bench.guarded and bench.hands is not None:
        bench.settle()
        bench.enter_service()
        bench.send(STOP_FRAME)
        _latched(bench, "in SERVICE")
    return None if bench.guarded else "without ARMED, for want of the guard"


@rule("W-074")
def w074(bench: Bench) -> str | None:
    """Latches twice with a reset between: latch_id grows by one, and credit ends with cause STOP."""
    bench.stop()
    first = bench.status().estop_latch_id
    bench.reset_latch()
    bench.still()
    mark = bench.mark()
    if bench.guarded:
        bench.arm(shots=3)
    bench.beating = None
    bench.stop()
    second = bench.status().estop_latch_id
    expect(second == first % 0xFFFFFFFF + 1, f"latch_id {second} after {first}")
    expect(bench.status().remaining_shots == 0, "credit is left after STOP")
    if not bench.guarded:
        return "without credit, for want of the guard"
    causes = [event.cause for event in bench.events(GrantEndedEvent, mark)]
    expect(causes == [GrantEnd.STOP], f"GRANT_ENDED with causes {causes}")
    return None


@rule("W-075")
def w075(bench: Bench) -> str | None:
    """Sends STOP again after a reset was begun: the latch_id stays, and the nonce is void."""
    bench.stop()
    ready = _prepare(bench)
    bench.send(STOP_FRAME)
    bench.listen(25 * MS)
    expect(bench.status().estop_latch_id == ready.latch_id, "STOP while latched changed latch_id")
    bench.refused(EstopResetConfirm(ready.nonce, ready.latch_id, 1), Code.E_NONCE)
    return None


@rule("W-076")
def w076(bench: Bench) -> str | None:
    """Sends whole frames of type 0x3F with another header and with a payload: taken as STOP."""
    for what, data in (
        ("with another header", raw_frame(TYPE_ESTOP, 5, bench.owner.session, b"")),
        ("with a payload", raw_frame(TYPE_ESTOP, 0xFFFF, 0xFFFFFFFF, b"\1\2\3", aux=0xFFFFFFFF)),
        ("of another version", raw_frame(TYPE_ESTOP, 0xFFFF, 0xFFFFFFFF, b"", aux=0xFFFFFFFF, ver_flags=0x20)),
    ):
        bench.send(data)
        _latched(bench, what)
        bench.settle()
    return None


@rule("W-077")
def w077(bench: Bench) -> str | None:
    """Sends STOP five times: ESTOPPED each time, at once, with the latch."""
    fastest = min(bench.ask(StatusGet()).took_us for _ in range(5))
    for _ in range(5):
        mark, sent_us = bench.mark(), bench.line.now_us()
        bench.send(STOP_FRAME)
        heard = bench.until(lambda mark=mark: bool(bench.events(EstoppedEvent, mark)), 200 * MS)  # type: ignore[misc]
        expect(heard, "no ESTOPPED within 200 ms of STOP")
        took_us = bench.line.now_us() - sent_us - fastest
        expect(took_us <= _ANSWER_MS * MS, f"ESTOPPED took {took_us // MS} ms more than the fastest reply")
        event = bench.events(EstoppedEvent, mark)[0]
        expect(event.latch_id == bench.status().estop_latch_id != 0, "ESTOPPED names another latch")
        expect(event.source == EstopSource.FRAME, f"ESTOPPED says source {event.source}")
        bench.listen(30 * MS)
        expect(len(bench.events(EstoppedEvent, mark)) == 1, "more than one ESTOPPED for one STOP")
    return None


@rule("W-078", hands=True)
def w078(bench: Bench) -> str | None:
    """Latches, takes over, and has the gun switched off and on: the latch is as it was."""
    bench.stop()
    latch = bench.status().estop_latch_id
    bench.own()
    expect(bench.status().estop_latch_id == latch, "TAKEOVER changed the latch")
    bench.power_cycle()
    hello = bench.look()
    expect(hello.estop_latch_id == latch, f"latch {hello.estop_latch_id} after a boot, {latch} before")
    expect(hello.state == State.ESTOPPED, f"state {hello.state} after a boot with the latch set")
    return None


@rule("W-079", hands=True)
def w079(bench: Bench) -> str | None:
    """Has the gun's own stop pressed: the latch is set, with source BUTTON."""
    hands = bench.need_hands()
    if not bench.look().capabilities & Capability.OWN_STOP:
        raise NotRun("this gun has no stop button")
    hands.press_stop_button()
    if not bench.until(lambda: bench.status().estop_latch_id != 0, hands.patience_us):
        expect(not hands.exact, "the gun's own stop set no latch")
        raise NotRun("the gun's own stop was not pressed")
    source = bench.look().estop_source
    expect(source == EstopSource.BUTTON, f"the gun's own stop latched with source {source}")
    return None


@rule("W-080", hands=True)
def w080(bench: Bench) -> str | None:
    """Sends STOP in the middle of a stroke: its record is ABORTED(STOP), and nothing is left."""
    settings = bench.settings()
    bench.arm(shots=3, flow_nl_per_s=max(1, settings.dose_nl // 2), dwell_ms=200)
    bench.touch()
    head = bench.status().head_seq
    bench.pull(keep=True)
    bench.listen(100 * MS)
    bench.beating = None
    bench.send(STOP_FRAME)
    _latched(bench, "in MOVING")
    bench.let_go()
    expect(bench.until(lambda: bench.status().head_seq == head + 1, 5 * S), "the stopped stroke has no record")
    [record] = bench.read(head + 1, 1)
    expect(
        (record.phase, record.reason) == (Phase.ABORTED, Reason.STOP), f"phase {record.phase}, reason {record.reason}"
    )
    expect(record.dose_hi_nl < record.planned_nl, "a stroke stopped in its flow says the whole dose")
    return None


@rule("W-042", hands=True)
def w042(bench: Bench) -> str | None:
    """Sends STOP in the middle of a stroke: its outcome is written while the gun is ESTOPPED."""
    settings = bench.settings()
    bench.arm(shots=1, flow_nl_per_s=max(1, settings.dose_nl // 2))
    bench.touch()
    head = bench.status().head_seq
    bench.pull()
    bench.beating = None
    bench.send(STOP_FRAME)
    written = bench.until(lambda: bench.status().head_seq == head + 1, 5 * S)
    expect(written, "no outcome within 5 s of STOP")
    expect(bench.status().state == State.ESTOPPED, "the gun left ESTOPPED with the outcome")
    return None


@rule("W-083")
def w083(bench: Bench) -> str | None:
    """Asks for the reset without a latch, and with hands while the trigger is pressed and the head is on the pad."""
    for request in (EstopResetPrepare(), EstopResetConfirm(1, 1, 1)):
        bench.refused(request, Code.E_STATE)
    bench.stop()
    if bench.hands is None:
        return "without trigger and contact"
    bench.touch()
    bench.refused(EstopResetPrepare(), Code.E_CONTACT)
    bench.press()
    bench.refused(EstopResetPrepare(), Code.E_TRIGGER_HELD)
    bench.press(False)
    bench.touch(False)
    bench.done(EstopResetPrepare())
    return None


@rule("W-084")
def w084(bench: Bench) -> str | None:
    """Asks for the first step four times: four nonces, and only the newest is good."""
    bench.stop()
    ready = [_prepare(bench) for _ in range(4)]
    nonces = [one.nonce for one in ready]
    expect(len(set(nonces)) == len(nonces), f"nonces {nonces}")
    steps = {(later - earlier) % 2**32 for earlier, later in itertools.pairwise(nonces)}
    expect(len(steps) > 1, "the nonces are counted, not drawn")
    bench.refused(EstopResetConfirm(nonces[0], ready[0].latch_id, 1), Code.E_NONCE)
    bench.done(EstopResetConfirm(nonces[-1], ready[-1].latch_id, 1))
    return None


@rule("W-085", slow=True)
def w085(bench: Bench) -> str | None:
    """Confirms with a wrong nonce and a wrong latch, which do not use up the right ones; then once and not twice."""
    bench.stop()
    ready = _prepare(bench)
    wrong = EstopResetConfirm(ready.nonce ^ 1, ready.latch_id, 1)
    expect(bench.ask(wrong).code == Code.E_NONCE, "a wrong nonce was not refused E_NONCE")
    wrong = EstopResetConfirm(ready.nonce, ready.latch_id + 1, 1)
    expect(bench.ask(wrong).code == Code.E_NONCE, "a wrong latch was not refused E_NONCE")
    bench.done(EstopResetConfirm(ready.nonce, ready.latch_id, 1))
    bench.stop()
    answer = bench.ask(EstopResetConfirm(ready.nonce, bench.status().estop_latch_id, 1))
    expect(answer.code == Code.E_NONCE, f"a used nonce: {answer.named}")
    ready = _prepare(bench)
    bench.listen(10_200 * MS)
    answer = bench.ask(EstopResetConfirm(ready.nonce, ready.latch_id, 1))
    expect(answer.code == Code.E_NONCE, f"a nonce older than 10 s: {answer.named}")
    return None


@rule("W-086")
def w086(bench: Bench) -> str | None:
    """Clears the latch: SAFE and without credit, and with hands it stays clear over a boot."""
    bench.stop()
    bench.reset_latch()
    status = bench.status()
    expect(status.estop_latch_id == 0, "the latch is still set after CONFIRM")
    expect(status.state in {State.SAFE, State.MOVING}, f"state {status.state} after the reset")
    expect(status.remaining_shots == 0, "credit after the reset")
    if bench.hands is None:
        return "without a boot"
    bench.power_cycle()
    expect(bench.look().estop_latch_id == 0, "the latch came back at the boot")
    return None
