"""Section 4 of SPEC.md: session and owner."""

import itertools

from meso_device.conformance.asking import MS, S
from meso_device.conformance.bench import Bench, unchanged
from meso_device.conformance.findings import expect, rule
from meso_device.conformance.raw import raw_frame
from protocols.wire.codes import Code, GrantEnd, GrantState, GunFlag, SlotFlag, State
from protocols.wire.messages import (
    Goodbye,
    GrantEndedEvent,
    GrantGet,
    GrantGetReply,
    Hello,
    StatusGet,
    StatusRate,
    Takeover,
    TakeoverReply,
)


@rule("W-047")
def w047(bench: Bench) -> str | None:
    """Says HELLO ten times beside the owner, armed where the guard is on: the owner and its credit stay."""
    grant = bench.arm(shots=3) if bench.guarded else None
    before = bench.standing()
    for _ in range(10):
        bench.look()
    unchanged(before, bench.standing(), "HELLO")
    bench.done(StatusRate(100))
    if grant is not None:
        state = bench.done(GrantGet(grant.grant_no)).body(GrantGetReply).state
        expect(state == GrantState.LIVE, "HELLO ended the credit")
    return None


@rule("W-048")
def w048(bench: Bench) -> str | None:
    """Says HELLO for major versions that the gun does not speak."""
    hello = bench.new_hello()
    for lowest, highest in ((2, 3), (200, 255)):
        asked = Hello(hello.host_nonce, lowest, highest, hello.host_id)
        answer = bench.sent(raw_frame(Hello.TYPE, 5, 0, asked.pack()))
        expect(answer.code == Code.E_VERSION, f"majors {lowest} to {highest}: {answer.named}")
    wide = Hello(hello.host_nonce, 1, 255, hello.host_id)
    answer = bench.sent(raw_frame(Hello.TYPE, 5, 0, wide.pack()))
    expect(answer.code == Code.OK, f"majors 1 to 255: {answer.named}")
    return None


@rule("W-049")
def w049(bench: Bench) -> str | None:
    """Says the same HELLO three times: the same session."""
    asked = bench.new_hello()
    sessions = {bench.greet(asked)[0].session for _ in range(3)}
    expect(len(sessions) == 1, f"one HELLO sent three times opened {len(sessions)} sessions")
    return None


@rule("W-050")
def w050(bench: Bench) -> str | None:
    """Opens two sessions beside the owner's: the second takes the place of the first, the owner stays."""
    _, first = bench.greet()
    bench.done(StatusGet(), first)
    _, second = bench.greet()
    bench.refused(StatusGet(), Code.E_SESSION, by=first.untagged)
    bench.done(StatusGet(), second)
    bench.done(StatusRate(100))
    return None


@rule("W-051")
def w051(bench: Bench) -> str | None:
    """Opens thirty sessions: no number is 0, the owner's, or one that was given before."""
    given = [bench.greet()[1].session for _ in range(30)]
    expect(0 not in given, "session 0 was given")
    expect(bench.owner.session not in given, "the owner's number was given")
    expect(len(set(given)) == len(given), "a session number was given again")
    return None


@rule("W-052")
def w052(bench: Bench) -> str | None:
    """Says HELLO with nonces of all bits and none: each is echoed."""
    host_id = bench.new_hello().host_id
    for nonce in (b"\xff" * 16, bytes(15) + b"\1", bytes(range(16))):
        bench.greet(Hello(nonce, 1, 1, host_id))
    return None


@rule("W-053", hands=True)
def w053(bench: Bench) -> str | None:
    """Has the gun switched off and on: sessions of before are not known any more."""
    _, reader = bench.greet()
    owner = bench.owner
    bench.power_cycle()
    for talker in (owner, reader):
        answer = bench.ask(StatusGet(), talker.untagged)
        expect(answer.code == Code.E_SESSION, f"a session of before the reset: {answer.named}")
    return None


@rule("W-054")
def w054(bench: Bench) -> str | None:
    """Takes over with a token too low, too high and 0: E_STALE, and the owner stays."""
    _, other = bench.greet()
    for token in (bench.token - 1, bench.token + 1, 0):
        bench.refused(Takeover(token, bytes(16)), Code.E_STALE, by=other)
    bench.done(StatusRate(100))
    expect(bench.look().owner_token == bench.token, "a refused TAKEOVER raised the token")
    return None


@rule("W-055")
def w055(bench: Bench) -> str | None:
    """Takes over: token + 1, the former owner may read but change nothing, and credit ends with cause TAKEOVER."""
    former = bench.owner
    if bench.guarded:
        bench.arm(shots=3)
    mark = bench.mark()
    _, newcomer = bench.greet()
    token = bench.done(Takeover(bench.token, bytes(16)), newcomer).body(TakeoverReply).owner_token
    bench.beating = None
    expect(token == bench.token + 1, f"token {token} after {bench.token}")
    bench.done(StatusGet(), former)
    bench.refused(StatusRate(100), Code.E_FENCED, by=former)
    status = bench.status(newcomer)
    expect(status.state == State.SAFE, f"state {status.state} after TAKEOVER")
    expect((status.active_grant_no, status.remaining_shots) == (0, 0), "credit after TAKEOVER")
    if not bench.guarded:
        return "without credit, for want of the guard"
    bench.listen(20 * MS)
    causes = [event.cause for event in bench.events(GrantEndedEvent, mark)]
    expect(causes == [GrantEnd.TAKEOVER], f"GRANT_ENDED with causes {causes}")
    return None


