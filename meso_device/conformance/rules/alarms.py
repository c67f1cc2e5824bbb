"""Sections 15 to 18 of SPEC.md: alarms, event list, self-test, status."""

import itertools
from typing import Final

from meso_device.conformance.asking import LEASE_MS, MS, S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import expect, rule
from protocols.wire.codes import Alarm, Code, EventKind, GrantEnd, SelfTestItem, State
from protocols.wire.frame import STOP_FRAME
from protocols.wire.messages import (
    AlarmAck,
    AlarmEvent,
    EventRead,
    EventReadReply,
    EventRecord,
    GrantEndedEvent,
    SelfTest,
    SelfTestDoneEvent,
    Status,
    StatusRate,
    Takeover,
    TakeoverReply,
)

_ALL_ITEMS: Final = (1 << len(SelfTestItem)) - 1
_LIST: Final = 64


def _alarms(bench: Bench, mark: int, alarm: Alarm) -> list[tuple[int, bool]]:
    """What was told of an alarm: raised or cleared, and whether its bit was set among all."""
    return [
        (event.raised, bool(event.alarms >> alarm & 1))
        for event in bench.events(AlarmEvent, mark)
        if event.alarm == alarm
    ]


@rule("W-178")
def w178(bench: Bench) -> str | None:
    """Looks at the bit ESTOP of STATUS and HELLO before, with and after the latch."""
    for latched in (False, True, False):
        if latched:
            bench.stop()
        elif bench.status().estop_latch_id:
            bench.reset_latch()
        for name, bits in (("STATUS", bench.status().alarms), ("HELLO", bench.look().alarms)):
            expect(bool(bits >> Alarm.ESTOP & 1) is latched, f"ESTOP in alarms of {name} is not {latched}")
    return "other alarms are seen with the checks that raise them"


@rule("W-179")
def w179(bench: Bench) -> str | None:
    """Latches twice and resets: ALARM is told once when ESTOP is raised and once when it is cleared."""
    mark = bench.mark()
    bench.stop()
    bench.stop()
    bench.reset_latch()
    bench.listen(50 * MS)
    told = _alarms(bench, mark, Alarm.ESTOP)
    expect(told == [(1, True), (0, False)], f"ALARM of ESTOP was told as {told}")
    return None


@rule("W-180")
def w180(bench: Bench) -> str | None:
    """Acknowledges alarms that are not set, which is OK, and ESTOP, which stays."""
    for alarm in (0, 9, 40, 63):
        bench.done(AlarmAck(alarm))
    bench.refused(AlarmAck(64), Code.E_RANGE)
    bench.stop()
    bench.done(AlarmAck(Alarm.ESTOP))
    status = bench.status()
    expect(status.estop_latch_id != 0, "ALARM_ACK cleared the latch")
    expect(bool(status.alarms >> Alarm.ESTOP & 1), "ALARM_ACK cleared the alarm ESTOP")
    return None


@rule("W-181", hands=True, slow=True)
def w181(bench: Bench) -> str | None:
    """Holds the trigger for 31 s: TRIGGER_STUCK and FAULT, until it is released and acknowledged."""
    bench.press()
    stuck = bench.until(lambda: bool(bench.status().alarms >> Alarm.TRIGGER_STUCK & 1), 32 * S)
    expect(stuck, "no TRIGGER_STUCK after 32 s")
    expect(bench.status().state == State.FAULT, f"state {bench.status().state} with TRIGGER_STUCK")
    bench.refused(bench.settings(), Code.E_STATE)
    bench.ask(AlarmAck(Alarm.TRIGGER_STUCK))
    expect(bench.status().state == State.FAULT, "ALARM_ACK left FAULT while the trigger was held")
    bench.press(False)
    expect(bench.status().state == State.FAULT, "FAULT was left without ALARM_ACK")
    bench.done(AlarmAck(Alarm.TRIGGER_STUCK))
    expect(bench.status().state == State.SAFE, f"state {bench.status().state} after the last fault")
    return None


