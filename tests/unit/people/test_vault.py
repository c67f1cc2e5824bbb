import json
import unicodedata
from base64 import b64encode

import pytest

from meso_device.accounting.entries import Batch, Entry
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from meso_device.host.due import commit_due
from meso_device.people import database
from meso_device.people.adverse import AdverseEvent, Reaction, Reporter, Severity
from meso_device.people.refusals import NotAllowed, PeopleRefused
from meso_device.people.roles import Act
from meso_device.people.signatures import authorise
from meso_device.people.subject import LegalBasis, PatientRef, Sex, ShownFor, subject_commitment, text_commitment
from protocols.errors import InvariantError, UsageError
from tests.unit.people.clinic import REF

NOTE = "complains of itching behind the left ear since Tuesday"
SESSION = "5e" * 16
EVENT = AdverseEvent(
    reaction=Reaction.MYCOBACTERIAL_INFECTION,
    severity=Severity.SEVERE,
    onset_day=45,
    reporter=Reporter.PATIENT,
    session=SESSION,
    areas=("cheek_left", "cheek_right"),
    shot_seqs=(4, 5, 6),
    lots=(("HA mix", "L1"), ("HA mix", "L2")),
    gun_uids=("00112233445566778899aabb",),
)


def stamp(people):
    return Stamp(ts_us=people.now.utc_us, mono_us=people.now.mono_us, boot="b", clock="synced")


def erase(people, alias, first="ada", second="cleo"):
    pair = authorise(Act.ERASE_SUBJECT, people.proof(first), people.proof(second), people.now)
    return people.vault.erase(alias, LegalBasis.SUBJECT_REQUEST, pair)


# --- aliases and commitments ------------------------------------------------------------------------


@pytest.mark.invariant("I-63")
@pytest.mark.hazard("HZ-41")
def test_enrolment_records_an_alias_and_a_commitment_and_nothing_else(people):
    _, cleo = people.enrol("ada", "cleo")
    people.owed()
    patient = people.patient()
    [entry] = people.owed()
    assert (entry.kind, entry.alias, entry.op, entry.role) == ("patient.enrolled", patient.alias, cleo.op, "clinician")
    assert entry.payload == {"subject": patient.facts.subject}
    [(salt,)] = database.run(people.vault._db, "SELECT salt FROM patient")
    assert patient.facts.subject == subject_commitment(REF, salt)
    assert len(salt) == 32


def test_aliases_of_two_patients_and_of_the_same_one_enrolled_elsewhere_have_nothing_in_common(people):
    people.enrol("ada", "cleo")
    twin = PatientRef(name=REF.name, born=REF.born, chart="other")
    one, two = people.patient(), people.patient(twin)
    assert one.alias != two.alias
    assert one.facts.subject != two.facts.subject


def test_rules_get_facts_and_no_name(people):
    people.enrol("ada", "cleo")
    patient = people.patient(sex=Sex.MALE, allergies=["  Lido  caine ", "latex", "latex"])
    facts = people.vault.facts_of(patient.alias)
    assert facts.sex is Sex.MALE
    assert facts.allergies == ("Lido caine", "latex")
    assert not any(part in repr(facts) for part in (*REF.name.split(), REF.born, REF.chart))
    assert people.vault.facts_of("00" * 16) is None


def test_a_chart_number_belongs_to_one_patient(people):
    people.enrol("ada", "cleo")
    people.patient()
    with pytest.raises(PeopleRefused, match="taken") as refused:
        people.patient(PatientRef(name="Somebody Else", born="1990-01-01", chart="qx-448812"))
    assert "448" not in str(refused.value)


@pytest.mark.parametrize("allergies", [[""], ["x" * 81], ["a\x00b"], [f"a{n}" for n in range(51)]])
def test_an_allergy_names_an_ingredient(people, allergies):
    people.enrol("ada", "cleo")
    with pytest.raises(UsageError, match="refused"):
        people.patient(allergies=allergies)


# --- seeing names -----------------------------------------------------------------------------------


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_technicians_and_auditors_see_no_names_alone(people):
    people.enrol("ada", "cleo", "theo", "abel")
    alias = people.patient().alias
    people.owed()
    vault = people.vault
    for login in ("theo", "abel"):
        by = people.who[login]
        for look in (
            lambda by=by: vault.find("Zoe", by),
            lambda by=by: vault.everybody(by),
            lambda by=by: vault.begins_with(alias, by),
            lambda by=by: vault.notes_of(alias, by),
            lambda by=by: vault.disclose([alias], ShownFor.CARE, by),
            lambda by=by: vault.enrol(REF, sex=Sex.MALE, allergies=(), by=by, now=people.now),
            lambda by=by: vault.add_note(alias, NOTE, by=by, now=people.now),
            lambda by=by: vault.add_adverse_event(alias, EVENT, text="", by=by, now=people.now),
        ):
            with pytest.raises(NotAllowed):
                look()
    assert people.owed() == []


