"""Section 11 of SPEC.md: the records. They are made by hand or on the bench."""

from meso_device.conformance.asking import MS, S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import NotRun, expect, rule
from meso_device.conformance.records import check_chain, cut_off_stroke, service_record, shots, stopped_stroke
from meso_device.conformance.workable import calibration, syringe_rows
from protocols.wire.codes import Alarm, Capability, GrantKind, Mode, Phase, Reason
from protocols.wire.hashes import slot_is_final
from protocols.wire.messages import (
    BootEvent,
    ShotEvent,
    Slot,
)


@rule("W-132", hands=True)
def w132(bench: Bench) -> str | None:
    """Makes records before and after a boot: shot_seq grows by exactly one."""
    head = bench.look().head_seq
    first = shots(bench)
    bench.power_cycle()
    bench.own()
    second = shots(bench)
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
    first = shots(bench)
    seq = Slot.unpack(first[0]).shot_seq
    shots(bench, 1)
    bench.power_cycle()
    bench.own()
    expect(bench.read_raw(seq, len(first)) == first, "a final record has changed")
    return None


@rule("W-138", hands=True)
def w138(bench: Bench) -> str | None:
    """Looks at whole and at stopped strokes: dose_lo_nl is never above dose_hi_nl."""
    whole = shots(bench)
    stopped = stopped_stroke(bench)
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
    for record in map(Slot.unpack, shots(bench, 3)):
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
    records = [Slot.unpack(record) for record in shots(bench)]
    if not encoder:
        expect(all(one.dose_lo_nl < one.dose_hi_nl for one in records), "lo = hi without an encoder")
    cut = cut_off_stroke(bench)
    equal = cut.dose_lo_nl == cut.dose_hi_nl and cut.dose_hi_nl != 0
    expect(not equal, "lo = hi in a record that was cut off")
    return None


@rule("W-141", hands=True)
def w141(bench: Bench) -> str | None:
    """On a gun without encoder: dose_hi_nl is at least planned_nl."""
    if bench.look().capabilities & Capability.ENCODER:
        raise NotRun("this gun has an encoder")
    for record in map(Slot.unpack, shots(bench)):
        expect(record.dose_hi_nl >= record.planned_nl, f"dose_hi_nl {record.dose_hi_nl} below {record.planned_nl}")
    return None


@rule("W-142", hands=True)
def w142(bench: Bench) -> str | None:
    """Looks at records of TREAT, DRY, PRIME and a service movement: planned figures as ordered."""
    settings = bench.settings()
    record = Slot.unpack(shots(bench, 1)[0])
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
    record = service_record(bench)
    zeros = (record.grant_no, record.planned_nl, record.planned_depth_um, record.area_code, record.trigger_source)
    expect(zeros == (0, 0, 0, 0, 0) and record.kind == GrantKind.SERVICE, f"SERVICE record says {zeros}")
    return None


@rule("W-144", hands=True)
def w144(bench: Bench) -> str | None:
    """Adds up records over whole, stopped and cut-off strokes: odometer_nl grew within their sums."""
    before = bench.look()
    shots(bench)
    stopped_stroke(bench)
    bench.reset_latch()
    bench.still()
    cut_off_stroke(bench)
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


@rule("W-131", hands=True)
def w131(bench: Bench) -> str | None:
    """Checks CRCs, numbers and the chain of three records, and chain_head8 of HELLO."""
    before = bench.look()
    expect(bench.look().log_capacity >= 4_096, f"a ring of {before.log_capacity} slots")
    records = shots(bench, 3)
    check_chain(bench, before.head_seq, before.chain_head8, records)
    return "by its contents: the place in memory is not seen"


@rule("W-146", hands=True)
def w146(bench: Bench) -> str | None:
    """Has the gun switched off and on with records not released: the chain holds, and NVM_FAULT stays off."""
    before = bench.look()
    records = shots(bench)
    bench.power_cycle()
    bench.own()
    check_chain(bench, before.head_seq, before.chain_head8, records)
    expect(not bench.status().alarms >> Alarm.NVM_FAULT & 1, "NVM_FAULT with a chain that holds")
    return "a damaged ring is not made"


def _planned(record: Slot, kind: GrantKind, planned_nl: int, planned_depth_um: int) -> None:
    """Compare what a record says was ordered."""
    told = (record.kind, record.planned_nl, record.planned_depth_um)
    expect(told == (kind, planned_nl, planned_depth_um), f"{kind.name} recorded as kind, nl, um {told}")
