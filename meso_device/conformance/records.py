"""Records made for checks: whole strokes, stopped ones, ones cut off by power, service movements."""

from meso_device.conformance.asking import MS, S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import expect
from protocols.wire.hashes import chain_seed8, record_hash8, slot_is_final
from protocols.wire.messages import (
    GrantRevoke,
    MoveDoneEvent,
    ServiceMove,
    Slot,
)


def shots(bench: Bench, count: int = 2) -> list[bytes]:
    """Make records by hand, and leave the gun without credit."""
    bench.arm(shots=count)
    bench.touch()
    records = bench.shoot(count)
    bench.beating = None
    bench.done(GrantRevoke(0))
    bench.touch(False)
    return records


def hash_of(bench: Bench, record: bytes) -> bytes:
    """Return record_hash8 of a record of this gun."""
    return record_hash8(bench.hello.gun_uid, bench.hello.log_epoch, record)


def check_chain(bench: Bench, head: int, chain8: bytes, records: list[bytes]) -> None:
    """Check numbers, CRCs and hashes of records that follow a head, and the hash that HELLO tells."""
    hello = bench.look()
    if head == 0:
        seed = chain_seed8(hello.gun_uid, hello.log_epoch)
        expect(chain8 == seed, "chain_head8 of an empty epoch is not the seed")
    for number, raw in enumerate(records, head + 1):
        record = Slot.unpack(raw)
        expect(record.shot_seq == number, f"record {record.shot_seq} where {number} was due")
        expect(slot_is_final(hello.log_epoch, raw), f"record {number}: a CRC does not hold")
        expect(record.prev_hash8 == chain8, f"record {number}: prev_hash8 is not the hash of the record before")
        chain8 = hash_of(bench, raw)
    expect(hello.chain_head8 == chain8, "chain_head8 is not the hash of the head")


def stopped_stroke(bench: Bench) -> bytes:
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


def cut_off_stroke(bench: Bench) -> Slot:
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


def service_record(bench: Bench, *, entered: bool = False) -> Slot:
    """Make a record of a service movement."""
    if not entered:
        bench.enter_service()
    head, mark = bench.status().head_seq, bench.mark()
    bench.done(ServiceMove(1, 0, head))
    expect(bench.until(lambda: bool(bench.events(MoveDoneEvent, mark)), 10 * S), "no MOVE_DONE within 10 s")
    return next(bench.read(head + 1, 1))
