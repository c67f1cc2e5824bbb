"""Section 10 of SPEC.md: trigger and stroke. Every check needs a hand at the trigger or the button."""

import itertools
from collections.abc import Callable

from msgspec.structs import replace

from meso_device.conformance.asking import LEASE_MS, MS, S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import NotRun, expect, rule
from protocols.wire.codes import (
    Capability,
    Code,
    ContactGate,
    GrantKind,
    Mode,
    Phase,
    Reason,
    State,
    SuctionMode,
    TriggerSource,
)
from protocols.wire.messages import BootEvent, GrantRevoke, Slot


def _count(bench: Bench) -> int:
    return bench.status().trigger_count


def _none(bench: Bench, count: int, what: str) -> None:
    expect(_count(bench) == count, f"{what} began a stroke")


@rule("W-096", hands=True)
def w096(bench: Bench) -> str | None:
    """Holds the trigger in CONTINUOUS: INTENTs follow one another by no less than interval_ms."""
    interval_ms = max(300, bench.limits.interval_ms_min)
    bench.arm(shots=4, mode=Mode.CONTINUOUS, interval_ms=interval_ms)
    bench.touch()
    head = bench.status().head_seq
    bench.press()
    bench.until(lambda: bench.status().head_seq >= head + 4, 10 * S)
    bench.press(False)
    starts = [record.ticks_start_us for record in bench.read(head + 1, 4)]
    steps_ms = [(later - earlier) // MS for earlier, later in itertools.pairwise(starts)]
    expect(len(starts) == 4, f"{len(starts)} of 4 shots while the trigger was held")
    expect(min(steps_ms) >= interval_ms, f"shots {steps_ms} ms apart where interval_ms is {interval_ms}")
    return None


@rule("W-115", hands=True)
def w115(bench: Bench) -> str | None:
    """Pulls without credit, without contact, and with PRIME on the pad: no stroke; with all that is needed: one."""
    bench.touch()
    count = _count(bench)
    bench.press()
    bench.listen(200 * MS)
    _none(bench, count, "a pull without credit")
    bench.press(False)
    bench.touch(False)
    bench.arm(shots=3)
    bench.press()
    bench.listen(200 * MS)
    _none(bench, count, "a pull without contact")
    bench.press(False)
    bench.arm(shots=3, trigger_mask=TriggerSource.PEDAL)
    bench.touch()
    bench.press()
    bench.listen(200 * MS)
    _none(bench, count, "a pull of the trigger where trigger_mask has the pedal alone")
    bench.press(False)
    bench.touch(False)
    bench.arm(shots=3)
    bench.touch()
    bench.pull()
    bench.still()
    expect(_count(bench) == count + 1, f"{_count(bench) - count} strokes of one pull")
    return "without vacuum, battery and a full ring"


@rule("W-116", hands=True)
def w116(bench: Bench) -> str | None:
    """Presses for 3 ms, which does not count, and for 30 ms, which does."""
    hands = bench.need_hands(exact=True)
    bench.arm(shots=3)
    bench.touch()
    count = _count(bench)
    hands.trigger(True)
    bench.listen(3 * MS)
    hands.trigger(False)
    bench.listen(200 * MS)
    _none(bench, count, "a level of 3 ms")
    hands.trigger(True)
    bench.listen(30 * MS)
    hands.trigger(False)
    bench.listen(200 * MS)
    expect(_count(bench) == count + 1, f"{_count(bench) - count} strokes of a press of 30 ms")
    return None


@rule("W-117", hands=True)
def w117(bench: Bench) -> str | None:
    """Presses before there is credit, asks for it, and holds on: no stroke before the press is made again."""
    grant = bench.grant(shots=3)
    bench.touch()
    count = _count(bench)
    bench.press()
    fresh = replace(grant, not_after_uptime_ms=(bench.uptime_ms + LEASE_MS - 50) % 2**32)
    answer = bench.ask(fresh)
    bench.beating = bench.owner
    bench.listen(300 * MS)
    _none(bench, count, "a press made before the credit")
    expect(answer.code == Code.E_TRIGGER_HELD, f"GRANT_SET with the trigger held: {answer.named}")
    return None


@rule("W-118", hands=True)
def w118(bench: Bench) -> str | None:
    """Holds the trigger over the end of a spent grant: the next one goes on, one for another area is refused."""
    bench.arm(shots=2, mode=Mode.CONTINUOUS, interval_ms=200)
    bench.touch()
    head = bench.status().head_seq
    bench.press()
    expect(bench.until(lambda: bench.status().head_seq >= head + 2, 5 * S), "two shots did not come")
    settings = bench.settings(mode=Mode.CONTINUOUS, interval_ms=200)
    bench.done(bench.terms(settings, shots=2))
    went_on = bench.until(lambda: bench.status().head_seq >= head + 4, 2 * S)
    expect(went_on, "a held press did not go on under the grant that continues")
    bench.still()
    other = bench.settings(mode=Mode.CONTINUOUS, interval_ms=200, area_code=9)
    bench.done(other)
    answer = bench.ask(bench.terms(other, shots=2))
    expect(answer.code == Code.E_TRIGGER_HELD, f"a grant for another area with the trigger held: {answer.named}")
    return None


@rule("W-119", hands=True)
def w119(bench: Bench) -> str | None:
    """Presses again within interval_ms: held, it counts when the interval is over; let go before, it is lost."""
    hands = bench.need_hands(exact=True)
    bench.arm(shots=5, interval_ms=600)
    bench.touch()
    bench.pull()
    count = _count(bench)
    bench.listen(150 * MS)
    hands.trigger(True)
    bench.listen(50 * MS)
    hands.trigger(False)
    bench.listen(700 * MS)
    _none(bench, count, "a press that was over before the interval")
    bench.pull()
    count = _count(bench)
    bench.listen(150 * MS)
    hands.trigger(True)
    bench.listen(200 * MS)
    _none(bench, count, "a press within the interval")
    bench.listen(500 * MS)
    expect(_count(bench) == count + 1, "a press held over the interval made no stroke")
    return None


@rule("W-120", hands=True)
def w120(bench: Bench) -> str | None:
    """Pulls off the pad, then touches while the trigger is held: lost in SINGLE, waited for in CONTINUOUS."""
    bench.arm(shots=3)
    count = _count(bench)
    bench.press()
    bench.listen(50 * MS)
    bench.touch()
    bench.listen(300 * MS)
    _none(bench, count, "a single-shot press made without contact")
    bench.press(False)
    bench.touch(False)
    bench.arm(shots=1, mode=Mode.CONTINUOUS)
    bench.press()
    bench.listen(50 * MS)
    bench.touch()
    expect(bench.until(lambda: _count(bench) == count + 1, S), "CONTINUOUS did not wait for contact")
    return None


@rule("W-121", hands=True)
def w121(bench: Bench) -> str | None:
    """Holds the trigger for two seconds in SINGLE, BURST of 3 and CONTINUOUS, and counts strokes."""
    for mode, burst_shots, wanted in (
        (Mode.SINGLE, 1, 1),
        (Mode.PAPULE, 1, 1),
        (Mode.MICRO_DOSE, 1, 1),
        (Mode.BURST, 3, 3),
        (Mode.CONTINUOUS, 1, 5),
    ):
        bench.arm(shots=5, mode=mode, interval_ms=200, burst_shots=burst_shots)
        bench.touch()
        count = _count(bench)
        bench.press()
        bench.listen(2 * S)
        bench.press(False)
        made = _count(bench) - count
        expect(made == wanted, f"{made} strokes of one press in {mode.name}, not {wanted}")
        bench.touch(False)
    return "DRY and MESOPERFUSION are seen with W-128 and W-142"


@rule("W-122", hands=True)
def w122(bench: Bench) -> str | None:
    """Holds the trigger in suction mode STARTS and touches twice: one stroke each time that the vacuum is reached."""
    bench.need_hands(exact=True)
    if not bench.look().capabilities & Capability.SUCTION:
        raise NotRun("this gun has no vacuum")
    by_suction = TriggerSource.HAND | TriggerSource.SUCTION
    bench.arm(shots=3, suction_mode=SuctionMode.STARTS, suction_threshold_pa=5_000, trigger_mask=by_suction)
    head = bench.status().head_seq
    bench.press()
    for made in (1, 2):
        bench.touch()
        reached = bench.until(lambda made=made: bench.status().head_seq >= head + made, 5 * S)  # type: ignore[misc]
        expect(reached, f"the vacuum was reached {made} times and made {made - 1} strokes")
        bench.listen(500 * MS)
        bench.touch(False)
        bench.listen(500 * MS)
    records = list(bench.read(head + 1, 3))
    expect(len(records) == 2, f"{len(records)} strokes while the vacuum was reached twice")
    sources = [record.trigger_source for record in records]
    expect(sources == [TriggerSource.SUCTION] * 2, f"trigger_source {sources}")
    return None


@rule("W-123", hands=True)
def w123(bench: Bench) -> str | None:
    """Gives a BENCH grant of four shots: the first after one interval, then one an interval, then none."""
    bench.enter_service()
    interval_ms = 300
    grant = bench.arm(shots=4, kind=GrantKind.BENCH, contact_gate=ContactGate.OFF, interval_ms=interval_ms)
    head = bench.status().head_seq
    accepted_ms = bench.uptime_ms
    bench.until(lambda: bench.status().head_seq >= head + 4, 6 * S)
    bench.listen(500 * MS)
    records = list(bench.read(head + 1, 5))
    expect(len(records) == grant.max_shots, f"{len(records)} shots of a grant of {grant.max_shots}")
    first_ms = records[0].ticks_start_us // MS - accepted_ms
    expect(interval_ms - 20 <= first_ms <= interval_ms + 40, f"the first shot came {first_ms} ms after acceptance")
    steps_ms = [(b.ticks_start_us - a.ticks_start_us) // MS for a, b in itertools.pairwise(records)]
    expect(all(interval_ms <= step <= interval_ms + 40 for step in steps_ms), f"shots {steps_ms} ms apart")
    expect(all(record.trigger_source == TriggerSource.BENCH for record in records), "another trigger_source than BENCH")
    return None


@rule("W-124", hands=True)
def w124(bench: Bench) -> str | None:
    """Shoots three times: trigger_count grows by three."""
    bench.arm(shots=3)
    bench.touch()
    count = _count(bench)
    bench.shoot(3)
    expect(_count(bench) == count + 3, f"trigger_count grew by {_count(bench) - count} over three shots")
    return None


@rule("W-127", hands=True)
def w127(bench: Bench) -> str | None:
    """Lifts the head in the middle of a stroke with gate THROUGHOUT: ABORTED(LIFT)."""
    slow = max(1, bench.settings().dose_nl // 2)
    bench.arm(shots=1, flow_nl_per_s=slow, contact_gate=ContactGate.THROUGHOUT)
    bench.touch()
    record = _stroke(bench, lambda: bench.touch(False))
    expect(
        (record.phase, record.reason) == (Phase.ABORTED, Reason.LIFT), f"phase {record.phase}, reason {record.reason}"
    )
    return "without vacuum"


@rule("W-128", hands=True)
def w128(bench: Bench) -> str | None:
    """Lets the trigger go in the middle of a MESOPERFUSION: ABORTED(TRIGGER_RELEASED)."""
    slow = max(1, bench.settings().dose_nl // 2)
    bench.arm(shots=1, flow_nl_per_s=slow, mode=Mode.MESOPERFUSION)
    bench.touch()
    record = _stroke(bench, lambda: bench.press(False))
    told = (record.phase, record.reason)
    expect(told == (Phase.ABORTED, Reason.TRIGGER_RELEASED), f"phase {told[0]}, reason {told[1]}")
    return "without OCCLUSION, STALL and EMPTY"


@rule("W-129", hands=True)
def w129(bench: Bench) -> str | None:
    """Revokes in the middle of a stroke and watches STATUS: the needle is home when the outcome is there."""
    slow = max(1, bench.settings().dose_nl // 2)
    bench.arm(shots=1, flow_nl_per_s=slow, needle_speed_um_per_s=5_000)
    bench.touch()
    head = bench.status().head_seq
    bench.pull()
    bench.until(lambda: bench.status().needle_um > 0, S)
    bench.done(GrantRevoke(0))
    seen = [bench.status()]
    while seen[-1].head_seq == head and len(seen) < 2_000:
        bench.listen(2 * MS)
        seen.append(bench.status())
    expect(seen[-1].head_seq == head + 1, "the stopped stroke has no record")
    expect(seen[-1].needle_um <= 0, f"the outcome was there while the needle stood at {seen[-1].needle_um} um")
    pushed = [later.plunger_um - earlier.plunger_um for earlier, later in itertools.pairwise(seen)]
    expect(max(pushed, default=0) <= 1, "the plunger went on after GRANT_REVOKE")
    return None


@rule("W-130", hands=True)
def w130(bench: Bench) -> str | None:
    """Cuts the power while the needle is out: it is drawn home after the boot without a slot, then credit is taken."""
    hands = bench.need_hands(exact=True)
    slow = max(1, bench.settings().dose_nl // 2)
    bench.arm(shots=1, flow_nl_per_s=slow)
    bench.touch()
    bench.pull()
    bench.listen(80 * MS)
    head = bench.status().head_seq
    bench.beating = None
    hands.power(False)
    hands.contact(False)
    bench.listen(100 * MS)
    mark = bench.mark()
    hands.power(True)
    bench.until(lambda: bool(bench.events(BootEvent, mark)), 2 * S)
    bench.own()

    def home() -> bool:
        status = bench.status()
        return status.state == State.SAFE and status.needle_um <= 0

    expect(bench.until(home, 10 * S), "the needle was not home and the gun not SAFE within 10 s of the boot")
    now = bench.status().head_seq
    expect(now == head + 1, f"{now - head} records where one was cut off and homing takes none")
    bench.arm(shots=1)
    return None


@rule("W-162", hands=True)
def w162(bench: Bench) -> str | None:
    """Makes a DRY and a PRIME stroke: no dose in the one, no travel in the other."""
    bench.arm(shots=1, kind=GrantKind.DRY, mode=Mode.DRY, dose_nl=0)
    bench.touch()
    dry = Slot.unpack(bench.shoot()[0])
    bench.touch(False)
    bench.arm(shots=1, kind=GrantKind.PRIME)
    prime = Slot.unpack(bench.shoot()[0])
    expect((dry.dose_lo_nl, dry.dose_hi_nl) == (0, 0), f"a DRY stroke says {dry.dose_lo_nl} to {dry.dose_hi_nl} nl")
    expect(prime.measured_depth_um == 0, f"a PRIME stroke says {prime.measured_depth_um} um of travel")
    return "by what the records say"


def _stroke(bench: Bench, disturb: Callable[[], None]) -> Slot:
    head = bench.status().head_seq
    bench.pull(keep=True)
    bench.listen(80 * MS)
    disturb()
    expect(bench.until(lambda: bench.status().head_seq > head, 5 * S), "the stroke has no record")
    return next(bench.read(head + 1, 1))
