"""Section 5 of SPEC.md: lease and heartbeat. Credit is given and never spent."""

from typing import Final

from meso_device.conformance.asking import LEASE_MS, MS
from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import Broken, expect, rule
from protocols.wire.codes import GrantEnd
from protocols.wire.frame import REPLY
from protocols.wire.messages import GrantEndedEvent, Heartbeat, LimitsGet, StatusGet

_SLACK_MS: Final = 30
_U32: Final = 2**32


def _ends(bench: Bench, mark: int, within_ms: int) -> int:
    """Wait for the end of the credit and return the gun's uptime at it."""
    if not bench.until(lambda: bool(bench.events(GrantEndedEvent, mark)), within_ms * MS):
        raise Broken(f"the credit had not ended after {within_ms} ms")
    ended = [one.frame for one in bench.since(mark) if one.frame.type == GrantEndedEvent.TYPE]
    cause = GrantEndedEvent.unpack(ended[0].payload).cause
    expect(cause == GrantEnd.LEASE, f"the credit ended with cause {cause}, not LEASE")
    return ended[0].aux


def _near(ended_ms: int, due_ms: int, what: str) -> None:
    off_ms = (ended_ms - due_ms + _U32 // 2) % _U32 - _U32 // 2
    expect(-2 <= off_ms <= _SLACK_MS, f"{what}: the credit ended {off_ms} ms after its time")


@rule("W-065")
def w065(bench: Bench) -> str | None:
    """Beats with a number that did not grow, from another session, and with an old echo: none renews."""
    for what in ("number", "session", "echo"):
        bench.settle()
        _, other = bench.greet()
        grant = bench.arm(shots=3, beat=False, lease_ms=LEASE_MS)
        mark = bench.mark()
        bench.beat(bench.owner, hb_no=5)
        bench.listen(200 * MS)
        if what == "number":
            bench.beat(bench.owner, hb_no=5)
        elif what == "session":
            bench.beat(other, hb_no=9)
        else:
            bench.beat(bench.owner, hb_no=6, echo_ms=bench.uptime_ms - grant.lease_ms)
        left_ms = bench.status().lease_left_ms
        expect(left_ms <= LEASE_MS - 190, f"a heartbeat wrong in its {what} renewed the lease to {left_ms} ms")
        _ends(bench, mark, LEASE_MS)
    return None


@rule("W-066")
def w066(bench: Bench) -> str | None:
    """Beats with an echo 150 ms old and a lease_ms of its own: the lease ends at echo + the grant's lease."""
    bench.arm(shots=3, beat=False, lease_ms=LEASE_MS)
    mark = bench.mark()
    bench.listen(200 * MS)
    bench.status()
    echo_ms = bench.uptime_ms - 150
    bench.beat(bench.owner, echo_ms=echo_ms, lease_ms=2_000)
    ended_ms = _ends(bench, mark, 3 * LEASE_MS)
    _near(ended_ms, echo_ms + LEASE_MS, "a heartbeat with an old echo")
    return None


@rule("W-067")
def w067(bench: Bench) -> str | None:
    """Falls silent after a heartbeat: the credit ends with cause LEASE when the lease is over, and is 0."""
    bench.arm(shots=3, beat=False, lease_ms=LEASE_MS)
    mark = bench.mark()
    bench.status()
    echo_ms = bench.uptime_ms
    bench.beat(bench.owner)
    _near(_ends(bench, mark, 3 * LEASE_MS), echo_ms + LEASE_MS, "silence")
    status = bench.status()
    expect((status.remaining_shots, status.active_grant_no) == (0, 0), "credit is left after the lease")
    return None


@rule("W-068")
def w068(bench: Bench) -> str | None:
    """Asks reads and repeats GRANT_SET all through a lease without heartbeats: it ends all the same."""
    grant = bench.grant(shots=3, lease_ms=LEASE_MS)
    frame = bench.frame(grant, bench.owner)
    bench.sent(frame)
    mark = bench.mark()
    for _ in range(2 * LEASE_MS // 50):
        if bench.events(GrantEndedEvent, mark):
            break
        bench.done(StatusGet())
        if bench.owner.last_id:
            bench.done(LimitsGet())
        bench.done(grant)
        bench.listen(50 * MS)
    ended_ms = _ends(bench, mark, 1)
    _near(ended_ms, grant.not_after_uptime_ms, "other frames")
    return None


@rule("W-069")
def w069(bench: Bench) -> str | None:
    """Beats without credit and with odd contents: no reply, and nothing else changes."""
    before = bench.standing()
    mark = bench.mark()
    for number in (1, 2, 7):
        bench.beat(bench.owner, hb_no=number)
    for payload in (b"", bytes(Heartbeat.SIZE), b"\xff" * Heartbeat.SIZE, bytes(Heartbeat.SIZE + 1)):
        bench.send(bench.any_frame(Heartbeat.TYPE, payload, bench.owner, req_id=0))
    bench.send(bench.any_frame(Heartbeat.TYPE, Heartbeat(9, 0, 500, 0, 1).pack(), bench.owner, req_id=77))
    bench.listen(50 * MS)
    answered = [one for one in bench.since(mark) if one.frame.type & REPLY]
    expect(not answered, f"{len(answered)} heartbeats were answered")
    after = bench.standing()
    expect(before == after, "a heartbeat without credit changed the gun")
    return None


@rule("W-213")
def w213(bench: Bench) -> str | None:
    """Grants a long lease with a near date and beats not: the credit ends at the date."""
    grant = bench.grant(shots=3, lease_ms=min(2_000, bench.limits.lease_ms_max), ahead_ms=300)
    mark = bench.mark()
    bench.done(grant)
    _near(_ends(bench, mark, 3_000), grant.not_after_uptime_ms, "a grant with a near date")
    return None
