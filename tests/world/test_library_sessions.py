"""A patient's session on every bundled treatment protocol, whole, on a gun set up for it: the log says it all."""

import pytest

from meso_device.accounting.entries import Entry
from protocols.treatment.areas import catalogue
from protocols.treatment.library import library, library_bytes, load_library
from protocols.wire.codes import Mode
from tests.world.clinic_rig import LOT, OP, PATIENT, ClinicRig, Visit

APPROVER = "d1" * 16


def approved(rig):
    payload = {"digest": rig.plan.digest, "protocol_id": rig.plan.id, "version": rig.plan.version, "name": "x.toml"}
    key = f"approved/{rig.plan.digest}/{APPROVER}/1"
    rig.keep(Entry(kind="protocol.approved", key=key, payload=payload, op=APPROVER, role="clinician"))


def treated(name, *, approve=True):
    """A whole session on this file, its gun set up for its syringe, and what the log holds of it."""
    plan = load_library(name).plan()
    rig = ClinicRig(plan)
    rig.stock()
    rig.fill()
    if approve:
        approved(rig)
    known = catalogue()
    asked = [f"sensitive_area.{one.area}" for one in plan.areas if known[one.area].risk == "extra-confirmation"]
    session = rig.visit(Visit(overrides=tuple(asked)))
    assert rig.run(rig.ended, within_s=900)
    assert rig.closed(), [notice.text for notice in rig.notices]
    return rig, session


@pytest.mark.hazard("HZ-45")
@pytest.mark.hazard("HZ-58")
@pytest.mark.hazard("HZ-57")
@pytest.mark.invariant("I-29")
@pytest.mark.parametrize("name", library())
def test_a_session_on_each_bundled_file_gives_what_the_log_says_and_the_log_says_everything(name):
    rig, session = treated(name)
    plan = rig.plan

    shots = rig.records("shot", session=session)
    assert len(shots) == len(rig.truth) == plan.shots
    for row, stroke in zip(shots, rig.truth, strict=True):
        assert (row["shot_seq"], row["area_code"]) == (stroke.label.shot_seq, stroke.label.area_code)
        assert row["dose_lo_nl"] <= stroke.dose_nl <= row["dose_hi_nl"]
        assert (row["product"], row["lot"], row["alias"]) == (plan.product_name, LOT, PATIENT)
    given_nl = sum(stroke.dose_nl for stroke in rig.truth)
    dry = sum(area.shots for area in plan.areas if area.mode == Mode.DRY)
    if dry < plan.shots:
        assert abs(given_nl - plan.volume_nl) * 100 <= plan.volume_nl * 3  # a syringe of another bore would be far off

    (opened,) = rig.records("session.opened", session=session)
    assert opened["protocol"] == plan.digest == load_library(name).digest
    assert (opened["status"], opened["approval_op"]) == ("example, unapproved", APPROVER)
    grants = rig.records("grant.prepared", session=session)
    assert {(row["protocol"], row["protocol_status"], row["approved_by"], row["op"]) for row in grants} == {
        (plan.digest, "approved", APPROVER, OP)
    }
    checks = [row["item"] for row in rig.records("checklist", session=session)]
    assert len(checks) == len(set(checks)) == 11
    assert len(rig.records("consent", "needle.changed", "head.changed", session=session)) == 3

    (closed,) = rig.records("session.closed", session=session)
    lo_nl, hi_nl = sum(row["dose_lo_nl"] for row in shots), sum(row["dose_hi_nl"] for row in shots)
    assert lo_nl <= given_nl <= hi_nl
    assert closed["by_lot"] == [
        {"product": plan.product_name, "lot": LOT, "shots": plan.shots, "dose_lo_nl": lo_nl, "dose_hi_nl": hi_nl}
    ]
    assert closed["session_cap_left_nl"] == plan.session_cap_nl - hi_nl >= 0
    for area, row in zip(plan.areas, closed["areas"], strict=True):
        of_area = sum(shot["dose_hi_nl"] for shot in shots if shot["area_code"] == area.area_code)
        assert row["cap_left_nl"] == area.cap_nl - of_area >= 0
        assert row["points_given"] == row["points_planned"] == area.shots
    material = closed["material"]
    assert material["ok"] is True
    assert material["patient_hi_nl"] == hi_nl


@pytest.mark.hazard("HZ-45")
@pytest.mark.parametrize("name", sorted(name for name in library() if b'"bd_5ml"' not in library_bytes(name)))
def test_a_gun_that_holds_another_syringe_than_the_file_is_for_gives_nothing(name):
    plan = load_library(name).plan()
    rig = ClinicRig(plan, syringe="bd_5ml")
    rig.run_session()
    assert rig.run(rig.ended)
    assert rig.truth == []
    blocks = {row["code"] for row in rig.records("interlock")}
    assert blocks == {"geometry"}
