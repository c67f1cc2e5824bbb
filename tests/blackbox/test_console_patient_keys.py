"""A patient's session at the console, by keys alone: added, asked, fitted, treated, closed and signed for."""

import json
import sqlite3
from contextlib import closing

import pytest
from support.clinic import BORN, CHART, NAME, PINS
from support.keys import answers, filled, is_refused_arming, quits, signs_in
from support.person import Person

PIN = PINS["cleo"]
ALL_WELL = "ynnnynnnyyyy"
"""One key for each question, in their order; the fifth, pregnancy, is answered so that it takes a signed reason."""
REASON = "agreed with her midwife"


def records(bench) -> list[tuple[str, dict]]:
    """All records of the log."""
    with closing(sqlite3.connect(f"file:{bench.home / 'audit.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT kind, body FROM record ORDER BY seq").fetchall()
    return [(kind, json.loads(body)) for kind, body in rows]


@pytest.mark.hazard("HZ-16")
@pytest.mark.hazard("HZ-17")
@pytest.mark.hazard("HZ-34")
@pytest.mark.hazard("HZ-35")
@pytest.mark.hazard("HZ-41")
@pytest.mark.hazard("HZ-57")
@pytest.mark.invariant("I-63")
@pytest.mark.invariant("I-64")
def test_a_patient_from_the_first_key_to_the_signature(bench):
    person = Person(bench, "console", "--simulate", rows=40, columns=120)
    person.sees("Welcome", "link ")
    for text in ("cleo", "Dr Cleo", PIN):
        person.write(text)
        person.press("Enter")
    person.sees("cleo (clinician)", "[P] ")
    # Who, with what. Only an alias stands on the screen until a name is asked for.
    person.press("p")
    person.sees("Who is treated?", "[A] ")
    person.press("a")
    filled(person, "YYYY-MM-DD", NAME, BORN, CHART, "female", "lidocaine")
    person.sees("What does P-", "Practice treatment, face", "example, unapproved")
    assert NAME not in person.screen()
    person.press("Enter")
    person.sees("> [ ] identity", "1 of 16", "name hidden")
    # Nothing answered, fitted or loaded: a session may be opened, and every rule stands against arming.
    person.press("b")
    person.sees("[C] confirm and go on", "| P-")
    person.press("c")
    is_refused_arming(person, "checklist: identity, infection_in_area")
    person.press("h")
    answers(person, ALL_WELL)
    person.press("Enter")
    filled(person, "serial", "N-1")
    person.sees("[x] needle  ")
    person.press("Down", "Enter")
    filled(person, "serial", "H-1")
    person.sees("[x] head  ")
    person.press("Down", "t")
    filled(person, "expiry", "W-1", "2099-12", "water")
    person.sees("[T] list a lot", "lot W-1, until 2099-12-31")
    person.press("Enter")
    filled(person, "left in the old", "4 mL")
    person.sees("[x] syringe in the gun", "W-1")
    # A name on request, and gone with the screen; the answer that has to be discussed takes reason and PIN.
    person.press("i")
    person.sees(NAME, BORN)
    person.press("F5")
    is_refused_arming(person, "pregnancy is answered 'yes'")
    assert NAME not in person.screen()
    person.press("o")
    filled(person, "your PIN", REASON, "111111")
    person.sees("not accepted")
    person.write(PIN)
    person.press("Enter")
    person.sees("recorded and signed")
    person.press("a")
    person.sees("Type F2 and Enter to arm")
    person.confirm("F2")
    person.sees("#1 ", "DONE")
    person.press("p")
    person.sees("READY", "[F] finish")
    person.press("f")
    person.sees("[Enter] close the session")
    person.press("Enter")
    person.sees("The session is closed.", "not signed yet", "= patient")
    quits(person)
    # Left unsigned: it shows at the next start.
    again = Person(bench, "console", "--simulate")
    signs_in(again, "cleo", PIN)
    again.sees("is closed and not signed for", "[S] sign")
    again.press("s")
    filled(again, "your PIN", PIN)
    again.sees("Signed with your PIN.")
    quits(again)
    told = records(bench)
    kinds = [kind for kind, _ in told]
    assert kinds.count("sign") == 2
    [override] = [body for kind, body in told if kind == "limit.override"]
    assert (override["code"], override["value"]) == ("pregnancy", "yes")
    assert {"patient.enrolled", "disclosure", "lot.listed", "lot.loaded", "needle.changed", "head.changed"} <= set(
        kinds
    )
    log = (bench.home / "audit.db").read_bytes()
    for secret in (NAME, CHART, BORN, REASON, PIN):
        assert secret.encode() not in log
    bench.meso("audit", "verify").ok()