def test_an_auditor_sees_names_with_somebody_who_may_and_both_are_recorded(people):
    _, cleo, abel = people.enrol("ada", "cleo", "abel")
    alias = people.patient().alias
    people.owed()
    pair = authorise(Act.DISCLOSE_NAMES, people.proof("abel"), people.proof("cleo"), people.now)
    assert [patient.ref for patient in people.vault.find("qx-448812", pair)] == [REF]
    people.vault.disclose([alias], ShownFor.LOOKBACK, pair)
    [entry] = people.owed()
    assert (entry.kind, entry.op, entry.role) == ("disclosure", abel.op, "auditor")
    assert entry.payload == {
        "purpose": "lookback",
        "aliases": [alias],
        "second_op": cleo.op,
        "second_role": "clinician",
    }
    erasure = authorise(Act.ERASE_SUBJECT, people.proof("ada"), people.proof("cleo"), people.now)
    with pytest.raises(InvariantError):
        people.vault.everybody(erasure)


@pytest.mark.parametrize(
    "query",
    ["QX-448 812", "qx-448812", "zoe", "MARKOVIC Zoë", "Marković, Zoe Quendolin", unicodedata.normalize("NFD", "Zoë")],
)
def test_a_patient_is_found_by_chart_number_or_by_words_of_the_name(people, query):
    people.enrol("ada", "cleo")
    people.patient()
    people.patient(PatientRef(name="Zora Marks", born="1990-01-01", chart="QX-448 81"))
    assert [patient.ref for patient in people.vault.find(query, people.who["cleo"])] == [REF]


@pytest.mark.hazard("HZ-16")
@pytest.mark.parametrize("query", ["", "   ", "--", "Zo", "Zoe Marks", "448"])
def test_half_a_word_or_nothing_finds_nobody(people, query):
    people.enrol("ada", "cleo")
    people.patient()
    assert people.vault.find(query, people.who["cleo"]) == ()


@pytest.mark.hazard("HZ-16")
def test_two_patients_of_one_name_are_both_found_and_told_apart(people):
    people.enrol("ada", "cleo")
    older = PatientRef(name=REF.name, born="1950-01-01", chart="11")
    people.patient()
    people.patient(older)
    assert [patient.ref for patient in people.vault.find("zoe markovic", people.who["cleo"])] == [older, REF]


def test_showing_many_names_is_recorded_in_records_that_the_log_can_hold(people):
    people.enrol("ada", "cleo")
    people.owed()
    aliases = [f"{number:032x}" for number in range(600)]
    people.vault.disclose(aliases, ShownFor.LOOKBACK, people.who["ada"])
    entries = people.owed()
    assert [alias for entry in entries for alias in entry.payload["aliases"]] == aliases
    assert all(len(json.dumps(entry.payload)) < 15_000 for entry in entries)


# --- texts and events -------------------------------------------------------------------------------


@pytest.mark.invariant("I-63")
@pytest.mark.hazard("HZ-41")
def test_a_text_stays_in_the_vault_and_the_log_gets_its_commitment(people):
    people.enrol("ada", "cleo")
    alias = people.patient().alias
    people.owed()
    note = people.vault.add_note(alias, f"  {NOTE}\n", by=people.who["cleo"], now=people.now)
    [entry] = people.owed()
    [(salt,)] = database.run(people.vault._db, "SELECT salt FROM note")
    assert entry.payload == {"note": note, "text": text_commitment(NOTE, salt)}
    assert "itching" not in repr(entry)
    [kept] = people.vault.notes_of(alias, people.who["cleo"])
    assert (kept.note, kept.text) == (note, NOTE)


@pytest.mark.parametrize("text", ["", "  ", "x" * 4_001])
def test_a_text_is_neither_empty_nor_endless(people, text):
    people.enrol("ada", "cleo")
    alias = people.patient().alias
    with pytest.raises(UsageError, match="text is refused"):
        people.vault.add_note(alias, text, by=people.who["cleo"], now=people.now)


