"""Section 21 of SPEC.md: link authentication, which a gun may be without. The kit holds the gun's link key."""

from random import Random
from typing import Final

from msgspec.structs import replace

from meso_device.conformance.asking import LEASE_MS, MS, Heard, Talker
from meso_device.conformance.bench import Bench, unchanged
from meso_device.conformance.findings import expect, rule
from meso_device.conformance.raw import raw_frame
from meso_device.conformance.rules.asked import CHANGES, READS
from protocols.wire.codes import Alarm, Capability, Code, GunFlag, State
from protocols.wire.frame import HEADER, REPLY, STOP_FRAME
from protocols.wire.messages import (
    Auth,
    AuthReply,
    Goodbye,
    GrantEndedEvent,
    GrantRevoke,
    Hello,
    HelloReply,
    Status,
    StatusGet,
    StatusRate,
    Takeover,
)
from protocols.wire.seal import FROM_GUN, FROM_HOST, TAG_SIZE, TAGGED, tag_of

_QUIET_US: Final = 40 * MS
_FRAMES_OF_CHANCE: Final = 200
_NO_TAG: Final = bytes(TAG_SIZE)


def _is_reply(one: Heard) -> bool:
    return bool(one.frame.type & REPLY)


def _silent(bench: Bench, data: bytes, what: str) -> None:
    """Send what must be dropped, and find that nothing answers."""
    expect(not any(map(_is_reply, bench.exchange(data, _QUIET_US))), f"{what} was answered")


def _sealed(by: Talker, type_code: int, payload: bytes, tag: bytes | None = None) -> bytes:
    """Return a request of a session with this tag, its own if None."""
    number = by.next_id()
    header = HEADER.pack(TAGGED, type_code, number, by.session, 0)
    tag = tag_of(by.key, FROM_HOST, header + payload) if tag is None else tag
    return raw_frame(type_code, number, by.session, payload + tag, ver_flags=TAGGED)


@rule("W-215", keyed=True)
def w215(bench: Bench) -> str | None:
    """Looks at LINK_AUTH and, with hands, has the gun switched off and on: it proves the same key again."""
    expect(bool(bench.look().capabilities & Capability.LINK_AUTH), "LINK_AUTH is not set")
    if bench.hands is None:
        return "without a reset, and whether another gun has the key cannot be seen here"
    bench.power_cycle()
    expect(bool(bench.look().flags & GunFlag.AUTHENTICATED), "after a boot the gun proves no key")
    return "whether another gun has the key cannot be seen here"


@rule("W-216", keyed=True)
def w216(bench: Bench) -> str | None:
    """Asks every read and change, and sends 200 frames of chance: none is answered with the key, which stays."""
    chance = Random(2)  # noqa: S311  # the same for every gun
    mark = bench.mark()
    for request in (*READS, *CHANGES):
        bench.ask(request)
    known = {request.TYPE for request in (*READS, *CHANGES)} | {Hello.TYPE, Goodbye.TYPE, Takeover.TYPE}
    others = [code for code in range(1, 0x3F) if code not in known and not bench.is_guarded(code)]
    for _ in range(_FRAMES_OF_CHANCE):
        bench.send(bench.any_frame(chance.choice(others), chance.randbytes(chance.randrange(40)), bench.owner))
        bench.listen(2 * MS)
    bench.listen(_QUIET_US)
    shown = [one for one in bench.since(mark) if bench.link_key in one.frame.payload]
    expect(not shown, f"the link key is in a frame of type 0x{shown[0].frame.type:02X}" if shown else "")
    expect(bool(bench.look().flags & GunFlag.AUTHENTICATED), "the gun proves its key no longer")
    return "not every sequence of frames is tried"


@rule("W-217", keyed=True)
def w217(bench: Bench) -> str | None:
    """Opens ten sessions and compares their nonces; says HELLO and AUTH again: the nonce of the session stays."""
    nonces: list[bytes] = []
    for _ in range(10):
        asked = bench.new_hello()
        given = {bench.prove(bench.greet_untagged(asked))[1] for _ in range(3)}
        expect(len(given) == 1, "HELLO and AUTH sent again got another gun_nonce")
        nonces += given
    expect(len(set(nonces)) == len(nonces), "two sessions were given the same gun_nonce")
    return None


@rule("W-218", keyed=True)
def w218(bench: Bench) -> str | None:
    """Asks AUTH in a new session and in one that is proven, each time untagged: the reply bears the right tag."""
    bench.prove(bench.greet()[0])
    bench.prove(bench.greet_untagged(bench.new_hello()))
    expect(bench.ask(Auth()).body(AuthReply).gun_nonce != bytes(16), "gun_nonce is empty")
    return None


