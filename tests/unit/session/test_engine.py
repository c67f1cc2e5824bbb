"""The session engine against the real firmware model, link engine and store, on a virtual clock."""

from collections import Counter

import pytest
from msgspec.structs import replace

from drivers.link_events import Heard
from meso_device.audit import canonical
from meso_device.session.autopilot import REASON_OPERATOR_COMMAND
from meso_device.session.contract import (
    Arm,
    CloseSession,
    Disarm,
    LinkState,
    NoticeKind,
    Phase,
    PressStop,
    ResetStop,
    ResumeSession,
    Stop,
)
from meso_device.session.engine import REQUESTS_MAX, REQUESTS_MAX_BETWEEN
from protocols.treatment.library import load_library
from protocols.wire.codes import Code, State
from protocols.wire.frame import REPLY, STOP_FRAME, Deframer, encode_frame
from protocols.wire.messages import (
    EstoppedEvent,
    GrantGet,
    GrantRevoke,
    GrantSet,
    Heartbeat,
    Hello,
    HelloReply,
    LogRead,
    LogRelease,
    Takeover,
)
from protocols.wire.replies import unpack_reply
from tests.world.rig import Rig

PLAN = load_library("practice").plan()


def small_plan(points=4):
    """Two areas of a few points each: enough for a change of area."""
    areas = tuple(replace(area, points=points) for area in PLAN.areas[:2])
    return replace(PLAN, areas=areas)


def bodies(rig, kind=None):
    rows = rig.store._db.execute("SELECT body FROM record ORDER BY seq")
    return [body for (raw,) in rows for body in [canonical.parse(raw)] if kind is None or body["kind"] == kind]


def assert_log_is_truth(rig):
    truth = {t.label.shot_seq: t for t in rig.truth if t.label.shot_seq}
    log = Counter(body["shot_seq"] for body in bodies(rig, "shot"))
    assert log == Counter(truth.keys())
    for body in bodies(rig, "shot"):
        shot = truth[body["shot_seq"]]
        assert body["dose_lo_nl"] <= shot.dose_nl <= body["dose_hi_nl"]
        assert body["phase"] == shot.outcome
        assert body["simulated"] is True


def frames(rig, message):
    """Frames of one type that left for the gun, with their time."""
    found = []
    for at_us, raw in rig.sent_to_gun:
        if raw != STOP_FRAME:
            found += [(at_us, frame) for frame in Deframer().feed(raw) if frame.type == message.TYPE]
    return found


@pytest.fixture
def rig():
    made = Rig(small_plan())
    made.run_session()
    return made


def armed(rig, shots=1):
    assert rig.run(lambda: rig.view.shots_given >= shots and rig.view.phase is Phase.ARMED)


@pytest.mark.invariant("I-45")
def test_a_session_that_is_closed_is_not_opened_or_taken_up_again(rig):
    row = None
    while not rig.closed():
        rig.turn()
        row = rig.store.open_session() or row
    opening = rig.autopilot._opening
    rig.autopilot = None
    for again in (opening, ResumeSession(row=row, plan=rig.plan, op="practice", role="practice")):
        rig.host(again)
        assert rig.notices[-1].kind is NoticeKind.REFUSED
        assert "closed" in rig.notices[-1].text
        assert (rig.view.phase, rig.view.shots_given) == (Phase.CLOSED, rig.plan.shots)


@pytest.mark.invariant("I-05")
@pytest.mark.invariant("I-36")
@pytest.mark.invariant("I-51")
def test_a_whole_session_is_logged_once_shot_by_shot(rig):
    assert rig.run(rig.closed)
    assert_log_is_truth(rig)
    (closed,) = bodies(rig, "session.closed")
    assert (closed["points_planned"], closed["points_given"], closed["state"]) == (8, 8, "complete")
    assert closed["dose_lo_nl"] == sum(t.dose_nl for t in rig.truth if t.label.shot_seq)


