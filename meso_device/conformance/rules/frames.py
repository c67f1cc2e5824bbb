"""Section 2 of SPEC.md: line and frame."""

import itertools
from typing import Final

from meso_device.conformance.asking import ANSWER_US, MS
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import expect, rule
from meso_device.conformance.raw import raw_frame
from protocols.wire.codes import Code
from protocols.wire.frame import DECODED_SIZE_MAX, PAYLOAD_SIZE_MAX, REPLY
from protocols.wire.messages import Describe, DescribeReply, StatusGet, TimePing, TimePingReply

_QUIET_US: Final = 40 * MS
_BOOT_TEXT: Final = b"\r\nboot loader 2.1\r\nimage ok, starting\r\n"


def _silent(bench: Bench, data: bytes, what: str) -> None:
    """Send what must be dropped, and find that nothing answers."""
    answered = [one.frame for one in bench.exchange(data, _QUIET_US) if one.frame.type & REPLY]
    expect(not answered, f"{what} was answered")


def _answers(bench: Bench, what: str) -> None:
    expect(bool(bench.answers(bench.frame(StatusGet(), bench.owner), StatusGet.TYPE, _QUIET_US)), f"no answer {what}")


@rule("W-006")
def w006(bench: Bench) -> str | None:
    """Looks at the raw bytes of twenty replies: each has its own 0x00 before and after."""
    bench.raw.clear()
    mark = bench.mark()
    for _ in range(20):
        bench.status()
    bench.listen(_QUIET_US)
    frames, zeros = len(bench.since(mark)), bench.raw.count(0)
    expect(zeros >= 2 * frames, f"{frames} frames came with {zeros} delimiters")
    expect(bench.raw.startswith(b"\0") and bench.raw.endswith(b"\0"), "a frame without a delimiter at its end")
    return None


@rule("W-007")
def w007(bench: Bench) -> str | None:
    """Sends forty 0x00 in a row before and after a request."""
    before = bench.status().rx_bad_frames
    zeros = bytes(40)
    answered = bench.answers(zeros + bench.frame(StatusGet(), bench.owner) + zeros, StatusGet.TYPE)
    expect(len(answered) == 1, f"{len(answered)} replies to a request among empty blocks")
    expect(bench.status().rx_bad_frames == before, "empty blocks were counted as bad frames")
    return None


@rule("W-008")
def w008(bench: Bench) -> str | None:
    """Asks for the descriptor from an offset above 255, whose bytes tell in which order they are read."""
    offset = 0x0102
    part = bench.done(Describe(offset, 16)).body(DescribeReply)
    expect(part.offset == offset, f"offset {offset} was answered with {part.offset}")
    whole = bench.done(Describe(offset - 8, 24)).body(DescribeReply).data
    expect(whole[8:] == part.data, "the descriptor's bytes at an offset are not those of the whole")
    expect(part.total_length < 2**20, f"total_length reads as {part.total_length}")
    return None


@rule("W-009")
def w009(bench: Bench) -> str | None:
    """Checks the CRC of everything that the gun sends in half a second."""
    bad = bench.bad_blocks
    for _ in range(10):
        bench.status()
    bench.listen(500 * MS)
    expect(bench.bad_blocks == bad, f"{bench.bad_blocks - bad} blocks of the gun's do not hold")
    return None


@rule("W-010")
def w010(bench: Bench) -> str | None:
    """Sends wrong CRCs, broken COBS and wrong lengths: all dropped, silent and counted; then the gun answers."""
    before = bench.status().rx_bad_frames
    owner = bench.owner
    good = bench.frame(StatusGet(), owner)
    bad = [bench.any_frame(StatusGet.TYPE, b"", owner, crc_flip=1 << bit) for bit in (0, 7, 15, 31)]
    bad.append(bench.any_frame(StatusGet.TYPE, b"", owner, crc_flip=0xFFFFFFFF))
    bad.append(b"\0" + bytes([good[1] + 1]) + good[2:])  # a piece that reaches past the end or into the next
    bad.append(raw_frame(StatusGet.TYPE, owner.next_id(), owner.session, bytes(PAYLOAD_SIZE_MAX + 1)))
    bad.append(b"\0\x03\x10\x15\x01\0")
    for frame in bad:
        _silent(bench, frame, "a frame that does not hold")
    counted = (bench.status().rx_bad_frames - before) % 65_536
    expect(counted == len(bad), f"{len(bad)} bad frames were counted as {counted}")
    return None


