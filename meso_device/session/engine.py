"""The session engine: everything the host decides, without a clock, a port or a disk.

`step(now, event)` takes one event and returns the effects to carry out; `next_deadline_us()` says when to come back
without one. One flow runs in the foreground (connecting, arming, stopping, closing); the gun's log is drained beside
it; heartbeats are made here, so they end when the engine does.
"""

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Final

from drivers.link_events import Answered, Heard, LinkDown, StopHeard
from drivers.outcome import Refused
from meso_device.accounting.book import GunBook
from meso_device.accounting.clinic import ClinicFacts
from meso_device.accounting.entries import (
    Batch,
    CapExceeded,
    CommitFailed,
    CommitResult,
    Committed,
    Entry,
    GunLedger,
    Json,
)
from meso_device.accounting.findings import LASTING, Finding, FindingCode
from meso_device.accounting.grants import GrantAccount, grant_entry
from meso_device.calibration.instrument import Outcome
from meso_device.session.arming import arm
from meso_device.session.bench import calibrate, pause
from meso_device.session.connect import connect, note_status, ready_phase, tell_connected
from meso_device.session.contract import (
    AcknowledgeFault,
    Arm,
    Ask,
    Beat,
    Calibrate,
    ClinicLoaded,
    CloseSession,
    Commit,
    Confirm,
    DecideAdjustment,
    Disarm,
    DropLink,
    Effect,
    EngineEvent,
    HomeNeedle,
    Instant,
    LeaveGun,
    LedgerLoaded,
    LinkState,
    LoadClinic,
    LoadLedger,
    NoticeKind,
    OpenSession,
    PauseBench,
    Phase,
    PortOpened,
    PressStop,
    ReadingTaken,
    ResetStop,
    ResumeSession,
    SelfTestGun,
    Stop,
    TakeReading,
    Tick,
    View,
    WriteOff,
)
from meso_device.session.desk import Desk
from meso_device.session.drain import Drain
from meso_device.session.endings import acknowledge_fault, after_stop, close, disarm, reset_stop
from meso_device.session.flow import Answer, Flow, FlowEnded, LinkTrouble, Load, LoadFacts, Measure, Record, Send, Until
from meso_device.session.granting import LEASE_MS
from meso_device.session.gun_care import home_needle, leave_gun, self_test
from meso_device.session.opening import confirmation, open_session, take_up_session
from meso_device.session.plan_changes import change_plan
from meso_device.session.plan_commands import ChooseCell, EditPlan, PlanArea, SkipPoint
from meso_device.session.view import view_of
from meso_device.session.write_off import close_out_of_reach, write_off
from protocols.errors import GunProtocolError
from protocols.units import HELD_VOLUME, format_quantity
from protocols.wire.codes import Alarm, Code
from protocols.wire.messages import (
    AlarmEvent,
    BootEvent,
    EstoppedEvent,
    GrantEndedEvent,
    Heartbeat,
    MoveDoneEvent,
    Request,
    SelfTestDoneEvent,
    ShotEvent,
    Status,
)
from protocols.wire.states import GrantEvent

# Five heartbeats a lease: four may be lost.
HEARTBEAT_US: Final = 100_000
# NTP slews by less; more is a step that may shift labels (I-38).
_U32: Final = 2**32
# A wire session has numbers for 65,000 requests and is left at 60,000 (W-060); between treatments far earlier, so that
# one of 10,000 shots, which takes some 26,000, is not interrupted for it.
REQUESTS_MAX: Final = 60_000
REQUESTS_MAX_BETWEEN: Final = 30_000
_AT_BENCH: Final = frozenset({"bench", "pause"})
_BETWEEN: Final = frozenset({Phase.NO_SESSION, Phase.CLOSED})
_AT_REST: Final = _BETWEEN | {Phase.UNCONFIRMED, Phase.READY}