@pytest.mark.invariant("I-10")
@pytest.mark.invariant("I-47")
def test_every_grant_frame_follows_its_committed_row_and_a_log_read_to_the_head(rig):
    prepared = {}
    commit = rig.store.commit

    def watched(batches, stamp):
        results = commit(batches, stamp)
        prepared.update({b.grant.grant_no: rig.now_us for b in batches if b.grant is not None})
        return results

    rig.store.commit = watched
    assert rig.run(rig.closed)
    grants = [(at_us, GrantSet.unpack(frame.payload)) for at_us, frame in frames(rig, GrantSet)]
    assert len(grants) >= 2
    for at_us, grant in grants:
        assert prepared[grant.grant_no] <= at_us
        committed = {b["shot_seq"] for b in bodies(rig, "shot")}
        assert set(range(1, grant.expect_head_seq + 1)) <= committed


@pytest.mark.invariant("I-08")
@pytest.mark.hazard("HZ-02")
def test_no_release_leaves_before_the_records_are_durable(rig):
    durable = []
    commit = rig.store.commit

    def watched(batches, stamp):
        results = commit(batches, stamp)
        shots = [e.payload["shot_seq"] for b in batches for e in b.entries if e.kind == "shot"]
        durable.extend((rig.now_us, seq) for seq in shots)
        return results

    rig.store.commit = watched
    assert rig.run(rig.closed)
    releases = [(at_us, LogRelease.unpack(frame.payload)) for at_us, frame in frames(rig, LogRelease)]
    assert releases
    for at_us, release in releases:
        assert max(seq for when_us, seq in durable if when_us <= at_us) >= release.upto_seq


@pytest.mark.invariant("I-41")
@pytest.mark.hazard("HZ-05")
@pytest.mark.parametrize("fault", ["setting_not_taken", "readback_lies"])
def test_a_setting_that_does_not_read_back_is_never_granted(rig, fault):
    rig.gun.faults.set("setting_not_taken")
    if fault == "readback_lies":
        rig.gun.faults.set("readback_lies")
    rig.run(lambda: bool(rig.autopilot.given_up), within_s=20)
    assert rig.truth == []
    assert rig.gun.firmware.state is State.SAFE


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
def test_a_failed_commit_stops_the_gun_and_nothing_is_acknowledged_after_it(rig):
    armed(rig)
    rig.fail_commits = "disk full"
    assert rig.run(lambda: rig.view.write_failed != "", within_s=5)
    rig.run(lambda: rig.gun.firmware.state is State.ESTOPPED, within_s=5)
    failed_us, shots = rig.now_us, len(rig.truth)
    end_us = rig.now_us + 3_000_000
    rig.run(lambda: rig.now_us >= end_us)
    assert rig.view.phase is Phase.LOCKED
    assert rig.gun.firmware.state is State.ESTOPPED
    assert len(rig.truth) == shots
    assert not [at for at, _ in frames(rig, LogRelease) if at > failed_us]
    assert not [at for at, _ in frames(rig, Heartbeat) if at > failed_us]
    assert any(n.kind is NoticeKind.ALARM and "disk full" in n.text for n in rig.notices)


@pytest.mark.invariant("I-46")
@pytest.mark.hazard("HZ-12")
def test_stop_leaves_first_and_ends_latched(rig):
    armed(rig)
    effects = rig.engine.step(rig.instant(), Stop(source="test"))
    assert isinstance(effects[0], PressStop)