@rule("W-056", hands=True)
def w056(bench: Bench) -> str | None:
    """Has the gun switched off and on: the token is as it was."""
    token = bench.look().owner_token
    bench.power_cycle()
    now = bench.look().owner_token
    expect(now == token, f"token {now} after a boot, {token} before")
    return "its end at 0xFFFFFFFF is out of reach"


@rule("W-057")
def w057(bench: Bench) -> str | None:
    """Says GOODBYE: the session is closed, the token stays, and credit ends with cause REVOKED."""
    if bench.guarded:
        bench.arm(shots=3)
    mark, owner = bench.mark(), bench.owner
    _, reader = bench.greet()
    bench.done(Goodbye())
    bench.beating = None
    bench.refused(StatusGet(), Code.E_SESSION, by=owner)
    status = bench.status(reader)
    expect(status.state == State.SAFE, f"state {status.state} after GOODBYE")
    expect(status.remaining_shots == 0, "credit after GOODBYE")
    expect(bench.look().owner_token == bench.token, "GOODBYE changed the token")
    if not bench.guarded:
        return "without credit, for want of the guard"
    bench.listen(20 * MS)
    causes = [event.cause for event in bench.events(GrantEndedEvent, mark)]
    expect(causes == [GrantEnd.REVOKED], f"GRANT_ENDED with causes {causes}")
    return None


@rule("W-058")
def w058(bench: Bench) -> str | None:
    """Says the same GOODBYE again: the kept reply, until another HELLO comes."""
    bench.greet()
    frame = bench.frame(Goodbye(), bench.owner)
    first, again = bench.sent(frame), bench.sent(frame)
    expect(again.frame.payload == first.frame.payload, f"GOODBYE again: {again.named}")
    bench.greet()
    late = bench.sent(bench.frame(Goodbye(), bench.owner.untagged, req_id=bench.owner.last_id))
    expect(late.code == Code.E_SESSION, f"GOODBYE again after another HELLO: {late.named}")
    return None


@rule("W-059")
def w059(bench: Bench) -> str | None:
    """Closes both sessions: the gun sends nothing for a second."""
    former = bench.owner
    _, second = bench.greet()
    bench.done(Takeover(bench.token, bytes(16)), second)
    bench.done(Goodbye(), second)
    bench.done(Takeover(bench.token + 1, bytes(16)), former)
    bench.done(Goodbye(), former)
    bench.listen(5 * MS)
    mark = bench.mark()
    bench.listen(S)
    expect(not bench.since(mark), f"{len(bench.since(mark))} frames came after the last GOODBYE")
    return None


@rule("W-061", hands=True)
def w061(bench: Bench) -> str | None:
    """Has the gun switched off and on: gun_uid is the same, and not all bits alike."""
    uid = bench.look().gun_uid
    expect(uid not in {bytes(12), b"\xff" * 12}, "gun_uid is empty")
    bench.power_cycle()
    expect(bench.look().gun_uid == uid, "another gun_uid after a boot")
    return "that no other gun has it cannot be seen here"


@rule("W-062", hands=True)
def w062(bench: Bench) -> str | None:
    """Has the gun switched off and on three times: boot_id grows by one each."""
    boots = [bench.look().boot_id]
    for _ in range(3):
        bench.power_cycle()
        boots.append(bench.look().boot_id)
    steps = [later - earlier for earlier, later in itertools.pairwise(boots)]
    expect(steps == [1, 1, 1], f"boot_id went {boots}")
    return None


@rule("W-063")
def w063(bench: Bench) -> str | None:
    """Compares SIMULATED in HELLO, in STATUS and, with hands, in a record."""
    said = bool(bench.look().flags & GunFlag.SIMULATED)
    expect(bool(bench.status().flags & GunFlag.SIMULATED) is said, "HELLO and STATUS differ in SIMULATED")
    if not (bench.guarded and bench.hands):
        return "without a record"
    bench.arm(shots=1)
    bench.touch()
    [record] = bench.shoot()
    expect(bool(record[39] & SlotFlag.SIMULATED) is said, "HELLO and the record differ in SIMULATED")
    return None


@rule("W-064")
def w064(bench: Bench) -> str | None:
    """Looks at the bytes of model and serial: printable ASCII, then zeros."""
    asked = bench.new_hello()
    payload = bench.sent(raw_frame(Hello.TYPE, 3, 0, asked.pack())).frame.payload[4:]
    for name, raw in (("model", payload[84:96]), ("serial", payload[96:112])):
        text = raw.rstrip(b"\0")
        expect(bool(text) and all(0x20 <= byte < 0x7F for byte in text), f"{name} is {raw!r}")
    return None
