"""A patient's session that is taken up again: by whom, with what, and for whose skin."""

import pytest
from msgspec.structs import replace

from meso_device.accounting.materials import Actor, part_fitted
from meso_device.session.autopilot import Autopilot
from meso_device.session.contract import ResumeSession
from protocols.treatment.library import load_library
from tests.world.clinic_rig import OTHER, ClinicRig, Visit

PLAN = load_library("practice").plan()


def broken_off(rig, meanwhile=lambda: None):
    """A session of a patient whose host was killed after its third injection, and what happened without it."""
    rig.stock()
    rig.fill()
    session = rig.visit(Visit())
    assert rig.run(lambda: rig.view.shots_given >= 3)
    rig.kill_host()
    meanwhile()
    rig.run(rig.up)
    return session


def taken_up(rig, *parts, op="c9" * 16):
    row = rig.store.open_session()
    by = Actor(op=op, role="clinician", utc_us=rig.instant().utc_us)
    entries = tuple(
        part_fitted(part, serial, kind, session=row.session, alias=row.alias, by=by) for part, serial, kind in parts
    )
    opening = ResumeSession(row=row, plan=rig.plan, op=op, role="clinician", entries=entries, sex="male")
    rig.autopilot = Autopilot(opening, how="resume", resets_stop=True, aftercare=True)
    rig.run(rig.ended)


@pytest.mark.hazard("HZ-34")
@pytest.mark.hazard("HZ-44")
@pytest.mark.invariant("I-54")
def test_a_needle_and_head_that_were_changed_meanwhile_are_recorded_before_the_next_grant():
    rig = ClinicRig(PLAN, seed=3)
    session = broken_off(rig)
    taken_up(rig, ("needle", "N-2", PLAN.needle_type_id), ("head", "H-2", PLAN.head_type_id))
    assert rig.closed(), rig.notices
    kinds = ("session.confirmed", "needle.changed", "head.changed", "grant.prepared")
    rows = rig.records(*kinds, session=session)
    changed = [at for at, row in enumerate(rows) if row.get("serial") in {"N-2", "H-2"}]
    confirmed = max(at for at, row in enumerate(rows) if row["kind"] == "session.confirmed")
    assert changed == [confirmed + 1, confirmed + 2]
    assert rows[confirmed + 3]["kind"] == "grant.prepared"
    for at in changed:
        assert rows[at]["gun"] == rows[confirmed]["gun"]
        assert rows[at]["op"] == rows[confirmed]["op"] == "c9" * 16
    facts = rig.store.load_clinic(session=session, alias="", gun_uid=rig.view.gun_uid, digest="")
    assert (facts.needle.serial, facts.head.serial) == ("N-2", "H-2")
    assert 0 < facts.needle.shots < PLAN.shots


@pytest.mark.hazard("HZ-34")
@pytest.mark.invariant("I-54")
def test_a_needle_of_another_patient_is_refused_when_a_session_is_taken_up_with_it():
    rig = ClinicRig(PLAN, seed=4)
    used = Actor(op="c1" * 16, role="clinician", utc_us=1)
    rig.keep(replace(part_fitted("needle", "N-9", PLAN.needle_type_id, session="0f" * 16, alias=OTHER, by=used)))
    broken_off(rig)
    given = len(rig.truth)
    taken_up(rig, ("needle", "N-9", PLAN.needle_type_id))
    assert not rig.closed()
    assert len(rig.truth) == given
    assert any("another patient" in notice.text for notice in rig.notices)


@pytest.mark.hazard("HZ-17")
@pytest.mark.invariant("I-14")
def test_a_syringe_changed_while_no_host_was_there_gives_nothing_until_it_is_recorded():
    rig = ClinicRig(PLAN, seed=6)
    broken_off(rig, meanwhile=lambda: rig.gun.change_cartridge(rig.now_us))
    given = len(rig.truth)
    taken_up(rig)
    assert {row["code"] for row in rig.records("interlock")} == {"cartridge"}
    assert len(rig.truth) == given
    rig.fill()
    rig.kill_host()
    rig.run(rig.up)
    taken_up(rig)
    assert rig.closed()
    assert len(rig.truth) == PLAN.shots


@pytest.mark.hazard("HZ-17")
@pytest.mark.invariant("I-14")
def test_a_syringe_changed_while_the_link_was_lost_is_noticed_when_it_is_back():
    rig = ClinicRig(PLAN, seed=7)
    rig.stock()
    rig.fill()
    session = rig.visit(Visit())
    assert rig.run(lambda: rig.view.shots_given >= 3)
    rig.autopilot = None
    rig.wire.unplugged = True
    rig.close_port("pulled")
    end_us = rig.now_us + 2_000_000
    rig.run(lambda: rig.now_us >= end_us)
    rig.gun.change_cartridge(rig.now_us)
    rig.wire.unplugged = False
    end_us = rig.now_us + 5_000_000
    rig.run(lambda: rig.now_us >= end_us)
    assert rig.up()
    # What the gun told before it had said which one it is does not count for its syringe.
    told = [row for row in rig.records("alarm.raised", session=session) if row["alarm"] == "CARTRIDGE_CHANGED"]
    raised = [row for row in told if "gun" in row]
    assert len(raised) == 1
    facts = rig.store.load_clinic(session=session, alias="", gun_uid=rig.view.gun_uid, digest="")
    assert facts.cartridge.noticed


@pytest.mark.hazard("HZ-50")
def test_the_depth_advice_is_for_this_patients_skin():
    rig = ClinicRig(PLAN, seed=3)
    broken_off(rig)
    assert {"women"} == {word for notice in rig.notices for word in ("women", " men") if word in notice.text}
    seen = len(rig.notices)
    taken_up(rig)
    lines = [notice.text for notice in rig.notices[seen:] if notice.text.startswith("skin about")]
    assert lines
    assert all(", men)" in line for line in lines)