@pytest.mark.invariant("I-14")
def test_no_shot_begins_after_the_gun_heard_stop(rig):
    armed(rig)
    rig.host(Stop(source="test"))
    assert rig.run(lambda: rig.gun.firmware.state is State.ESTOPPED, within_s=2)
    begun = rig.gun.firmware.trigger_count
    end_us = rig.now_us + 3_000_000
    rig.run(lambda: rig.now_us >= end_us)
    assert rig.gun.firmware.trigger_count == begun
    assert rig.view.phase is Phase.ESTOPPED
    assert [b["kind"] for b in bodies(rig) if b["kind"].startswith("stop")] == ["stop", "stop.heard"]
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-45")
@pytest.mark.invariant("I-46")
@pytest.mark.hazard("HZ-13")
@pytest.mark.parametrize("presses", ["the host", "the gun"])
def test_a_stop_that_was_reset_takes_back_the_operators_word(rig, presses):
    armed(rig)
    rig.autopilot = None
    if presses == "the host":
        rig.host(Stop(source="test"))
    else:
        rig.carry("h2g", STOP_FRAME)
    settled_us = rig.now_us + 3_000_000
    rig.run(lambda: rig.now_us >= settled_us)
    assert rig.view.phase is Phase.ESTOPPED
    rig.host(ResetStop(reason_code=REASON_OPERATOR_COMMAND, op="practice"))
    assert rig.run(lambda: rig.view.phase is not Phase.ESTOPPED, within_s=5)
    rig.sent_to_gun.clear()
    rig.host(Arm(area_id=PLAN.areas[0].area))
    end_us = rig.now_us + 3_000_000
    rig.run(lambda: rig.now_us >= end_us)
    assert rig.view.phase is Phase.UNCONFIRMED
    assert not frames(rig, GrantSet)


@pytest.mark.invariant("I-46")
@pytest.mark.hazard("HZ-13")
def test_a_stop_that_was_never_heard_is_sent_first_by_the_next_host(rig):
    armed(rig)
    rig.wire.unplugged = True
    rig.host(Stop(source="test"))
    end_us = rig.now_us + 600_000
    rig.run(lambda: rig.now_us >= end_us)
    rig.close_port("pulled")
    rig.kill_host()
    rig.wire.unplugged = False
    rig.sent_to_gun.clear()
    assert rig.run(lambda: rig.gun.firmware.state is State.ESTOPPED, within_s=10)
    assert not frames(rig, GrantSet)
    assert rig.run(lambda: not rig.view.stop_unheard, within_s=5)


@pytest.mark.invariant("I-45")
@pytest.mark.hazard("HZ-37")
def test_after_a_lost_link_nothing_is_granted_until_an_operator_confirms(rig):
    armed(rig)
    rig.close_port("pulled")
    rig.autopilot = None
    rig.sent_to_gun.clear()
    assert rig.run(rig.up, within_s=10)
    end_us = rig.now_us + 5_000_000
    rig.run(lambda: rig.now_us >= end_us)
    assert rig.view.phase is Phase.UNCONFIRMED
    assert not frames(rig, GrantSet)
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-21")
@pytest.mark.hazard("HZ-26")
def test_a_lost_link_with_credit_is_told_as_unknown_and_resolved_from_the_guns_log(rig):
    armed(rig)
    rig.close_port("pulled")
    unknown = [n.text for n in rig.notices if n.kind is NoticeKind.UNKNOWN]
    assert unknown
    assert unknown[0].startswith("unknown: up to ")
    assert " µL of grant " in unknown[0]
    assert not any("failed" in n.text.lower() for n in rig.notices)
    assert (rig.up(), rig.view.open_grants, rig.view.log_state) == (False, 1, "UNKNOWN")
    assert rig.view.held_shots > 0
    assert rig.view.held_nl > 0
    assert bodies(rig, "grant.unknown") or rig.run(lambda: bool(bodies(rig, "grant.unknown")), within_s=1)
    assert rig.run(rig.closed)
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-04")
def test_a_gun_killed_in_mid_shot_leaves_one_interrupted_record_with_its_range(rig):
    armed(rig)
    assert rig.run(lambda: rig.gun.moving, within_s=5)
    rig.kill_gun()
    assert rig.run(lambda: rig.closed() or bool(rig.autopilot.given_up), within_s=60)
    assert_log_is_truth(rig)
    interrupted = [b for b in bodies(rig, "shot") if b["phase"] == "INTERRUPTED"]
    assert len(interrupted) == 1
    assert interrupted[0]["dose_lo_nl"] <= interrupted[0]["dose_hi_nl"]


