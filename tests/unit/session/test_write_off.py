"""What can no longer be proven is written off by two people, and goes on counting as if it had been given."""

import pytest
from msgspec.structs import replace

from drivers.link_events import LinkDown
from meso_device.accounting.entries import Cap, GrantIntent
from meso_device.accounting.findings import FindingCode
from meso_device.audit import canonical
from meso_device.audit.caps import exceeded_cap
from meso_device.session.contract import (
    Arm,
    CloseSession,
    Confirm,
    LinkState,
    NoticeKind,
    OpenSession,
    Phase,
    PortOpened,
    ResumeSession,
    WriteOff,
)
from protocols.treatment.library import load_library
from tests.world.rig import Rig

PLAN = load_library("practice").plan()
AREA = PLAN.areas[0]
POINTS = 20


@pytest.fixture
def rig():
    made = Rig(replace(PLAN, areas=(replace(AREA, points=POINTS, cap_nl=POINTS * AREA.dose_nl),)))
    made.run_session()
    assert made.run(lambda: made.view.shots_given >= 3 and made.view.phase is Phase.ARMED)
    return made


def lose_the_gun(rig):
    """Pull the cable, for good."""
    rig.autopilot = None
    rig.wire.unplugged = True
    rig.close_port("pulled")
    rest(rig)


def rest(rig, seconds=2):
    until_us = rig.now_us + seconds * 1_000_000
    rig.run(lambda: rig.now_us >= until_us)


def command(rig, **fields):
    told = {"first": "a1" * 16, "first_role": "clinician", "second": "b2" * 16, "second_role": "technician"}
    return WriteOff(**{"gun_uid": gun_uid(rig), "simulated": True, "reason": "gun_destroyed", **told, **fields})


def gun_uid(rig):
    return rig.store._db.execute("SELECT gun_uid FROM gun").fetchone()[0]


def bodies(rig, kind):
    rows = rig.store._db.execute("SELECT body FROM record WHERE kind = ? ORDER BY seq", (kind,))
    return [canonical.parse(body) for (body,) in rows]


def refused(rig, event):
    """Give a command; return what was refused of it."""
    before = len(rig.notices)
    rig.host(event)
    rest(rig)
    return [one.text for one in rig.notices[before:] if one.kind is NoticeKind.REFUSED]


@pytest.mark.invariant("I-33")
def test_a_write_off_and_the_closing_wait_for_the_end_of_an_attempt_to_reach_a_gun_that_does_not_answer(rig):
    lose_the_gun(rig)
    assert rig.view.held_shots
    rig.host(PortOpened(port="deaf", nonce=bytes(16)))
    assert rig.view.link is LinkState.CONNECTING
    rig.host(command(rig))
    assert rig.view.held_shots
    rig.host(LinkDown(reason="no gun answers"))
    rest(rig)
    assert (rig.view.held_shots, rig.view.open_grants) == (0, 0)
    rig.host(PortOpened(port="deaf", nonce=bytes(16)))
    rig.host(CloseSession(state="interrupted"))
    assert rig.view.phase is not Phase.CLOSED
    rig.host(LinkDown(reason="no gun answers"))
    rest(rig)
    assert rig.view.phase is Phase.CLOSED


@pytest.mark.invariant("I-20")
@pytest.mark.invariant("I-21")
@pytest.mark.invariant("I-33")
@pytest.mark.hazard("HZ-26")
def test_the_unknown_of_a_gun_that_stays_away_ends_by_two_people_and_only_then_the_session_closes(rig):
    lose_the_gun(rig)
    held, held_nl = rig.view.held_shots, rig.view.held_nl
    assert held > 0
    rest(rig, 60)
    assert rig.view.held_shots == held  # no time ends it
    assert refused(rig, CloseSession(state="interrupted"))
    assert refused(rig, command(rig)) == []
    [record] = bodies(rig, "write_off")
    assert (record["shots_lo"], record["shots_hi"]) == (0, held)
    assert (record["dose_lo_nl"], record["dose_hi_nl"]) == (0, held_nl)
    assert (record["first"], record["second"], record["op"]) == ("a1" * 16, "b2" * 16, "a1" * 16)
    assert record["reason"] == "gun_destroyed"
    assert (rig.view.held_shots, rig.view.open_grants) == (0, 0)
    assert refused(rig, CloseSession(state="interrupted")) == []
    assert rig.view.phase is Phase.CLOSED
    [closed] = bodies(rig, "session.closed")
    assert closed["points_given"] == rig.view.shots_given


