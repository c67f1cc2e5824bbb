"""What the engine and its flows share: the gun's book, the session under way, and what forbids a grant."""

from dataclasses import dataclass, field

from meso_device.accounting.book import GunBook
from meso_device.accounting.coverage import Cells
from meso_device.accounting.entries import AreaGiven, Entry, GunStamp, Json
from meso_device.accounting.findings import LASTING, Finding, FindingCode
from meso_device.accounting.grants import GrantAccount
from meso_device.accounting.shots import ShotContext, ShotRecord
from meso_device.session.bench_desk import Bench
from meso_device.session.calibration import GunCalibration
from meso_device.session.contract import BETWEEN_SESSIONS, Instant, Notice, NoticeKind, Phase
from protocols.treatment.advisory import Sex
from protocols.treatment.plan import AreaPlan, TreatmentPlan
from protocols.wire.codes import Phase as ShotPhase
from protocols.wire.messages import LimitsGetReply, Status


@dataclass(slots=True)
class SessionState:
    """The session under way.

    Attributes:
        plan: The plan in force.
        file: The plan as its file has it, and as the session was opened with it.
        given: What was given, by area code.
        skipped: Points skipped, by area code.
        cells: Cells of the areas that are split, by area code.
        changed: Parts fitted since it was left, recorded when the operator confirms.
    """

    plan: TreatmentPlan
    session: str
    alias: str
    op: str
    role: str
    practice: bool
    opened_at_us: int
    given: dict[int, AreaGiven] = field(default_factory=dict)
    confirmed: bool = False
    closed: bool = False
    sex: Sex | None = None
    changed: tuple[Entry, ...] = ()
    skipped: dict[int, int] = field(default_factory=dict)
    cells: dict[int, Cells] = field(default_factory=dict)
    file: TreatmentPlan = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the plan as it was opened."""
        self.file = self.plan

    def context(self, area: AreaPlan | None = None, lot: str = "") -> ShotContext:
        """Return what records of this session carry; the lot is that of the syringe in the gun."""
        return ShotContext(
            session=self.session,
            alias=self.alias,
            op=self.op,
            role=self.role,
            protocol_digest=self.plan.digest,
            area_id=area.area if area else "",
            product=self.plan.product_name,
            lot=lot,
        )

    def area(self, area_id: str) -> AreaPlan | None:
        """Return the plan of an area."""
        return next((area for area in self.plan.areas if area.area == area_id), None)

    def shots_given(self, area: AreaPlan) -> int:
        """Shots of an area in this session; attempts and interrupted shots count."""
        given = self.given.get(area.area_code)
        return given.shots if given else 0

    def places(self, area: AreaPlan) -> int:
        """Return the planned points of an area that are behind: given or skipped."""
        return self.shots_given(area) + self.skipped.get(area.area_code, 0)

    def count(self, record: ShotRecord) -> None:
        """Count a committed shot of this session."""
        slot = record.slot
        was = self.given.get(slot.area_code)
        self.given[slot.area_code] = AreaGiven(
            area_code=slot.area_code,
            shots=(was.shots if was else 0) + 1,
            dose_lo_nl=(was.dose_lo_nl if was else 0) + slot.dose_lo_nl,
            dose_hi_nl=(was.dose_hi_nl if was else 0) + slot.dose_hi_nl,
            interrupted=(was.interrupted if was else 0) + (slot.phase == ShotPhase.INTERRUPTED),
        )


class Desk:
    """Shared state of the engine and its flows.

    Attributes:
        host_id: Random id of this host.
        now: Instant of the step under way.
        notices: Lines for the operator, taken by the engine after each step.
        book: The gun's book; None before HELLO and after the loss of the link.
        unsettled: Grants that were open when the link was lost; they are until the gun's log is read again.
        limits: Hard limits of the gun.
        calibration: Its active calibration, as read back.
        status: Newest status heard.
        uptime_ms: Newest uptime heard from the gun, and when it was heard.
        owner_token: Token of this host's ownership; 0 when it does not own the gun.
        session: The session under way.
        area: Area selected.
        phase: What the session allows next.
        findings: What forbids a grant, by code.
        blocked: Codes of the rules and caps that stood against the newest arming; empty once it was granted.
        ended_grant: Newest GRANT_ENDED heard: number and cause.
        homed: The needle was drawn home since the newest reset of a stop.
        moved_seq: Record of the service movement that ended last.
        self_tested: Items that the newest self-test ran and those that did not pass; 0 items while it runs.
        stop_no: Number of the newest STOP pressed on this host: its UTC time, so that none comes twice.
        stop_again: A STOP of an earlier run was never answered: send it again (I-46).
        log_halted: The gun's log cannot be read further; a finding says why.
        change_recorded: The log holds the change of syringe that the gun tells of, or it was before the session.
        written_off: What was unknown has been written off in this run.
        write_failed: Why nothing more can be recorded; empty while the store is healthy.
        bench: The calibration run under way, or the last one.
    """

    def __init__(self, host_id: bytes) -> None:
        self.host_id = host_id
        self.now = Instant(0, 0)
        self.notices: list[Notice] = []
        self.book: GunBook | None = None
        self.unsettled: tuple[GrantAccount, ...] = ()
        self.bound_uid = ""
        self.limits: LimitsGetReply | None = None
        self.calibration: GunCalibration | None = None
        self.status: Status | None = None
        self.uptime_ms = 0
        self.uptime_heard_us = 0
        self.owner_token = 0
        self.session: SessionState | None = None
        self.area: AreaPlan | None = None
        self.phase = Phase.NO_SESSION
        self.findings: dict[FindingCode, Finding] = {}
        self.blocked: tuple[str, ...] = ()
        self.ended_grant = (0, 0)
        self.latch_id = 0
        self.homed = False
        self.moved_seq = 0
        self.self_tested = (0, 0)
        self.stop_no = 0
        self.stop_again = False
        self.log_halted = False
        self.change_recorded = False
        self.written_off = False
        self.write_failed = ""
        self.bench: Bench | None = None

    def gun(self) -> GunBook:
        """Return the gun's book; flows that run only with a link use this."""
        if self.book is None:
            raise TypeError("no gun is connected")
        return self.book

    def treatment(self) -> SessionState:
        """Return the session; flows that run only within one use this."""
        if self.session is None:
            raise TypeError("no session is open")
        return self.session

    def forget_gun(self) -> None:
        """Let go of everything that is known of a gun by being connected to it."""
        if self.book is not None:
            self.unsettled = tuple(self.book.open_grants())
        self.book = None
        self.limits = None
        self.calibration = None
        self.status = None
        self.owner_token = 0
        self.uptime_ms = 0
        self.log_halted = False
        # What was found by looking at one connection is found again at the next, if it is still so.
        self.findings = {code: finding for code, finding in self.findings.items() if code in LASTING}
        if self.session is not None:
            self.session.confirmed = False
        if self.phase not in BETWEEN_SESSIONS and not self.write_failed:
            self.phase = Phase.UNCONFIRMED if self.session is not None else Phase.NO_SESSION

    def tell(self, kind: NoticeKind, text: str) -> None:
        """Give the operator a line."""
        self.notices.append(Notice(kind, text))

    def gun_uptime_ms(self) -> int:
        """Return the gun's uptime by now, as far as its newest frame tells."""
        return self.uptime_ms + (self.now.mono_us - self.uptime_heard_us) // 1_000

    def entry(self, kind: str, key: str, payload: dict[str, Json]) -> Entry:
        """Return an entry of the session and gun in force."""
        context = self.session.context(self.area) if self.session is not None else ShotContext()
        gun: GunStamp | None = self.book.stamp if self.book is not None else None
        return Entry(
            kind=kind,
            key=key,
            payload=payload,
            op=context.op,
            role=context.role,
            session=context.session,
            alias=context.alias,
            gun=gun,
            protocol_digest=context.protocol_digest,
        )

    def event_key(self, kind: str) -> str:
        """Return a key for something that happened once, now, on this host."""
        where = self.session.session if self.session is not None else self.host_id.hex()
        return f"{kind}/{where}/{self.now.utc_us}/{self.now.mono_us}"

    def find(self, finding: Finding) -> Entry | None:
        """Note a finding; returns its entry unless one of that code is open already."""
        if finding.code in self.findings:
            return None
        self.findings[finding.code] = finding
        self.tell(NoticeKind.ALARM, finding.line)
        kind = f"finding.{finding.code.value}" if finding.code in LASTING else "interlock"
        payload: dict[str, Json] = {"code": finding.code.value, "detail": finding.line}
        return self.entry(kind, self.event_key(f"{kind}/{finding.code.value}"), payload)