@pytest.mark.hazard("HZ-56")
def test_a_late_reaction_is_appended_with_shots_lots_and_gun_and_its_text_kept_apart(people):
    _, cleo = people.enrol("ada", "cleo")
    alias = people.patient().alias
    people.owed()
    people.later(seconds=45 * 86_400)
    event = people.vault.add_adverse_event(alias, EVENT, text=NOTE, by=cleo, now=people.now)
    [entry] = people.owed()
    assert (entry.kind, entry.session, entry.alias, entry.op) == ("adverse_event", SESSION, alias, cleo.op)
    told = dict(entry.payload)
    assert told.pop("event") == event
    assert len(told.pop("text")) == 64
    assert told.pop("note") == people.vault.notes_of(alias, cleo)[0].note
    assert told == {
        "code": "mycobacterial_infection",
        "severity": "severe",
        "onset_day": 45,
        "reporter": "patient",
        "areas": ["cheek_left", "cheek_right"],
        "shot_seqs": [4, 5, 6],
        "lots": [{"product": "HA mix", "lot": "L1"}, {"product": "HA mix", "lot": "L2"}],
        "gun_uids": ["00112233445566778899aabb"],
    }
    assert "itching" not in repr(entry)


@pytest.mark.hazard("HZ-56")
def test_a_reaction_of_somebody_erased_is_still_recorded_but_no_text_about_that_person(people):
    _, cleo = people.enrol("ada", "cleo")
    alias = people.patient().alias
    erase(people, alias)
    people.owed()
    with pytest.raises(PeopleRefused):
        people.vault.add_adverse_event(alias, EVENT, text=NOTE, by=cleo, now=people.now)
    people.vault.add_adverse_event(alias, EVENT, text="", by=cleo, now=people.now)
    assert [entry.kind for entry in people.owed()] == ["adverse_event"]


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"onset_day": -1}, "onset"),
        ({"onset_day": 3_651}, "onset"),
        ({"areas": ()}, "at least one area"),
        ({"shot_seqs": tuple(range(501))}, "at most 500"),
    ],
)
def test_an_event_that_no_lookback_could_find_is_refused(changes, match):
    fields = {name: getattr(EVENT, name) for name in EVENT.__slots__} | changes
    with pytest.raises(UsageError, match=match):
        AdverseEvent(**fields)


@pytest.mark.hazard("HZ-56")
def test_the_longest_event_fits_into_a_record(people, tmp_path, seeded):
    _, cleo = people.enrol("ada", "cleo")
    fields = {name: getattr(EVENT, name) for name in EVENT.__slots__}
    fields["areas"] = tuple(f"axilla_hair_line_{number:03}" for number in range(100))
    fields["shot_seqs"] = tuple(range(2**32 - 500, 2**32))
    fields["lots"] = tuple((f"product {number} {'x' * 20}", f"LOT-{number:012}") for number in range(20))
    people.vault.add_adverse_event("a1" * 16, AdverseEvent(**fields), text="", by=cleo, now=people.now)
    store = Store.in_memory(software="0", stamp=stamp(people), randomness=seeded)
    assert commit_due(store, people.office, stamp(people)) == 3
    store.close(stamp(people))


# --- erasure ----------------------------------------------------------------------------------------