@rule("W-184")
def w184(bench: Bench) -> str | None:
    """Falls silent while armed: LINK_LOST is raised, outlives reads and an old heartbeat, and a new one clears it."""
    mark = bench.mark()
    bench.arm(shots=3, beat=False, lease_ms=LEASE_MS)
    bench.beat(bench.owner, hb_no=5)
    bench.until(lambda: bool(_ended(bench, mark)), 2 * S)
    bench.listen(20 * MS)
    expect(_alarms(bench, mark, Alarm.LINK_LOST) == [(1, True)], "LINK_LOST was not raised with the end of the lease")
    bench.status()
    bench.beat(bench.owner, hb_no=5)
    bench.listen(20 * MS)
    expect(_alarms(bench, mark, Alarm.LINK_LOST) == [(1, True)], "LINK_LOST was cleared by what may be an old frame")
    bench.beat(bench.owner, hb_no=6)
    bench.listen(20 * MS)
    told = _alarms(bench, mark, Alarm.LINK_LOST)
    expect(told == [(1, True), (0, False)], f"LINK_LOST was told as {told}")
    return None


def _ended(bench: Bench, mark: int) -> list[int]:
    return [event.cause for event in bench.events(GrantEndedEvent, mark)]


@rule("W-185", slow=True)
def w185(bench: Bench) -> str | None:
    """Stays armed for a minute without a shot: the grant ends IDLE with IDLE_ARMED, which the next grant clears."""
    mark = bench.mark()
    bench.done(bench.grant(shots=3, valid_s=120))
    bench.beating = bench.owner
    bench.listen(61 * S)
    expect(_ended(bench, mark) == [GrantEnd.IDLE], f"after 61 s GRANT_ENDED with causes {_ended(bench, mark)}")
    expect(bool(bench.status().alarms >> Alarm.IDLE_ARMED & 1), "IDLE_ARMED is not raised")
    bench.arm(shots=3)
    expect(not bench.status().alarms >> Alarm.IDLE_ARMED & 1, "IDLE_ARMED is not cleared by the next grant")
    return None


def _entries(bench: Bench) -> tuple[int, list[EventRecord]]:
    """Return how many entries are lost, and all that are kept."""
    found: list[EventRecord] = []
    start = 1
    while True:
        page = bench.done(EventRead(start)).body(EventReadReply)
        raw = bytes(page.records)
        records = [EventRecord.unpack(raw[at : at + EventRecord.SIZE]) for at in range(0, len(raw), EventRecord.SIZE)]
        expect(len(records) <= 7, f"{len(records)} entries in one reply")
        if not records:
            return page.lost, found
        found += records
        start = records[-1].event_no + 1


@rule("W-186", hands=True)
def w186(bench: Bench) -> str | None:
    """Reads the event list before and after a boot: numbers go on by one."""
    _, before = _entries(bench)
    bench.power_cycle()
    bench.own()
    _, after = _entries(bench)
    numbers = [entry.event_no for entry in after]
    expect(numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"numbers {numbers}")
    old = {entry.event_no: entry for entry in before}
    changed = [entry.event_no for entry in after if entry != old.get(entry.event_no, entry)]
    expect(not changed, f"entries {changed} are others after a boot")
    boots = [entry for entry in after if entry.event_no not in old and entry.kind == EventKind.BOOT]
    expect(len(boots) == 1, f"{len(boots)} BOOT entries of one boot")
    return None


