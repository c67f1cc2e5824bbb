"""A gun on the bench: brought back to SAFE before each check, set, armed, stopped, and pressed by hands."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

from msgspec.structs import replace

from meso_device.conformance.asking import MS, U32, Asking, S, Talker
from meso_device.conformance.findings import Broken, NotRun, expect
from meso_device.conformance.line import Hands, Line
from meso_device.conformance.raw import raw_frame
from meso_device.conformance.workable import workable_settings
from protocols.errors import MesoError
from protocols.wire.codes import MAJOR, Capability, Code, GrantKind, GunFlag, State
from protocols.wire.errors import WireLengthError
from protocols.wire.frame import STOP_FRAME
from protocols.wire.hashes import record_hash8
from protocols.wire.messages import (
    AlarmAck,
    Auth,
    AuthReply,
    BootEvent,
    EstopResetConfirm,
    EstopResetPrepare,
    EstopResetPrepareReply,
    Goodbye,
    GrantSet,
    Hello,
    HelloReply,
    LimitsGet,
    LimitsGetReply,
    LogRead,
    LogReadReply,
    LogRelease,
    ServiceEnter,
    Settings,
    Slot,
    Status,
    StatusGet,
    Takeover,
    TakeoverReply,
)
from protocols.wire.replies import unpack_reply
from protocols.wire.seal import FROM_GUN, TAG_SIZE, TAGGED, open_frame, session_key

_REST_US: Final = 10 * S
_LONG_LEASE_MS: Final = 1_000
_BOUNCING_US: Final = 20 * MS


class Bench(Asking):
    """A gun on the bench.

    Attributes:
        hands: Whoever presses what is to be pressed, None for nobody.
        hello: The reply to HELLO with which the owner's session began.
        token: The owner's owner_token.
        met: Whether the gun was found to be the kit's to change.
        link_key: The gun's; empty when it holds none.
    """

    hello: HelloReply

    def __init__(
        self,
        line: Line,
        *,
        host_id: bytes,
        hands: Hands | None = None,
        guarded: bool = False,
        link_key_of: Callable[[bytes], bytes | None] = lambda _: None,
    ) -> None:
        """Take a gun; `settle` speaks to it first.

        Args:
            line: Its cable.
            host_id: The host's random id of 16 bytes.
            hands: Whoever presses and touches, None for nobody.
            guarded: Whether somebody has said that the needle guard is on.
            link_key_of: Given a gun_uid, the link key that the gun must prove; None where none is at hand.
        """
        super().__init__(line, guarded=guarded)
        self.link_key = b""
        self._link_key_of = link_key_of
        self.hands = hands
        self.token = 0
        self._host_id = host_id
        self._hellos = 0
        self._base: Settings | None = None
        self._limits: LimitsGetReply | None = None
        self.met = False

    # sessions

    def new_hello(self) -> Hello:
        """Return a HELLO with a nonce never used before."""
        self._hellos += 1
        nonce = sha256(self._host_id + self._hellos.to_bytes(4, "little")).digest()[:16]
        return Hello(nonce, MAJOR, MAJOR, self._host_id)

    def greet(self, hello: Hello | None = None) -> tuple[HelloReply, Talker]:
        """Say HELLO and return what the gun said and the session; of a gun with a link key what it said with a tag."""
        asked = hello or self.new_hello()
        reply = self.greet_untagged(asked)
        talker = Talker(reply.session)
        if self.link_key:
            expect(bool(reply.capabilities & Capability.LINK_AUTH), "LINK_AUTH is not set any more")
            talker.key, _ = self.prove(reply)
            self.know(talker)
            reply = self.ask(asked, talker).body(HelloReply)
        return reply, talker

    def greet_untagged(self, hello: Hello) -> HelloReply:
        """Say HELLO as anybody may, and return what the gun said."""
        reply = self.sent(raw_frame(Hello.TYPE, 1 + self._hellos % 60_000, 0, hello.pack())).body(HelloReply)
        expect(reply.host_nonce == hello.host_nonce, "the reply to HELLO echoes another nonce")
        return reply

    def prove(self, hello: HelloReply) -> tuple[bytes, bytes]:
        """Ask AUTH, untagged, and let the gun prove that it holds its link key.

        Returns the key of the session and the gun's nonce.

        Raises:
            Broken: it is refused, or the tag of the reply is not the right one.
        """
        heard = self.reply_to(raw_frame(Auth.TYPE, 1, hello.session, b""))
        frame = heard.frame
        bare = heard.proven or frame.ver_flags != TAGGED
        try:
            reply = unpack_reply(Auth.TYPE, frame.payload if bare else frame.payload[:-TAG_SIZE])
        except WireLengthError as error:
            raise Broken(f"reply to AUTH: {error}") from None
        if not isinstance(reply.body, AuthReply):
            raise Broken(f"AUTH refused with code {reply.code}")
        key = session_key(
            self.link_key,
            gun_uid=hello.gun_uid,
            session=hello.session,
            host_nonce=hello.host_nonce,
            gun_nonce=reply.body.gun_nonce,
        )
        proven = heard.key == key if heard.proven else open_frame(key, FROM_GUN, frame) is not None
        expect(proven, "the reply to AUTH does not bear the tag of the gun's link key")
        return key, reply.body.gun_nonce

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

    # STOP

    def stop(self) -> None:
        """Send STOP and wait until the latch shows."""
        self.send(STOP_FRAME)
        self.listen(25 * MS)
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
        """Bring the gun to SAFE with a new owner, no credit, no latch, no alarm, and the records of checks released.

        Raises:
            Broken: it does not get there.
            MesoError: it is in a state that is not the kit's to end; nothing was changed.
        """
        self.beating = None
        self.let_go()
        self.listen(30 * MS)
        self.heard.clear()
        self.raw.clear()
        if not self.met:
            self._meet()
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

    def _meet(self) -> None:
        """Look at the gun before anything is changed: what is in it may be somebody's."""
        hello = self.look()
        key = self._link_key_of(hello.gun_uid)
        if hello.capabilities & Capability.LINK_AUTH and key is None:
            raise MesoError(
                "the gun takes only a host that holds its link key: pair it with 'meso link pair', "
                "or name the file of its card with --link-key-file"
            )
        if key is not None:
            if not hello.capabilities & Capability.LINK_AUTH:
                raise MesoError(
                    f"a link key is at hand for gun {hello.gun_uid.hex()}, and it answers without one: "
                    "another device, or it has lost its memory ('meso link forget' ends that)"
                )
            self.link_key = key
            hello = self.look()
        waiting = hello.head_seq - hello.released_seq
        if waiting:
            raise MesoError(
                f"the gun holds {waiting} records that no host has taken over: "
                "do that first, with 'meso session resume'"
            )
        if hello.estop_latch_id and not self.guarded:
            raise MesoError("the gun is stopped, and its reset may move the needle: only with the needle guard on")
        self.met = True

    def _release_ours(self) -> None:
        """Release what checks have recorded; a gun that refuses keeps it, and has room for more."""
        hello = self.look()
        if hello.head_seq > hello.released_seq:
            for record in self.read_raw(hello.head_seq, 1):
                proof = record_hash8(hello.gun_uid, hello.log_epoch, record)
                self.ask(LogRelease(hello.log_epoch, hello.head_seq, proof))

    def leave(self) -> None:
        """Leave the gun SAFE and without an owner, as far as it lets itself be brought there."""
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
        lease_ms: int = _LONG_LEASE_MS,
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
        lease_ms: int = _LONG_LEASE_MS,
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
            not_after_uptime_ms=(self.uptime_ms + ahead_ms) % U32,
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
        before = self.look()
        self.beating = None
        hands.power(False)
        self.listen(off_us)
        mark = self.mark()
        hands.power(True)

        def booted() -> bool:
            try:
                now = self.look()
            except Broken:  # without power
                return False
            again = now.boot_id != before.boot_id or now.ticks_us < before.ticks_us
            return again or bool(self.events(BootEvent, mark))

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


def _state(state: int) -> str:
    return State(state).name if state in State.__members__.values() else f"state {state}"