@rule("W-219", keyed=True)
def w219(bench: Bench) -> str | None:
    """Says HELLO with a tag and another nonce or host_id: E_SESSION; with its own it gets its own session again."""
    asked = bench.new_hello()
    hello, talker = bench.greet(asked)
    for other in (replace(asked, host_nonce=bytes(16)), replace(asked, host_id=bytes(16))):
        answer = bench.ask(other, talker)
        expect(answer.code == Code.E_SESSION, f"a tagged HELLO of another host: {answer.named}")
    again = bench.ask(asked, talker).body(HelloReply)
    expect(again.session == hello.session, "a tagged HELLO opened another session")
    bench.done(StatusGet(), talker)
    return None


@rule("W-220", keyed=True)
def w220(bench: Bench) -> str | None:
    """Sends tagged reads of a session that gave way to another and, with hands, of one from before a reset: silence."""
    _, first = bench.greet()
    bench.done(StatusGet(), first)
    bench.greet()
    _silent(bench, bench.frame(StatusGet(), first), "a tagged frame of a session that gave way")
    if bench.hands is None:
        return "without a reset"
    owner = bench.owner
    bench.power_cycle()
    _silent(bench, bench.frame(StatusGet(), owner), "a tagged frame from before the reset")
    return None


@rule("W-221", keyed=True)
def w221(bench: Bench) -> str | None:
    """Sends wrong tags, each bit of a right one inverted, a cut one, and an unknown session: silent and counted."""
    owner = bench.owner
    before = bench.status().rx_bad_frames
    wrong = [_sealed(owner, StatusRate.TYPE, StatusRate(200).pack(), tag) for tag in (_NO_TAG, b"\xff" * 8)]
    for bit in range(8 * TAG_SIZE):
        header = HEADER.pack(TAGGED, StatusGet.TYPE, owner.last_id + 1, owner.session, 0)
        tag = int.from_bytes(tag_of(owner.key, FROM_HOST, header), "little") ^ 1 << bit
        wrong.append(_sealed(owner, StatusGet.TYPE, b"", tag.to_bytes(TAG_SIZE, "little")))
    right = tag_of(owner.key, FROM_HOST, HEADER.pack(TAGGED, StatusGet.TYPE, owner.last_id + 1, owner.session, 0))
    wrong.append(_sealed(owner, StatusGet.TYPE, b"", right[:-1]))
    wrong.append(_sealed(owner, StatusGet.TYPE, b"", tag_of(owner.key, FROM_GUN, right)))
    stranger = Talker(owner.session ^ 0x5A5A5A5A, key=owner.key)
    wrong.append(_sealed(stranger, StatusGet.TYPE, b""))
    for data in wrong:
        _silent(bench, data, "a frame without the right tag")
    counted = (bench.status().rx_bad_frames - before) % 65_536
    expect(counted == len(wrong), f"{len(wrong)} frames without the right tag were counted as {counted}")
    return None


@rule("W-222", keyed=True)
def w222(bench: Bench) -> str | None:
    """Sends untagged changes and heartbeats, armed where the guard is on: E_AUTH, no effect; reads are answered."""
    owner, settings = bench.owner, bench.settings()
    kept = bench.frame(StatusRate(200), owner)
    first = bench.sent(kept).frame
    before = bench.standing()
    for request in (*CHANGES, Takeover(bench.token, bytes(16)), settings, Goodbye()):
        answer = bench.ask(request, replace(owner.untagged, last_id=owner.last_id + 20))
        expect(answer.code == Code.E_AUTH, f"an untagged {type(request).__name__}: {answer.named}")
        expect(not answer.proven, "the refusal of an untagged request is tagged")
    unchanged(before, bench.standing(), "untagged changes")
    expect(bench.sent(kept).frame.payload == first.payload, "an untagged change took the place of the kept reply")
    for request in READS:
        answer = bench.ask(request, owner.untagged)
        expect(not answer.proven, f"the reply to an untagged {type(request).__name__} is tagged")
        expect(answer.code != Code.E_AUTH, f"an untagged {type(request).__name__} was refused")
    if not bench.guarded:
        return "without credit, for want of the guard"
    _untagged_beats(bench)
    return None


