"""Corrections: whatever is amended, no record changes, and everything that is shown has both the old and the new."""

import json
import random

import pytest

from meso_device.accounting.materials import Actor, Filling, cartridge_fitted
from meso_device.audit import canonical
from meso_device.audit.amendments import amendments_in, amendments_on, said_last
from meso_device.audit.keys import VerifyKey
from meso_device.audit.pages import RecordQuery, look, record_of
from meso_device.audit.session_records import records_of
from meso_device.cli.session_text import session_document, session_page
from meso_device.documents.html import render_html
from meso_device.documents.session_report import session_report
from meso_device.records.amending import AMENDABLE, amended, offered, shown
from meso_device.records.fhir import session_bundle
from meso_device.records.session_story import session_story
from protocols.errors import MesoError, UsageError
from tests.unit.audit.clinic import SESSION, Clinic, commit
from tests.unit.documents.test_session_report import NOTE, run_session
from tests.unit.records.treated import treat

BY = Actor(op="c1" * 16, role="clinician", utc_us=1)
# For each field a value that it may have and one that it may not; where two may be, corrections can go to and fro.
VALUES = {
    ("adverse_event", "code"): (["bruise", "nodule"], "Bruise"),
    ("adverse_event", "severity"): (["mild", "severe"], "bad"),
    ("adverse_event", "onset_day"): (["3", "21"], "-1"),
    ("adverse_event", "reporter"): (["clinician", "patient"], "neighbour"),
    ("aftercare", "given"): (["no", "yes"], "maybe"),
    ("checklist", "answer"): (["yes", "no"], "perhaps"),
    ("consent", "form"): (["F-1", "F-2"], ""),
    ("consent", "version"): (["1", "2"], "x" * 81),
    ("reprocessing", "product"): (["Steri", "Clean"], "\x07"),
    ("reprocessing", "lot"): (["S-1", "S-2"], "-"),
    ("reprocessing", "method"): (["wiped", "immersed"], "by Mrs Smith"),
    ("cartridge.changed", "reason"): (["broken", "empty"], "it broke"),
    ("lot.loaded", "lot"): (["L-8", "L-9"], "\x07"),
    ("limit.override", "reason"): (["agreed", "urgent"], "He asked"),
    ("point.skipped", "reason"): (["bleeding", "pain"], "Pain!"),
    ("write_off", "reason"): (["lost", "broken"], "who knows"),
}
RECORDED = {
    "consent": {"form": "F-0", "version": "0"},
    "aftercare": {"given": True},
    "reprocessing": {"gun_uid": Clinic().gun.gun_uid, "part": "head", "product": "A", "lot": "L", "method": "m",
                     "rinse_medium": "none"},
    "limit.override": {"code": "too_early", "limit": "21", "value": "20", "reason": "r", "signer": "c1" * 16},
    "point.skipped": {"area": "forehead", "point": 2, "reason": "r"},
}  # fmt: skip


@pytest.fixture
def treated(store):
    """A closed session, and one record of each kind that can be amended."""
    treat(store)
    clinic = Clinic()
    for number, lot in enumerate(("L-7", "L-0")):
        filling = Filling(
            cartridge=f"{number:032x}", syringe="bd_5ml", geometry_id=7, product="HA mix", lot=lot, loaded_nl=10**6
        )
        commit(store, cartridge_fitted(filling, clinic.gun.gun_uid, BY))
    for kind, payload in RECORDED.items():
        commit(store, clinic.entry(kind, f"{kind}/x", payload, gun=None))
    return store


def places(store):
    """The newest record of each kind that can be amended; of fillings the newest that is out of its gun."""
    rows = store._db.execute("SELECT kind, seq FROM record ORDER BY seq").fetchall()
    in_guns = store._db.execute("SELECT seq FROM cartridge WHERE removed_seq IS NULL").fetchall()
    return {kind: seq for kind, seq in rows if kind in AMENDABLE and (seq,) not in in_guns}


def bodies(store):
    return dict(store._db.execute("SELECT seq, body FROM record"))


def test_every_field_that_can_be_amended_is_tried_here():
    assert {(kind, field) for kind, fields in AMENDABLE.items() for field in fields} == VALUES.keys()


