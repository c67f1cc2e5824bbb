"""What the console shows beside the engine's view: the gun's newest words, newest shots, alarms, lines for people.

Gathered by listening to what goes into the engine and what comes out. Nothing here decides about the gun.
"""

import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from drivers.link_events import Answered, Heard, LinkDown, StopHeard
from drivers.outcome import Done
from meso_device.accounting.book import stamp_of_hello
from meso_device.accounting.coverage import cell_name
from meso_device.accounting.entries import CommitFailed, Committed, Entry, GunStamp
from meso_device.host.alarm_board import AlarmBoard, HostAlarm, gun_code, gun_name, gun_priority
from meso_device.session.calibration import PAGES, GunCalibration, parse_calibration
from meso_device.session.contract import (
    Commit,
    DropLink,
    Effect,
    EngineEvent,
    Instant,
    LinkState,
    Notice,
    Phase,
    PortOpened,
    Stop,
    View,
)
from protocols.errors import GunProtocolError
from protocols.wire.messages import CalReadReply, HelloReply, LimitsGetReply, Settings, SettingsGetReply, Status

TAIL_SHOTS: Final = 6
NOTICES_MAX: Final = 20
TEXT_MAX: Final = 400
"""Longest line for people; longer ones are cut for the screen, the technical log has them whole."""
CAP_NEAR_PERCENT: Final = 80
STOP_ANSWER_US: Final = 250_000
_LIVE: Final = frozenset({Phase.ARMED, Phase.ARMING})
_KEPT: Final = frozenset({"shot", "write_off", "session.closed", "gun.self_test", "gun.homed"})


class Line(Struct, frozen=True):
    """One line for the operator."""

    no: int
    notice: Notice
    at_us: int


class ReadBack(Struct, frozen=True):
    """What the gun read back for an area."""

    depth_um: int
    dose_nl: int


