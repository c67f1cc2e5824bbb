"""The one way to a gun: first connect, re-plug, host restart and gun reset all come through here.

HELLO, checks, stored STOP, TAKEOVER, clock, log to the head, chain, grants closed by the gun's records, mass balance,
limits. It ends SAFE and waits for the operator: the link heals by itself, the permission never does (I-45).
"""

from collections.abc import Generator
from typing import Final

from drivers.link_events import Answered
from drivers.outcome import Distrusted, Done, Refused
from meso_device.accounting.balance import Balance, mass_balance
from meso_device.accounting.book import GunBook
from meso_device.accounting.clockmap import Ping, map_from_pings, map_payload
from meso_device.accounting.entries import Entry, GunLedger, Json
from meso_device.accounting.findings import UNREADABLE, FindingCode, check_hello, open_findings, unbalanced
from meso_device.accounting.grants import closed_entry
from meso_device.session.calibration import read_calibration
from meso_device.session.contract import Instant, NoticeKind, Phase, PortOpened
from meso_device.session.desk import Desk
from meso_device.session.flow import (
    Answer,
    Flow,
    FlowEnded,
    LinkTrouble,
    Load,
    Need,
    Until,
    ask,
    record,
    refusal_text,
    send,
)
from protocols.errors import GunProtocolError
from protocols.wire.codes import MAJOR as WIRE_MAJOR
from protocols.wire.codes import Alarm, Capability, Code, GunFlag, State
from protocols.wire.messages import (
    AlarmAck,
    GrantGet,
    GrantGetReply,
    Hello,
    HelloReply,
    LimitsGet,
    LimitsGetReply,
    Status,
    StatusGet,
    StatusRate,
    Takeover,
    TakeoverReply,
    TimePing,
    TimePingReply,
)
from protocols.wire.states import GrantEvent

PINGS: Final = 5
STATUS_PERIOD_MS: Final = 100


def connect(desk: Desk, opened: PortOpened) -> Flow:
    """Bring book, gun and log to one state, whatever happened before."""
    hello = yield from _hello(desk, opened)
    ledger = yield from _load(hello)
    desk.book = book = GunBook(hello, ledger)
    desk.latch_id = hello.estop_latch_id
    if ledger.other_simulated:
        # Not even that this gun was here is recorded among the records of the other kind (I-51).
        raise FlowEnded(next(f.text for f in check_hello(hello, ledger, "") if f.code is FindingCode.OTHER_KIND))
    for finding in open_findings(ledger):
        desk.findings.setdefault(finding.code, finding)
    entries = [_link_up(desk, opened, hello, book, first=ledger.log_epoch == 0)]
    seen = check_hello(hello, ledger, desk.bound_uid)
    desk.log_halted = any(finding.code in UNREADABLE for finding in seen)
    found = [desk.find(finding) for finding in seen]
    entries += [entry for entry in found if entry is not None]
    if ledger.unheard_stop:
        desk.stop_again = not hello.estop_latch_id
        if hello.estop_latch_id:
            heard: dict[str, Json] = {"stop_no": 0, "latch_id": hello.estop_latch_id, "after_us": 0, "sent_us": 0}
            entries.append(desk.entry("stop.heard", desk.event_key("stop.heard"), heard))
    yield from record(*entries)
    if FindingCode.GUN_CHANGED in desk.findings:
        return  # nothing is asked of a gun that is not ours; the old one's grants stay reserved (I-32)
    yield from _take_over(desk, hello)
    limits = (yield from ask(LimitsGet())).body
    calibration = yield from read_calibration()
    yield from ask(StatusRate(STATUS_PERIOD_MS))
    yield from synchronise_clock(desk)
    yield from settle(desk)
    yield from _changed_meanwhile(desk)
    desk.limits = limits if isinstance(limits, LimitsGetReply) else None
    desk.calibration = calibration
    yield from _balance(desk, hello)
    desk.bound_uid = desk.bound_uid or hello.gun_uid.hex()


def _changed_meanwhile(desk: Desk) -> Flow:
    """Record a change of syringe while a session had no link to the gun; before a session people record what is in."""
    desk.change_recorded = desk.session is None and _change_waits(desk)
    if desk.session is not None and not desk.session.closed:
        yield from hear_of_change(desk)