@pytest.mark.invariant("I-30")
@pytest.mark.hazard("HZ-15")
def test_a_fenced_host_changes_nothing_more(rig):
    armed(rig)
    answers = []
    deframer = Deframer()
    original = rig.from_gun

    def eavesdrop(now_us, data):
        answers.extend(deframer.feed(data))
        original(now_us, data)

    rig.from_gun = eavesdrop
    rig.gun.feed(rig.now_us, encode_frame(Hello.TYPE, 9_001, 0, 0, Hello(b"n" * 16, 1, 1, b"other host......").pack()))

    def greeted():
        return [f for f in answers if f.type == 0x81 and f.req_id == 9_001]

    assert rig.run(lambda: bool(greeted()), within_s=2)
    hello = unpack_reply(Hello.TYPE, greeted()[0].payload).body
    assert isinstance(hello, HelloReply)
    takeover = Takeover(hello.owner_token, b"other host......")
    rig.gun.feed(rig.now_us, encode_frame(Takeover.TYPE, 9_002, hello.session, 0, takeover.pack()))
    assert rig.run(lambda: "fenced" in rig.view.findings, within_s=10)
    rig.sent_to_gun.clear()
    end_us = rig.now_us + 3_000_000
    rig.run(lambda: rig.now_us >= end_us)
    assert not frames(rig, GrantSet)
    assert not frames(rig, Heartbeat)
    assert not frames(rig, LogRelease)


@pytest.mark.invariant("I-33")
def test_a_session_closes_only_when_everything_is_released_and_proven(rig):
    armed(rig)
    rig.autopilot = None
    rig.host(CloseSession(state="interrupted"))
    assert rig.run(rig.closed, within_s=10)
    view = rig.view
    assert (view.open_grants, view.held_shots) == (0, 0)
    assert rig.gun.firmware.released_seq == rig.gun.firmware.head_seq == view.committed_seq
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-14")
def test_disarming_takes_the_credit_back_at_once(rig):
    armed(rig)
    rig.autopilot = None
    rig.host(Disarm(cause="test"))
    assert rig.run(lambda: rig.view.phase is Phase.READY, within_s=5)
    assert rig.gun.firmware.remaining_shots == 0
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-04")
@pytest.mark.hazard("HZ-24")
def test_a_full_ring_loses_nothing(rig):
    rig.gun.faults.set("ring_full", 2)
    assert rig.run(lambda: rig.closed() or bool(rig.autopilot.given_up), within_s=60)
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-38")
@pytest.mark.hazard("HZ-27")
@pytest.mark.parametrize("step_s", [3_600, -3_600, 365 * 86_400, -365 * 86_400])
def test_a_stepped_wall_clock_changes_no_decision_and_is_recorded(rig, step_s):
    armed(rig)
    rig.utc_step_us = step_s * 1_000_000
    assert rig.run(rig.closed)
    assert [b["step_us"] for b in bodies(rig, "clock.step")] == [step_s * 1_000_000]
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-24")
@pytest.mark.hazard("HZ-14")
def test_the_area_cap_holds_over_restarts_of_the_host():
    rig = Rig(small_plan(points=6))
    rig.run_session()
    for kills in range(3):
        assert rig.run(lambda kills=kills: rig.view.shots_given > 2 * kills, within_s=30)
        rig.kill_host()
        rig.resume_session()
    assert rig.run(rig.closed)
    given = Counter(body["area_code"] for body in bodies(rig, "shot"))
    assert given == {area.area_code: 6 for area in rig.plan.areas}
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-25")
def test_a_grant_over_the_session_cap_is_refused_with_the_cap_by_name():
    plan = small_plan()
    first = plan.areas[0]
    rig = Rig(replace(plan, session_cap_nl=first.volume_nl))
    rig.run_session()
    assert rig.run(lambda: bool(rig.autopilot.given_up), within_s=60)
    assert any(n.kind is NoticeKind.REFUSED and "cap 'session'" in n.text for n in rig.notices)
    assert len([t for t in rig.truth if t.label.shot_seq]) == first.shots


