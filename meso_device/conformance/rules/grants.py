"""Section 9 of SPEC.md: grants."""

from typing import Final

from msgspec.structs import replace

from meso_device.conformance.asking import LEASE_MS, MS, S
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import expect, rule
from protocols.wire.codes import Code, GrantEnd, GrantKind, GrantState, Mode, Phase, Reason, State
from protocols.wire.messages import (
    GrantEndedEvent,
    GrantGet,
    GrantGetReply,
    GrantRevoke,
    GrantRevokeReply,
    GrantSet,
    GrantSetReply,
)

_AT: Final = GrantSet.OFFSETS
_LONGEST_MS: Final = 2_000


def _state(bench: Bench, grant_no: int) -> GrantGetReply:
    return bench.done(GrantGet(grant_no)).body(GrantGetReply)


def _causes(bench: Bench, mark: int) -> list[int]:
    bench.listen(20 * MS)
    return [event.cause for event in bench.events(GrantEndedEvent, mark)]


@rule("W-097")
def w097(bench: Bench) -> str | None:
    """Goes through the table of refusals, line by line, as far as frames and this gun's limits reach."""
    good = bench.grant(shots=3, lease_ms=LEASE_MS, ahead_ms=LEASE_MS)
    settings, limits = bench.settings(), bench.limits
    late_ms = (bench.uptime_ms - 100) % 2**32
    wrong = [
        ("d", replace(good, owner_token=good.owner_token + 1), Code.E_FENCED, "owner_token"),
        ("e", replace(good, grant_no=good.grant_no + 1_000), Code.E_GRANT_NO, "grant_no"),
        ("f", replace(good, expect_head_seq=good.expect_head_seq + 1), Code.E_STALE, "expect_head_seq"),
        ("g", replace(good, not_after_uptime_ms=late_ms), Code.E_LATE, "not_after_uptime_ms"),
        ("i", replace(good, kind=GrantKind.BENCH), Code.E_NEEDS_SERVICE, "kind"),
        ("j", replace(good, settings_hash8=b"\xa5" * 8), Code.E_SETTINGS, "settings_hash8"),
        ("j", replace(good, area_code=good.area_code + 1), Code.E_AREA, "area_code"),
        ("k", replace(good, kind=GrantKind.DRY), Code.E_RANGE, "kind"),
        ("n", replace(good, max_nl=settings.dose_nl - 1), Code.E_RANGE, "max_nl"),
        ("step 8", replace(good, kind=5), Code.E_RANGE, "kind"),
        ("step 8", replace(good, lease_ms=2_001), Code.E_RANGE, "lease_ms"),
    ]
    if good.grant_no > 1:
        wrong.append(
            (
                "e",
                replace(good, grant_no=0 if good.grant_no == 1 else good.grant_no - 2 or 1),
                Code.E_GRANT_NO,
                "grant_no",
            )
        )
    for name, limit, top in (
        ("max_shots", limits.grant_shots_max, 65_535),
        ("max_nl", limits.grant_nl_max, 2**32 - 1),
        ("valid_s", limits.valid_s_max, 65_535),
    ):
        if limit < top:
            wrong.append(("m", replace(good, **{name: limit + 1}), Code.E_LIMIT, name))
    before = bench.standing()
    for line, grant, code, field in wrong:
        fresh = grant
        if line != "g":
            fresh = replace(grant, not_after_uptime_ms=(bench.uptime_ms + 150) % 2**32)
        answer = bench.ask(fresh)
        at = _AT[field]
        seen = f"line {line}, {field}: {answer.named} instead of {code.name} (offset {at})"
        # The table names no offset for states; what it names is checked.
        expect(answer.code == code and answer.field == (0 if line == "i" and not answer.field else at), seen)
    far = replace(good, not_after_uptime_ms=(bench.uptime_ms + LEASE_MS + 200) % 2**32)
    answer = bench.ask(far)
    seen = f"line h: {answer.named} instead of E_RANGE (offset 36)"
    expect((answer.code, answer.field) == (Code.E_RANGE, _AT["not_after_uptime_ms"]), seen)
    expect(bench.standing() == before, "refused grants changed the gun")
    bench.stop()
    bench.refused(replace(good, not_after_uptime_ms=bench.uptime_ms), Code.E_ESTOPPED)
    return None


@rule("W-098", hands=True)
def w098(bench: Bench) -> str | None:
    """Grants, has the gun switched off and on, and sends the same grant: known, nothing left; other bytes refused."""
    grant = bench.arm(shots=3)
    bench.power_cycle()
    last = bench.look().last_grant_no
    expect(last == grant.grant_no, f"last_grant_no {last} after a boot, {grant.grant_no} before")
    bench.own()
    again = bench.done(grant).body(GrantSetReply)
    expect((again.remaining_shots, again.remaining_nl) == (0, 0), f"{again.remaining_shots} shots after a boot")
    bench.refused(replace(grant, max_shots=9), Code.E_GRANT_NO)
    return None