class SessionEngine:
    """One engine for the life of a host process.

    Args:
        host_id: 16 random bytes that name this host to guns.
        host_boot: Boot id of this computer; monotonic times are only compared within it (I-37).
    """

    def __init__(self, *, host_id: bytes, host_boot: str) -> None:
        self._desk = Desk(host_id)
        self._host_boot = host_boot
        self._effects: list[Effect] = []
        self._tags = count(1)
        self._requests = 0  # of this wire session
        self._batches = count(1)
        self._asked: dict[int, Callable[[Answered], None]] = {}
        self._committing: dict[int, Callable[[Committed | CapExceeded], None]] = {}
        # What the store was asked and has not answered: it answers each in order, also to a flow that is over.
        self._loading: deque[Callable[[GunLedger | ClinicFacts], None]] = deque()
        self._readings = count(1)
        self._reading: tuple[int, Callable[[Outcome], None]] | None = None
        self._flow: Flow | None = None
        self._flow_name = ""
        self._waiting: Until | None = None
        self._link = LinkState.DOWN
        self._drain: Drain | None = None
        self._heartbeat_no = count(1)
        self._next_beat_us: int | None = None
        self._boot = (b"", 0)  # newest seen: gun and boot
        self._boots = 0
        self._stop_unheard = False
        self._dropping = False
        # Waits for the end of an attempt to reach the gun: a dead one on a good cable is tried again and again.
        self._later: WriteOff | CloseSession | None = None
        self._view: View | None = None

    # --- the surface ------------------------------------------------------------------------

    def step(self, now: Instant, event: EngineEvent) -> list[Effect]:
        """Take one event and return what is to be done, in order."""
        desk = self._desk
        desk.now = now
        self._view = None
        self._effects = []
        match event:
            case Answered():
                self._answered(event)
            case Heard():
                self._hear(event)
            case Committed() | CapExceeded() | CommitFailed() | LedgerLoaded() | ClinicLoaded():
                self._store_answered(event)
            case PortOpened():
                self._opened(event)
            case ReadingTaken():
                self._measured(event)
            case LinkDown():
                self._link_down(event.reason)
            case StopHeard():
                self._stop_heard(event)
            case Tick():
                pass
            case _:
                self._command(event)
        self._pump()
        self._effects += desk.notices
        desk.notices = []
        return self._effects

    def next_deadline_us(self) -> int | None:
        """Monotonic time of the next heartbeat; None when nothing is due by time."""
        return self._next_beat_us

    def view(self) -> View:
        """Return all that may be shown; the same object until the next step."""
        if self._view is None:
            resets = max(0, self._boots - 1)
            self._view = view_of(self._desk, link=self._link, resets=resets, stop_unheard=self._stop_unheard)
        return self._view

    # --- the operator -----------------------------------------------------------------------

    def _command(self, command: EngineEvent) -> None:
        desk = self._desk
        match command:
            case Stop():
                self._press_stop(command.source)
            case _ if desk.write_failed:
                desk.tell(
                    NoticeKind.REFUSED, f"nothing can be recorded ({desk.write_failed}): restart after mending it"
                )
            case OpenSession() | ResumeSession() if self._flow_name not in _AT_BENCH:
                self._begin(command)
            case Confirm() if desk.session is not None:
                self._confirm(command.how)
            case Disarm() if desk.phase in (Phase.ARMED, Phase.ARMING):
                self._start("disarm", disarm(desk, command.cause))
            case Arm() if desk.phase is Phase.READY and self._flow is None:
                desk.phase = Phase.ARMING
                self._start("arm", arm(desk, command.area_id))
            case DecideAdjustment() | PauseBench() if self._flow_name == "bench":
                self._at_bench(command)
            case WriteOff() if self._flow is None and self._link in (LinkState.DOWN, LinkState.UP):
                self._start("write off", write_off(desk, command))
            case CloseSession() if (flow := self._closing(command)) is not None:
                self._start("close", flow)
            case _ if (named := self._named_flow(command)) is not None:
                self._start(*named)
            case WriteOff() | CloseSession() if self._link is LinkState.CONNECTING:
                self._later = command
            case _:
                name = type(command).__name__
                desk.tell(
                    NoticeKind.REFUSED, f"{name} is not possible now: {desk.phase.value}, link {self._link.value}"
                )

    def _at_bench(self, command: DecideAdjustment | PauseBench) -> None:
        """Take the technician's word in a run under way."""
        desk = self._desk
        if isinstance(command, PauseBench):
            self._start("pause", pause(desk))
        elif desk.bench is not None and desk.bench.proposal:
            desk.bench.decision = command.adjust
        else:
            desk.tell(NoticeKind.REFUSED, "nothing is to be decided about the gun's calibration now")

    def _named_flow(self, command: EngineEvent) -> tuple[str, Flow] | None:
        """Return what a command begins that is taken in one phase alone, while nothing else is under way."""
        desk = self._desk
        if self._flow is not None:
            return None
        match command:
            case ResetStop() if desk.phase is Phase.ESTOPPED:
                return "reset", reset_stop(desk, command.reason_code, command.op)
            case AcknowledgeFault() if desk.phase in (Phase.FAULT, Phase.ESTOPPED):
                return "acknowledge", acknowledge_fault(desk, command.op)
            case SelfTestGun() | HomeNeedle() | LeaveGun() if self._link is LinkState.UP:
                return self._care_flow(command)
            case Calibrate() if self._link is LinkState.UP and desk.phase in _BETWEEN:
                return "bench", calibrate(desk, command)
            case EditPlan() | PlanArea() | SkipPoint() | ChooseCell() if desk.phase is Phase.READY:
                return "plan", change_plan(desk, command)
            case _:
                return None

    def _care_flow(self, command: SelfTestGun | HomeNeedle | LeaveGun) -> tuple[str, Flow]:
        match command:
            case SelfTestGun():
                return "self-test", self_test(self._desk, command.op)
            case HomeNeedle():
                return "home", home_needle(self._desk, command.op)
            case LeaveGun():
                return "leave", leave_gun(self._desk, command.op)

    def _closing(self, command: CloseSession) -> Flow | None:
        """Return how the session is closed; None where it cannot be now.

        Without its gun only where the gun is away and all that it left unknown is written off (I-33).
        """
        desk = self._desk
        if desk.session is None or desk.session.closed:
            return None
        if self._link is LinkState.UP and self._flow_name in ("", "arm"):
            return close(desk, command.state, command.aftercare)
        settled = desk.written_off and not any(grant.open for grant in desk.unsettled)
        if self._link is LinkState.DOWN and self._flow is None and settled:
            return close_out_of_reach(desk, command.state)
        return None

    def _begin(self, command: OpenSession | ResumeSession) -> None:
        """Open a session, or take one up that is open in the log."""
        desk = self._desk
        try:
            if isinstance(command, OpenSession):
                self._commit(open_session(desk, command, connected=self._link is LinkState.UP))
            else:
                take_up_session(desk, command)
        except FlowEnded as refused:
            desk.tell(NoticeKind.REFUSED, str(refused))
            return
        if desk.book is not None and desk.bound_uid not in {"", desk.book.stamp.gun_uid}:
            self._drop(f"session {desk.treatment().session} is bound to gun {desk.bound_uid}")
        if self._link is LinkState.UP and self._flow is None:
            desk.phase = ready_phase(desk)

    def _confirm(self, how: str) -> None:
        """Take the operator's word that the session goes on; nothing is granted before it is recorded (I-45)."""
        desk = self._desk
        session = desk.session
        if session is None or desk.phase is not Phase.UNCONFIRMED or self._flow is not None or desk.book is None:
            desk.tell(NoticeKind.REFUSED, f"nothing to confirm now: {desk.phase.value}")
            return

        def recorded(_: Committed | CapExceeded) -> None:
            if desk.phase is Phase.UNCONFIRMED and self._link is LinkState.UP:
                session.confirmed = True
                desk.phase = ready_phase(desk)

        self._commit(confirmation(desk, how), recorded)

    def _press_stop(self, source: str) -> None:
        """STOP first, everything else after; it waits for no commit and no reply."""
        desk = self._desk
        self._effects.insert(0, PressStop())
        self._stop_unheard = True
        desk.stop_no = desk.now.utc_us
        payload: dict[str, Json] = {"source": source, "stop_no": desk.stop_no, "heard": False}
        key = f"stop/{desk.host_id.hex()}/{self._host_boot}/{desk.now.mono_us}/{desk.stop_no}"
        self._commit((desk.entry("stop", key, payload),))
        if self._link is LinkState.UP and not desk.write_failed:
            desk.phase = Phase.ESTOPPED
            # Pressed again, what follows the first press goes on: begun anew each time, its questions would pile up.
            if self._flow_name != "stop":
                self._start("stop", after_stop(desk))

    # --- the gun ----------------------------------------------------------------------------

    def _opened(self, opened: PortOpened) -> None:
        self._forget_gun()
        self._dropping = False
        self._requests = 0
        self._link = LinkState.CONNECTING
        self._start("connect", connect(self._desk, opened))

    def _answered(self, event: Answered) -> None:
        self._note_uptime(event.uptime_ms, event.heard_us)
        answered = self._asked.pop(event.tag, None)
        match event.outcome:
            case Refused(code=Code.E_FENCED):
                self._fence()
            case Refused(code=Code.E_SESSION):
                self._drop("the gun does not know this session any more")
            case _ if answered is not None:
                answered(event)

    def _hear(self, heard: Heard) -> None:
        """Take an event unless it is older than what was heard: it lay in a buffer, and what it tells is past."""
        age_ms = (self._desk.uptime_ms - heard.uptime_ms) % _U32
        stale = self._desk.uptime_ms != 0 and 0 < age_ms < _U32 // 2
        if not stale or isinstance(heard.event, BootEvent):
            self._note_uptime(heard.uptime_ms, heard.heard_us)
            self._heard(heard)

    def _heard(self, heard: Heard) -> None:
        desk = self._desk
        match heard.event:
            case Status() as status:
                was_latched = desk.latch_id
                note_status(desk, status)
                if status.estop_latch_id and not was_latched:
                    self._latched()
            case ShotEvent() as shot:
                if desk.book is not None:
                    desk.book.head_seq = max(desk.book.head_seq, shot.shot_seq)
            case EstoppedEvent() as stopped:
                first = not desk.latch_id
                desk.latch_id = stopped.latch_id
                if first:
                    self._latched()
            case GrantEndedEvent() as ended:
                desk.ended_grant = (ended.grant_no, ended.cause)
            case MoveDoneEvent() | SelfTestDoneEvent():
                self._care_ended(heard.event)
            case AlarmEvent() as alarm:
                self._alarm(alarm)
            case BootEvent() as boot:
                if desk.book is not None and boot.boot_id != desk.book.hello.boot_id:
                    self._drop("the gun was reset")

    def _care_ended(self, ended: MoveDoneEvent | SelfTestDoneEvent) -> None:
        if isinstance(ended, SelfTestDoneEvent):
            self._desk.self_tested = (ended.mask, ended.failed)
            return
        self._desk.homed = self._desk.homed or ended.shot_seq == 0
        self._desk.moved_seq = ended.shot_seq

    def _latched(self) -> None:
        """The gun stopped by itself or by another's frame: adopt its latch (I-46)."""
        desk = self._desk
        # Without a link there is nothing to settle yet: connecting adopts the latch.
        if self._link is not LinkState.UP or self._flow_name in ("stop", "reset") or desk.write_failed:
            return
        desk.tell(NoticeKind.ALARM, "the gun is stopped: its latch must be reset in two steps")
        desk.phase = Phase.ESTOPPED
        self._start("stop", after_stop(desk))

    def _alarm(self, alarm: AlarmEvent) -> None:
        desk = self._desk
        try:
            name = Alarm(alarm.alarm).name
        except ValueError:
            name = str(alarm.alarm)
        kind = "alarm.raised" if alarm.raised else "alarm.cleared"
        payload: dict[str, Json] = {"alarm": name, "bit": alarm.alarm, "detail": alarm.detail}
        self._commit((desk.entry(kind, desk.event_key(f"{kind}/{name}"), payload),))
        if alarm.raised:
            desk.change_recorded |= alarm.alarm == Alarm.CARTRIDGE_CHANGED
            desk.tell(NoticeKind.ALARM, f"gun alarm {name}")

    def _stop_heard(self, heard: StopHeard) -> None:
        desk = self._desk
        self._stop_unheard = False
        desk.latch_id = heard.latch_id or desk.latch_id
        payload: dict[str, Json] = {
            "stop_no": desk.stop_no,
            "latch_id": heard.latch_id,
            "after_us": heard.after_us,
            "sent_us": heard.sent_us,
        }
        self._commit((desk.entry("stop.heard", desk.event_key("stop.heard"), payload),))
        desk.tell(NoticeKind.INFO, f"STOP sent -> gun stopped, {(heard.after_us + 999) // 1_000} ms")

    def _link_down(self, reason: str) -> None:
        """Everything that was permitted and not proven over becomes unknown; nothing is assumed (I-20, I-21)."""
        desk = self._desk
        if self._link is LinkState.DOWN:
            return
        book = desk.book
        self._end_flow()
        if book is not None:
            entries = [desk.entry("link.down", desk.event_key("link.down"), {"cause": reason})]
            entries += [self._unknown(book, grant) for grant in book.open_grants() if not grant.unknown]
            self._commit(tuple(entries))
            desk.tell(NoticeKind.INFO, f"link lost: {reason}; the gun's lease disarms it")
        self._forget_gun()

    def _unknown(self, book: GunBook, grant: GrantAccount) -> Entry:
        grant.move(GrantEvent.LINK_LOST)
        held: dict[str, Json] = {"held_shots": grant.held_shots, "held_nl": grant.held_nl}
        self._desk.tell(
            NoticeKind.UNKNOWN,
            f"unknown: up to {grant.held_shots} injections, {format_quantity(grant.held_nl, HELD_VOLUME)} "
            f"of grant {grant.grant_no}, "
            "until the gun's log is read",
        )
        # The same grant may become unknown, live and unknown again: the key carries the boot and the moment.
        key_state = f"unknown/{self._desk.now.utc_us}"
        entry = grant_entry(key_state, grant.grant_no, book.stamp, grant.context, held)
        return Entry(
            kind="grant.unknown",
            key=entry.key,
            payload=entry.payload,
            op=entry.op,
            role=entry.role,
            session=entry.session,
            alias=entry.alias,
            gun=entry.gun,
            protocol_digest=entry.protocol_digest,
        )

    def _forget_gun(self) -> None:
        desk = self._desk
        self._end_flow()
        self._link = LinkState.DOWN
        self._drain = None
        self._next_beat_us = None
        self._asked.clear()
        if desk.book is not None:
            desk.unsettled = tuple(desk.book.open_grants())
        desk.book = None
        desk.limits = None
        desk.calibration = None
        desk.status = None
        desk.owner_token = 0
        desk.uptime_ms = 0
        desk.log_halted = False
        # What was found by looking at one connection is found again at the next, if it is still so.
        desk.findings = {code: finding for code, finding in desk.findings.items() if code in LASTING}
        if desk.session is not None:
            desk.session.confirmed = False
        if desk.phase not in (Phase.NO_SESSION, Phase.CLOSED) and not desk.write_failed:
            desk.phase = Phase.UNCONFIRMED if desk.session is not None else Phase.NO_SESSION

    def _drop(self, reason: str, *, rest: bool = False) -> None:
        """Give up this connection; the shell closes the port, which comes back as `LinkDown`."""
        if not self._dropping:
            self._dropping = True
            self._end_flow()
            self._effects.append(DropLink(reason, rest))

    # --- the store --------------------------------------------------------------------------

    def _store_answered(self, event: CommitResult | LedgerLoaded | ClinicLoaded) -> None:
        match event:
            case Committed() | CapExceeded():
                if (committed := self._committing.pop(event.no, None)) is not None:
                    committed(event)
            case CommitFailed():
                if event.no == 0 and self._loading:
                    self._loading.popleft()
                self._commit_failed(event.reason)
            case LedgerLoaded():
                self._loading.popleft()(event.ledger)
            case ClinicLoaded():
                self._loading.popleft()(event.facts)

    def _commit(
        self,
        entries: tuple[Entry, ...],
        done: Callable[[Committed | CapExceeded], None] | None = None,
        record: Record | None = None,
    ) -> None:
        if self._desk.write_failed:
            return
        no = next(self._batches)
        if done is not None:
            self._committing[no] = done
        grant = record.grant if record is not None else None
        self._effects.append(Commit(Batch(no=no, entries=entries, grant=grant)))

    def _commit_failed(self, reason: str) -> None:
        """Nothing can be recorded any more: stop acknowledging, let no credit live on, say so (I-48)."""
        desk = self._desk
        if desk.write_failed:
            return
        desk.write_failed = reason
        desk.tell(
            NoticeKind.ALARM, f"recording has stopped: {reason}; nothing more is granted, restart after mending it"
        )
        self._committing.clear()
        self._end_flow()
        desk.phase = Phase.LOCKED
        # Without heartbeats the lease ends the credit even if the STOP were lost.
        self._next_beat_us = None
        if desk.owner_token:
            self._effects.append(PressStop())
            self._stop_unheard = True

    # --- flows ------------------------------------------------------------------------------

    def _start(self, name: str, flow: Flow) -> None:
        self._end_flow()
        self._flow, self._flow_name = flow, name
        self._advance(None)

    def _end_flow(self) -> None:
        if self._flow is not None:
            self._flow.close()
        self._flow, self._flow_name, self._waiting = None, "", None

    def _advance(self, answer: Answer) -> None:
        """Run the flow to its next need."""
        flow = self._flow
        if flow is None:
            return
        self._waiting = None
        try:
            need = flow.send(answer) if answer is not None else next(flow)
        except StopIteration:
            self._finished()
            return
        except LinkTrouble as trouble:
            self._drop(str(trouble))
            return
        except (FlowEnded, GunProtocolError) as ended:
            self._desk.tell(NoticeKind.REFUSED, str(ended))
            if self._flow_name == "connect":
                self._drop(str(ended))
            else:
                self._finished()
            return
        self._need(flow, need)

    def _need(self, flow: Flow, need: object) -> None:
        def answer(value: Answer) -> None:
            if self._flow is flow:
                self._advance(value)

        match need:
            case Send():
                self._ask(need.request, answer)
            case Record():

                def recorded(result: Committed | CapExceeded) -> None:
                    if need.told is not None:
                        need.told(result)
                    answer(result)

                self._commit(need.entries, recorded, need)
            case Load():
                self._loading.append(answer)
                self._effects.append(LoadLedger(need.gun_uid, need.simulated))
            case LoadFacts():
                self._loading.append(answer)
                self._effects.append(LoadClinic(need.session, need.alias, need.gun_uid, need.digest))
            case Until():
                self._waiting = need
            case Measure():
                no = next(self._readings)
                self._reading = (no, answer)
                self._effects.append(TakeReading(no, need.unit, need.prompt))

    def _measured(self, taken: ReadingTaken) -> None:
        """Go on with a reading, unless who asked for it is gone."""
        if self._reading is not None and self._reading[0] == taken.no:
            answer, self._reading = self._reading[1], None
            answer(taken.outcome)

    def _finished(self) -> None:
        name = self._flow_name
        self._flow, self._flow_name, self._waiting = None, "", None
        if name == "connect":
            self._link = LinkState.UP
            tell_connected(self._desk)
        elif name == "leave":
            self._drop("the operator disconnected it", rest=True)
        self._desk.phase = ready_phase(self._desk)

    def _pump(self) -> None:
        """Let everything go on that can: the drain, the flow's condition, the heartbeat."""
        desk = self._desk
        if desk.stop_again:
            desk.stop_again = False
            self._stop_unheard = True
            self._effects.insert(0, PressStop())
        if self._later is not None and self._link is not LinkState.CONNECTING:
            later, self._later = self._later, None
            self._command(later)
        if self._flow_name == "connect" and desk.book is not None:
            boot = (desk.book.hello.gun_uid, desk.book.hello.boot_id)
            self._boots += boot != self._boot
            self._boot = boot
            self._link = LinkState.RECONCILING
        if desk.book is not None and not self._dropping and FindingCode.GUN_CHANGED not in desk.findings:
            if self._drain is None:
                self._drain = Drain(desk, self._ask, self._commit_page, self._drop)
            self._drain.pump()
        if (
            desk.findings
            and self._flow_name in {"arm", "bench"}
            and desk.book is not None
            and desk.book.provable_grants()
        ):
            # What was found while armed ends the credit at once, and no grant follows (I-22).
            self._start("disarm", disarm(desk, f"found: {', '.join(desk.findings)}"))
        while self._waiting is not None and self._waiting.condition():
            self._advance(None)
            if self._drain is not None and desk.book is not None:
                self._drain.pump()
        self._renew()
        self._beat()

    def _renew(self) -> None:
        """Open a new wire session before request numbers run out, while the gun is at rest."""
        phase = self._desk.phase
        most = REQUESTS_MAX_BETWEEN if phase in _BETWEEN else REQUESTS_MAX
        if self._requests >= most and phase in _AT_REST and self._link is LinkState.UP and self._flow is None:
            self._drop(f"{self._requests} requests made: a new wire session begins")

    def _commit_page(self, entries: tuple[Entry, ...], done: Callable[[Committed], None]) -> None:
        def durable(result: Committed | CapExceeded) -> None:
            if isinstance(result, Committed):
                done(result)

        self._commit(entries, durable)

    def _ask(self, request: Request, answered: Callable[[Answered], None]) -> None:
        tag = next(self._tags)
        self._requests += 1
        self._asked[tag] = answered
        self._effects.append(Ask(tag, request))

    def _beat(self) -> None:
        """Renew the lease while this host owns the gun, hears it, and can record (I-52)."""
        desk = self._desk
        if not desk.owner_token or desk.write_failed or self._dropping:
            self._next_beat_us = None
            return
        now_us = desk.now.mono_us
        if self._next_beat_us is None or now_us >= self._next_beat_us:
            self._next_beat_us = now_us + HEARTBEAT_US
            state = list(Phase).index(desk.phase)
            self._effects.append(Beat(Heartbeat(next(self._heartbeat_no), desk.uptime_ms, LEASE_MS, state, 1)))

    def _note_uptime(self, uptime_ms: int, heard_us: int) -> None:
        if uptime_ms:
            self._desk.uptime_ms, self._desk.uptime_heard_us = uptime_ms, heard_us

    def _fence(self) -> None:
        """Another host owns the gun: change nothing more there (I-30)."""
        desk = self._desk
        desk.owner_token = 0
        self._end_flow()
        text = "another host has taken the gun over: this one only watches; end the other, then resume"
        if (entry := desk.find(Finding(FindingCode.FENCED, text))) is not None:
            self._commit((entry,))
        desk.phase = ready_phase(desk)