@pytest.mark.invariant("I-27")
@pytest.mark.hazard("HZ-46")
def test_a_dose_off_the_guns_grid_is_refused_before_a_byte_leaves():
    plan = small_plan()
    odd = replace(plan.areas[0], dose_nl=plan.areas[0].dose_nl + 1)
    rig = Rig(replace(plan, areas=(odd,)))
    rig.run_session()
    assert rig.run(rig.closed, within_s=60)
    (closed,) = bodies(rig, "session.closed")
    assert (closed["state"], closed["points_given"]) == ("refused", 0)
    assert any(n.kind is NoticeKind.REFUSED and "steps" in n.text for n in rig.notices)
    assert not frames(rig, GrantSet)


def test_what_cannot_be_done_now_is_refused_in_words(rig):
    assert rig.run(lambda: rig.view.link is LinkState.UP, within_s=10)
    rig.autopilot = None
    rig.host(Disarm(cause="test"))
    assert rig.notices[-1].kind is NoticeKind.REFUSED


@pytest.mark.hazard("HZ-22")
def test_an_occlusion_ends_in_fault_and_goes_on_once_it_is_cleared_and_acknowledged(rig):
    armed(rig)
    rig.gun.body.occlude(rig.now_us, True)
    assert rig.run(lambda: rig.view.phase is Phase.FAULT, within_s=20), rig.view
    shots = len(rig.truth)
    assert_log_is_truth(rig)
    rig.gun.body.occlude(rig.now_us, False)
    rig.kill_host()
    rig.resume_session()
    assert rig.run(rig.closed, within_s=60), (rig.view, rig.notices[-5:])
    assert len(rig.truth) > shots
    assert {b["alarm"] for b in bodies(rig, "alarm.acknowledged")} >= {"OCCLUSION"}
    assert_log_is_truth(rig)


@pytest.mark.invariant("I-51")
@pytest.mark.hazard("HZ-36")
def test_a_gun_of_the_other_kind_leaves_no_trace_in_the_log(rig):
    load = rig.store.load_gun
    rig.store.load_gun = lambda uid, *, simulated: replace(load(uid, simulated=simulated), other_simulated=True)
    rig.run(lambda: rig.now_us > 5_000_000, within_s=6)
    assert not bodies(rig, "link.up")
    assert rig.view.write_failed == ""
    assert any("use another --home" in n.text for n in rig.notices)


def test_a_new_wire_session_begins_before_request_numbers_run_out_and_no_treatment_is_broken_for_it(rig):
    armed(rig)
    rig.engine._outbox.requests = REQUESTS_MAX
    assert rig.run(lambda: rig.view.phase is Phase.CLOSED or not rig.up())
    assert rig.view.phase is not Phase.CLOSED  # left between two areas, when the gun was at rest
    assert len(frames(rig, Hello)) == 1
    assert rig.run(rig.closed)
    assert len(frames(rig, Hello)) == 2
    assert_log_is_truth(rig)


def test_between_treatments_a_new_wire_session_begins_early(rig):
    armed(rig)
    rig.engine._outbox.requests = REQUESTS_MAX_BETWEEN
    assert rig.run(rig.closed)
    assert len(frames(rig, Hello)) == 1
    assert rig.run(lambda: not rig.up())
    assert rig.run(rig.up)
    assert len(frames(rig, Hello)) == 2
    assert rig.engine._outbox.requests < 100
    assert rig.closed()


def test_resets_are_counted_once_each_however_often_the_link_comes_back(rig):
    armed(rig)
    for resets in (0, 1, 1, 2):
        if resets > rig.view.resets:
            rig.kill_gun()
        rig.close_port("pulled")
        assert rig.run(rig.up)
        assert rig.view.resets == resets


class HeldUp(Rig):
    """The line to the gun stands still when a grant is on it, the first times."""

    stalls = 0

    def carry(self, way, chunk):
        if way == "h2g" and chunk[3] == GrantSet.TYPE and self.stalls:
            self.stalls -= 1
            self.deliver("h2g", b"", 470_000)
        super().carry(way, chunk)