class ConsoleFacts:
    """Listens to a run.

    Attributes:
        hello: What the gun said of itself; None before, and while the link is lost.
        status: Its newest status; the same.
        limits: Its hard limits; the same.
        calibration: Its active calibration, once all of it was read; the same.
        port: Port that it answered on.
        read_back: Newest settings read back from it, by area code.
        tail: Newest committed shots, newest first.
        lines: Newest lines for people, oldest first.
        alarms: The alarms.
        stop_us: Monotonic time of the newest STOP; None before the first.
        stop_by: Who or what pressed it.
        stop_answered_us: From the key to the gun's answer; None while it has not answered.
        unknown_us: UTC since when something is not proven; None while all is.
        written_off: Records of the grants written off in this run.
        unsigned: Records of that which are durable and not signed yet.
        closing: Totals of the session that was closed last in this run; None before.
        self_tests: Self-tests recorded in this run.
        self_test: The newest of them; None before the first, and while the link is lost.
        homings: Times that the needle was drawn home in this run.
        is_resting: The operator disconnected the gun: none is looked for.
        left_unknown: Shots and volume that an earlier run left unknown, until its gun is there.
        finding_texts: What was said of each open finding, by code.
    """

    def __init__(self) -> None:
        self.hello: HelloReply | None = None
        self.status: Status | None = None
        self.limits: LimitsGetReply | None = None
        self.calibration: GunCalibration | None = None
        self.read_back: dict[int, ReadBack] = {}
        self.tail: deque[Entry] = deque(maxlen=TAIL_SHOTS)
        self.lines: deque[Line] = deque(maxlen=NOTICES_MAX)
        self.alarms = AlarmBoard()
        self.port = ""
        self.stop_us: int | None = None
        self.stop_by = ""
        self.stop_answered_us: int | None = None
        self.unknown_us: int | None = None
        self.finding_texts: dict[str, str] = {}
        self.written_off: list[Entry] = []
        self.unsigned: list[Entry] = []
        self.closing: Entry | None = None
        self.self_tests = self.homings = 0
        self.self_test: Entry | None = None
        self.is_resting = False
        self.left_unknown = (0, 0)
        self._cal_pages: dict[int, bytes] = {}
        self._committing: dict[int, list[Entry]] = {}
        self._bits = 0
        self._now = Instant(0, 0)
        self._lines = 0
        self._was: View | None = None

    def stepped(self, event: EngineEvent, effects: Sequence[Effect], now: Instant) -> None:
        """Take one event of the engine and what followed from it."""
        self._now = now
        match event:
            case Answered(outcome=Done(body=HelloReply() as hello)):
                self.hello = hello
            case Answered(outcome=Done(body=LimitsGetReply() as limits)):
                self.limits = limits
            case Answered(outcome=Done(body=CalReadReply() as read)):
                self._calibrated(read)
            case Answered(outcome=Done(body=Status() as status)) | Heard(event=Status() as status):
                self._status(status)
            case Answered(outcome=Done(body=SettingsGetReply() as read)):
                back = Settings.unpack(read.block)
                self.read_back[back.area_code] = ReadBack(back.depth_um, back.dose_nl)
            case StopHeard():
                self.stop_answered_us = event.after_us
            case LinkDown():
                self.hello = self.status = self.limits = self.calibration = self.self_test = None
                self._cal_pages.clear()
                self.read_back.clear()
            case PortOpened():
                self.port, self.is_resting = event.port, False
            case Stop():
                self.stop_us, self.stop_by, self.stop_answered_us = now.mono_us, event.source, None
            case Committed():
                self._durable(self._committing.pop(event.no, []))
            case CommitFailed():
                self._committing.clear()
            case _:
                pass
        self._note_batches(effects)

    def _calibrated(self, read: CalReadReply) -> None:
        """Keep a page of the calibration; whether it may be treated with is for the engine to say."""
        self._cal_pages[read.page] = read.block
        if len(self._cal_pages) == PAGES:
            block = b"".join(self._cal_pages[page] for page in sorted(self._cal_pages))
            with contextlib.suppress(GunProtocolError):
                self.calibration = parse_calibration(block)

    def _durable(self, entries: Sequence[Entry]) -> None:
        written_off = [entry for entry in entries if entry.kind == "write_off"]
        self.tail.extendleft(entry for entry in entries if entry.kind == "shot")
        self.written_off += written_off
        self.unsigned += written_off
        self.homings += sum(entry.kind == "gun.homed" for entry in entries)
        for entry in entries:
            if entry.kind == "gun.self_test":
                self.self_test, self.self_tests = entry, self.self_tests + 1
        self.closing = next((entry for entry in entries if entry.kind == "session.closed"), self.closing)
        if written_off:
            self.left_unknown = (0, 0)

    def _note_batches(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, DropLink):
                self.is_resting = effect.rest
            elif isinstance(effect, Commit):
                for entry in effect.batch.entries:
                    if entry.kind.startswith("finding.") or entry.kind == "interlock":
                        self.finding_texts[str(entry.payload.get("code", ""))] = str(entry.payload.get("detail", ""))
                kept = [entry for entry in effect.batch.entries if entry.kind in _KEPT]
                if kept:
                    self._committing[effect.batch.no] = kept

    def unknown(self, view: View) -> tuple[int, int]:
        """Return the shots and the volume that are not proven."""
        if self.unknown_us is None and not self.left_unknown[0]:
            return 0, 0
        return max((view.held_shots, view.held_nl), self.left_unknown)

    def notice(self, notice: Notice) -> None:
        """Take a line for people."""
        self._lines += 1
        short = Notice(notice.kind, notice.text[:TEXT_MAX])
        self.lines.append(Line(self._lines, short, self._now.utc_us))

    def seen(self, view: View, now: Instant) -> None:
        """Take the state after a turn: raise and clear what follows from it."""
        self._now = now
        was, self._was = self._was, view
        if view is was and self.stop_us is None:
            return
        late = view.stop_unheard and self.stop_us is not None and now.mono_us - self.stop_us > STOP_ANSWER_US
        self._host(HostAlarm.STOP_UNANSWERED, late, "NO ANSWER TO STOP: release the trigger, cut the gun's power")
        if view is was:
            return
        if view.stop_unheard and (was is None or not was.stop_unheard) and self.stop_us is None:
            self.stop_us, self.stop_by, self.stop_answered_us = now.mono_us, "host", None
        self._host(HostAlarm.RECORDING_STOPPED, bool(view.write_failed), f"recording has stopped: {view.write_failed}")
        if was is not None and was.phase in _LIVE and view.link is not LinkState.UP:
            self._host(HostAlarm.LINK_LOST_ARMED, True, "the link was lost while armed; the gun's lease disarms it")
        elif view.link is LinkState.UP:
            self.alarms.cleared(_host_code(HostAlarm.LINK_LOST_ARMED))
        if view.link is LinkState.UP:
            self.left_unknown = (0, 0)
        uncertain = bool(view.held_shots) and (view.log_state == "UNKNOWN" or view.link is not LinkState.UP)
        unknown = uncertain or bool(self.left_unknown[0])
        self.unknown_us = (self.unknown_us or now.utc_us) if unknown else None
        self._host(HostAlarm.OUTCOME_UNKNOWN, unknown, f"unknown: up to {self.unknown(view)[0]} injections not proven")
        again = _second_passes(view)
        self._host(HostAlarm.SECOND_PASS, bool(again), f"SECOND PASS {', '.join(again)}: counted, not measured")
        near = _caps_near(view)
        self._host(
            HostAlarm.CAP_NEAR,
            bool(near),
            f"CAP {CAP_NEAR_PERCENT} % USED: {', '.join(near)}; see the caps beside the plan",
        )
        self._host(HostAlarm.FINDING, bool(view.findings), f"open: {', '.join(view.findings)}")

    def stamp(self) -> GunStamp | None:
        """Return the gun as records name it; None while none is connected."""
        return None if self.hello is None else stamp_of_hello(self.hello)

    def _status(self, status: Status) -> None:
        self.status = status
        changed, self._bits = self._bits ^ status.alarms, status.alarms
        for bit in range(changed.bit_length()):
            if not changed >> bit & 1:
                continue
            code, name = gun_code(bit), gun_name(bit)
            if status.alarms >> bit & 1:
                text = "raised by the gun"
                self.alarms.raised(
                    code, name, text, gun_priority(bit), area="", at_us=self._now.utc_us, mono_us=self._now.mono_us
                )
            else:
                self.alarms.cleared(code)

    def alarm(self, alarm: HostAlarm, text: str) -> None:
        """Raise an alarm of the host's that is over at once: it stays until somebody has seen it."""
        self._host(alarm, True, text)
        self.alarms.cleared(_host_code(alarm))

    def standing(self, alarm: HostAlarm, text: str) -> None:
        """Raise an alarm of the host's whose cause is there for as long as there is a text."""
        self._host(alarm, bool(text), text)

    def _host(self, alarm: HostAlarm, there: bool, text: str) -> None:
        code = _host_code(alarm)
        if there and not self.alarms.is_active(code, text):
            self.alarms.raised(
                code,
                alarm.name.replace("_", " "),
                text,
                alarm.priority,
                area="",
                at_us=self._now.utc_us,
                mono_us=self._now.mono_us,
            )
        elif not there:
            self.alarms.cleared(code)


def _second_passes(view: View) -> list[str]:
    """Return the cells that the hand is at for a pass that was not planned."""
    areas = view.plan.areas if view.plan is not None else ()
    at = [(area.short, view.cells[area.area_code]) for area in areas if area.area_code in view.cells]
    return [f"{short}{cell_name(cells.current)}" for short, cells in at if cells.is_again(cells.current)]


def _caps_near(view: View) -> list[str]:
    """Return the caps of session and areas of which little is left; what is held counts as given."""
    plan = view.plan
    if plan is None:
        return []
    given_nl = {given.area_code: given.dose_hi_nl for given in view.given}
    used = [("session", view.dose_hi_nl + view.held_nl, plan.session_cap_nl)]
    for area in plan.areas:
        held_nl = view.held_nl if area.area == view.area_id else 0
        used.append((area.short, given_nl.get(area.area_code, 0) + held_nl, area.cap_nl))
    return [name for name, nl, cap_nl in used if 100 * nl >= CAP_NEAR_PERCENT * cap_nl]


_HOST_CODES: Final = {alarm: f"H{alarm:d}" for alarm in HostAlarm}


def _host_code(alarm: HostAlarm) -> str:
    return _HOST_CODES[alarm]