def hear_of_change(desk: Desk) -> Flow:
    """Where the gun has noticed a change of its syringe: record it, then free its alarm for the next change (HZ-17)."""
    if desk.session is None or desk.session.practice or not _change_waits(desk):
        return
    if not desk.change_recorded:
        name = Alarm.CARTRIDGE_CHANGED.name
        payload: dict[str, Json] = {"alarm": name, "bit": int(Alarm.CARTRIDGE_CHANGED), "detail": 0}
        yield from record(desk.entry("alarm.raised", desk.event_key(f"alarm.raised/{name}"), payload))
    desk.change_recorded = False
    yield from send(AlarmAck(Alarm.CARTRIDGE_CHANGED))


def _change_waits(desk: Desk) -> bool:
    """Return whether the gun's alarm of a changed syringe has not been acknowledged."""
    return desk.status is not None and bool(desk.status.alarms >> Alarm.CARTRIDGE_CHANGED & 1)


def _hello(desk: Desk, opened: PortOpened) -> Generator[Need, Answer, HelloReply]:
    answered = yield from send(Hello(opened.nonce, WIRE_MAJOR, WIRE_MAJOR, desk.host_id))
    match answered.outcome:
        case Done(body=HelloReply() as hello) if hello.major == WIRE_MAJOR:
            if hello.capabilities & Capability.LINK_AUTH and not hello.flags & GunFlag.AUTHENTICATED:
                raise GunProtocolError(
                    f"the gun at {opened.port} takes only a host that holds its key: meso link pair --gun {opened.port}"
                )
            return hello
        case Done(body=HelloReply() as hello) if hello.major < WIRE_MAJOR:
            raise GunProtocolError(
                f"the gun at {opened.port} speaks the older wire protocol {hello.major}: update the gun's firmware"
            )
        case Done() | Refused(code=Code.E_VERSION):
            raise GunProtocolError(
                f"the gun at {opened.port} speaks a newer wire protocol than {WIRE_MAJOR}: update meso-device"
            )
        case Distrusted(reason=reason):
            raise GunProtocolError(
                f"{opened.port}: {reason}: this host asks nothing of it (meso link forget ends that)"
            )
        case Refused():
            raise LinkTrouble(f"HELLO: {refusal_text(answered.outcome)}")
        case _:
            raise LinkTrouble(f"no gun answers at {opened.port}")


def _load(hello: HelloReply) -> Generator[Need, Answer, GunLedger]:
    ledger = yield Load(hello.gun_uid.hex(), bool(hello.flags & GunFlag.SIMULATED))
    if not isinstance(ledger, GunLedger):
        raise TypeError("the store answered something else")
    return ledger


def _link_up(desk: Desk, opened: PortOpened, hello: HelloReply, book: GunBook, *, first: bool) -> Entry:
    payload: dict[str, Json] = {
        "port": opened.port,
        "model": hello.model,
        "serial": hello.serial,
        "reset_cause": hello.reset_cause,
        "state": hello.state,
        "flags": hello.flags,
        "head_seq": hello.head_seq,
        "released_seq": hello.released_seq,
        "oldest_seq": hello.oldest_seq,
        "odometer_nl": hello.odometer_nl,
        "owner_token": hello.owner_token,
        "last_grant_no": hello.last_grant_no,
        "estop_latch_id": hello.estop_latch_id,
        "battery_pct": hello.battery_pct,
        "baseline": first,
        "base_seq": book.base_seq,
        "chain_hash8": book.committed_hash8.hex(),
        "authenticated": bool(hello.flags & GunFlag.AUTHENTICATED),
    }
    return desk.entry("link.up", desk.event_key(f"link.up/{hello.gun_uid.hex()}"), payload)


def _take_over(desk: Desk, hello: HelloReply) -> Generator[Need, Answer, None]:
    """Become the owner: voids every credit and fences older hosts (I-30)."""
    answered = yield from send(Takeover(hello.owner_token, desk.host_id))
    match answered.outcome:
        case Done(body=TakeoverReply() as taken):
            desk.owner_token = taken.owner_token
        case Refused():
            raise LinkTrouble(f"TAKEOVER: {refusal_text(answered.outcome)}")
        case _:
            raise LinkTrouble("the gun did not answer TAKEOVER")


def synchronise_clock(desk: Desk) -> Generator[Need, Answer, None]:
    """Relate the gun's ticks to UTC by the quickest of a few pings; a failed one is left out."""
    pings = []
    for _ in range(PINGS):
        answered: Answered = yield from send(TimePing(desk.now.mono_us * 1_000))
        if isinstance(answered.outcome, Done) and isinstance(answered.outcome.body, TimePingReply):
            body = answered.outcome.body
            pings.append(Ping(body.boot_id, body.ticks_us, answered.sent_us, answered.heard_us))
    if pings:
        now: Instant = desk.now
        row = map_from_pings(pings, now_mono_us=now.mono_us, now_utc_us=now.utc_us)
        desk.gun().maps.add(row)
        payload = map_payload(row, mono_us=now.mono_us)
        yield from record(desk.entry("clock.map", desk.event_key("clock.map"), payload))