def _untagged_beats(bench: Bench) -> None:
    """Beat for a live grant without a tag, and revoke it without one: it lives to the end of its lease, no longer."""
    mark = bench.mark()
    bench.arm(shots=3, beat=False, lease_ms=LEASE_MS)
    stranger = bench.owner.untagged
    expect(bench.ask(GrantRevoke(0), replace(stranger, last_id=900)).code == Code.E_AUTH, "an untagged GRANT_REVOKE")
    expect(bench.status().remaining_shots == 3, "an untagged GRANT_REVOKE ended the credit")
    for number in range(1, 12):
        bench.beat(stranger, hb_no=number)
        bench.listen(60 * MS)
    expect(bool(bench.events(GrantEndedEvent, mark)), "untagged heartbeats renewed the lease")
    expect(bool(bench.status().alarms >> Alarm.LINK_LOST & 1), "an untagged heartbeat cleared LINK_LOST")


@rule("W-223", keyed=True)
def w223(bench: Bench) -> str | None:
    """Asks every read and change, and for refusals of each step, with a tag: each reply bears the right one."""
    _, reader = bench.greet()
    asked = [bench.frame(request, bench.owner) for request in (*READS, *CHANGES)]
    asked += [
        bench.any_frame(0x0D, b"", bench.owner),
        bench.any_frame(StatusGet.TYPE, b"\0", bench.owner),
        bench.frame(StatusRate(0), bench.owner),
        bench.frame(StatusRate(100), reader),
        bench.frame(StatusGet(), bench.owner, req_id=65_001),
    ]
    for data in asked:
        expect(bench.sent(data).proven, "a reply to a tagged request bears no right tag")
    return None


@rule("W-224", keyed=True)
def w224(bench: Bench) -> str | None:
    """Looks at events for a second, twice: tagged for the newest proven session, numbered from 1; else untagged."""
    bench.done(StatusRate(100))
    for _ in range(2):
        _, talker = bench.greet()
        mark = bench.mark()
        bench.listen(500 * MS)
        events = [one for one in bench.since(mark) if not _is_reply(one)]
        expect(len(events) >= 3, f"{len(events)} events within 0.5 s")
        expect(all(one.key == talker.key for one in events), "an event is not tagged for the newest proven session")
        numbers = [one.frame.session for one in events]
        first = numbers[0]
        expect(first <= 2, f"the events of a new session begin with number {first}")
        expect(numbers == [*range(first, first + len(numbers))], f"events are numbered {numbers}")
    bench.done(Goodbye())
    bench.greet_untagged(bench.new_hello())
    mark = bench.mark()
    bench.listen(500 * MS)
    told = [one.frame for one in bench.since(mark) if one.frame.type == Status.TYPE]
    expect(bool(told), "no STATUS to a session that has proven nothing")
    tagged = [frame for frame in told if frame.ver_flags == TAGGED or frame.session]
    expect(not tagged, "events are tagged though no proven session is there")
    return None


@rule("W-225", keyed=True)
def w225(bench: Bench) -> str | None:
    """Compares AUTHENTICATED in HELLO, STATUS_GET and STATUS, with and without a tag."""
    flag = GunFlag.AUTHENTICATED
    expect(not bench.greet_untagged(bench.new_hello()).flags & flag, "AUTHENTICATED in an untagged HELLO reply")
    expect(bool(bench.look().flags & flag), "AUTHENTICATED is missing in a tagged HELLO reply")
    expect(not bench.status(bench.owner.untagged).flags & flag, "AUTHENTICATED in an untagged STATUS_GET reply")
    expect(bool(bench.status().flags & flag), "AUTHENTICATED is missing in a tagged STATUS_GET reply")
    mark = bench.mark()
    bench.listen(300 * MS)
    told = [one for one in bench.since(mark) if one.frame.type == Status.TYPE]
    expect(bool(told), "no STATUS within 0.3 s")
    wrong = [one for one in told if bool(Status.unpack(one.frame.payload).flags & flag) is not one.proven]
    expect(not wrong, "AUTHENTICATED in STATUS does not say whether the frame is tagged")
    return None


@rule("W-226", keyed=True)
def w226(bench: Bench) -> str | None:
    """Sends STOP, which bears no tag, in SAFE and, where the guard is on, with credit: the gun stops."""
    bench.stop()
    expect(bench.status().state == State.ESTOPPED, f"state {bench.status().state} after STOP")
    bench.settle()
    if not bench.guarded:
        return "without credit, for want of the guard"
    bench.arm(shots=3)
    bench.beating = None
    bench.send(STOP_FRAME)
    bench.listen(25 * MS)
    status = bench.status()
    expect((status.state, status.remaining_shots) == (State.ESTOPPED, 0), "STOP left credit")
    return None