@pytest.mark.invariant("I-52")
@pytest.mark.invariant("I-25")
@pytest.mark.hazard("HZ-38")
@pytest.mark.parametrize("stalls", [1, 2])
def test_a_grant_that_comes_too_late_is_over_and_another_one_takes_its_place(stalls):
    rig = HeldUp(small_plan())
    rig.run_session()
    assert rig.run(lambda: rig.view.shots_given >= 1)
    rig.stalls = stalls
    assert rig.run(rig.closed, within_s=60), rig.notices
    assert rig.stalls == 0
    assert_log_is_truth(rig)
    assert len(rig.truth) == rig.plan.shots
    late = [body["grant_no"] for body in bodies(rig, "grant.closed") if f"code {Code.E_LATE}" in str(body)]
    assert late
    prepared = [body["grant_no"] for body in bodies(rig, "grant.prepared")]
    assert len(set(prepared)) == len(prepared)
    assert not {body["grant_no"] for body in bodies(rig, "shot")} & set(late)
    assert (rig.view.open_grants, rig.view.held_shots) == (0, 0)


@pytest.mark.invariant("I-17")
def test_an_event_that_is_older_than_what_was_heard_tells_nothing(rig):
    armed(rig)
    old = rig.engine._desk.uptime_ms - 1_000
    rig.host(Heard(EstoppedEvent(7, 1, 0), rig.host_us, old))
    assert (rig.view.phase, rig.view.estop_latch_id) == (Phase.ARMED, 0)
    rig.host(Heard(EstoppedEvent(7, 1, 0), rig.host_us, old + 1_000))
    assert (rig.view.phase, rig.view.estop_latch_id) == (Phase.ESTOPPED, 7)


class OtherPage(Rig):
    """The gun once answers with another page of its log than was asked for."""

    lies = 1

    def carry(self, way, chunk):
        if way == "g2h" and self.lies and chunk[3] == LogRead.TYPE | REPLY:
            (frame,) = Deframer().feed(chunk)
            body = unpack_reply(LogRead.TYPE, frame.payload).body
            if body is not None and body.count:
                wrong = replace(body, from_seq=body.from_seq + 1).pack()
                chunk = encode_frame(
                    frame.type, frame.req_id, frame.session, frame.aux, frame.payload[: -len(wrong)] + wrong
                )
                self.lies -= 1
        super().carry(way, chunk)


def test_another_page_than_was_asked_for_is_not_taken_and_the_gun_is_asked_anew():
    rig = OtherPage(small_plan())
    rig.run_session()
    assert rig.run(lambda: not rig.lies, within_s=20)
    taken = len(bodies(rig, "shot"))
    connections = len(bodies(rig, "link.up"))
    assert rig.run(lambda: len(bodies(rig, "link.up")) > connections, within_s=20)
    assert taken == 0
    rig.autopilot = None
    assert rig.run(lambda: rig.view.committed_seq == rig.gun.firmware.head_seq > 0, within_s=20)
    assert_log_is_truth(rig)


class OtherGrant(Rig):
    """The gun reads its next grant back otherwise than it was set."""

    lie: dict[str, int] = {}  # noqa: RUF012  # replaced, never changed

    def carry(self, way, chunk):
        if way == "g2h" and self.lie and chunk[3] == GrantGet.TYPE | REPLY:
            (frame,) = Deframer().feed(chunk)
            body = replace(unpack_reply(GrantGet.TYPE, frame.payload).body, **self.lie)
            size = len(body.pack())
            payload = frame.payload[:-size] + body.pack()
            chunk = encode_frame(frame.type, frame.req_id, frame.session, frame.aux, payload)
            self.lie = {}
        super().carry(way, chunk)


