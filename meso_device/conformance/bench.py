"""The host's end of a gun on the bench: raw requests, everything that was heard, and a gun brought back to SAFE.

It repeats nothing by itself and believes nothing: each answer is returned as it came.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from meso_device.conformance.findings import Broken, NotRun, expect
from meso_device.conformance.line import Hands, Line
from meso_device.conformance.raw import raw_frame
from meso_device.conformance.workable import workable_settings
from protocols.errors import MesoError
from protocols.wire.codes import MAJOR, Code, GrantKind, GunFlag, State
from protocols.wire.errors import WireLengthError
from protocols.wire.frame import REPLY, STOP_FRAME, VERSION_BYTE, Deframer, Frame
from protocols.wire.hashes import record_hash8
from protocols.wire.messages import (
    EVENTS,
    REQUESTS,
    AlarmAck,
    EstopResetConfirm,
    EstopResetPrepare,
    EstopResetPrepareReply,
    EventBody,
    Goodbye,
    GrantSet,
    Heartbeat,
    Hello,
    HelloReply,
    LimitsGet,
    LimitsGetReply,
    LogRead,
    LogReadReply,
    LogRelease,
    Request,
    ServiceEnter,
    ServiceMove,
    Settings,
    Slot,
    Status,
    StatusGet,
    Takeover,
    TakeoverReply,
)
from protocols.wire.replies import Reply, unpack_reply

MS: Final = 1_000
S: Final = 1_000_000
ANSWER_US: Final = 400 * MS
"""A request without an answer for this long gets none: twenty times what the rules allow a gun."""
BEAT_US: Final = 100 * MS
LEASE_MS: Final = 500
LEAST_PAUSE_US: Final = 5 * MS
_REST_US: Final = 10 * S
_BOUNCING_US: Final = 20 * MS
_NEEDS_GUARD: Final = frozenset({GrantSet.TYPE, ServiceMove.TYPE})
_U32: Final = 2**32

T = TypeVar("T")
E = TypeVar("E", bound=EventBody)


class Heard(Struct, frozen=True):
    """A whole frame from the gun, and when its last byte came."""

    frame: Frame
    at_us: int


class Answer(Struct, frozen=True):
    """A reply as it came.

    Attributes:
        reply: Code, detail, offset and body.
        frame: The frame that carried it.
        took_us: From the sending of the request to the arrival of the reply.
    """

    reply: Reply
    frame: Frame
    took_us: int

    @property
    def code(self) -> int:
        """Code of the reply."""
        return self.reply.code

    @property
    def field(self) -> int:
        """Offset of the field refused."""
        return self.reply.field_offset

    @property
    def named(self) -> str:
        """What a person reads of it."""
        code = self.reply.code
        name = Code(code).name if code in Code.__members__.values() else f"code {code}"
        return f"{name} (offset {self.field})" if self.field else name

    def body(self, kind: type[T]) -> T:
        """Return the body of an OK.

        Raises:
            Broken: it is a refusal, or has another body.
        """
        if not isinstance(self.reply.body, kind):
            raise Broken(f"{kind.__name__} expected, {self.named} came")
        return self.reply.body


class Talker(Struct):
    """One session as its host knows it."""

    session: int
    last_id: int = 0
    hb_no: int = 0

    def next_id(self) -> int:
        """Take the next request number."""
        self.last_id += 1
        return self.last_id


class Bench:
    """A gun on the bench.

    Attributes:
        line: The cable.
        hands: Whoever presses what is to be pressed, None for nobody.
        guarded: Whether somebody has said that the needle guard is on; without it nothing that can move is sent.
        hello: The newest reply to HELLO.
        owner: The session that may change things.
        token: Its owner_token.
        heard: Every whole frame since `settle`.
        uptime_ms: Newest that the gun told.
        beating: Whose heartbeats are sent while time passes.
    """

    def __init__(self, line: Line, *, host_id: bytes, hands: Hands | None = None, guarded: bool = False) -> None:
        self.line = line
        self.hands = hands
        self.guarded = guarded
        self.heard: list[Heard] = []
        self.raw = bytearray()
        self.uptime_ms = 0
        self.beating: Talker | None = None
        self.hello: HelloReply
        self.owner = Talker(0)
        self.token = 0
        self._host_id = host_id
        self._hellos = 0
        self._deframer = Deframer()
        self._beat_due_us = 0
        self._base: Settings | None = None
        self._limits: LimitsGetReply | None = None
        self._ours_from: int | None = None

    # time and bytes

    @property
    def bad_blocks(self) -> int:
        """Blocks of the gun's that were no frames."""
        return self._deframer.bad_blocks

    def send(self, data: bytes) -> None:
        """Put bytes on the line as they are."""
        self.line.send(data)

    def listen(self, us: int) -> None:
        """Let time pass: take what comes, and beat for whoever is `beating`."""
        end_us = self.line.now_us() + us
        while self._turn(end_us):
            pass

    def until(self, done: Callable[[], bool], us: int) -> bool:
        """Let time pass until something holds; False when the time is over before."""
        end_us = self.line.now_us() + us
        while not done():
            if not self._turn(end_us, LEAST_PAUSE_US):
                return done()
        return True

    def _turn(self, end_us: int, most_us: int | None = None) -> bool:
        now_us = self.line.now_us()
        if now_us >= end_us:
            return False
        if self.beating is not None and now_us >= self._beat_due_us:
            self.beat(self.beating)
        wait_us = end_us - now_us
        if self.beating is not None:
            wait_us = min(wait_us, max(0, self._beat_due_us - now_us))
        if most_us is not None:
            wait_us = min(wait_us, most_us)
        self._take(self.line.receive(wait_us))
        return True

    def _take(self, data: bytes) -> None:
        if not data:
            return
        self.raw += data
        now_us = self.line.now_us()
        for frame in self._deframer.feed(data):
            self.heard.append(Heard(frame, now_us))
            self.uptime_ms = frame.aux

    def mark(self) -> int:
        """Return a place in what was heard, for `since`."""
        return len(self.heard)

    def since(self, mark: int) -> list[Heard]:
        """Return what was heard since."""
        return self.heard[mark:]

    def events(self, kind: type[E], mark: int = 0) -> list[E]:
        """Return the events of a kind that were heard since."""
        found = [one.frame for one in self.heard[mark:] if one.frame.type == kind.TYPE]
        try:
            return [event for frame in found if isinstance(event := EVENTS[frame.type].unpack(frame.payload), kind)]
        except WireLengthError as error:
            raise Broken(f"event {kind.__name__}: {error}") from None

    # requests

    def frame(
        self, request: Request, by: Talker, *, req_id: int | None = None, aux: int = 0, ver_flags: int = VERSION_BYTE
    ) -> bytes:
        """Return a request as a frame.

        Raises:
            NotRun: it can move something, and nobody has said that the needle guard is on.
        """
        return self.any_frame(request.TYPE, request.pack(), by, req_id=req_id, aux=aux, ver_flags=ver_flags)

    def any_frame(
        self,
        type_code: int,
        payload: bytes,
        by: Talker,
        *,
        req_id: int | None = None,
        aux: int = 0,
        ver_flags: int = VERSION_BYTE,
        crc_flip: int = 0,
    ) -> bytes:
        """Return any type and payload as a frame of a session; see `frame`."""
        if type_code in _NEEDS_GUARD:
            self.need_guard()
        number = by.next_id() if req_id is None else req_id
        return raw_frame(type_code, number, by.session, payload, aux=aux, ver_flags=ver_flags, crc_flip=crc_flip)

    def need_guard(self) -> None:
        """Stop here unless the needle guard is on.

        Raises:
            NotRun: nobody has said so.
        """
        if not self.guarded:
            raise NotRun("gives credit: only with the needle guard on")

    def need_hands(self, *, exact: bool = False) -> Hands:
        """Return the hands.

        Raises:
            NotRun: there are none, or they cannot keep time.
        """
        if self.hands is None:
            raise NotRun("needs hands at the gun")
        if exact and not self.hands.exact:
            raise NotRun("needs a fixture that presses to the millisecond")
        return self.hands

    def exchange(self, data: bytes, us: int = ANSWER_US) -> list[Heard]:
        """Send bytes and return all that was heard for so long."""
        mark = self.mark()
        self.send(data)
        self.listen(us)
        return self.since(mark)

    def answers(self, data: bytes, type_code: int, us: int = ANSWER_US) -> list[Frame]:
        """Send bytes and return the replies to requests of a type that came for so long."""
        return [one.frame for one in self.exchange(data, us) if one.frame.type == type_code | REPLY]

    def sent(self, data: bytes) -> Answer:
        """Send one request that was made into a frame, and return its reply.

        Raises:
            Broken: no reply came.
        """
        start_us, mark = self.line.now_us(), self.mark()
        asked = _header_of(data)
        self.send(data)
        answered: list[Heard] = []

        def came() -> bool:
            answered.extend(
                one
                for one in self.since(mark)
                if (one.frame.type, one.frame.req_id, one.frame.session)
                == (asked.type | REPLY, asked.req_id, asked.session)
            )
            return bool(answered)

        if not self.until(came, ANSWER_US):
            raise Broken(f"no reply to {_name(asked.type)} within {ANSWER_US // MS} ms")
        frame = answered[0].frame
        try:
            reply = unpack_reply(asked.type, frame.payload)
        except WireLengthError as error:
            raise Broken(f"reply to {_name(asked.type)}: {error}") from None
        return Answer(reply, frame, answered[0].at_us - start_us)

    def ask(self, request: Request, by: Talker | None = None) -> Answer:
        """Ask as a session, the owner's if none is named, and return the reply."""
        return self.sent(self.frame(request, by or self.owner))

    def done(self, request: Request, by: Talker | None = None) -> Answer:
        """Ask, and take nothing but OK.

        Raises:
            Broken: it was refused.
        """
        answer = self.ask(request, by)
        expect(answer.code == Code.OK, f"{_name(request.TYPE)} refused {answer.named}")
        return answer

    def refused(self, request: Request, code: Code, field: int = 0, by: Talker | None = None) -> Answer:
        """Ask, and take nothing but this refusal.

        Raises:
            Broken: another answer came.
        """
        answer = self.ask(request, by)
        wanted = f"{code.name} (offset {field})" if field else code.name
        expect(
            (answer.code, answer.field) == (code, field), f"{_name(request.TYPE)}: {answer.named} instead of {wanted}"
        )
        return answer

    # sessions

    def new_hello(self) -> Hello:
        """Return a HELLO with a nonce never used before."""
        self._hellos += 1
        nonce = sha256(self._host_id + self._hellos.to_bytes(4, "little")).digest()[:16]
        return Hello(nonce, MAJOR, MAJOR, self._host_id)

    def greet(self, hello: Hello | None = None) -> tuple[HelloReply, Talker]:
        """Say HELLO and return what the gun said and the session."""
        asked = hello or self.new_hello()
        answer = self.sent(raw_frame(Hello.TYPE, 1 + self._hellos % 60_000, 0, asked.pack()))
        reply = answer.body(HelloReply)
        expect(reply.host_nonce == asked.host_nonce, "the reply to HELLO echoes another nonce")
        return reply, Talker(reply.session)

    def own(self) -> None:
        """Open a session and make it the owner; all credit ends."""
        self.hello, self.owner = self.greet()
        self.token = self.done(Takeover(self.hello.owner_token, self._host_id)).body(TakeoverReply).owner_token

    def look(self) -> HelloReply:
        """Return what HELLO says now; takes the place of the session that is not the owner's."""
        return self.greet()[0]

    def status(self, by: Talker | None = None) -> Status:
        """Return the status now."""
        return self.done(StatusGet(), by).body(Status)

    @property
    def limits(self) -> LimitsGetReply:
        """The gun's hard limits, asked once."""
        if self._limits is None:
            self._limits = self.done(LimitsGet()).body(LimitsGetReply)
        return self._limits

    # heartbeats and STOP

    def beat(
        self, by: Talker, *, hb_no: int | None = None, echo_ms: int | None = None, lease_ms: int = LEASE_MS
    ) -> None:
        """Send a heartbeat."""
        if hb_no is None:
            by.hb_no += 1
            hb_no = by.hb_no
        body = Heartbeat(hb_no, self.uptime_ms if echo_ms is None else echo_ms % _U32, lease_ms, 0, 1)
        self._beat_due_us = self.line.now_us() + BEAT_US
        self.send(raw_frame(Heartbeat.TYPE, 0, by.session, body.pack()))

    def stop(self) -> None:
        """Send STOP and wait until the latch shows."""
        self.send(STOP_FRAME)
        self.until(lambda: False, 25 * MS)
        expect(self.status().estop_latch_id != 0, "STOP set no latch")

    def reset_latch(self) -> None:
        """Clear the latch in two steps."""
        ready: list[EstopResetPrepareReply] = []

        def prepared() -> bool:  # E_BUSY until the needle is home
            answer = self.ask(EstopResetPrepare())
            expect(answer.code in {Code.OK, Code.E_BUSY}, f"ESTOP_RESET_PREPARE refused {answer.named}")
            if answer.code == Code.OK:
                ready.append(answer.body(EstopResetPrepareReply))
            return bool(ready)

        expect(self.until(prepared, _REST_US), "ESTOP_RESET_PREPARE: E_BUSY for 10 s")
        self.done(EstopResetConfirm(ready[0].nonce, ready[0].latch_id, 1))

    # back to SAFE

    def settle(self) -> None:
        """Bring the gun to SAFE with a new owner, no credit, no latch, no alarm, and every record read and released.

        Raises:
            Broken: it does not get there.
            MesoError: it holds records that no host has taken over.
        """
        self.beating = None
        self.let_go()
        self.listen(30 * MS)
        self.heard.clear()
        self.raw.clear()
        self.own()
        expect(self.until(lambda: self.status().state != State.MOVING, _REST_US), "MOVING for 10 s without credit")
        status = self.status()
        if status.estop_latch_id:
            self.reset_latch()
        for alarm in range(64):
            if status.alarms >> alarm & 1:
                self.ask(AlarmAck(alarm))
        expect(self.until(lambda: self.status().state == State.SAFE, S), f"not SAFE but {_state(self.status().state)}")
        self._release_ours()

    def _release_ours(self) -> None:
        hello = self.look()
        if self._ours_from is None:
            if hello.head_seq != hello.released_seq:
                raise MesoError(
                    f"the gun holds {hello.head_seq - hello.released_seq} records that no host has taken over: "
                    "do that first, with 'meso session resume'"
                )
            self._ours_from = hello.head_seq
        if hello.head_seq > hello.released_seq:
            last = self.read_raw(hello.head_seq, 1)
            if last:
                proof = record_hash8(hello.gun_uid, hello.log_epoch, last[0])
                self.ask(LogRelease(hello.log_epoch, hello.head_seq, proof))

    def leave(self) -> None:
        """Leave the gun SAFE and silent, as far as it lets itself be brought there."""
        with suppress(Broken, NotRun):
            self.settle()
            self.ask(Goodbye())

    def let_go(self) -> None:
        """Trigger released, head lifted."""
        if self.hands is not None:
            self.hands.trigger(False)
            self.hands.contact(False)

    # settings and grants

    def settings(self, **changes: Any) -> Settings:
        """Return settings that this gun takes, with changes; found once by asking the gun."""
        if self._base is None:
            self._base = self._find_settings()
        return replace(self._base, **changes)

    def _find_settings(self) -> Settings:
        refusals = []
        for candidate in workable_settings(self):
            answer = self.ask(candidate)
            if answer.code == Code.OK:
                return candidate
            refusals.append(answer.named)
        raise Broken(f"no settings were taken: {', '.join(dict.fromkeys(refusals)) or 'the calibration has no row'}")

    def grant(
        self,
        *,
        shots: int = 3,
        kind: int = GrantKind.TREAT,
        lease_ms: int = LEASE_MS,
        valid_s: int = 60,
        ahead_ms: int | None = None,
        **changes: Any,
    ) -> GrantSet:
        """Return a grant of settings that are set now; see `terms`."""
        settings = self.settings(**changes)
        self.done(settings)
        return self.terms(settings, shots=shots, kind=kind, lease_ms=lease_ms, valid_s=valid_s, ahead_ms=ahead_ms)

    def terms(
        self,
        settings: Settings,
        *,
        shots: int = 3,
        kind: int = GrantKind.TREAT,
        lease_ms: int = LEASE_MS,
        valid_s: int = 60,
        ahead_ms: int | None = None,
    ) -> GrantSet:
        """Return a grant of the newest settings with the next number, as this gun stands now.

        Args:
            settings: What is active.
            shots: Its shots.
            kind: Its kind.
            lease_ms: Its lease.
            valid_s: Its time.
            ahead_ms: How far its date is ahead of the gun's uptime; 50 ms less than the lease if None.
        """
        hello = self.look()
        self.need_guard()
        ahead_ms = lease_ms - 50 if ahead_ms is None else ahead_ms
        return GrantSet(
            grant_no=hello.last_grant_no + 1,
            expect_head_seq=hello.head_seq,
            owner_token=self.token,
            kind=kind,
            area_code=settings.area_code,
            settings_hash8=hello.settings_hash8,
            max_shots=shots,
            max_nl=shots * max(settings.dose_nl, 1),
            lease_ms=lease_ms,
            valid_s=valid_s,
            not_after_uptime_ms=(self.uptime_ms + ahead_ms) % _U32,
            session_tag8=bytes(8),
        )

    def arm(self, *, shots: int = 3, kind: int = GrantKind.TREAT, beat: bool = True, **changes: Any) -> GrantSet:
        """Give credit, and beat for it; return the grant."""
        grant = self.grant(shots=shots, kind=kind, **changes)
        self.done(grant)
        if beat:
            self.beating = self.owner
            self._beat_due_us = 0
        return grant

    def enter_service(self) -> None:
        """Get onto the bench: the button, then SERVICE_ENTER."""
        hands = self.need_hands()
        self.need_guard()
        hands.press_service_button()
        entered = self.until(lambda: self.ask(ServiceEnter()).code == Code.OK, hands.patience_us)
        if not entered:
            raise NotRun("the service button was not pressed, or SERVICE_ENTER was refused all the same")

    # hands

    def touch(self, on: bool = True) -> None:
        """Have the head put on the pad, or lifted, and wait until the gun shows it."""
        self.need_hands().contact(on)
        self._shown(GunFlag.CONTACT, on, "the head on the pad" if on else "the head lifted")

    def press(self, on: bool = True) -> None:
        """Have the trigger pressed, or let go, and wait until the gun shows it."""
        self.need_hands().trigger(on)
        self._shown(GunFlag.TRIGGER, on, "the trigger pressed" if on else "the trigger released")
        self.listen(_BOUNCING_US)

    def _shown(self, flag: GunFlag, on: bool, what: str) -> None:
        hands = self.need_hands()
        if not self.until(lambda: bool(self.status().flags & flag) is on, hands.patience_us):
            raise NotRun(f"the gun never showed {what}")

    def power_cycle(self, off_us: int = 100 * MS) -> int:
        """Have the gun switched off and on, and return the mark from which it was heard again."""
        hands = self.need_hands()
        boot_id = self.look().boot_id
        self.beating = None
        hands.power(False)
        self.listen(off_us)
        mark = self.mark()
        hands.power(True)

        def booted() -> bool:
            try:
                return self.look().boot_id != boot_id
            except Broken:
                return False

        if hands.exact:
            self.listen(50 * MS)
        elif not self.until(booted, hands.patience_us):
            raise NotRun("the gun was not switched off and on")
        return mark

    def pull(self, *, keep: bool = False) -> None:
        """Pull the trigger until a stroke begins; let it go unless told to keep it."""
        count = self.status().trigger_count
        self.press()
        begun = self.until(lambda: self.status().trigger_count != count, 2 * S)
        expect(begun, "no stroke began, though the trigger was pulled with credit and contact")
        if not keep:
            self.press(False)

    def shoot(self, count: int = 1) -> list[bytes]:
        """Pull the trigger for so many shots under a live grant, and return their records."""
        head = self.status().head_seq
        for made in range(1, count + 1):
            self.pull()
            if not self.until(lambda made=made: self.status().head_seq >= head + made, 5 * S):  # type: ignore[misc]
                raise Broken(f"record {head + made} did not become final within 5 s")
            self.listen(self.settings().interval_ms * MS)
        return self.read_raw(head + 1, count)

    def still(self) -> None:
        """Wait until no stroke is under way."""
        expect(self.until(lambda: self.status().state != State.MOVING, _REST_US), "MOVING for 10 s")

    # the log

    def read_raw(self, from_seq: int, count: int) -> list[bytes]:
        """Return records as the gun gives them, 72 bytes each."""
        records: list[bytes] = []
        while len(records) < count:
            page = self.done(LogRead(self.hello.log_epoch, from_seq + len(records), min(3, count - len(records)))).body(
                LogReadReply
            )
            if not page.count:
                break
            records += [bytes(page.slots[at : at + Slot.SIZE]) for at in range(0, page.count * Slot.SIZE, Slot.SIZE)]
        return records

    def read(self, from_seq: int, count: int) -> Iterator[Slot]:
        """Return records by their fields."""
        return (Slot.unpack(raw) for raw in self.read_raw(from_seq, count))

    # what stays

    def standing(self) -> dict[str, object]:
        """Return what no refusal and no read may change."""
        hello = self.look()
        return {name: getattr(hello, name) for name in _STANDING}


_STANDING: Final = (
    "log_epoch", "boot_id", "state", "head_seq", "released_seq", "oldest_seq", "chain_head8", "odometer_nl",
    "plunger_um", "cal_id", "cal_hash8", "limits_hash8", "settings_hash8", "owner_token", "last_grant_no",
    "active_grant_no", "estop_latch_id", "self_test",
)  # fmt: skip


def unchanged(before: dict[str, object], after: dict[str, object], by: str) -> None:
    """Raise `Broken` naming what has changed.

    Raises:
        Broken: something has.
    """
    changed = [name for name, value in before.items() if after[name] != value]
    expect(not changed, f"{by} changed {', '.join(changed)}")


def _header_of(data: bytes) -> Frame:
    [frame] = Deframer().feed(data)
    return frame


def _name(type_code: int) -> str:
    kind = REQUESTS.get(type_code)
    return kind.__name__ if kind is not None else f"type 0x{type_code:02X}"


def _state(state: int) -> str:
    return State(state).name if state in State.__members__.values() else f"state {state}"