@rule("W-099", hands=True)
def w099(bench: Bench) -> str | None:
    """Has the gun switched off and on while armed: the grant is VOID, and nothing is left of it."""
    grant = bench.arm(shots=3)
    bench.power_cycle()
    _, reader = bench.greet()  # a takeover would end what the boot should have ended
    reply = bench.done(GrantGet(grant.grant_no), reader).body(GrantGetReply)
    expect(reply.state == GrantState.VOID, f"state {reply.state} after a boot")
    expect((reply.remaining_shots, reply.remaining_nl) == (0, 0), "credit after a boot")
    return None


@rule("W-100")
def w100(bench: Bench) -> str | None:
    """Sends the same grant again, with hands after a shot too: it never refills, and what is left is told exactly."""
    grant = bench.arm(shots=3)
    dose_nl = bench.settings().dose_nl
    made = 0
    if bench.hands is not None:
        bench.touch()
        bench.shoot()
        made = 1
    wanted = (3 - made, (3 - made) * dose_nl)
    for _ in range(3):
        again = bench.done(grant).body(GrantSetReply)
        left = (again.remaining_shots, again.remaining_nl)
        expect(left == wanted, f"the same grant again after {made} shots: {left[0]} shots, {left[1]} nl left")
    reply = _state(bench, grant.grant_no)
    expect(reply.shots_used == made, f"shots_used {reply.shots_used} after {made} shots")
    expect((reply.remaining_shots, reply.remaining_nl) == wanted, "GRANT_GET says another rest")
    status = bench.status()
    expect((status.remaining_shots, status.remaining_nl) == wanted, "STATUS says another rest")
    return None if made else "without a shot"


@rule("W-101")
def w101(bench: Bench) -> str | None:
    """Grants while a grant is live: the earlier one ends with cause REPLACED, and its rest is not added."""
    first = bench.arm(shots=5)
    mark = bench.mark()
    second = bench.terms(bench.settings(), shots=2)
    reply = bench.done(second).body(GrantSetReply)
    expect(reply.remaining_shots == 2, f"{reply.remaining_shots} shots after a second grant of 2")
    expect(_causes(bench, mark) == [GrantEnd.REPLACED], f"GRANT_ENDED with causes {_causes(bench, mark)}")
    expect(_state(bench, first.grant_no).state == GrantState.VOID, "the earlier grant is not VOID")
    return None


@rule("W-102", hands=True)
def w102(bench: Bench) -> str | None:
    """Shoots a grant of two shots empty, and one whose volume is for one shot: each ends SPENT."""
    for shots, volume_shots in ((2, 2), (3, 1)):
        bench.settle()
        grant = replace(bench.grant(shots=shots), max_nl=volume_shots * bench.settings().dose_nl)
        bench.done(grant)
        bench.beating = bench.owner
        bench.touch()
        mark = bench.mark()
        bench.shoot(volume_shots)
        expect(_causes(bench, mark) == [GrantEnd.SPENT], f"GRANT_ENDED with causes {_causes(bench, mark)}")
        reply = _state(bench, grant.grant_no)
        expect((reply.state, reply.shots_used) == (GrantState.SPENT, volume_shots), f"state {reply.state}")
    return None


@rule("W-103")
def w103(bench: Bench) -> str | None:
    """Beats on through a grant of one second: it ends EXPIRED."""
    mark = bench.mark()
    bench.done(bench.grant(shots=3, valid_s=1))
    bench.beating = bench.owner
    bench.until(lambda: bool(bench.events(GrantEndedEvent, mark)), 2 * S)
    expect(_causes(bench, mark) == [GrantEnd.EXPIRED], f"after 2 s GRANT_ENDED with causes {_causes(bench, mark)}")
    return "IDLE is seen with W-185, LOG_FULL not"


@rule("W-104", hands=True)
def w104(bench: Bench) -> str | None:
    """Has the cartridge changed while armed: the credit ends with cause CARTRIDGE."""
    hands = bench.need_hands()
    bench.arm(shots=3)
    mark = bench.mark()
    hands.change_cartridge()
    bench.until(lambda: bool(bench.events(GrantEndedEvent, mark)), hands.patience_us)
    expect(_causes(bench, mark) == [GrantEnd.CARTRIDGE], f"GRANT_ENDED with causes {_causes(bench, mark)}")
    return "the head is not changed"


@rule("W-105", hands=True)
def w105(bench: Bench) -> str | None:
    """Touches the pad while a BENCH grant is live: the credit ends with cause CONTACT."""
    bench.enter_service()
    bench.arm(shots=3, kind=GrantKind.BENCH, contact_gate=0, interval_ms=2_000)
    mark = bench.mark()
    bench.touch()
    expect(_causes(bench, mark) == [GrantEnd.CONTACT], f"GRANT_ENDED with causes {_causes(bench, mark)}")
    return "a fault is not made"