def settle(desk: Desk) -> Generator[Need, Answer, None]:
    """Wait for the end of any movement, read the log to its head, and close every grant that the gun proves over.

    After TAKEOVER, a STOP or a revocation no credit is left, so the head can only be reached once.
    """
    book = desk.gun()
    while True:
        status = (yield from ask(StatusGet())).body
        if not isinstance(status, Status):
            raise LinkTrouble("STATUS_GET was answered by something else")
        note_status(desk, status)
        yield Until(lambda: (book.synced and not book.reserving) or desk.log_halted)
        if desk.log_halted:
            return
        still = status.state != State.MOVING and not status.active_grant_no
        if still and status.head_seq == book.committed_seq and (yield from _all_told(book)):
            break
        yield _newer_status(desk, status)
    closed = []
    for grant in book.provable_grants():
        grant.move(GrantEvent.PROVEN_OVER)
        closed.append(closed_entry(grant, book.stamp, "no credit at the gun and its log read to the head"))
    if closed:
        yield from record(*closed)


def _all_told(book: GunBook) -> Generator[Need, Answer, bool]:
    """Return whether every shot that the gun has begun on an open grant is booked.

    A stroke that STOP or a fault broke off gets its record only when its needle is home, while the gun says ESTOPPED
    or FAULT; the gun counts it as used from its INTENT.
    """
    for grant in book.provable_grants():
        told = (yield from ask(GrantGet(grant.grant_no))).body
        if not isinstance(told, GrantGetReply):
            raise LinkTrouble("GRANT_GET was answered by something else")
        if told.shots_used > grant.used_shots:
            return False
    return True


def _newer_status(desk: Desk, seen: Status) -> Until:
    return Until(lambda: desk.status is not seen)


def note_status(desk: Desk, status: Status) -> None:
    """Take over what a status tells: hints for the screen, and the head to read up to."""
    desk.status = status
    desk.latch_id = status.estop_latch_id
    if desk.book is not None:
        desk.book.head_seq = max(desk.book.head_seq, status.head_seq)


def _balance(desk: Desk, hello: HelloReply) -> Generator[Need, Answer, None]:
    """Compare the odometer that HELLO gave with the records up to the head that it named (I-29)."""
    book = desk.gun()
    if desk.log_halted or book.committed_seq != hello.head_seq:
        return  # a shot was under way at HELLO: the odometer belongs to an earlier head
    balance = mass_balance(
        odometer_nl=hello.odometer_nl,
        last_odometer_nl=book.odometer_nl,
        last_seq=book.odometer_seq,
        shot_seq=book.committed_seq,
        sum_lo_nl=book.sum_lo_nl,
        sum_hi_nl=book.sum_hi_nl,
    )
    if not book.known:
        balance = Balance(hello.odometer_nl, hello.head_seq, 0, 0)
    entries = [desk.entry("mass_balance", desk.event_key("mass_balance"), balance.payload())]
    if balance.holds:
        book.balanced(hello.odometer_nl, hello.head_seq)
    elif (entry := desk.find(unbalanced(balance))) is not None:
        entries.append(entry)
    yield from record(*entries)


def ready_phase(desk: Desk) -> Phase:
    """Return the phase that follows from what is open; never an armed one."""
    if desk.write_failed or desk.findings:
        return Phase.LOCKED
    if desk.latch_id:
        return Phase.ESTOPPED
    if desk.status is not None and desk.status.state == State.FAULT:
        return Phase.FAULT
    if desk.session is None:
        return Phase.NO_SESSION
    if desk.session.closed:
        return Phase.CLOSED
    return Phase.READY if desk.session.confirmed else Phase.UNCONFIRMED


def tell_connected(desk: Desk) -> None:
    """Tell the operator what the gun did while this host was away."""
    book = desk.gun()
    copied = book.committed_seq - book.base_seq
    mark = " SIMULATED" if book.stamp.simulated else ""
    text = f"gun {book.hello.serial}{mark}: log read to {book.committed_seq}, {copied} records copied"
    desk.tell(NoticeKind.INFO, text)
