"""The bench's commands at the host: who may, what is waited for, and the run as its durable records tell it."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Batch, CommitFailed, Committed
from meso_device.calibration.record import Reading, Signed, What
from meso_device.calibration.run import Run, RunState
from meso_device.host.bench_slot import KEYED, KeyedInstrument
from meso_device.host.console_bench import ConsoleBench, why_no_technician, words_of
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_may import Seen, why_not
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.host.snapshot_bench import NEWEST, BenchShown, bench_body
from meso_device.people.roles import Person, Role
from meso_device.screen_messages import Message, ToScreen, encode
from meso_device.session.bench_desk import BenchView, Change, Doing
from meso_device.session.contract import Commit, DecideAdjustment, Instant, LinkState, PauseBench, Phase, Tick
from protocols.errors import UsageError
from tests.unit.calibration.runs import dose_run, entries

NOW = Instant(10_000_000, 10_000_000)
RECORDS = dose_run("5c" * 16)
FIELDS = ("file", "port", "profile", "targets", "readings", "shots", "syringe", "lot", "needle", "head")
TYPED = dict.fromkeys(FIELDS, "")
NAMES = ("bench_open", "bench", "bench_read", "bench_pause", "bench_record", "bench_sign", "quit", "open", "self_test")


def person(*roles):
    return Person(op="lee", login="lee", name="Lee", roles=frozenset(roles))


def view_of(records, **changes):
    run = Run(tuple(records))
    plain = BenchView(run="5c" * 16, state=run.state, taken=1, planned=4, running=True, fault="")
    return replace(plain, **changes)


class Screen:
    """Somebody who asks, and what was answered."""

    def __init__(self):
        self.said = []
        self.facts = ConsoleFacts()
        self.answers = ScreenAnswers(lambda _kind, number, body: self.said.append((number, body["outcome"])))
        self.bench = ConsoleBench(
            facts=self.facts, answers=self.answers, errands=SimpleNamespace(), owe=None, known=None
        )

    def hears(self, no, *records, failed=False):
        self.bench.stepped(Tick(), [Commit(Batch(no=no, entries=tuple(entries(records))))], NOW)
        self.bench.stepped(CommitFailed(no=no, reason="disk") if failed else Committed(no=no, appended=1), [], NOW)


@pytest.fixture
def screen():
    return Screen()


def test_the_run_is_what_is_durable_of_it(screen, make_view):
    screen.hears(1, *RECORDS[:2])
    screen.bench.stepped(Tick(), [Commit(Batch(no=2, entries=tuple(entries(RECORDS[2:3]))))], NOW)
    assert len(bench_body(screen.bench.shown(), make_view())["newest"]) == 1
    assert (screen.bench.is_open, screen.bench.is_to_sign) == (True, False)
    screen.bench.stepped(Committed(no=2, appended=1), [], NOW)
    assert len(bench_body(screen.bench.shown(), make_view())["newest"]) == 2
    screen.hears(3, RECORDS[3], failed=True)
    assert bench_body(screen.bench.shown(), make_view())["taken"] == 2
    # The beginning of another run takes its place, and nothing before that does.
    screen.hears(4, *dose_run("7e" * 16)[:1])
    assert bench_body(screen.bench.shown(), make_view())["run"] == "7e" * 16


def test_a_word_that_is_not_typed_writes_nothing_to_the_gun(screen, make_view):
    with pytest.raises(Refuse, match="type ADJUST"):
        screen.bench.adjust(1, {"adjust": True, "typed": "ADJUS"}, NOW)
    assert screen.bench.adjust(2, {"adjust": True, "typed": "adjust"}, NOW) == (DecideAdjustment(adjust=True),)
    asking = view_of(RECORDS[:6], proposal=(Change("cal_id", 1, 2),))
    screen.answers.seen(make_view(bench=asking), NOW)
    assert screen.said == []
    screen.answers.seen(make_view(bench=replace(asking, proposal=())), NOW)
    assert screen.said == [(2, "done")]
    assert screen.bench.adjust(3, {"adjust": False, "typed": ""}, NOW) == (DecideAdjustment(adjust=False),)


def test_a_pause_is_done_when_the_run_is_over_and_the_gun_out_of_service(screen, make_view):
    assert screen.bench.pause(1, NOW) == (PauseBench(),)
    screen.answers.seen(make_view(bench=view_of(RECORDS[:2])), NOW)
    assert screen.said == []
    screen.answers.seen(make_view(bench=view_of(RECORDS[:2], running=False)), NOW)
    assert screen.said == [(1, "done")]


def test_the_instrument_is_let_go_of_once_the_run_does_not_go_on(screen, make_view):
    screen.bench.slot.fit(KeyedInstrument(), KeyedInstrument(), KEYED)
    screen.bench.seen(make_view(bench=view_of(RECORDS[:2])))
    assert screen.bench.slot.name == KEYED
    screen.bench.seen(make_view(bench=view_of(RECORDS[:2], running=False)))
    assert screen.bench.slot.name == ""


def test_what_stays_empty_is_as_on_the_command_line():
    words = words_of({**TYPED, "what": "dose"})
    assert (words.readings, words.shots, words.profile, words.needle, words.head) == (
        10, 1, "reference", "30g_4mm", "single",
    )  # fmt: skip
    assert words_of({**TYPED, "what": "depth"}).readings == 5
    words = words_of({**TYPED, "what": "dose", "targets": "0.02 mL, 0.1 mL", "readings": "6", "shots": "3"})
    assert (words.targets, words.readings, words.shots) == (("0.02 mL", "0.1 mL"), 6, 3)
    for wrong in ({"what": "colour"}, {"readings": "x"}, {"readings": "-1"}, {"shots": "٣"}, {"readings": "10000"}):
        with pytest.raises(UsageError):
            words_of({**TYPED, "what": "dose", **wrong})


@pytest.mark.hazard("HZ-20")
def test_nobody_but_a_technician_calibrates():
    assert why_no_technician(None) == why_no_technician(person(Role.TECHNICIAN, Role.CLINICIAN)) == ""
    for role in set(Role) - {Role.TECHNICIAN}:
        assert "may not calibrate: that takes technician" in why_no_technician(person(role))


def may(make_view, view, **more):
    given = {
        "signed_in": True, "enrolled": True, "locked": False, "session": False, "left_open": None,
        "run_open": False, "run_to_sign": False, "run_theirs": False,
    }  # fmt: skip
    seen = Seen(view=make_view(**view), facts=ConsoleFacts(), **{**given, **more})
    return {name for name in NAMES if not why_not(seen)[name]}


@pytest.mark.hazard("HZ-10")
def test_what_may_be_asked_at_the_bench_in_each_state(make_view):
    rest = {"phase": Phase.NO_SESSION, "session": ""}
    running = {**rest, "bench": view_of(RECORDS[:2])}
    free = {"quit", "open", "self_test"}
    assert may(make_view, rest) == {"bench_open", "bench"} | free
    assert may(make_view, rest, run_open=True) == {"bench_open", "bench", "bench_record"} | free
    assert may(make_view, rest, run_to_sign=True) == {"bench_open", "bench", "bench_sign"} | free
    assert may(make_view, {**rest, "link": LinkState.DOWN}, run_open=True) == {"bench_open", "bench_record", "quit"}
    assert may(make_view, {**rest, "phase": Phase.ESTOPPED}) == {"bench_open", "quit", "open"}
    assert may(make_view, {**rest, "phase": Phase.LOCKED}) == {"bench_open"} | free
    assert may(make_view, {"phase": Phase.READY}, session=True) == {"quit", "self_test"}
    assert may(make_view, running) == {"bench_open", "bench_pause"}
    assert may(make_view, running, run_theirs=True) == {"bench_open", "bench_read", "bench_pause"}
    assert may(make_view, running, no_technician="no technician") == {"bench_pause"}
    assert may(make_view, running, signed_in=False) == {"bench_pause"}
    assert may(make_view, rest, signed_in=False, run_open=True, run_to_sign=True) == free


def test_it_says_what_a_run_came_to_and_why_it_stands_still(make_view):
    whole = Run(tuple(RECORDS))
    assert whole.state is RunState.DONE
    body = bench_body(BenchShown(run=whole, tried=True), make_view())
    assert (body["found"]["verdict"], body["left"]["verdict"], body["verdict"]) == ("fail", "pass", "pass")
    assert [one["counted"] for one in body["newest"]] == [False, True, True]
    assert (body["why"], body["adjusted"], body["due_day"]) == ("", True, 20_800)
    begun = Run(tuple(RECORDS[:2]))
    live = view_of(RECORDS[:2], running=False, fault="UNSTABLE: shield it")
    assert bench_body(BenchShown(run=begun), make_view())["why"] == ""
    assert bench_body(BenchShown(run=begun, tried=True), make_view(bench=live))["why"] == "UNSTABLE: shield it"
    cut = make_view(bench=replace(live, fault=""))
    assert bench_body(BenchShown(run=begun, tried=True), cut)["why"] == "the run was cut off"
    stopped = make_view(bench=replace(live, fault=""), phase=Phase.ESTOPPED)
    assert bench_body(BenchShown(run=begun, tried=True), stopped)["why"] == "the gun was stopped"
    assert bench_body(BenchShown(run=Run()), make_view()) is None
    assert bench_body(None, make_view()) is None


def test_the_longest_run_fits_into_a_message(make_view):
    first = next(record for record in RECORDS if isinstance(record, Reading))
    readings = [replace(first, no=no, raw="ä" * 64) for no in range(1, 1_001)]
    wide = replace(RECORDS[0], targets=(20_000,) * 100, what=What.DOSE)
    judged = replace(RECORDS[5], points=RECORDS[5].points * 100)
    run = Run((wide, *readings, judged, RECORDS[6], replace(judged, stage="as_left"), *RECORDS[8:]))
    live = view_of(RECORDS[:2], doing=Doing.DECIDING, proposal=(Change("x" * 20, -(2**31), 2**31),) * 7)
    body = bench_body(BenchShown(run=run, tried=True), make_view(bench=live))
    assert len(body["newest"]) == NEWEST
    assert len(encode(Message(ToScreen.SNAPSHOT, 0, {"bench": body}))) < 50_000
    assert isinstance(run.records[-1], Signed)