@rule("W-011")
def w011(bench: Bench) -> str | None:
    """Sends the longest block, which is read, and 300 bytes without 0x00 before a request, which is dropped."""
    longest = bench.any_frame(StatusGet.TYPE, b"\1" * bench.owner.payload_size_max, bench.owner)
    expect(len(longest) == DECODED_SIZE_MAX + 3, "the longest frame is of another length")
    answer = bench.sent(longest)
    expect(answer.code == Code.E_LENGTH, f"the longest frame was answered {answer.named}")
    _silent(bench, b"\0" + b"\x55" * 300 + bench.frame(StatusGet(), bench.owner)[1:], "a request behind 300 bytes")
    _answers(bench, "after 300 bytes without 0x00")
    return None


@rule("W-012")
def w012(bench: Bench) -> str | None:
    """Sends a request byte by byte with pauses, one of them of 300 ms."""
    data = bench.frame(StatusGet(), bench.owner)
    mark = bench.mark()
    for at, byte in enumerate(data):
        bench.listen(300 * MS if at == len(data) // 2 else 3 * MS)
        bench.send(bytes([byte]))
    bench.listen(_QUIET_US)
    answered = [one for one in bench.since(mark) if one.frame.type == StatusGet.TYPE | REPLY]
    expect(len(answered) == 1, f"{len(answered)} replies to a request that came slowly")
    return None


@rule("W-013")
def w013(bench: Bench) -> str | None:
    """Sends a boot loader's text before a request."""
    answered = bench.answers(_BOOT_TEXT + bench.frame(StatusGet(), bench.owner), StatusGet.TYPE)
    expect(len(answered) == 1, f"{len(answered)} replies to a request behind text")
    return None


@rule("W-014")
def w014(bench: Bench) -> str | None:
    """Sends four reads in one breath: four replies, in order, none dropped."""
    before = bench.status().rx_dropped
    data = b"".join(bench.frame(StatusGet(), bench.owner) for _ in range(4))
    last = bench.owner.last_id
    came = [frame.req_id for frame in bench.answers(data, StatusGet.TYPE)]
    expect(came == list(range(last - 3, last + 1)), f"of four reads {len(came)} were answered: {came}")
    expect(bench.status().rx_dropped == before, "requests were dropped for want of room")
    return None


@rule("W-015")
def w015(bench: Bench) -> str | None:
    """Compares aux of replies and events over 300 ms with the gun's own ticks: it grows and is the uptime."""
    mark = bench.mark()
    for _ in range(3):
        bench.listen(100 * MS)
        ping = bench.done(TimePing(1))
        uptime_ms = ping.body(TimePingReply).ticks_us // 1_000 % 2**32
        off_ms = (ping.frame.aux - uptime_ms + 2**31) % 2**32 - 2**31
        expect(abs(off_ms) <= 20, f"aux is {off_ms} ms off ticks_us")
    times = [one.frame.aux for one in bench.since(mark)]
    back = [later for earlier, later in itertools.pairwise(times) if (later - earlier) % 2**32 > 2**31]
    expect(not back, "aux went back")
    return None


@rule("W-017")
def w017(bench: Bench) -> str | None:
    """Sends types 0x00, 0x40 to 0x47, 0x80, 0xFF, a reply, and requests of number 0: nothing answers."""
    owner = bench.owner
    for type_code in (0x00, *range(0x40, 0x48), 0x80, StatusGet.TYPE | REPLY, 0xFF):
        _silent(bench, raw_frame(type_code, owner.next_id(), owner.session, b""), f"type 0x{type_code:02X}")
    _silent(bench, raw_frame(StatusGet.TYPE, 0, owner.session, b""), "a request of number 0")
    _answers(bench, "after frames that are no requests")
    return None


@rule("W-211")
def w211(bench: Bench) -> str | None:
    """Sends a request with each single bit inverted: none is answered."""
    good = bench.frame(TimePing(0x1122334455667788), bench.owner)
    mark = bench.mark()
    for at in range(1, len(good) - 1):
        for bit in range(8):
            bench.send(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
        bench.listen(2 * MS)
    bench.listen(ANSWER_US)
    answered = [one for one in bench.since(mark) if one.frame.type & REPLY]
    expect(not answered, f"{len(answered)} of {8 * (len(good) - 2)} damaged requests were answered")
    expect(not bench.status().estop_latch_id, "a damaged request was taken as STOP")
    return None
