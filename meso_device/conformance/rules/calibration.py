"""Sections 12 and 13 of SPEC.md: calibration and clock. The calibration in force is never left changed."""

from typing import Final

from meso_device.conformance.asking import S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import expect, rule
from meso_device.conformance.workable import calibration, head_rows
from protocols.wire.codes import Code, GrantEnd, GrantKind
from protocols.wire.hashes import hash8
from protocols.wire.messages import (
    CalCommit,
    CalCommitReply,
    CalMain,
    CalWrite,
    GrantEndedEvent,
    TimePing,
    TimePingReply,
)

_PPM: Final = 200
_WATCH_US: Final = 3 * S


def _restore(bench: Bench, pages: list[bytes]) -> None:
    for page, block in enumerate(pages):
        bench.done(CalWrite(page, block))


@rule("W-163", hands=True)
def w163(bench: Bench) -> str | None:
    """Writes another page 4 into the shadow: the active calibration and its hash stay."""
    bench.enter_service()
    pages = calibration(bench)
    before = bench.look().cal_hash8
    expect(before == hash8(b"".join(pages)), "cal_hash8 is not the hash of the five pages")
    bench.done(CalWrite(4, bytes(64)))
    expect(calibration(bench) == pages, "CAL_WRITE changed the active calibration")
    expect(bench.look().cal_hash8 == before, "CAL_WRITE changed cal_hash8")
    _restore(bench, pages)
    return None


@rule("W-164", hands=True)
def w164(bench: Bench) -> str | None:
    """Writes page 0 with each field out of its range: E_RANGE with the offset in the request."""
    bench.enter_service()
    main = bytearray(calibration(bench)[0])
    for offset, name, _, highest in CalMain.RANGES:
        if highest > 2**31 - 1:
            wrong = main[:offset] + bytes(4) + main[offset + 4 :]
        else:
            wrong = main[:offset] + (highest + 1).to_bytes(4, "little") + main[offset + 4 :]
        answer = bench.ask(CalWrite(0, bytes(wrong)))
        expect((answer.code, answer.field) == (Code.E_RANGE, 4 + offset), f"{name} out of range: {answer.named}")
    bench.refused(CalWrite(5, bytes(64)), Code.E_RANGE)
    return None


@rule("W-165", hands=True)
def w165(bench: Bench) -> str | None:
    """Commits with another cal_id and another hash: E_CALIBRATION with the field's offset."""
    bench.enter_service()
    pages = calibration(bench)
    _restore(bench, pages)
    cal_id, cal_hash8 = CalMain.unpack(pages[0]).cal_id, hash8(b"".join(pages))
    bench.refused(CalCommit(cal_id + 1, cal_hash8), Code.E_CALIBRATION)
    bench.refused(CalCommit(cal_id, b"\xa5" * 8), Code.E_CALIBRATION, 4)
    expect(calibration(bench) == pages, "a refused CAL_COMMIT changed the calibration")
    return None


@rule("W-167", hands=True)
def w167(bench: Bench) -> str | None:
    """Commits the calibration that is active while a BENCH grant is live: it ends with cause SETTINGS."""
    bench.enter_service()
    pages = calibration(bench)
    _restore(bench, pages)
    cal_id, cal_hash8 = CalMain.unpack(pages[0]).cal_id, hash8(b"".join(pages))
    bench.arm(shots=1, kind=GrantKind.BENCH, contact_gate=0, interval_ms=5_000)
    mark = bench.mark()
    reply = bench.done(CalCommit(cal_id, cal_hash8)).body(CalCommitReply)
    bench.beating = None
    bench.listen(20_000)
    causes = [event.cause for event in bench.events(GrantEndedEvent, mark)]
    expect(causes == [GrantEnd.SETTINGS], f"GRANT_ENDED with causes {causes}")
    expect((reply.cal_id, reply.cal_hash8) == (cal_id, cal_hash8), "CAL_COMMIT says another calibration")
    expect(calibration(bench) == pages, "committing the same pages changed them")
    return None


@rule("W-168", hands=True)
def w168(bench: Bench) -> str | None:
    """Commits a head table with the same row twice: E_CALIBRATION."""
    bench.enter_service()
    pages = calibration(bench)
    row = head_rows(pages)[0].pack()
    double = row * 2 + bytes(32)
    bench.done(CalWrite(4, double))
    shadow = b"".join(pages[:4]) + double
    answer = bench.ask(CalCommit(CalMain.unpack(pages[0]).cal_id, hash8(shadow)))
    _restore(bench, pages)
    expect(answer.code == Code.E_CALIBRATION, f"the same head row twice: {answer.named}")
    expect(calibration(bench) == pages, "a refused CAL_COMMIT changed the calibration")
    return None


def _ping(bench: Bench) -> tuple[int, TimePingReply, int]:
    """Return this end's time, what the gun said, and how unsure the former is."""
    sent_us = bench.line.now_us()
    answer = bench.done(TimePing(sent_us))
    reply = answer.body(TimePingReply)
    expect(reply.host_mono_ns == sent_us, "TIME_PING echoes another time")
    return sent_us + answer.took_us // 2, reply, answer.took_us


@rule("W-169")
def w169(bench: Bench) -> str | None:
    """Compares ticks_us with this computer's clock over three seconds: within 200 ppm and the line's own delay."""
    start_us, first, unsure_us = _ping(bench)
    bench.listen(_WATCH_US)
    end_us, last, also_us = _ping(bench)
    expect(last.boot_id == first.boot_id == bench.hello.boot_id, "TIME_PING says another boot_id")
    off_us = (last.ticks_us - first.ticks_us) - (end_us - start_us)
    allowed_us = unsure_us + also_us + _WATCH_US * _PPM // 1_000_000
    expect(abs(off_us) <= allowed_us, f"ticks_us is {off_us} us off over {_WATCH_US // S} s")
    return None


@rule("W-170")
def w170(bench: Bench) -> str | None:
    """Compares ticks_us and aux of twenty replies to TIME_PING: uptime_ms is ticks_us / 1,000."""
    for _ in range(20):
        answer = bench.done(TimePing(1))
        ticks_ms = answer.body(TimePingReply).ticks_us // 1_000 % 2**32
        off_ms = (answer.frame.aux - ticks_ms) % 2**32
        expect(off_ms <= 20, f"aux is {off_ms} ms after ticks_us of the same reply")
        bench.listen(3_000)
    return None


@rule("W-171")
def w171(bench: Bench) -> str | None:
    """Sends TIME_PING with times from far past and future: nothing changes, and the gun's own time goes on."""
    before = bench.standing()
    _, first, _ = _ping(bench)
    for time_ns in (0, 1, 2**63, 2**64 - 1):
        reply = bench.done(TimePing(time_ns)).body(TimePingReply)
        expect(reply.host_mono_ns == time_ns, "TIME_PING echoes another time")
        expect(0 <= reply.ticks_us - first.ticks_us < 5 * S, "TIME_PING changed the gun's time")
    expect(bench.standing() == before, "TIME_PING changed the gun")
    return None
