"""The report of a session tells all that its records say: cut shots as ranges, changes with old and new, who signed."""

import random
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Entry
from meso_device.accounting.materials import Actor, Filling, cartridge_fitted
from meso_device.accounting.signature import signature
from meso_device.audit.store import Store
from meso_device.bodymap.views import VIEWS
from meso_device.documents.body_picture import Shown, body_picture, views_of
from meso_device.documents.html import render_html
from meso_device.documents.patient_page import checked_aftercare, patient_page
from meso_device.documents.pdf import render_pdf
from meso_device.documents.session_report import session_report
from meso_device.records.amending import amended
from meso_device.records.session_story import covering_checkpoint, session_story
from protocols.errors import UsageError
from protocols.treatment.library import load_library
from tests.unit.audit.clinic import ALIAS, SESSION, Clinic, commit, stamp
from tests.unit.documents.test_render import Seen, pages_of

CLEO, DORA = "c1" * 16, "d0" * 16
NAMES = {CLEO: "Cleo Clinician"}
NOTE = f"meso/x\n9\n{'A' * 43}=\n\n\N{EM DASH} meso/x {'B' * 90}\n"


@pytest.fixture
def store():
    opened = Store.in_memory(software="0.1.0", stamp=stamp(), randomness=random.Random(3).randbytes)
    yield opened
    opened.close(stamp())


def plan():
    return load_library("hair_loss").plan()


