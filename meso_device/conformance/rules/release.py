"""Sections 11.1 and 11.2 of SPEC.md: reading and releasing records, a new epoch."""

from typing import Final

from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import NotRun, expect, rule
from meso_device.conformance.records import hash_of, service_record, shots
from meso_device.conformance.rules.asked import READS
from protocols.wire.codes import Code, GunFlag
from protocols.wire.hashes import chain_seed8
from protocols.wire.messages import (
    EpochOpen,
    EpochOpenReply,
    Goodbye,
    LogRead,
    LogReadReply,
    LogRelease,
    LogReleaseReply,
    Slot,
    StatusRate,
)

_OTHER: Final = b"\xa5" * 8


def _release(bench: Bench, record: bytes) -> LogRelease:
    return LogRelease(bench.hello.log_epoch, Slot.unpack(record).shot_seq, hash_of(bench, record))


@rule("W-016", hands=True)
def w016(bench: Bench) -> str | None:
    """Makes records and asks with aux at and above their numbers: none is released."""
    records = shots(bench)
    last = Slot.unpack(records[-1]).shot_seq
    before = bench.look().released_seq
    for aux in (last, last + 1, 0xFFFFFFFF):
        for request in (*READS, StatusRate(100)):
            bench.sent(bench.frame(request, bench.owner, aux=aux))
    now = bench.look().released_seq
    expect(now == before, f"aux released records up to {now}")
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
    records = shots(bench)
    seq = Slot.unpack(records[0]).shot_seq
    for count in (1, 2, 3):
        page = bench.done(LogRead(hello.log_epoch, seq, count)).body(LogReadReply)
        given = min(count, len(records))
        expect((page.from_seq, page.count) == (seq, given), f"{page.count} records from {page.from_seq}")
        expect(bytes(page.slots) == b"".join(records[:given]), "the same records read otherwise")
    return None


@rule("W-150", hands=True)
def w150(bench: Bench) -> str | None:
    """Releases records and reads them again: still there."""
    records = shots(bench)
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
    records = shots(bench)
    last = Slot.unpack(records[-1]).shot_seq
    bench.refused(LogRelease(hello.log_epoch, last, hash_of(bench, records[0])), Code.E_CHAIN)
    bench.refused(LogRelease(hello.log_epoch, last + 1, hash_of(bench, records[-1])), Code.E_CHAIN)
    expect(bench.look().released_seq == hello.released_seq, "a refused release released records")
    reply = bench.done(_release(bench, records[-1])).body(LogReleaseReply)
    expect(reply.released_seq == last, f"released_seq {reply.released_seq} after the release of {last}")
    return None


@rule("W-152", hands=True)
def w152(bench: Bench) -> str | None:
    """Releases two records, then the first of them again: released_seq stays."""
    records = shots(bench)
    bench.done(_release(bench, records[-1]))
    last = Slot.unpack(records[-1]).shot_seq
    for record in records:
        reply = bench.done(_release(bench, record)).body(LogReleaseReply)
        expect(reply.released_seq == last, f"released_seq went to {reply.released_seq}")
    return None


@rule("W-153", hands=True)
def w153(bench: Bench) -> str | None:
    """Releases the first of two records and has the gun switched off and on: released_seq is as it was."""
    records = shots(bench)
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

    records = shots(bench)
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
    records = shots(bench)
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
    record = service_record(bench, entered=True)
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