@pytest.mark.invariant("I-13")
@pytest.mark.hazard("HZ-06")
@pytest.mark.parametrize("lie", [{"max_shots": 9}, {"max_nl": 1}, {"lease_ms": 2_000}, {"area_code": 1}, {"kind": 3}])
def test_a_grant_that_reads_back_otherwise_is_revoked_and_never_shown_as_armed(lie):
    rig = OtherGrant(small_plan())
    rig.lie = lie
    rig.run_session()
    assert rig.run(lambda: not rig.lie, within_s=20)
    rig.autopilot = None
    phases = set()
    rig.run(lambda: phases.add(rig.view.phase) or bool(frames(rig, GrantRevoke)), within_s=2)
    assert frames(rig, GrantRevoke)
    assert Phase.ARMED not in phases
    assert not bodies(rig, "grant.live")


@pytest.mark.invariant("I-51")
@pytest.mark.hazard("HZ-11")
def test_a_practice_session_is_refused_on_a_gun_that_may_be_real():
    rig = Rig(small_plan())
    assert rig.run(rig.up, within_s=20)
    book = rig.engine._desk.book
    book.stamp = replace(book.stamp, simulated=False)
    rig.host(rig.opening())
    assert rig.notices[-1].kind is NoticeKind.REFUSED
    assert rig.view.phase is Phase.NO_SESSION
    assert not bodies(rig, "session.opened")


@pytest.mark.invariant("I-32")
@pytest.mark.hazard("HZ-34")
def test_a_session_taken_up_while_another_gun_is_connected_gives_that_gun_up(rig):
    armed(rig)
    rig.kill_host()
    rig.wire.unplugged = True
    first = rig.gun.firmware.gun_uid_text
    rig.gun.faults.set("uid_change", 1)
    rig.gun.power_off(rig.now_us)
    rig._gun_due_us = rig.now_us
    assert rig.run(lambda: rig.gun.firmware.gun_uid_text != first)
    rig.wire.unplugged = False
    assert rig.run(rig.up, within_s=20)
    given, connections = len(rig.truth), len(bodies(rig, "link.up"))
    assert rig.resume_session()
    assert rig.run(lambda: len(bodies(rig, "link.up")) > connections, within_s=5)
    assert "gun.changed" in rig.view.findings
    rig.run(lambda: False, within_s=5)
    assert len(rig.truth) == given


class SlowToLoad(Rig):
    """The store takes longer to answer a question than a cable to come back."""

    loading = False

    def store_takes_us(self, group):
        self.loading |= not group
        return super().store_takes_us(group) if group else 2_000_000

    def load(self, question):
        self.loading = False
        super().load(question)


@pytest.mark.invariant("I-23")
@pytest.mark.hazard("HZ-19")
def test_an_answer_of_the_store_to_a_connection_that_is_over_is_not_taken_for_that_of_the_next():
    """Found by the world, ``slow_fsync`` and ``loose_contact``: it was, of another gun too, or ended the host."""
    rig = SlowToLoad(small_plan())
    assert rig.run(rig.up, within_s=20)
    first = rig.view.gun_uid
    rig.close_port("pulled")
    assert rig.run(lambda: rig.loading)
    rig.wire.unplugged = True
    rig.close_port("pulled again")
    rig.gun.faults.set("uid_change", 1)
    rig.gun.power_off(rig.now_us)
    rig._gun_due_us = rig.now_us
    assert rig.run(lambda: rig.gun.firmware.gun_uid_text != first)
    rig.wire.unplugged = False
    assert rig.run(rig.up, within_s=20)
    assert rig.view.gun_uid == rig.gun.firmware.gun_uid_text
    assert [(body["gun"]["gun_uid"] == first, body["baseline"]) for body in bodies(rig, "link.up")] == [
        (True, True), (False, True),
    ]  # fmt: skip


@pytest.mark.invariant("I-23")
@pytest.mark.hazard("HZ-19")
def test_facts_that_were_asked_for_before_a_stop_are_not_those_of_the_next_arming():
    rig = SlowToLoad(small_plan())
    rig.run_session(resets_stop=True)
    assert rig.run(lambda: rig.view.phase is Phase.ARMING and rig.loading)
    rig.close_port("loose")
    assert rig.run(rig.closed, within_s=60)
    assert_log_is_truth(rig)
