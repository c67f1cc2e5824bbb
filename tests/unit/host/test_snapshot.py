"""A snapshot is what its contract says: the example file that the screen's tests are fed with has the same shape."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from drivers.link_events import Answered, Heard, LinkDown, StopHeard
from drivers.link_stats import LinkStats
from drivers.outcome import Done
from meso_device.accounting.coverage import CELLS_MAX, SPLIT_AREAS_MAX, Cells, split
from meso_device.accounting.entries import AreaGiven, Batch, Committed, Entry, SessionRow
from meso_device.host.alarm_board import HostAlarm
from meso_device.host.console_facts import NOTICES_MAX, TAIL_SHOTS, TEXT_MAX, ConsoleFacts
from meso_device.host.console_may import Seen, why_not
from meso_device.host.link_trace import LinkTrace
from meso_device.host.snapshot import Shown, Treatment, snapshot
from meso_device.screen_messages import Message, ToScreen, encode
from meso_device.session.contract import Commit, Instant, LinkState, Notice, NoticeKind, Phase, Stop
from meso_device.session.settings import settings_for
from protocols.treatment.areas import catalogue
from protocols.treatment.library import load_library
from protocols.wire.codes import Alarm, State
from protocols.wire.hashes import hash8
from protocols.wire.messages import (
    CalMain,
    CalReadReply,
    HeadRow,
    HelloReply,
    SettingsGetReply,
    Status,
    SyringeRow,
)

EXAMPLE = json.loads((Path(__file__).parents[1] / "console" / "snapshot.json").read_text())
PLAN = load_library("practice").plan()
AREA = PLAN.areas[0]
CAL = replace(CalMain.unpack(bytes(CalMain.SIZE)), cal_id=19, due_day=20_822, certificate="C-19")
SYRINGE = SyringeRow(geometry_id=PLAN.syringe_geometry_id, pl_per_um=100_000, travel_um=40_000, min_dose_nl=4_000)
HEAD = HeadRow(head_type_id=1, pins=1, gauge=30, needle_length_um=4_000, inner_diameter_um=160)
NOW = Instant(50_000_000, 1_795_356_191_000_000)


def hello() -> HelloReply:
    told = {"serial": "SIM-1", "model": "SIM", "gun_uid": bytes(12), "accounting_level": ord("A"), "flags": 1}
    return replace(HelloReply.unpack(bytes(HelloReply.SIZE)), **told)


def status(**told) -> Status:
    return replace(Status.unpack(bytes(Status.SIZE)), state=State.SAFE, **told)


def shot(seq: int) -> Entry:
    payload = {
        "shot_seq": seq, "at_us": 5, "area": AREA.area, "area_code": AREA.area_code, "planned_depth_um": 1_500,
        "measured_depth_um": 1_480, "dose_lo_nl": 19_000, "dose_hi_nl": 20_000, "phase": "DONE", "reason": "NONE",
    }  # fmt: skip
    return Entry(kind="shot", key=f"shot/{seq}", payload=payload)


def heard(facts: ConsoleFacts, event, *effects) -> None:
    facts.stepped(event, effects, NOW)


@pytest.fixture
def facts():
    made = ConsoleFacts()
    block = settings_for(PLAN, AREA, hello()).pack()
    for body in (replace(hello(), self_test=511), SettingsGetReply(block, hash8(block))):
        heard(made, Answered(1, Done(body), 0, 0, 0, 1))
    for page, rows in enumerate((CAL.pack(), SYRINGE.pack(), b"", b"", HEAD.pack())):
        heard(made, Answered(1, Done(CalReadReply(page, rows.ljust(64, b"\0"))), 0, 0, 0, 1))
    heard(made, Heard(status(alarms=1 << Alarm.OCCLUSION, remaining_nl=60_000), 0, 0))
    heard(made, Stop(source="terminal"))
    heard(made, StopHeard(1, 37_001, 900))
    for seq in range(1, 10):
        heard(made, Stop(source="terminal"), Commit(Batch(no=seq, entries=(shot(seq),))))
        heard(made, Committed(no=seq, appended=1))
    made.notice(Notice(NoticeKind.INFO, "x" * 1_000))
    return made


def shown(facts, view, **fields) -> Shown:
    treatment = Treatment(session="5e", alias="a1", practice=True, opened_us=1, plan=PLAN)
    seen = Seen(view=view, facts=facts, signed_in=False, enrolled=False, locked=False, session=True, left_open=None)
    given = {
        "no": 1, "now": NOW, "view": view, "facts": facts, "stats": LinkStats(), "simulated": True,
        "operator": ("ada", "clinician"), "enrolled": True, "treatment": treatment, "left_open": None, "copied": 0,
        "silenced_s": 0, "disarm_in_s": 24, "round_trips_us": [900], "can": why_not(seen),
    }  # fmt: skip
    return Shown(**{**given, **fields})


def shape(value):
    """Names of fields at every depth; lists by their first item."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_the_example_of_the_contract_has_the_shape_of_a_real_one(facts, make_view):
    given = (AreaGiven(area_code=AREA.area_code, shots=9, dose_lo_nl=1, dose_hi_nl=2, interrupted=0),)
    view = make_view(phase=Phase.ARMED, area_id=AREA.area, given=given, held_shots=3, log_state="SYNCED")
    assert shape(snapshot(shown(facts, view))) == shape(EXAMPLE)