def forms(text):
    """Return the bytes in which a text could lie in a file."""
    for variant in {text, text.casefold(), text.upper(), text.replace(" ", ""), unicodedata.normalize("NFD", text)}:
        yield from (variant.encode(), variant.encode("utf-16-le"), json.dumps(variant)[1:-1].encode())
        yield b64encode(variant.encode())[: len(variant) * 4 // 3 - 2]


MARKERS = ("Quendolin", "Marković", "1979-11-05", "QX-448 812", "qx-448812", "hyaluronidase", NOTE, "itching behind")


def traces(directory, markers=MARKERS):
    """Return which markers are in which file of a directory."""
    found = []
    for path in directory.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found += [(path.name, marker) for marker in markers if any(form in content for form in forms(marker))]
    return found


@pytest.fixture
def clinic(people, seeded):
    """A directory with a log, some patients, and one among them who is to be erased."""
    people.enrol("ada", "cleo")
    for number in range(20):
        people.patient(PatientRef(name=f"Other Person {number}", born="1990-01-01", chart=f"C{number}"), allergies=())
    people.alias = people.patient().alias
    for number in range(12):
        people.vault.add_note(people.alias, NOTE * (1 + number * 5), by=people.who["cleo"], now=people.now)
    for number in range(20, 30):
        people.patient(PatientRef(name=f"Other Person {number}", born="1990-01-01", chart=f"C{number}"), allergies=())
    people.store = Store.open(people.home, software="0.1.0", stamp=stamp(people), randomness=seeded)
    commit_due(people.store, people.office, stamp(people))
    people.store.commit(
        [Batch(no=0, entries=(Entry(kind="consent", key="consent/1", session=SESSION, alias=people.alias),))],
        stamp(people),
    )
    yield people
    people.store.close(stamp(people))


@pytest.mark.invariant("I-63")
@pytest.mark.hazard("HZ-41")
def test_after_an_erasure_no_byte_of_any_file_says_who_it_was_and_the_log_holds(clinic):
    assert {marker for _, marker in traces(clinic.home)} == set(MARKERS)
    assert {name for name, _ in traces(clinic.home)} == {"vault.db"}
    erased = erase(clinic, clinic.alias)
    assert commit_due(clinic.store, clinic.office, stamp(clinic)) == 1
    assert traces(clinic.home) == []
    # The log is open and its write-ahead file is there; nothing of the vault lies beside it.
    names = {path.name for path in clinic.home.iterdir()}
    assert {"vault.db", "audit.db", "audit.db-wal"} <= names
    assert not any(name.startswith("vault.db-") for name in names)
    clinic.store.close(stamp(clinic))
    assert verify_home(clinic.home).ok
    assert traces(clinic.home) == []
    assert erased.key == f"subject/{clinic.alias}/erased"


@pytest.mark.invariant("I-20")
def test_an_erasure_names_its_basis_and_two_people_and_leaves_others_alone(clinic):
    ada, cleo = clinic.who["ada"], clinic.who["cleo"]
    erase(clinic, clinic.alias)
    [entry] = clinic.owed()
    assert (entry.kind, entry.alias, entry.op, entry.role) == (
        "subject.erased", clinic.alias, ada.op, "administrator",
    )  # fmt: skip
    assert entry.payload == {"legal_basis": "subject_request", "second_op": cleo.op, "second_role": "clinician"}
    assert clinic.vault.facts_of(clinic.alias) is None
    assert clinic.vault.notes_of(clinic.alias, cleo) == ()
    assert len(clinic.vault.everybody(cleo)) == 30
    with pytest.raises(PeopleRefused, match="no such patient"):
        erase(clinic, clinic.alias)


@pytest.mark.hazard("HZ-41")
def test_an_erasure_that_a_crash_cut_off_before_the_file_was_rewritten_is_finished_at_the_next_opening(
    clinic, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed(_):
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr("meso_device.people.vault.finish_erasure", killed)
        with pytest.raises(Killed):
            erase(clinic, clinic.alias)
    clinic.reopen()
    assert traces(clinic.home) == []
    assert database.run(clinic.vault._db, "SELECT * FROM chore") == []
    assert [entry.kind for entry in clinic.owed()] == ["subject.erased"]


def test_nobody_is_erased_on_the_word_of_two_people_who_authorised_something_else(clinic):
    pair = authorise(Act.ROTATE_KEY, clinic.proof("ada"), clinic.proof("cleo"), clinic.now)
    with pytest.raises(InvariantError):
        clinic.vault.erase(clinic.alias, LegalBasis.SUBJECT_REQUEST, pair)
    assert clinic.vault.facts_of(clinic.alias) is not None


# --- records owed to the log ------------------------------------------------------------------------


@pytest.mark.invariant("I-44")
def test_a_crash_between_the_log_and_the_vault_records_a_change_once(people, monkeypatch, seeded):
    people.enrol("ada", "cleo")
    people.patient()
    store = Store.in_memory(software="0", stamp=stamp(people), randomness=seeded)
    size = store.size

    class Killed(BaseException):
        pass

    def killed(_):
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(people.office, "settled", killed)
        with pytest.raises(Killed):
            commit_due(store, people.office, stamp(people))
    people.reopen()
    commit_due(store, people.office, stamp(people))
    assert store.size == size + 3
    assert people.owed() == []
    store.close(stamp(people))


@pytest.mark.invariant("I-44")
def test_what_the_log_did_not_take_stays_owed(people, seeded):
    people.enrol("ada")
    store = Store.in_memory(software="0", stamp=stamp(people), randomness=seeded)
    store.close(stamp(people))
    with pytest.raises(Exception, match="closed"):
        commit_due(store, people.office, stamp(people))
    assert [entry.kind for entry in people.owed()] == ["operator.enrolled"]


def test_more_records_than_one_transaction_takes_are_moved_in_order(people, seeded):
    people.enrol("ada", "cleo")
    for number in range(70):
        people.patient(PatientRef(name="N", born="1990-01-01", chart=f"{number}"))
    store = Store.in_memory(software="0", stamp=stamp(people), randomness=seeded)
    assert commit_due(store, people.office, stamp(people)) == 72
    assert commit_due(store, people.office, stamp(people)) == 0
    store.close(stamp(people))