@pytest.mark.parametrize("seed", range(8))
def test_no_record_changes_and_the_newest_correction_is_what_is_said(treated, seed):
    rng = random.Random(seed)
    seqs = places(treated)
    before, said = bodies(treated), {}
    for _ in range(40):
        kind, field = rng.choice([place for place in VALUES if place[0] in seqs])
        words, wrong = VALUES[kind, field]
        new = rng.choice(words)
        seq = seqs[kind]
        with pytest.raises(UsageError):
            amended(treated._db, seq, field, wrong, reason="typing_error", by=BY)
        if said.get((seq, field)) == new:
            with pytest.raises(UsageError, match="already"):
                amended(treated._db, seq, field, new, reason="typing_error", by=BY)
            continue
        try:
            entry = amended(treated._db, seq, field, new, reason="typing_error", by=BY)
        except UsageError as error:
            assert "already" in str(error)  # noqa: PT017  # as it was recorded
            continue
        commit(treated, entry)
        said[seq, field] = new
    now = bodies(treated)
    assert {seq: now[seq] for seq in before} == before
    for (seq, field), new in said.items():
        corrections = amendments_on(treated._db, (seq,))
        chain = [one for one in corrections if one.field == field]
        recorded = canonical.decode(before[seq])[field]
        assert [one.old for one in chain] == [recorded, *(one.new for one in chain[:-1])]
        last = said_last(corrections, seq, field, recorded)
        assert (new == "yes") is last if isinstance(last, bool) else str(last) == new


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        pytest.param("shot", "account of gun and host", marks=pytest.mark.hazard("HZ-42")),
        pytest.param("link.up", "account of gun and host", marks=pytest.mark.hazard("HZ-42")),
        ("session.closed", "holds nothing that is amended"),
        ("log.opened", "holds nothing that is amended"),
        ("amend", "amend the record that it names"),
    ],
)
def test_what_gun_and_host_counted_is_never_amended(treated, kind, names):
    commit(treated, amended(treated._db, places(treated)["consent"], "form", "F-9", reason="wrong_form", by=BY))
    [(seq,)] = treated._db.execute("SELECT max(seq) FROM record WHERE kind = ?", (kind,)).fetchall()
    for field in ("dose_hi_nl", "shot_seq", "reason", "simulated"):
        with pytest.raises(MesoError, match=names):
            amended(treated._db, seq, field, "1", reason="typing_error", by=BY)


def test_no_field_of_the_envelope_is_amended_and_no_record_that_is_not_there(treated):
    seq = places(treated)["consent"]
    for field in ("op", "ts_us", "sess", "prev", "kind", "rinse_medium"):
        with pytest.raises(UsageError, match="no field"):
            amended(treated._db, seq, field, "1", reason="typing_error", by=BY)
    with pytest.raises(UsageError, match="no record"):
        amended(treated._db, 10**6, "form", "F", reason="typing_error", by=BY)
    with pytest.raises(UsageError, match="reason"):
        amended(treated._db, seq, "form", "F-9", reason="Mrs Smith said so", by=BY)


def test_while_a_session_is_open_its_answers_are_given_there(store):
    treat(store, closed=False)
    with pytest.raises(MesoError, match="still open"):
        amended(store._db, places(store)["checklist"], "answer", "yes", reason="typing_error", by=BY)


def offers_of(store, seq):
    found = record_of(store._db, seq, VerifyKey.parse(store.verify_key))
    amended_to = {one["field"]: one["new"] for one in found["amendments"]}
    return offered(found["fields"], amended_to, over=found["over"])


def test_what_is_offered_is_what_is_taken_and_what_it_says_now(treated):
    for kind, seq in places(treated).items():
        offers = offers_of(treated, seq)
        assert [one.field for one in offers] == list(AMENDABLE[kind])
        for one in offers:
            for word in (*one.takes, *VALUES[kind, one.field][0]):
                if word == one.now or (word in one.takes and word.startswith("<")):
                    continue
                entry = amended(treated._db, seq, one.field, word, reason="typing_error", by=BY)
                assert (shown(entry.payload["old"]), shown(entry.payload["new"])) == (one.now, word)
            assert all(word in one.takes for word in VALUES[kind, one.field][0] if one.takes)
    answer = places(treated)["checklist"]
    commit(treated, amended(treated._db, answer, "answer", "yes", reason="misheard", by=BY))
    assert [(one.now, one.takes) for one in offers_of(treated, answer)] == [("yes", ("no", "yes"))]