@pytest.mark.invariant("I-20")
def test_after_a_restart_without_the_gun_the_log_alone_tells_what_is_written_off(rig):
    lose_the_gun(rig)
    held = rig.view.held_shots
    rig.kill_host()
    row = rig.store.open_session()
    rig.host(ResumeSession(row=row, plan=rig.plan, op="practice", role="clinician"))
    assert refused(rig, CloseSession(state="interrupted"))
    assert refused(rig, command(rig)) == []
    assert bodies(rig, "write_off")[0]["shots_hi"] == held
    assert refused(rig, command(rig)) == ["nothing is unknown that could be written off"]
    assert refused(rig, CloseSession(state="interrupted")) == []
    assert rig.view.phase is Phase.CLOSED


@pytest.mark.invariant("I-22")
@pytest.mark.invariant("I-24")
@pytest.mark.hazard("HZ-26")
def test_what_was_written_off_goes_on_counting_against_the_caps(rig):
    """The area's cap is its plan: with the written-off shots counted, nothing of it is left to grant."""
    lose_the_gun(rig)
    assert refused(rig, command(rig)) == []
    rig.kill_host()
    rig.gun.power_off(rig.now_us)
    rig.nvm.data[:] = b"\xff" * len(rig.nvm.data)
    rig.gun = rig.new_gun(rig.gun.body.state(rig.now_us))  # another board: its log tells nothing of the old one's
    row = rig.store.open_session()
    held = rig.store._db.execute("SELECT count(*) FROM grant_row WHERE state = 'written_off'").fetchone()[0]
    assert held == 1
    cap = Cap(name="area", limit_shots=POINTS, session=row.session, area_code=AREA.area_code)
    intent = GrantIntent(
        gun_uid="00" * 12, log_epoch=1, grant_no=1, kind=1, session=row.session, alias=row.alias,
        area_code=AREA.area_code, product="", lot="", max_shots=1, max_nl=1, caps=(cap,),
    )  # fmt: skip
    room = exceeded_cap(rig.store._db, intent)
    assert room is not None
    assert room.used_shots + room.held_shots == POINTS


@pytest.mark.invariant("I-07")
@pytest.mark.invariant("I-20")
def test_a_gun_that_comes_back_after_all_adds_its_shots_and_is_no_finding(rig):
    lose_the_gun(rig)
    assert refused(rig, command(rig)) == []
    given = rig.view.shots_given
    rig.wire.unplugged = False
    assert rig.run(lambda: rig.view.link is LinkState.UP, within_s=20)
    assert rig.view.findings == ()
    assert rig.view.committed_seq == rig.view.head_seq == len(rig.truth)
    assert rig.view.shots_given == len(rig.truth) >= given
    assert rig.view.open_grants == 0
    assert len(bodies(rig, "write_off")) == 1
    # And the session goes on, with what the caps leave.
    rig.host(Confirm(how="test"))
    assert rig.run(lambda: rig.view.phase is Phase.READY, within_s=5)


@pytest.mark.invariant("I-20")
def test_what_the_guns_log_can_prove_is_not_written_off(rig):
    assert refused(rig, command(rig))  # armed
    assert bodies(rig, "write_off") == []
    rig.autopilot = None
    rig.kill_host()
    assert rig.run(lambda: rig.view.link is LinkState.CONNECTING, within_s=5)
    assert refused(rig, command(rig)) or not bodies(rig, "write_off")
    assert rig.run(lambda: rig.view.link is LinkState.UP, within_s=20)
    assert refused(rig, command(rig)) == ["nothing is unknown that could be written off"]
    assert bodies(rig, "write_off") == []


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-19")
def test_grants_of_a_lost_log_are_written_off_while_its_gun_is_there(rig):
    lose_the_gun(rig)
    rig.gun.power_off(rig.now_us)
    rig.nvm.data[:] = b"\xff" * len(rig.nvm.data)
    rig.gun = rig.new_gun(rig.gun.body.state(rig.now_us))
    rig.wire.unplugged = False
    assert rig.run(lambda: rig.view.link is LinkState.UP, within_s=20)
    assert rig.view.open_grants == 1
    assert FindingCode.EPOCH in rig.view.findings
    assert refused(rig, command(rig, gun_uid=rig.view.gun_uid)) == []
    assert (rig.view.open_grants, rig.view.held_shots) == (0, 0)
    assert rig.view.phase is Phase.LOCKED  # the changed log is another finding, with its own exit


def test_a_session_that_nothing_was_written_off_in_is_not_closed_without_its_gun():
    rig = Rig(PLAN)
    assert rig.run(lambda: rig.view.link is LinkState.UP)
    opening = OpenSession(plan=PLAN, session="5e" * 16, alias="a1" * 16, op="practice", role="practice", practice=True)
    rig.host(opening)
    rest(rig)
    lose_the_gun(rig)
    assert refused(rig, CloseSession(state="interrupted"))
    assert refused(rig, Arm(area_id=AREA.area))
    assert bodies(rig, "session.closed") == []
