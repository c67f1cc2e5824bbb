"""Section 3 of SPEC.md: requests, replies, order of checks, states, versions."""

from random import Random
from typing import Final

from meso_device.conformance.asking import MS, S, Talker
from meso_device.conformance.bench import Bench, unchanged
from meso_device.conformance.findings import NotRun, expect, rule
from meso_device.conformance.raw import raw_frame
from meso_device.conformance.rules.asked import ALL_FIXED, CHANGES, READS
from protocols.wire.codes import MAJOR, Capability, Code, GrantKind, GunFlag
from protocols.wire.frame import REPLY, TYPE_ESTOP
from protocols.wire.messages import (
    REQUESTS,
    Auth,
    CalRead,
    Goodbye,
    GrantSet,
    Heartbeat,
    Hello,
    HelloReply,
    LogRead,
    ServiceMove,
    Settings,
    SettingsGet,
    StatusGet,
    StatusRate,
    Takeover,
)
from protocols.wire.seal import TAG_SIZE, TAGGED

# AUTH has a rule of its own: a gun without a link key does not know it.
_NEVER_SENT: Final = frozenset({GrantSet.TYPE, ServiceMove.TYPE, Auth.TYPE})
_UNKNOWN_TYPES: Final = (0x0D, 0x2F, 0x3E)
_REPLY_MS: Final = 20
_OTHER_VERSIONS: Final = (0x20, 0xF0, 0x00)
_AGAINST_SPREAD: Final = 40


@rule("W-002")
def w002(bench: Bench) -> str | None:
    """Has every request refused, by length and by contents, and compares what HELLO says before and after."""
    before = bench.standing()
    for type_code, kind in REQUESTS.items():
        if type_code in {*_NEVER_SENT, Heartbeat.TYPE} or kind is Hello or not kind.SIZE:
            continue
        answer = bench.sent(bench.any_frame(type_code, bytes(kind.SIZE + 1), bench.owner))
        expect(answer.code != Code.OK, f"{kind.__name__} with a byte too many was taken")
    for value in (0, 0xFF):
        answer = bench.sent(bench.any_frame(Settings.TYPE, bytes([value]) * Settings.SIZE, bench.owner))
        expect(answer.code != Code.OK, "72 equal bytes were taken as settings")
    unchanged(before, bench.standing(), "refused requests")
    return None


@rule("W-003")
def w003(bench: Bench) -> str | None:
    """Sends every request, and credit too where the guard is on, without a press: nothing moves, no record is made."""
    was = bench.status()
    for request in ALL_FIXED[:-1]:
        bench.ask(request)
    if bench.guarded:
        bench.arm(shots=3)
        bench.listen(S)
    bench.beating = None
    now = bench.status()
    same = ("needle_um", "plunger_um", "trigger_count", "head_seq")
    moved = [name for name in same if getattr(was, name) != getattr(now, name)]
    expect(not moved, f"without a press {', '.join(moved)} changed")
    return None if bench.guarded else "without credit, for want of the guard"


@rule("W-004")
def w004(bench: Bench) -> str | None:
    """Sends 400 frames of every type with contents drawn at random: the gun answers, and its log stands."""
    chance = Random(1)  # noqa: S311  # the same for every gun
    hello = bench.look()
    codes = [code for code in range(1, 0x40) if code not in {*_NEVER_SENT, TYPE_ESTOP, Goodbye.TYPE}]
    for _ in range(400):
        code = chance.choice(codes)
        kind = REQUESTS.get(code)
        size = kind.SIZE if kind is not None and chance.random() < 0.8 else chance.randrange(100)
        payload = chance.randbytes(size) if chance.random() < 0.5 else bytes(size)
        bench.send(bench.any_frame(code, payload, bench.owner))
        bench.listen(2 * MS)
    bench.listen(100 * MS)
    after = bench.look()
    for name in ("gun_uid", "log_epoch", "boot_id", "head_seq", "released_seq", "limits_hash8", "cal_hash8"):
        expect(getattr(hello, name) == getattr(after, name), f"frames of chance changed {name}")
    return None


@rule("W-018")
def w018(bench: Bench) -> str | None:
    """Asks every read, an unknown type and a refused change: one reply each, of its type, session and number."""
    frames = [bench.frame(request, bench.owner) for request in (*READS, *CHANGES)]
    frames.append(bench.any_frame(_UNKNOWN_TYPES[0], b"", bench.owner))
    for data in frames:
        mark = bench.mark()
        answer = bench.sent(data)
        bench.listen(25 * MS)
        came = [one.frame for one in bench.since(mark) if one.frame.type & REPLY]
        expect(came == [answer.frame], f"{len(came)} replies to one request of type 0x{answer.frame.type & 0x7F:02X}")
    return None


@rule("W-019")
def w019(bench: Bench) -> str | None:
    """Times the replies to every read and to changes, beside the fastest, which is the line's own share."""
    slowest = 0
    fastest = min(bench.ask(StatusGet()).took_us for _ in range(10))
    for request in (*READS, *CHANGES):
        slowest = max(slowest, bench.ask(request).took_us - fastest)
    expect(slowest <= _REPLY_MS * MS, f"a reply took {slowest // MS} ms more than the fastest")
    return None


