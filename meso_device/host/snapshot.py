"""What the screen is shown: the bodies of every message from the host to it.

Integers only, units last in their names; ``_us`` without more is a UTC time. null stands for "not known", never 0.
A string that has no value is empty. Frames are in `meso_device.screen_messages`.

**WELCOME**, once, in answer to HELLO::

    version         1
    simulated       the gun was started with the console and is a simulated one
    enrolled        somebody is enrolled here; false: the first administrator is created by ENROL
    treatments      [{name, title, version, status, points, volume_nl}] that OPEN takes
    reset_reasons   [{code, text}] that RESET_CONFIRM takes; code is a number
    write_off_reasons [{code, text}] that WRITE_OFF takes; code is a word
    two_people      [name of a rule that OVERRIDE takes two people for]
    skip_reasons    [{code, text}] that SKIP takes; code is a word
    again_reasons   [{code, text}] that CELL takes for a second pass; code is a word
    roles           [role] that ENROL takes
    reactions, severities, reporters
                    [word] that REACTION takes
    logins          [{login, at_us}] the last sign-ins, newest first
    guns            [{uid, records, contact_us}] the guns met last; contact_us 0 where it touched no patient

**SNAPSHOT**, at most ten a second, the newest wins; it is the whole state::

    v               1
    no              ascending
    mono_us         host's monotonic time of this state: everything relative counts from here
    utc_us          the same as a label
    simulated       the gun says so, or was started with the console; one that is away keeps its mark
    port            name of the port
    resting         the operator disconnected the gun: none is looked for until CONNECT
    link            down | connecting | reconciling | up
    phase           a value of `Phase`: no session | unconfirmed | ready | arming | armed | estopped | fault | locked |
                    closing | closed
    gun             null before HELLO; else {uid, serial, model, firmware, boot_id, level ("A", "B", "C"),
                    authenticated,
                    state (BOOT | SAFE | ARMED | MOVING | SERVICE | ESTOPPED | FAULT), trigger, contact, cartridge
                    (booleans), round_trip_us|null, battery_pct|null, temp_cdegc|null, needle_um|null, pressure_pa|null,
                    plunger_force_dn|null, trigger_count|null, log_free|null, bad_frames, retries, resets,
                    self_test {failed [name], by (empty: the gun's own, at its boot)}}
    calibration     null before it was read; else {id, certificate, issued_day, due_day (days since 1970-01-01),
                    syringes [{name, min_dose_nl, travel_um}], heads [{pins, gauge, needle_length_um}]}
    link_counts     {frames_in, frames_out, answered, given_up, resyncs, duplicates, unmatched} since the start
    round_trips_us  the last minute, one a second, oldest first; 0 while the link was not up
    operator        null; else {login, role}; role "practice" while nobody has signed in and none is needed
    enrolled        somebody is enrolled here
    session         null; else {id, alias, title, version, status, practice, state (open | closed), opened_us,
                    confirmed,
                    planned, given, dose_hi_nl}
    resume          null; else the session that an earlier run left open: {id, alias, title, practice, opened_us,
                    planned, given, copied}; copied are the records that its gun told of since, 0 before it was read
    area            {id, code, short} selected or armed; null if none
    areas           in the order of treatment: [{id, code, short, depth_um, dose_nl, read_back_depth_um|null,
                    read_back_dose_nl|null, points, passes, planned, given, unknown, interrupted, dose_lo_nl,
                    dose_hi_nl,
                    held_nl, cap_nl, skipped, file_depth_um, file_dose_nl, file_points,
                    cell|null, cells [{name, planned, done, again (a second pass)}]}]; planned is points times passes,
                    unknown the shots that may still have been made, cells are none where the area is in one
    left_out        [{id, code, short}] areas of the file that are not in the plan
    credit          {shots, nl, lease_left_ms|null} as the gun last said
    held            {shots, nl} that open grants may still cost
    written_off     {shots, nl} of this session that nobody waits for any more, in this run: they may have been made
    unknown         null; else {shots, nl, area, since_us}: what is not proven, and where
    caps            [{name, given_nl, held_nl, limit_nl}], the session's first, then the area's if one is selected
    limits          null without a plan; else what its file and this build allow: {per_point_nl, per_cm2_nl, per_day_nl,
                    per_interval_nl, per_lot_nl}; area and session are among the caps
    log             {state (SYNCED | BEHIND n | UNKNOWN | a finding's name), head_seq, committed_seq, write_failed}
    alarms          at most 50, highest first and newest first within: [{no, mark (*** | ** | *), code, name, text,
                    area,
                    at_us, state (active | cleared), by (login or empty), acknowledged_us|null, count}]
    silenced_s      seconds that the bell still is silent; 0 otherwise
    tail            newest 6 shots, newest first: [{shot_seq, at_us, area (short), depth_um, planned_depth_um,
                    dose_lo_nl,
                    dose_hi_nl, phase (DONE | ABORTED | INTERRUPTED), reason}]; only what is durable
    findings        [{code, text}] that forbid a grant
    blocked         [code] of rules that stood against the newest arming
    stop            {latched, unheard, pressed_ms_ago|null, answered_ms|null, by}; null and empty while none was pressed
    disarm_in_s     seconds until the idle arming ends; null while not armed
    notice          null; else the newest line for the operator {no, kind (info | refused | unknown | alarm), text,
                    at_us}
    notices         the newest 20 of these, oldest first
    verify          null before the first verification; else {state (running | held | broken), done, of, text, at_us}
    tree_head       null before a session was closed in this run; else the newest signed one of the log then: {size,
                    root (hex)}
    bench           null; else the run at the bench, see `meso_device.host.snapshot_bench`
    can             {command in lower case: "" where it may be asked for now, else why not, in one line}; of sign_in,
                    lock, enrol, open, resume, abandon, confirm, arm_open, disarm, reset_open, clear_fault, write_off,
                    connect (PORTS, CONNECT), disconnect, self_test, home,
                    acknowledge, finish, plan (PLAN_EDIT, SKIP, CELL), note, page, afterwards (AMEND, REACTION),
                    see_to, quit,
                    bench_open (the wizard at all),
                    bench (BENCH_PREPARE, _BEGIN, _RESUME), bench_read (BENCH_READ, _ADJUST), bench_pause, bench_record
                    (BENCH_EXCLUDE, _ABANDON), bench_sign. The host judges again.

**ANSWER**, id of the command, exactly one for each but ALIVE (a repeated id gets the first answer again)::

    outcome         done | refused | unknown
    code            word for programs where refused; else empty
    text            one line for people; may be empty where done
    and what the command says below

**PAGE** (to the screen), id of the command, or an ANSWER where it is refused: ``rows``, newest first [{seq, shot_seq,
at_us, area (id), area_code, depth_um, planned_depth_um, dose_lo_nl, dose_hi_nl, phase, reason, lot, session8, alias8,
simulated}], ``next`` (cursor of the page behind, null at the end; fewer rows than asked for are no end), ``head``
(newest record). **BYE**: ``reason``, one line, ``status``.

The commands are in `meso_device.host.screen_commands`.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from drivers.link_stats import LinkStats
from meso_device.accounting.entries import Entry, SessionRow
from meso_device.accounting.findings import FindingCode, still_open
from meso_device.host.alarm_board import AlarmRow
from meso_device.host.console_facts import ConsoleFacts, Line
from meso_device.host.snapshot_bench import BenchShown, bench_body
from meso_device.host.snapshot_gun import calibration_body, gun_body, link_counts
from meso_device.host.snapshot_plan import area_body, area_named, cap_bodies, file_limits, left_out
from meso_device.screen_messages import Body
from meso_device.session.contract import Instant, Phase, View
from meso_device.session.overrides import SOFT_CODES
from protocols.treatment.plan import TreatmentPlan

VERSION = 1


class Treatment(Struct, frozen=True, kw_only=True):
    """The session under way, as far as the engine does not tell."""

    session: str
    alias: str
    practice: bool
    opened_us: int
    plan: TreatmentPlan

    def following(self, view: View) -> "Treatment":
        """Return the same with the plan in force, which may be edited."""
        if view.plan is None or view.plan is self.plan or view.session != self.session:
            return self
        return replace(self, plan=view.plan)


class Shown(Struct, frozen=True, kw_only=True):
    """Everything that a snapshot is made of.

    Attributes:
        view: The engine's.
        facts: What was heard beside it.
        stats: The link's counts.
        simulated: The gun was started with the console, or the last one met is a simulated one.
        operator: Login and role; None while nobody is signed in.
        enrolled: Somebody is enrolled here.
        treatment: The session under way; None if none.
        left_open: Session of an earlier run that nobody has taken up.
        copied: Records that the gun told of since the start.
        silenced_s: How long the bell still is silent.
        disarm_in_s: Until the idle arming ends; None while not armed.
        round_trips_us: Of the last minute, oldest first.
        can: For each command why not, or an empty string.
        clinic: The patient's session as it is prepared or under way; None if none.
        to_sign: Session of a patient that is closed and not signed for; empty if none.
        verify: How the newest verification went; None before the first.
        tree_head: Of the log when a session was closed; None before.
        approved: Digests of the treatments that a clinician here approved, whatever they call themselves.
        bench: The run at the bench; None where there is no bench.
    """

    no: int
    now: Instant
    view: View
    facts: ConsoleFacts
    stats: LinkStats
    simulated: bool
    operator: tuple[str, str] | None
    enrolled: bool
    treatment: Treatment | None
    left_open: SessionRow | None
    copied: int
    silenced_s: int
    disarm_in_s: int | None
    round_trips_us: Sequence[int]
    can: Mapping[str, str]
    clinic: Body | None = None
    to_sign: str = ""
    verify: Body | None = None
    tree_head: Body | None = None
    approved: Collection[str] = ()
    bench: BenchShown | None = None


def snapshot(shown: Shown) -> Body:
    """Return the body of a SNAPSHOT."""
    view, facts, plan = shown.view, shown.facts, shown.treatment.plan if shown.treatment is not None else None
    lines = [_line(line) for line in facts.lines]
    return {
        "v": VERSION,
        "no": shown.no,
        "mono_us": shown.now.mono_us,
        "utc_us": shown.now.utc_us,
        "simulated": view.simulated or shown.simulated,
        "port": facts.port,
        "resting": facts.is_resting,
        "link": view.link.value,
        "phase": view.phase.value,
        "gun": gun_body(facts, shown.stats, view.resets),
        "calibration": calibration_body(facts.calibration),
        "link_counts": link_counts(shown.stats),
        "round_trips_us": list(shown.round_trips_us),
        "operator": None if shown.operator is None else {"login": shown.operator[0], "role": shown.operator[1]},
        "enrolled": shown.enrolled,
        "session": _session(shown),
        "resume": _left_open(shown),
        "area": area_named(plan, view),
        "areas": [] if plan is None else [area_body(area, facts, view) for area in plan.areas],
        "left_out": left_out(view),
        "credit": _credit(shown),
        "held": {"shots": view.held_shots, "nl": view.held_nl},
        "written_off": _written_off(shown),
        "unknown": _unknown(plan, shown),
        "caps": [] if plan is None else cap_bodies(plan, view),
        "limits": None if plan is None else file_limits(plan),
        "log": {
            "state": view.log_state,
            "head_seq": view.head_seq,
            "committed_seq": view.committed_seq,
            "write_failed": view.write_failed,
        },
        "alarms": [_alarm(row) for row in facts.alarms.rows()],
        "silenced_s": shown.silenced_s,
        "tail": [_shot(entry, plan) for entry in facts.tail],
        "findings": [{"code": code, "text": _finding_text(code, facts)} for code in view.findings],
        "blocked": list(view.blocked),
        "overridable": [code for code in view.blocked if code.partition(".")[0] in SOFT_CODES],
        "clinic": shown.clinic,
        "closing": None if facts.closing is None else dict(facts.closing.payload),
        "to_sign": shown.to_sign,
        "stop": _stop(shown),
        "disarm_in_s": shown.disarm_in_s,
        "notice": lines[-1] if lines else None,
        "notices": lines,
        "can": dict(shown.can),
        "verify": shown.verify,
        "tree_head": shown.tree_head,
        "bench": bench_body(shown.bench, view),
    }


def _finding_text(code: str, facts: ConsoleFacts) -> str:
    """Return what was said of a finding, or what is known of one that an earlier run found."""
    return facts.finding_texts.get(code) or still_open(FindingCode(code)).line


def _written_off(shown: Shown) -> Body:
    session = shown.treatment.session if shown.treatment is not None else ""
    off = [entry.payload for entry in shown.facts.written_off if session and entry.session == session]
    shots, nl = (sum(most for one in off if isinstance(most := one[name], int)) for name in ("shots_hi", "dose_hi_nl"))
    return {"shots": shots, "nl": nl}


def _session(shown: Shown) -> Body | None:
    treatment, view = shown.treatment, shown.view
    if treatment is None:
        return None
    plan = treatment.plan
    return {
        "id": treatment.session,
        "alias": treatment.alias,
        "title": plan.title,
        "version": plan.version,
        "status": "approved" if plan.digest in shown.approved else plan.status,
        "practice": treatment.practice,
        "state": "closed" if view.phase is Phase.CLOSED else "open",
        "opened_us": treatment.opened_us,
        "confirmed": view.phase in {Phase.READY, Phase.ARMING, Phase.ARMED, Phase.CLOSING},
        "planned": view.shots_planned,
        "given": view.shots_given,
        "dose_hi_nl": view.dose_hi_nl,
    }


def _left_open(shown: Shown) -> Body | None:
    row = shown.left_open
    if row is None:
        return None
    planned = row.opened.get("points_planned", 0)
    return {
        "id": row.session,
        "alias": row.alias,
        "title": str(row.opened.get("title", "")),
        "practice": row.practice,
        "opened_us": row.opened_at_us,
        "planned": planned if isinstance(planned, int) else 0,
        "given": sum(area.shots for area in row.given),
        "copied": shown.copied,
    }


def _credit(shown: Shown) -> Body:
    status = shown.facts.status
    return {
        "shots": shown.view.credit_shots,
        "nl": 0 if status is None else status.remaining_nl,
        "lease_left_ms": None if status is None or not status.active_grant_no else status.lease_left_ms,
    }


def _unknown(plan: TreatmentPlan | None, shown: Shown) -> Body | None:
    view, since_us = shown.view, shown.facts.unknown_us
    if since_us is None:
        return None
    area = area_named(plan, view)
    shots, volume_nl = shown.facts.unknown(view)
    return {
        "shots": shots,
        "nl": volume_nl,
        "area": "" if area is None else area["short"],
        "since_us": since_us,
    }


def _alarm(row: AlarmRow) -> Body:
    return {
        "no": row.no,
        "mark": row.priority.mark,
        "code": row.code,
        "name": row.name,
        "text": row.text,
        "area": row.area,
        "at_us": row.at_us,
        "state": "active" if row.active else "cleared",
        "by": row.by,
        "acknowledged_us": row.acknowledged_us,
        "count": row.count,
    }


def _shot(entry: Entry, plan: TreatmentPlan | None) -> Body:
    body = entry.payload
    areas = plan.areas if plan is not None else ()
    short = next((area.short for area in areas if area.area_code == body["area_code"]), str(body["area"]))
    return {
        "shot_seq": body["shot_seq"],
        "at_us": body["at_us"],
        "area": short,
        "depth_um": body["measured_depth_um"],
        "planned_depth_um": body["planned_depth_um"],
        "dose_lo_nl": body["dose_lo_nl"],
        "dose_hi_nl": body["dose_hi_nl"],
        "phase": body["phase"],
        "reason": body["reason"],
    }


def _stop(shown: Shown) -> Body:
    facts, view = shown.facts, shown.view
    pressed, answered = facts.stop_us, facts.stop_answered_us
    return {
        "latched": view.estop_latch_id != 0,
        "unheard": view.stop_unheard,
        "pressed_ms_ago": None if pressed is None else max(0, shown.now.mono_us - pressed) // 1_000,
        "answered_ms": None if answered is None else (answered + 999) // 1_000,
        "by": facts.stop_by,
    }


def _line(line: Line) -> Body:
    return {"no": line.no, "kind": line.notice.kind.value, "text": line.notice.text, "at_us": line.at_us}
