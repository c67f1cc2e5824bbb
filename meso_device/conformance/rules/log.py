"""Section 11 of SPEC.md: the log, its reading and releasing, a new epoch. Records are made by hand or on the bench."""

from typing import Final

from meso_device.conformance.bench import MS, Bench, S
from meso_device.conformance.findings import NotRun, expect, rule
from meso_device.conformance.rules.asked import READS
from meso_device.conformance.workable import calibration, syringe_rows
from protocols.wire.codes import Alarm, Capability, Code, GrantKind, GunFlag, Mode, Phase, Reason
from protocols.wire.hashes import chain_seed8, record_hash8, slot_is_final
from protocols.wire.messages import (
    BootEvent,
    EpochOpen,
    EpochOpenReply,
    Goodbye,
    GrantRevoke,
    LogRead,
    LogReadReply,
    LogRelease,
    LogReleaseReply,
    MoveDoneEvent,
    ServiceMove,
    ShotEvent,
    Slot,
    StatusRate,
)

_OTHER: Final = b"\xa5" * 8


def _shots(bench: Bench, count: int = 2) -> list[bytes]:
    """Make records by hand, and leave the gun without credit."""
    bench.arm(shots=count)
    bench.touch()
    records = bench.shoot(count)
    bench.beating = None
    bench.done(GrantRevoke(0))
    bench.touch(False)
    return records


def _hash(bench: Bench, record: bytes) -> bytes:
    return record_hash8(bench.hello.gun_uid, bench.hello.log_epoch, record)


def _release(bench: Bench, record: bytes) -> LogRelease:
    return LogRelease(bench.hello.log_epoch, Slot.unpack(record).shot_seq, _hash(bench, record))


@rule("W-016", hands=True)
def w016(bench: Bench) -> str | None:
    """Makes records and asks with aux at and above their numbers: none is released."""
    records = _shots(bench)
    last = Slot.unpack(records[-1]).shot_seq
    before = bench.look().released_seq
    for aux in (last, last + 1, 0xFFFFFFFF):
        for request in (*READS, StatusRate(100)):
            bench.sent(bench.frame(request, bench.owner, aux=aux))
    now = bench.look().released_seq
    expect(now == before, f"aux released records up to {now}")
    return None


@rule("W-132", hands=True)
def w132(bench: Bench) -> str | None:
    """Makes records before and after a boot: shot_seq grows by exactly one."""
    head = bench.look().head_seq
    first = _shots(bench)
    bench.power_cycle()
    bench.own()
    second = _shots(bench)
    numbers = [Slot.unpack(record).shot_seq for record in (*first, *second)]
    expect(numbers == list(range(head + 1, head + 5)), f"records {numbers} after {head}")
    return None


@rule("W-135", hands=True)
def w135(bench: Bench) -> str | None:
    """Reads the record as soon as SHOT_EVENT comes: it is final, and the event says what it says."""
    bench.arm(shots=1)
    bench.touch()
    mark = bench.mark()
    bench.press()
    expect(bench.until(lambda: bool(bench.events(ShotEvent, mark)), 5 * S), "no SHOT_EVENT within 5 s")
    event = bench.events(ShotEvent, mark)[0]
    raw = bench.read_raw(event.shot_seq, 1)
    expect(bool(raw), "the record of SHOT_EVENT cannot be read")
    expect(slot_is_final(bench.hello.log_epoch, raw[0]), "the record of SHOT_EVENT is not whole")
    record = Slot.unpack(raw[0])
    for name in ("shot_seq", "grant_no", "phase", "reason", "dose_hi_nl", "measured_depth_um", "kind"):
        expect(getattr(record, name) == getattr(event, name), f"SHOT_EVENT and record differ in {name}")
    return None


@rule("W-136", hands=True)
def w136(bench: Bench) -> str | None:
    """Reads records, shoots, has the gun switched off and on, and reads them again: the same bytes."""
    first = _shots(bench)
    seq = Slot.unpack(first[0]).shot_seq
    _shots(bench, 1)
    bench.power_cycle()
    bench.own()
    expect(bench.read_raw(seq, len(first)) == first, "a final record has changed")
    return None