@rule("W-021")
def w021(bench: Bench) -> str | None:
    """Has each kind of refusal given that frames alone can get: four bytes each."""
    stranger = Talker(bench.owner.session ^ 0x5A5A5A5A)
    refused = [
        bench.sent(bench.any_frame(_UNKNOWN_TYPES[0], b"", bench.owner)),
        bench.sent(bench.any_frame(CalRead.TYPE, b"\0\0", bench.owner)),
        bench.ask(CalRead(99)),
        bench.ask(StatusGet(), stranger),
        bench.ask(Takeover(bench.token + 1, bytes(16))),
    ]
    for answer in refused:
        expect(answer.code != Code.OK, f"{answer.named} where a refusal was due")
        expect(len(answer.frame.payload) == 4, f"{answer.named} came with {len(answer.frame.payload)} bytes")
    return None


@rule("W-022")
def w022(bench: Bench) -> str | None:
    """Has E_VERSION given, by a header and by HELLO: detail is the major version spoken."""
    by_header = bench.sent(bench.frame(StatusGet(), bench.owner, ver_flags=0x20))
    hello = bench.new_hello()
    by_hello = bench.sent(raw_frame(Hello.TYPE, 9, 0, Hello(hello.host_nonce, 9, 9, hello.host_id).pack()))
    for answer in (by_header, by_hello):
        expect(answer.code == Code.E_VERSION, f"{answer.named} instead of E_VERSION")
        expect(answer.reply.detail == MAJOR, f"detail of E_VERSION is {answer.reply.detail}")
    return None


@rule("W-023")
def w023(bench: Bench) -> str | None:
    """Puts one field after the other of the settings out of its range: E_RANGE names its offset."""
    good = bench.settings()
    for offset, name, lowest, highest in type(good).RANGES:
        width = 4 if highest > 65_535 else 2 if highest > 255 else 1
        if highest < 256**width - 1:
            bench.refused(bench.settings(**{name: highest + 1}), Code.E_RANGE, offset)
        if lowest > 0:
            bench.refused(bench.settings(**{name: lowest - 1}), Code.E_RANGE, offset)
    return None


@rule("W-028")
def w028(bench: Bench) -> str | None:
    """Has a second session take over, and the first repeat its last change: the kept reply, not E_FENCED."""
    first = bench.owner
    kept = bench.frame(StatusRate(200), first)
    before = bench.sent(kept)
    bench.own()
    again = bench.sent(kept)
    expect(again.frame.payload == before.frame.payload, f"the repeated change got {again.named}, not the kept reply")
    return None


@rule("W-029")
def w029(bench: Bench) -> str | None:
    """Sends TAKEOVER three times, the same bytes: the same reply, and the token is raised once."""
    _, newcomer = bench.greet()
    frame = bench.frame(Takeover(bench.token, bytes(16)), newcomer)
    replies = [bench.sent(frame).frame.payload for _ in range(3)]
    expect(replies[0] == replies[1] == replies[2], "repeated bytes got different replies")
    token = bench.look().owner_token
    expect(token == bench.token + 1, f"one TAKEOVER sent three times raised the token by {token - bench.token}")
    return None


@rule("W-030")
def w030(bench: Bench) -> str | None:
    """Uses the number of the last change again with other bytes, then a lower one."""
    owner = bench.owner
    bench.done(StatusRate(200))
    last = owner.last_id
    other = bench.sent(bench.frame(StatusRate(300), owner, req_id=last))
    expect(other.code == Code.E_ID_REUSED, f"the same number with other bytes: {other.named}")
    other = bench.sent(bench.frame(StatusRate(200), owner, req_id=last, aux=1))
    expect(other.code == Code.E_ID_REUSED, f"the same number with another aux: {other.named}")
    lower = bench.sent(bench.frame(StatusRate(200), owner, req_id=last - 1))
    expect(lower.code == Code.E_ID_OLD, f"a lower number: {lower.named}")
    return None


@rule("W-031")
def w031(bench: Bench) -> str | None:
    """Uses number 64,999, then 65,000 and 65,535 for a read and a change; HELLO may have any."""
    _, other = bench.greet()
    for request in (StatusGet(), Takeover(bench.token + 9, bytes(16))):
        for number in (65_000, 65_535):
            answer = bench.sent(bench.frame(request, other, req_id=number))
            expect(answer.code == Code.E_ID_EXHAUSTED, f"number {number}: {answer.named}")
    answer = bench.sent(bench.frame(StatusGet(), other, req_id=64_999))
    expect(answer.code == Code.OK, f"number 64,999: {answer.named}")
    hello = bench.sent(raw_frame(Hello.TYPE, 65_535, 0, bench.new_hello().pack()))
    expect(hello.code == Code.OK, f"HELLO of number 65,535: {hello.named}")
    return None