def test_a_session_of_a_treatment_that_was_approved_here_says_so(facts, make_view):
    statuses = [
        snapshot(shown(facts, make_view(), approved=approved))["session"]["status"] for approved in ((), {PLAN.digest})
    ]
    assert statuses == [PLAN.status, "approved"]
    assert statuses[0] != "approved"


def test_it_fits_into_a_message_with_everything_in_it(facts, make_view):
    for n in range(500):
        facts.notice(Notice(NoticeKind.ALARM, "ä" * 1_000))
        facts.alarms.raised(f"X{n}", "N" * 40, "t" * 200, HostAlarm.FINDING.priority, area="FH", at_us=n, mono_us=n)
    areas = tuple(replace(AREA, area=one.id, area_code=one.code, short=one.short) for one in catalogue().values())
    plan = replace(PLAN, areas=areas)
    cells = {area.area_code: split(CELLS_MAX, CELLS_MAX) for area in areas[:SPLIT_AREAS_MAX]}
    view = make_view(findings=("gap", "orphan"), blocked=("a", "b"), plan=plan, file=plan, cells=cells)
    everything = shown(
        facts, view, treatment=Treatment(session="5e", alias="a1", practice=True, opened_us=1, plan=plan)
    )
    assert encode(Message(ToScreen.SNAPSHOT, 0, snapshot(replace(everything, round_trips_us=[10**6] * 60))))
    assert (len(facts.lines), len(facts.lines[-1].notice.text)) == (NOTICES_MAX, TEXT_MAX)


def test_before_a_gun_and_without_a_session_it_says_so(make_view):
    facts = ConsoleFacts()
    row = SessionRow(
        session="5e", alias="a1", op="x", state="open", simulated=True, gun_uid="aa", protocol_digest="",
        opened_at_us=7, closed_at_us=0, opened={"practice": True, "title": "T", "points_planned": 60},
        given=(AreaGiven(area_code=1, shots=4, dose_lo_nl=1, dose_hi_nl=2, interrupted=0),),
    )  # fmt: skip
    view = make_view(link=LinkState.DOWN, phase=Phase.NO_SESSION, gun_uid="")
    told = snapshot(shown(facts, view, treatment=None, left_open=row, disarm_in_s=None, operator=None))
    assert (told["gun"], told["session"], told["areas"], told["area"], told["unknown"]) == (None, None, [], None, None)
    assert told["resume"] == {
        "id": "5e", "alias": "a1", "title": "T", "practice": True, "opened_us": 7, "planned": 60, "given": 4,
        "copied": 0,
    }  # fmt: skip
    assert told["stop"] == {
        "latched": False, "unheard": False, "pressed_ms_ago": None, "answered_ms": None, "by": "",
    }  # fmt: skip


def test_the_calibration_is_shown_once_all_of_it_was_read_and_not_after_the_link(facts, make_view):
    told = snapshot(shown(facts, make_view()))["calibration"]
    assert (told["id"], told["certificate"], told["due_day"]) == (19, "C-19", 20_822)
    assert told["syringes"] == [{"name": "bd_5ml", "min_dose_nl": 4_000, "travel_um": 40_000}]
    heard(facts, LinkDown("pulled"))
    heard(facts, Answered(1, Done(CalReadReply(0, CAL.pack())), 0, 0, 0, 1))
    assert snapshot(shown(facts, make_view()))["calibration"] is None


def test_cells_skipped_points_and_the_files_own_setpoints_are_shown_of_an_area(facts, make_view):
    edited = replace(PLAN, areas=(replace(AREA, depth_um=500), *PLAN.areas[2:]))
    cells = {AREA.area_code: Cells((10, 10), ((0, 0), (1, 10)))}
    given = (AreaGiven(area_code=AREA.area_code, shots=11, dose_lo_nl=1, dose_hi_nl=2, interrupted=0),)
    view = make_view(plan=edited, file=PLAN, cells=cells, skipped={AREA.area_code: 1}, given=given)
    treatment = Treatment(session="5e", alias="a1", practice=True, opened_us=1, plan=edited)
    told = snapshot(shown(facts, view, treatment=treatment))
    area = told["areas"][0]
    assert (area["depth_um"], area["file_depth_um"], area["skipped"], area["cell"]) == (500, 1_000, 1, 1)
    assert area["cells"] == [
        {"name": "F2a", "planned": 10, "done": 10, "again": False},
        {"name": "F2b", "planned": 10, "done": 2, "again": False},
    ]
    assert [area["id"] for area in told["left_out"]] == ["cheek_left"]