def test_nothing_is_offered_that_would_be_refused_and_for_the_same_reason(store):
    treat(store, closed=False)
    kinds = dict(store._db.execute("SELECT kind, seq FROM record ORDER BY seq"))
    assert "checklist" in kinds
    for seq in kinds.values():
        with pytest.raises(MesoError) as offer:
            offers_of(store, seq)
        with pytest.raises(MesoError) as entry:
            amended(store._db, seq, "answer", "yes", reason="typing_error", by=BY)
        assert str(offer.value) == str(entry.value)


def test_an_amendment_belongs_to_the_session_and_bears_its_mark(treated):
    commit(treated, amended(treated._db, places(treated)["checklist"], "answer", "yes", reason="misheard", by=BY))
    [one] = amendments_in(treated._db, SESSION)
    record = canonical.decode(records_of(treated._db, SESSION)[one.seq])
    assert (record["sess"], record["simulated"], record["old"], record["new"]) == (SESSION, True, "no", "yes")


def test_every_view_shows_the_old_beside_the_new(treated):
    answer, event = places(treated)["checklist"], places(treated)["adverse_event"]
    commit(treated, amended(treated._db, answer, "answer", "yes", reason="misheard", by=BY))
    commit(treated, amended(treated._db, event, "severity", "mild", reason="typing_error", by=BY))
    corrections = amendments_in(treated._db, SESSION)
    row = treated.session(SESSION)
    page = "\n".join(session_page(row, corrections))
    assert "no -> yes" in page
    assert "life_threatening -> mild" in page
    assert [(one["old"], one["new"]) for one in session_document(row, corrections)["amendments"]] == [
        ("no", "yes"), ("life_threatening", "mild"),
    ]  # fmt: skip
    detail = look(treated._db, 1, RecordQuery(answer), VerifyKey.parse(treated.verify_key)).found
    assert detail["fields"]["answer"] == "no"
    assert [(one["field"], one["new"]) for one in detail["amendments"]] == [("answer", "yes")]


def test_the_bundle_says_what_is_amended_and_its_audit_event_what_was_recorded(treated):
    answer, event = places(treated)["checklist"], places(treated)["adverse_event"]
    commit(treated, amended(treated._db, answer, "answer", "yes", reason="misheard", by=BY))
    commit(treated, amended(treated._db, event, "severity", "mild", reason="typing_error", by=BY))
    records = [canonical.decode(body) for body in records_of(treated._db, SESSION).values()]
    made = [entry["resource"] for entry in session_bundle(records)["entry"]]
    [asked] = [one for one in made if one["resourceType"] == "QuestionnaireResponse"]
    assert asked["status"] == "amended"
    assert asked["item"][0]["answer"] == [{"valueString": "yes"}]
    assert "recorded: no" in asked["item"][0]["text"]
    [reaction] = [one for one in made if one["resourceType"] == "AdverseEvent"]
    assert reaction["severity"]["coding"][0]["code"] == "mild"
    details = [one["entity"][0]["detail"] for one in made if "detail" in one.get("entity", [{}])[0]]
    told = [{part["type"]: part["valueString"] for part in detail} for detail in details]
    assert [(one["old"], one["new"]) for one in told] == [("no", "yes"), ("life_threatening", "mild")]


def test_the_report_marks_what_was_amended_and_has_old_and_new_in_one_row(store):
    run_session(store)
    seq = places(store)["checklist"]
    commit(store, amended(store._db, seq, "answer", "no", reason="misheard", by=BY))
    html = render_html(session_report(session_story(store._db, SESSION), {}, NOTE)).decode()
    assert "Amended afterwards" in html
    assert "yes* amended to no" in html
    assert json.dumps(session_story(store._db, SESSION).amendments[0].new) == '"no"'


def test_the_lot_of_a_filling_is_not_amended_while_it_is_in_the_gun(treated):
    [(seq,)] = treated._db.execute("SELECT seq FROM cartridge WHERE removed_seq IS NULL").fetchall()
    with pytest.raises(MesoError, match="is in the gun"):
        amended(treated._db, seq, "lot", "L-9", reason="misread", by=BY)
    key = VerifyKey.parse(treated.verify_key)
    assert record_of(treated._db, seq, key)["over"] is False
    assert record_of(treated._db, places(treated)["lot.loaded"], key)["over"] is True