@rule("W-036")
def w036(bench: Bench) -> str | None:
    """Sends requests that are wrong in two ways: the earlier step of the table gives the refusal."""
    owner, stranger = bench.owner, Talker(bench.owner.session ^ 0x5A5A5A5A)
    _, reader = bench.greet()
    unknown = _UNKNOWN_TYPES[0]
    wrong = (
        ("version and session", bench.frame(StatusGet(), stranger, ver_flags=0x20), Code.E_VERSION, 0),
        ("session and type", bench.any_frame(unknown, b"", stranger), Code.E_SESSION, 0),
        ("type and number", bench.any_frame(unknown, b"", owner, req_id=65_001), Code.E_UNKNOWN_TYPE, 0),
        ("number and length", bench.any_frame(StatusRate.TYPE, b"", owner, req_id=65_001), Code.E_ID_EXHAUSTED, 0),
        ("owner and length", bench.any_frame(StatusRate.TYPE, b"", reader), Code.E_FENCED, 0),
        ("length and range", bench.any_frame(CalRead.TYPE, b"\xff\xff", owner), Code.E_LENGTH, 0),
        ("two ranges", bench.any_frame(LogRead.TYPE, bytes(12), owner), Code.E_RANGE, 4),
    )
    for what, data, code, offset in wrong:
        answer = bench.sent(data)
        expect((answer.code, answer.field) == (code, offset), f"{what} wrong: {answer.named} instead of {code.name}")
    bench.stop()
    answer = bench.ask(bench.settings(mode=99))
    expect(answer.code == Code.E_RANGE, f"range and state wrong: {answer.named} instead of E_RANGE")
    return None


@rule("W-195")
def w195(bench: Bench) -> str | None:
    """Sends reads and changes of other major versions and with reserved flags: E_VERSION each."""
    for ver_flags in (*_OTHER_VERSIONS, 0x11, *(() if bench.link_key else (TAGGED,))):
        for request in (StatusGet(), StatusRate(100)):
            answer = bench.sent(bench.frame(request, bench.owner, ver_flags=ver_flags))
            expect(answer.code == Code.E_VERSION, f"ver_flags 0x{ver_flags:02X}: {answer.named}")
    return None


@rule("W-196")
def w196(bench: Bench) -> str | None:
    """Says HELLO in frames of other major versions: answered all the same."""
    for ver_flags in _OTHER_VERSIONS:
        asked = bench.new_hello()
        answer = bench.sent(raw_frame(Hello.TYPE, 7, 0, asked.pack(), ver_flags=ver_flags))
        reply = answer.body(HelloReply)
        expect((reply.major, reply.host_nonce) == (MAJOR, asked.host_nonce), "HELLO of another version: another reply")
    return None


@rule("W-198")
def w198(bench: Bench) -> str | None:
    """Sends every request one byte longer and one byte shorter: E_LENGTH each."""
    for type_code, kind in REQUESTS.items():
        if kind is Hello or type_code in {*_NEVER_SENT, 0x14}:
            continue
        for size in {kind.SIZE + 1, max(0, kind.SIZE - 1)} - {kind.SIZE}:
            answer = bench.sent(bench.any_frame(type_code, bytes(size), bench.owner))
            expect(answer.code == Code.E_LENGTH, f"{kind.__name__} of {size} bytes: {answer.named}")
    return None


@rule("W-203")
def w203(bench: Bench) -> str | None:
    """Looks at LINK_AUTH and AUTHENTICATED, asks AUTH, and sends a tagged frame."""
    hello = bench.look()
    if bench.link_key:
        raise NotRun("this gun holds a link key")
    expect(not hello.capabilities & Capability.LINK_AUTH, "LINK_AUTH is set")
    flags = hello.flags | bench.status().flags
    expect(not flags & GunFlag.AUTHENTICATED, "AUTHENTICATED is set")
    answer = bench.sent(bench.any_frame(Auth.TYPE, b"", bench.owner))
    expect(answer.code == Code.E_UNKNOWN_TYPE, f"AUTH: {answer.named}")
    tagged = raw_frame(StatusGet.TYPE, bench.owner.next_id(), bench.owner.session, bytes(TAG_SIZE), ver_flags=TAGGED)
    answer = bench.sent(tagged)
    expect(answer.code == Code.E_VERSION, f"a tagged frame: {answer.named}")
    return None


@rule("W-201", hands=True)
def w201(bench: Bench) -> str | None:
    """Reads the log, beats and asks the status ten times a second while the bench grant shoots."""
    bench.enter_service()
    grant = bench.arm(shots=9, kind=GrantKind.BENCH, contact_gate=0)
    head = bench.status().head_seq
    end_us = bench.line.now_us() + 10 * S
    while bench.status().active_grant_no and bench.line.now_us() < end_us:
        for request in (StatusGet(), LogRead(bench.hello.log_epoch, max(1, head), 3), SettingsGet()):
            bench.done(request)
        bench.listen(100 * MS)
    bench.still()
    made = bench.status().head_seq - head
    expect(made == grant.max_shots, f"{made} of {grant.max_shots} shots under the load")
    return None