@rule("W-187")
def w187(bench: Bench) -> str | None:
    """Reads the event list from 1, from its middle and from beyond its end."""
    lost, entries = _entries(bench)
    expect(bool(entries), "the event list is empty, though a takeover has just been")
    numbers = [entry.event_no for entry in entries]
    expect(numbers[0] == lost + 1, f"the oldest entry is {numbers[0]}, and {lost} are lost")
    middle = numbers[len(numbers) // 2]
    page = bytes(bench.done(EventRead(middle)).body(EventReadReply).records)
    expect(EventRecord.unpack(page[: EventRecord.SIZE]) == entries[len(numbers) // 2], "another entry from the middle")
    page = bytes(bench.done(EventRead(numbers[-1] + 100)).body(EventReadReply).records)
    expect(not page, "entries from beyond the end")
    bench.refused(EventRead(0), Code.E_RANGE)
    return None


@rule("W-188")
def w188(bench: Bench) -> str | None:
    """Takes over seventy times, which makes an entry each: the newest 64 are kept."""
    token = bench.token
    for _ in range(70):
        token = bench.done(Takeover(token, bytes(16))).body(TakeoverReply).owner_token
    _, entries = _entries(bench)
    expect(len(entries) >= _LIST, f"{len(entries)} entries are kept")
    told = [entry.arg for entry in entries if entry.kind == EventKind.TAKEOVER][-_LIST:]
    expect(told == list(range(token - _LIST + 1, token + 1)), "the newest takeovers are not all in the list")
    return None


@rule("W-189")
def w189(bench: Bench) -> str | None:
    """Looks at self_test: every item has passed since boot, or SELF_TEST_FAILED is raised."""
    hello = bench.look()
    failed = bool(hello.alarms >> Alarm.SELF_TEST_FAILED & 1)
    expect(hello.self_test == _ALL_ITEMS or failed, f"self_test 0x{hello.self_test:03X} without SELF_TEST_FAILED")
    return None


@rule("W-190")
def w190(bench: Bench) -> str | None:
    """Runs each item by itself and all together: SELF_TEST_DONE each, with the mask and nothing failed."""
    for mask in (*(1 << item for item in range(len(SelfTestItem))), _ALL_ITEMS):
        mark = bench.mark()
        bench.done(SelfTest(mask))
        came = bench.until(lambda mark=mark: bool(bench.events(SelfTestDoneEvent, mark)), 10 * S)  # type: ignore[misc]
        expect(came, "no SELF_TEST_DONE within 10 s")
        done = bench.events(SelfTestDoneEvent, mark)
        expect([one.mask for one in done] == [mask], f"SELF_TEST of 0x{mask:X} was told as {done}")
        passed = bench.look().self_test & mask
        expect(passed == mask & ~done[0].failed, f"self_test says 0x{passed:X} of 0x{mask:X}")
    for wrong in (0, 512):
        bench.refused(SelfTest(wrong), Code.E_RANGE)
    return None


@rule("W-191")
def w191(bench: Bench) -> str | None:
    """Runs the whole self-test and watches needle and plunger: neither goes forward."""
    was, mark = bench.status(), bench.mark()
    bench.done(SelfTest(_ALL_ITEMS))
    for _ in range(100):
        now = bench.status()
        expect(now.plunger_um <= was.plunger_um, "the self-test pushed the plunger")
        expect(now.needle_um <= was.needle_um, "the self-test extended the needle")
        if bench.events(SelfTestDoneEvent, mark):
            break
        bench.listen(20 * MS)
    expect(now.head_seq == was.head_seq, "the self-test took a slot of the log")
    return None


def _steps_ms(bench: Bench, us: int) -> list[int]:
    """Listen and return the times between STATUS events by the gun's own clock."""
    mark = bench.mark()
    bench.listen(us)
    times = [one.frame.aux for one in bench.since(mark) if one.frame.type == 0x40]
    return [(later - earlier) % 2**32 for earlier, later in itertools.pairwise(times)]


@rule("W-193", slow=True)
def w193(bench: Bench) -> str | None:
    """Times STATUS at once after TAKEOVER, with periods of 250 ms and 1 s, and after another TAKEOVER."""
    for period_ms in (100, 250, 1_000, 100):
        if period_ms == 100:
            bench.own()
        else:
            bench.done(StatusRate(period_ms))
        bench.listen(period_ms * MS)
        steps = _steps_ms(bench, 6 * period_ms * MS)
        off = [step for step in steps if abs(step - period_ms) > 20]
        expect(bool(steps) and not off, f"with a period of {period_ms} ms STATUS came {steps} ms apart")
    for wrong in (99, 2_001):
        bench.refused(StatusRate(wrong), Code.E_RANGE)
    return None


@rule("W-194")
def w194(bench: Bench) -> str | None:
    """Slows STATUS down to 2 s and stops the gun: a STATUS with ESTOPPED comes at once."""
    bench.done(StatusRate(2_000))
    bench.listen(50 * MS)
    mark = bench.mark()
    bench.send(STOP_FRAME)
    bench.listen(60 * MS)
    shown = [Status.unpack(one.frame.payload).state for one in bench.since(mark) if one.frame.type == 0x40]
    expect(State.ESTOPPED in shown, f"within 60 ms of STOP the states {shown} were shown")
    return None