def run_session(store, *, shots=20, closed=True, practice=False):
    """Commit a session of the first two areas of a plan, with all that can go beside the injections."""
    clinic, planned = Clinic(), plan()
    first, second = planned.areas[:2]

    def entry(kind, payload, key=""):
        return clinic.entry(kind, f"{kind}/{key or kind}", payload, op=CLEO)

    opened = clinic.entry(
        "session.opened",
        f"session/{SESSION}/opened",
        {"plan": planned.to_json(), "title": planned.title, "practice": practice, "gun_uid": clinic.gun.gun_uid},
        op=CLEO,
    )
    commit(store, clinic.link_up(), opened)
    store.commit([clinic.grant(max_shots=300, max_nl=15_000_000)], stamp())
    commit(
        store,
        entry("checklist", {"item": "identity", "answer": "yes", "note_hash": "", "noted": False}),
        entry("needle.changed", {"part": "needle", "serial": "N 77", "type_id": 4}),
        entry("limit.override", {"code": "too_early", "limit": "21 days", "value": "20", "reason": "agreed",
                                 "signer": DORA}),
        entry("plan.edited", {"area": first.area, "area_code": first.area_code, "setpoint": "depth_um", "old": 3_000,
                              "new": 2_500, "file": 3_000}),
        entry("point.skipped", {"area": second.area, "area_code": second.area_code, "point": 1, "reason": "scar"}),
        entry("stop", {"source": "key", "stop_no": 1, "heard": False}),
        entry("alarm.raised", {"alarm": "OVER_PRESSURE", "bit": 3, "detail": 0}),
        entry("grant.unknown", {"grant_no": 1, "held_shots": 7, "held_nl": 350_000}),
    )  # fmt: skip
    commit(store, *(
        clinic.shot(
            50_000, 0 if no == 4 else None, area=(first if no < shots // 2 else second).area,
            area_code=(first if no < shots // 2 else second).area_code, measured_depth_um=2_900 + no,
            phase="INTERRUPTED" if no == 4 else "DONE", reason="POWER_LOST" if no == 4 else "NONE",
        )
        for no in range(shots)
    ))  # fmt: skip
    if closed:
        commit(store, clinic.closed())
    return clinic


def sign_totals(store):
    totals = Entry(kind="session.closed", key=f"session/{SESSION}/closed")
    commit(store, signature(totals, meaning="performed", op=CLEO, role="clinician", payload={}))


def text_of(document):
    seen = Seen()
    seen.feed(render_html(document).decode())
    return seen.text


def test_everything_beside_the_injections_is_told_with_who_and_old_beside_new(store):
    run_session(store)
    sign_totals(store)
    text = text_of(session_report(session_story(store._db, SESSION), NAMES, NOTE))
    for said in (
        "20 of 80 injections given, 0.95 to 1 mL in all",
        "too_early: limit 21 days, value 20, reason agreed",
        "depth 3 → 2.5 mm",
        "20*",
        "changed after the opening",
        "point 1, scar",
        "STOP pressed",
        "OVER_PRESSURE",
        "up to 7 injections, 350 µL, until the gun's log is read",
        "interrupted: power lost",
        "0.000 to 50.000",
        "Cleo Clinician, clinician",
        "session closed",
        "performed",
        "N 77",
        "HA mix",
        f"P-{ALIAS[:8]}",
        "True depth in skin is not measured",
        "SIMULATED: the gun of this session is simulated",
    ):
        assert said in text, said


def test_the_report_is_the_same_until_the_session_has_a_further_record(store):
    run_session(store)
    first = session_report(session_story(store._db, SESSION), NAMES, NOTE)
    other = Clinic(session="77" * 16, alias="b2" * 16)
    opened = other.entry("session.opened", f"session/{other.session}/opened", {"plan": {"areas": []}, "title": "t"})
    commit(store, opened, Entry(kind="report.issued", key="report/x", payload={"n": 1}, session=SESSION, alias=ALIAS))
    assert render_html(session_report(session_story(store._db, SESSION), NAMES, NOTE)) == render_html(first)
    sign_totals(store)
    again = session_report(session_story(store._db, SESSION), NAMES, NOTE)
    assert again.number != first.number


def test_a_filling_whose_lot_was_misread_is_told_with_both_lots_and_the_patient_gets_the_right_one(store):
    filling = Filling(
        cartridge="f1" * 16, syringe="bd_5ml", geometry_id=7, product="HA mix", lot="L1", loaded_nl=4_000_000
    )
    clinic, by = Clinic(), Actor(op=CLEO, role="clinician", utc_us=1)
    commit(store, cartridge_fitted(filling, clinic.gun.gun_uid, by))
    run_session(store)
    commit(store, cartridge_fitted(replace(filling, cartridge="f2" * 16), clinic.gun.gun_uid, by))
    before = session_report(session_story(store._db, SESSION), NAMES, NOTE)
    [(seq,)] = store._db.execute("SELECT seq FROM cartridge ORDER BY seq LIMIT 1").fetchall()
    entry = amended(store._db, seq, "lot", "L7", reason="misread", by=by)
    commit(store, entry, signature(entry, meaning="performed", op=CLEO, role="clinician", payload={}))
    story = session_story(store._db, SESSION)
    report = session_report(story, NAMES, NOTE)
    assert report.number != before.number
    text = text_of(report)
    assert "L1* amended to L7" in text
    assert "lot loaded: lot" in text
    assert [(one.target_kind, one.meaning) for one in story.signatures] == [("amend", "performed")]
    assert "HA mix, lot L7" in text_of(patient_page(story, NOTE, ()))


def test_a_checkpoint_on_a_report_covers_all_that_it_tells(store):
    run_session(store)
    sign_totals(store)
    story = session_story(store._db, SESSION)
    note = covering_checkpoint(store._db, story.last_seq)
    assert not note or int(note.split("\n")[1]) > story.last_seq


def test_an_open_session_says_that_it_is_open(store):
    run_session(store, closed=False)
    assert "still open" in text_of(session_report(session_story(store._db, SESSION), NAMES, NOTE))


def test_a_report_of_three_hundred_shots_has_a_row_for_each(store):
    run_session(store, shots=300)
    pages = pages_of(render_pdf(session_report(session_story(store._db, SESSION), NAMES, NOTE)))
    rows = {
        line.split()[0] for page in pages for line in page.splitlines() if "L1" in line and line.split()[0].isdigit()
    }
    assert rows == {str(no) for no in range(1, 301)}


def test_the_patients_page_is_one_page_with_aftercare_next_date_and_no_name_of_anybody(store):
    run_session(store)
    sign_totals(store)
    story = session_story(store._db, SESSION)
    lines = checked_aftercare("\n".join(f"Do not do number {no} for a day or two, please." for no in range(12)))
    [page] = pages_of(render_pdf(patient_page(story, NOTE, lines)))
    assert all(line in page for line in lines)
    assert "HA mix, lot L1" in page
    assert "come again from 2023-11-2" in page
    assert "SIMULATED: nobody was treated" in page
    assert "Cleo" not in page
    assert ALIAS[:8] not in page


def test_aftercare_that_does_not_fit_on_the_page_is_refused():
    with pytest.raises(UsageError, match="12 lines"):
        checked_aftercare("line\n" * 13)
    with pytest.raises(UsageError, match="200 letters"):
        checked_aftercare("x" * 201)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("given", [0, 1, 7, 100])
def test_the_body_map_has_a_dot_for_each_point_within_its_area(view, given):
    for area in VIEWS[view].values():
        root = ET.fromstring(body_picture(view, {area: Shown(planned=100, given=given)}))  # noqa: S314  # our own
        places = {(dot.attrib["cx"], dot.attrib["cy"]) for dot in root.iter("{http://www.w3.org/2000/svg}circle")}
        assert len(places) <= given
        assert len(places) == given or given > 7
    assert views_of({area: Shown(1, 1)}) == (view,)