def test_a_minute_of_the_link_is_kept_a_sample_a_second(make_view):
    trace, stats = LinkTrace(), LinkStats(srtt_us=900)
    for tenths in range(700):
        link = LinkState.UP if tenths < 650 else LinkState.DOWN
        trace.seen(stats, link, Instant(5_000_000 + tenths * 100_000, 0))
    assert list(trace.round_trips_us) == [900] * 55 + [0] * 5
    trace.seen(stats, LinkState.UP, Instant(10**12, 0))
    assert list(trace.round_trips_us) == [900] * 60


@pytest.mark.invariant("I-17")
def test_only_durable_shots_are_shown_newest_first(facts, make_view):
    heard(facts, Stop(source="x"), Commit(Batch(no=99, entries=(shot(99),))))
    tail = snapshot(shown(facts, make_view()))["tail"]
    assert [row["shot_seq"] for row in tail] == list(range(9, 9 - TAIL_SHOTS, -1))


@pytest.mark.invariant("I-61")
@pytest.mark.hazard("HZ-29")
def test_the_guns_alarms_and_the_hosts_own_are_raised_and_cleared(facts, make_view):
    def rows():
        return {row.code: row.active for row in facts.alarms.rows()}

    assert rows() == {"A208": True}
    heard(facts, Heard(status(), 0, 0))
    assert rows() == {"A208": False}
    facts.stop_us = NOW.mono_us - 300_000
    facts.seen(make_view(stop_unheard=True, write_failed="disk full", findings=("gap",)), NOW)
    assert {"H101", "H102", "H202"} <= rows().keys()
    facts.seen(make_view(phase=Phase.ARMED), NOW)
    facts.seen(make_view(phase=Phase.UNCONFIRMED, link=LinkState.DOWN, held_shots=3, log_state="UNKNOWN"), NOW)
    assert rows()["H103"]
    assert rows()["H201"]
    assert facts.unknown_us == NOW.utc_us
    facts.seen(make_view(), NOW)
    assert (rows()["H103"], rows()["H201"], facts.unknown_us) == (False, False, None)


@pytest.mark.invariant("I-61")
def test_a_cap_of_which_four_fifths_are_used_is_a_low_alarm_and_what_is_held_counts(facts, make_view):
    def raised(given_nl, held_nl=0, area_id=""):
        given = (AreaGiven(area_code=AREA.area_code, shots=9, dose_lo_nl=1, dose_hi_nl=given_nl, interrupted=0),)
        view = make_view(plan=PLAN, given=given, dose_hi_nl=given_nl, held_nl=held_nl, area_id=area_id)
        facts.seen(view, NOW)
        return [(row.priority.name, row.text) for row in facts.alarms.rows() if row.code == "H302" and row.active]

    near_nl = AREA.cap_nl * 4 // 5
    assert raised(near_nl - 1) == []
    assert raised(near_nl) == [("LOW", f"CAP 80 % USED: {AREA.short}; see the caps beside the plan")]
    assert raised(0) == []
    assert raised(0, held_nl=near_nl) == []  # not held in that area
    assert len(raised(0, held_nl=near_nl, area_id=AREA.area)) == 1
    assert "session" in raised(PLAN.session_cap_nl)[0][1]


def test_what_is_forgotten_with_the_link(facts, make_view):
    heard(facts, LinkDown("pulled"))
    assert (facts.hello, facts.status, facts.read_back, facts.stamp()) == (None, None, {}, None)
    assert facts.tail


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"link": LinkState.DOWN}, "no gun"),
        ({"phase": Phase.UNCONFIRMED}, "confirm"),
        ({"phase": Phase.ESTOPPED}, "stopped"),
        ({"phase": Phase.ARMED}, "armed already"),
        ({"phase": Phase.LOCKED}, "locked"),
        ({"phase": Phase.CLOSED}, "no session"),
        ({"open_grants": 1}, "unknown"),
        ({"log_state": "BEHIND 3"}, "BEHIND 3"),
        ({"write_failed": "disk"}, "recorded"),
    ],
    ids=str,
)
@pytest.mark.invariant("I-22")
def test_arming_is_offered_only_when_nothing_stands_against_it(make_view, fields, why):
    facts = ConsoleFacts()

    def seen(view, **more):
        given = {"signed_in": False, "enrolled": False, "locked": False, "session": True, "left_open": None}
        return why_not(Seen(view=view, facts=facts, **{**given, **more}))

    assert seen(make_view())["arm_open"] == ""
    assert why in seen(make_view(**fields))["arm_open"]
    assert seen(make_view(), locked=True)["arm_open"].startswith("locked")
    assert seen(make_view(), locked=True, enrolled=True)["sign_in"] == ""
    facts.alarms.raised("A106", "x", "x", HostAlarm.STOP_UNANSWERED.priority, area="", at_us=1, mono_us=1)
    assert "alarms" in seen(make_view())["arm_open"]