@rule("W-106", hands=True)
def w106(bench: Bench) -> str | None:
    """Revokes, then pulls; and holds the trigger while credit ends: no stroke follows."""
    bench.arm(shots=3)
    bench.touch()
    bench.done(GrantRevoke(0))
    count = bench.status().trigger_count
    bench.press()
    bench.listen(500 * MS)
    expect(bench.status().trigger_count == count, "a press after the end of the credit began a stroke")
    bench.press(False)
    bench.arm(shots=50, mode=Mode.CONTINUOUS, interval_ms=200)
    bench.pull(keep=True)
    bench.done(GrantRevoke(0))
    bench.still()
    count = bench.status().trigger_count
    bench.listen(600 * MS)
    expect(bench.status().trigger_count == count, "a held press began a stroke after the end of the credit")
    return None


@rule("W-107")
def w107(bench: Bench) -> str | None:
    """Ends a grant in four ways: GRANT_ENDED once each, with its number and what was left."""
    ends = (
        (lambda: bench.done(GrantRevoke(0)), GrantEnd.REVOKED),
        (lambda: bench.done(bench.settings()), GrantEnd.SETTINGS),
        (lambda: bench.stop(), GrantEnd.STOP),  # noqa: PLW0108  # one form for all
        (bench.own, GrantEnd.TAKEOVER),
    )
    for end, cause in ends:
        bench.settle()
        grant = bench.arm(shots=4)
        mark = bench.mark()
        bench.beating = None
        end()
        bench.listen(20 * MS)
        told = [(one.grant_no, one.cause, one.remaining_shots) for one in bench.events(GrantEndedEvent, mark)]
        expect(told == [(grant.grant_no, cause, 4)], f"{cause.name} was told as {told}")
    return None


@rule("W-108")
def w108(bench: Bench) -> str | None:
    """Revokes another number, which changes nothing, then the live one and 0."""
    for named_by_0 in (False, True):
        bench.settle()
        grant = bench.arm(shots=4)
        none = bench.done(GrantRevoke(grant.grant_no + 1)).body(GrantRevokeReply)
        expect((none.grant_no, none.remaining_shots) == (0, 0), f"revoking another number says {none.grant_no}")
        expect(bench.status().remaining_shots == 4, "revoking another number ended the credit")
        mark = bench.mark()
        reply = bench.done(GrantRevoke(0 if named_by_0 else grant.grant_no)).body(GrantRevokeReply)
        expect((reply.grant_no, reply.remaining_shots) == (grant.grant_no, 4), "another rest was told")
        status = bench.status()
        expect((status.state, status.remaining_shots) == (State.SAFE, 0), "credit is left after GRANT_REVOKE")
        expect(_causes(bench, mark) == [GrantEnd.REVOKED], f"GRANT_ENDED with causes {_causes(bench, mark)}")
    none = bench.done(GrantRevoke(0)).body(GrantRevokeReply)
    expect(none.grant_no == 0, "revoking nothing says a grant")
    return None


@rule("W-109")
def w109(bench: Bench) -> str | None:
    """Reads back the live grant, an ended one, older numbers, 0 and numbers never given."""
    grant = bench.arm(shots=4)
    reply = _state(bench, grant.grant_no)
    told = (reply.state, reply.kind, reply.area_code, reply.settings_hash8, reply.max_shots, reply.remaining_shots)
    wanted = (GrantState.LIVE, grant.kind, grant.area_code, grant.settings_hash8, 4, 4)
    expect(told == wanted, f"the live grant reads {told}")
    expect((reply.max_nl, reply.lease_ms) == (grant.max_nl, grant.lease_ms), "volume or lease read back otherwise")
    for number in (0, grant.grant_no + 1, 0xFFFFFFFF):
        state = _state(bench, number).state
        expect(state == GrantState.NONE, f"grant {number} reads state {state}, not NONE")
    bench.done(GrantRevoke(0))
    expect(_state(bench, grant.grant_no).state == GrantState.VOID, "a revoked grant is not VOID")
    if grant.grant_no > 1:
        older = _state(bench, grant.grant_no - 1)
        expect(older == GrantGetReply(grant.grant_no - 1, GrantState.VOID, 0, 0, bytes(8), 0, 0, 0, 0, 0, 0, 0),
               "an older number is not VOID with zeros")  # fmt: skip
    return None


@rule("W-110", hands=True)
def w110(bench: Bench) -> str | None:
    """Ends credit in the middle of a stroke: by GRANT_REVOKE it is ABORTED(REVOKED), by silence ABORTED(LEASE)."""
    slow = max(1, bench.settings().dose_nl // 2)
    for what, reason in (("revoke", Reason.REVOKED), ("silence", Reason.LEASE)):
        bench.settle()
        bench.arm(shots=3, lease_ms=LEASE_MS, flow_nl_per_s=slow)
        bench.touch()
        head = bench.status().head_seq
        bench.pull()
        bench.listen(50 * MS)
        if what == "revoke":
            bench.done(GrantRevoke(0))
        else:
            bench.beating = None
        expect(bench.until(lambda head=head: bench.status().head_seq > head, 5 * S), "no record")  # type: ignore[misc]
        [record] = bench.read(head + 1, 1)
        told = (record.phase, record.reason)
        expect(told == (Phase.ABORTED, reason), f"{what}: phase {told[0]}, reason {told[1]}")
        bench.touch(False)
    return "EXPIRED, CARTRIDGE, HEAD and FAULT in mid-stroke are not made"