@rule("W-138", hands=True)
def w138(bench: Bench) -> str | None:
    """Looks at whole and at stopped strokes: dose_lo_nl is never above dose_hi_nl."""
    whole = _shots(bench)
    stopped = _stopped(bench)
    for record in map(Slot.unpack, (*whole, stopped)):
        expect(record.dose_lo_nl <= record.dose_hi_nl, f"record {record.shot_seq}: lo above hi")
    return "what was given is not weighed here"


@rule("W-139", hands=True)
def w139(bench: Bench) -> str | None:
    """Looks at whole strokes: dose_hi_nl is within 5 % or 10 um of plunger travel of planned_nl."""
    settings = bench.settings()
    pl_per_um = next(
        row.pl_per_um for row in syringe_rows(calibration(bench)) if row.geometry_id == settings.syringe_geometry_id
    )
    for record in map(Slot.unpack, _shots(bench, 3)):
        allowed = max(record.planned_nl // 20, 10 * pl_per_um // 1_000)
        over = bench.status().alarms >> Alarm.OVER_DELIVERY & 1
        within = record.dose_hi_nl <= record.planned_nl + allowed
        expect(within or bool(over), f"dose_hi_nl {record.dose_hi_nl} of {record.planned_nl} without OVER_DELIVERY")
        short = record.phase == Phase.DONE and record.dose_hi_nl < record.planned_nl - allowed
        expect(not short, f"a DONE stroke of {record.dose_hi_nl} nl where {record.planned_nl} were planned")
    return None


@rule("W-140", hands=True)
def w140(bench: Bench) -> str | None:
    """Looks for dose_lo_nl = dose_hi_nl in records: only with an encoder, and never in one cut off by a boot."""
    encoder = bool(bench.look().capabilities & Capability.ENCODER)
    records = [Slot.unpack(record) for record in _shots(bench)]
    if not encoder:
        expect(all(one.dose_lo_nl < one.dose_hi_nl for one in records), "lo = hi without an encoder")
    cut = _cut_off(bench)
    equal = cut.dose_lo_nl == cut.dose_hi_nl and cut.dose_hi_nl != 0
    expect(not equal, "lo = hi in a record that was cut off")
    return None


@rule("W-141", hands=True)
def w141(bench: Bench) -> str | None:
    """On a gun without encoder: dose_hi_nl is at least planned_nl."""
    if bench.look().capabilities & Capability.ENCODER:
        raise NotRun("this gun has an encoder")
    for record in map(Slot.unpack, _shots(bench)):
        expect(record.dose_hi_nl >= record.planned_nl, f"dose_hi_nl {record.dose_hi_nl} below {record.planned_nl}")
    return None


@rule("W-142", hands=True)
def w142(bench: Bench) -> str | None:
    """Looks at records of TREAT, DRY, PRIME and a service movement: planned figures as ordered."""
    settings = bench.settings()
    record = Slot.unpack(_shots(bench, 1)[0])
    expect(record.area_code == settings.area_code, f"area_code {record.area_code} in the record")
    _planned(record, GrantKind.TREAT, settings.dose_nl, settings.depth_um)
    bench.arm(shots=1, kind=GrantKind.DRY, mode=Mode.DRY, dose_nl=0)
    bench.touch()
    record = Slot.unpack(bench.shoot()[0])
    _planned(record, GrantKind.DRY, 0, settings.depth_um)
    expect(record.dose_hi_nl == 0, f"DRY gave {record.dose_hi_nl} nl")
    bench.touch(False)
    bench.arm(shots=1, kind=GrantKind.PRIME)
    _planned(Slot.unpack(bench.shoot()[0]), GrantKind.PRIME, settings.dose_nl, 0)
    bench.own()
    record = _service_record(bench)
    zeros = (record.grant_no, record.planned_nl, record.planned_depth_um, record.area_code, record.trigger_source)
    expect(zeros == (0, 0, 0, 0, 0) and record.kind == GrantKind.SERVICE, f"SERVICE record says {zeros}")
    return None


@rule("W-144", hands=True)
def w144(bench: Bench) -> str | None:
    """Adds up records over whole, stopped and cut-off strokes: odometer_nl grew within their sums."""
    before = bench.look()
    _shots(bench)
    _stopped(bench)
    bench.reset_latch()
    bench.still()
    _cut_off(bench)
    after = bench.look()
    records = [*bench.read(before.head_seq + 1, after.head_seq - before.head_seq)]
    grown = after.odometer_nl - before.odometer_nl
    lo, hi = sum(one.dose_lo_nl for one in records), sum(one.dose_hi_nl for one in records)
    expect(lo <= grown <= hi, f"odometer_nl grew by {grown}, the records say {lo} to {hi}")
    return None


@rule("W-145", hands=True)
def w145(bench: Bench) -> str | None:
    """Cuts the power in the middle of a stroke: its record is INTERRUPTED(RESET) when BOOT comes."""
    hands = bench.need_hands(exact=True)
    head = bench.look().head_seq
    settings = bench.settings()
    bench.arm(shots=1, flow_nl_per_s=max(1, settings.dose_nl // 2))
    bench.touch()
    bench.pull()
    bench.listen(80 * MS)
    bench.beating = None
    hands.power(False)
    hands.contact(False)
    bench.listen(100 * MS)
    mark = bench.mark()
    hands.power(True)
    bench.until(lambda: bool(bench.events(BootEvent, mark)), 2 * S)
    boots = bench.events(BootEvent, mark)
    expect(bool(boots) and boots[0].head_seq == head + 1, "the event BOOT does not count the record that was cut off")
    bench.own()
    [record] = bench.read(head + 1, 1)
    told = (record.phase, record.reason, record.duration_ms, record.peak_pressure_kpa, record.dose_hi_nl)
    wanted = (Phase.INTERRUPTED, Reason.RESET, 0, 0, record.planned_nl)
    expect(told == wanted, f"the record that was cut off says {told}")
    return None


@rule("W-147")
def w147(bench: Bench) -> str | None:
    """Reads from another epoch, from 0, and from below oldest_seq."""
    hello = bench.look()
    bench.refused(LogRead(hello.log_epoch ^ 1, 1, 1), Code.E_EPOCH)
    bench.refused(LogRead(hello.log_epoch, 0, 1), Code.E_RANGE, 4)
    if hello.oldest_seq > 1:
        bench.refused(LogRead(hello.log_epoch, hello.oldest_seq - 1, 1), Code.E_RANGE, 4)
        return None
    return "nothing is overwritten yet, so oldest_seq is 1"


@rule("W-149")
def w149(bench: Bench) -> str | None:
    """Reads above the head, which gives none; with hands, two records by one, two and three: verbatim and in order."""
    hello = bench.look()
    for above in (1, 2, 1_000):
        page = bench.done(LogRead(hello.log_epoch, hello.head_seq + above, 3)).body(LogReadReply)
        expect((page.count, len(page.slots)) == (0, 0), f"{page.count} records {above} above the head")
    for count in (0, 4):
        bench.refused(LogRead(hello.log_epoch, 1, count), Code.E_RANGE, 8)
    if not (bench.hands and bench.guarded):
        return "without records"
    records = _shots(bench)
    seq = Slot.unpack(records[0]).shot_seq
    for count in (1, 2, 3):
        page = bench.done(LogRead(hello.log_epoch, seq, count)).body(LogReadReply)
        given = min(count, len(records))
        expect((page.from_seq, page.count) == (seq, given), f"{page.count} records from {page.from_seq}")
        expect(bytes(page.slots) == b"".join(records[:given]), "the same records read otherwise")
    return None


@rule("W-131", hands=True)
def w131(bench: Bench) -> str | None:
    """Checks CRCs, numbers and the chain of three records, and chain_head8 of HELLO."""
    before = bench.look()
    expect(bench.look().log_capacity >= 4_096, f"a ring of {before.log_capacity} slots")
    records = _shots(bench, 3)
    _chain(bench, before.head_seq, before.chain_head8, records)
    return "by its contents: the place in memory is not seen"


def _chain(bench: Bench, head: int, chain8: bytes, records: list[bytes]) -> None:
    hello = bench.look()
    if head == 0:
        seed = chain_seed8(hello.gun_uid, hello.log_epoch)
        expect(chain8 == seed, "chain_head8 of an empty epoch is not the seed")
    for number, raw in enumerate(records, head + 1):
        record = Slot.unpack(raw)
        expect(record.shot_seq == number, f"record {record.shot_seq} where {number} was due")
        expect(slot_is_final(hello.log_epoch, raw), f"record {number}: a CRC does not hold")
        expect(record.prev_hash8 == chain8, f"record {number}: prev_hash8 is not the hash of the record before")
        chain8 = _hash(bench, raw)
    expect(hello.chain_head8 == chain8, "chain_head8 is not the hash of the head")


@rule("W-146", hands=True)
def w146(bench: Bench) -> str | None:
    """Has the gun switched off and on with records not released: the chain holds, and NVM_FAULT stays off."""
    before = bench.look()
    records = _shots(bench)
    bench.power_cycle()
    bench.own()
    _chain(bench, before.head_seq, before.chain_head8, records)
    expect(not bench.status().alarms >> Alarm.NVM_FAULT & 1, "NVM_FAULT with a chain that holds")
    return "a damaged ring is not made"


@rule("W-150", hands=True)
def w150(bench: Bench) -> str | None:
    """Releases records and reads them again: still there."""
    records = _shots(bench)
    bench.done(_release(bench, records[-1]))
    seq = Slot.unpack(records[0]).shot_seq
    expect(bench.read_raw(seq, len(records)) == records, "released records cannot be read any more")
    oldest = bench.look().oldest_seq
    expect(oldest <= seq, f"oldest_seq {oldest} after the release of {seq}")
    return None


@rule("W-151")
def w151(bench: Bench) -> str | None:
    """Releases with another epoch, beyond the head, and with hands by a wrong hash: refused, nothing released."""
    hello = bench.look()
    bench.refused(LogRelease(hello.log_epoch ^ 1, hello.head_seq + 1, _OTHER), Code.E_EPOCH)
    bench.refused(LogRelease(hello.log_epoch, hello.head_seq + 1, _OTHER), Code.E_CHAIN)
    bench.refused(LogRelease(hello.log_epoch, 0xFFFFFFFF, hello.chain_head8), Code.E_CHAIN)
    expect(bench.look().released_seq == hello.released_seq, "a refused release released records")
    if not (bench.hands and bench.guarded):
        return "without records"
    records = _shots(bench)
    last = Slot.unpack(records[-1]).shot_seq
    bench.refused(LogRelease(hello.log_epoch, last, _hash(bench, records[0])), Code.E_CHAIN)
    bench.refused(LogRelease(hello.log_epoch, last + 1, _hash(bench, records[-1])), Code.E_CHAIN)
    expect(bench.look().released_seq == hello.released_seq, "a refused release released records")
    reply = bench.done(_release(bench, records[-1])).body(LogReleaseReply)
    expect(reply.released_seq == last, f"released_seq {reply.released_seq} after the release of {last}")
    return None


@rule("W-152", hands=True)
def w152(bench: Bench) -> str | None:
    """Releases two records, then the first of them again: released_seq stays."""
    records = _shots(bench)
    bench.done(_release(bench, records[-1]))
    last = Slot.unpack(records[-1]).shot_seq
    for record in records:
        reply = bench.done(_release(bench, record)).body(LogReleaseReply)
        expect(reply.released_seq == last, f"released_seq went to {reply.released_seq}")
    return None


@rule("W-153", hands=True)
def w153(bench: Bench) -> str | None:
    """Releases the first of two records and has the gun switched off and on: released_seq is as it was."""
    records = _shots(bench)
    bench.done(_release(bench, records[0]))
    bench.power_cycle()
    released = bench.look().released_seq
    wanted = Slot.unpack(records[0]).shot_seq
    expect(released == wanted, f"released_seq {released} after a boot, {wanted} before")
    return None


@rule("W-154", hands=True)
def w154(bench: Bench) -> str | None:
    """Makes records, reads them, takes over, says GOODBYE, has the gun switched off and on: none is released."""
    before = bench.look().released_seq

    def still(what: str) -> None:
        now = bench.look().released_seq
        expect(now == before, f"{what} released records up to {now}")

    records = _shots(bench)
    seq = Slot.unpack(records[0]).shot_seq
    bench.read_raw(seq, len(records))
    still("LOG_READ")
    for request in READS:
        bench.ask(request)
    still("a read")
    bench.own()
    still("TAKEOVER")
    bench.done(Goodbye())
    still("GOODBYE")
    bench.own()
    bench.power_cycle()
    still("a boot")
    bench.own()
    expect(bench.read_raw(seq, len(records)) == records, "unreleased records are others now")
    return None


@rule("W-137", hands=True)
def w137(bench: Bench) -> str | None:
    """Counts free slots over shots: each takes one, and only their release gives them back."""
    free = bench.status().log_free
    records = _shots(bench)
    expect(bench.status().log_free == free - 2, f"{free - bench.status().log_free} slots taken by two shots")
    bench.done(_release(bench, records[0]))
    expect(bench.status().log_free == free - 1, "the release of one record did not free one slot")
    bench.done(_release(bench, records[-1]))
    expect(bench.status().log_free == free, "the release of all records did not free all slots")
    return "the ring is not filled: that takes more than 4,000 shots"


@rule("W-158", hands=True)
def w158(bench: Bench) -> str | None:
    """Opens an epoch with a wrong epoch, a wrong head, and with a record not released: refused in this order."""
    bench.enter_service()
    hello = bench.look()
    bench.refused(EpochOpen(hello.log_epoch ^ 1, hello.head_seq + 1), Code.E_EPOCH)
    answer = bench.ask(EpochOpen(hello.log_epoch, hello.head_seq + 1))
    expect(answer.code == Code.E_STALE, f"another head: {answer.named} instead of E_STALE")
    record = _service_record(bench, entered=True)
    answer = bench.ask(EpochOpen(hello.log_epoch, record.shot_seq))
    expect(answer.code == Code.E_STATE, f"a record not released: {answer.named} instead of E_STATE")
    expect(bench.look().log_epoch == hello.log_epoch, "a refused EPOCH_OPEN opened an epoch")
    return None


@rule("W-159", hands=True)
def w159(bench: Bench) -> str | None:
    """On a simulated gun: opens an epoch; numbers start anew, and grants, token, odometer and calibration stay."""
    before = bench.look()
    if not before.flags & GunFlag.SIMULATED:
        raise NotRun("would end the epoch of a real gun's log")
    bench.enter_service()
    epoch = bench.done(EpochOpen(before.log_epoch, before.head_seq)).body(EpochOpenReply).log_epoch
    expect(epoch not in {0, before.log_epoch}, f"the new epoch is {epoch}")
    after = bench.look()
    expect((after.log_epoch, after.head_seq, after.released_seq) == (epoch, 0, 0), "HELLO says another place")
    expect(after.chain_head8 == chain_seed8(after.gun_uid, epoch), "chain_head8 is not the new epoch's seed")
    for name in ("last_grant_no", "owner_token", "odometer_nl", "estop_latch_id", "cal_hash8"):
        expect(getattr(after, name) == getattr(before, name), f"EPOCH_OPEN changed {name}")
    bench.hello = after
    return None


def _planned(record: Slot, kind: GrantKind, planned_nl: int, planned_depth_um: int) -> None:
    """Compare what a record says was ordered."""
    told = (record.kind, record.planned_nl, record.planned_depth_um)
    expect(told == (kind, planned_nl, planned_depth_um), f"{kind.name} recorded as kind, nl, um {told}")


def _stopped(bench: Bench) -> bytes:
    """Make a record of a stroke stopped in its flow; the gun is ESTOPPED afterwards."""
    settings = bench.settings()
    bench.arm(shots=1, flow_nl_per_s=max(1, settings.dose_nl // 2))
    bench.touch()
    head = bench.status().head_seq
    bench.pull()
    bench.listen(50 * MS)
    bench.beating = None
    bench.stop()
    expect(bench.until(lambda: bench.status().head_seq > head, 5 * S), "the stopped stroke has no record")
    bench.touch(False)
    return bench.read_raw(head + 1, 1)[0]


def _cut_off(bench: Bench) -> Slot:
    """Make a record of a stroke in which power was lost; the gun has another owner session afterwards."""
    settings = bench.settings()
    if bench.status().estop_latch_id:
        bench.reset_latch()
        bench.still()
    bench.arm(shots=1, flow_nl_per_s=max(1, settings.dose_nl // 2))
    bench.touch()
    head = bench.status().head_seq
    bench.pull()
    bench.listen(50 * MS)
    bench.power_cycle()
    bench.let_go()
    bench.own()
    return next(bench.read(head + 1, 1))


def _service_record(bench: Bench, *, entered: bool = False) -> Slot:
    """Make a record of a service movement."""
    if not entered:
        bench.enter_service()
    head, mark = bench.status().head_seq, bench.mark()
    bench.done(ServiceMove(1, 0, head))
    expect(bench.until(lambda: bool(bench.events(MoveDoneEvent, mark)), 10 * S), "no MOVE_DONE within 10 s")
    return next(bench.read(head + 1, 1))
