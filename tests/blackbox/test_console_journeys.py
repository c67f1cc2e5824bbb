"""Whole journeys at the console by keys alone: one pair of hands on the console, another on the gun."""

import json
import sqlite3
from contextlib import closing

import pytest
from support.clinic import CHART, OTHER, PINS, moved_in
from support.console import QUIT, Console
from support.gun import assert_gun_disarmed
from support.keys import (
    CABLE,
    OCCLUSION,
    SKIN,
    SYRINGE,
    TRIGGER,
    Hands,
    acknowledges,
    answers,
    arms,
    filled,
    is_refused_arming,
    quits,
    signs_in,
)
from support.person import Person
from support.records import assert_log_equals_truth
from support.treatment import treatment_text, write_treatment

ALL_WELL = "ynnnnnnnyyyy"
"""One key for each question, in their order."""


@pytest.mark.hazard("HZ-22")
@pytest.mark.hazard("HZ-37")
@pytest.mark.invariant("I-45")
def test_an_occlusion_a_lost_link_and_a_killed_host_each_go_on_by_a_persons_keys(bench):
    hands = Hands(bench)
    person = Person(bench, "console", "--gun", str(hands.link))
    person.sees("Welcome", "link ")
    person.press("Escape")
    person.sees("choose a treatment")
    person.press("Enter")
    person.sees("[C] confirm and go on")
    person.press("c")
    arms(person)
    hands.do(SKIN, TRIGGER)
    person.sees("#1 ", "DONE")
    # The needle is blocked: the pressure grows from pull to pull until the gun says so and disarms itself.
    hands.do(OCCLUSION)
    hands.pulls_until(lambda: "FAULT" in person.screen())
    person.sees("FAULT ✕", "ABORTED OCCLUSION", "[R] acknowledge the fault")
    person.press("F6")
    person.sees("A208", "Change the needle", "ACTIVE")
    person.press("k")
    person.sees("ACTIVE  practice")
    hands.do(OCCLUSION, SKIN)
    person.press("F5")
    person.sees("[R] acknowledge the fault")
    person.press("r")
    arms(person)
    # The cable comes off while armed: unknown until the log is read, and nobody goes on but by a key.
    hands.do(CABLE)
    person.sees("LINK LOST ✕", "Outcome unknown", "injections", "SIMULATED")
    hands.do(CABLE)
    person.sees("Settled")
    person.press("Escape")
    person.sees("SAFE ○", "[C] confirm and go on")
    given = len(hands.strokes())
    hands.do(SKIN, TRIGGER, SKIN)
    person.press("c")
    person.sees("no arming: acknowledge the alarms first")
    acknowledges(person)
    arms(person)
    assert len(hands.strokes()) == given
    hands.do(SKIN, TRIGGER)
    person.sees(f"point {given + 2} of 20")
    # The host is killed as nobody is: the lease disarms, and the next start takes up what was left.
    person.dies()
    assert_gun_disarmed(hands.link)
    given = len(hands.strokes())
    again = Person(bench, "console", "--gun", str(hands.link))
    again.sees("was left without being closed", f"{given} of 60 points given")
    again.press("r")
    again.sees("[C] confirm and go on")
    again.press("c")
    again.sees("no arming: acknowledge the alarms first")
    # So does a whole terminal that is killed, and nobody had to press a key for the gun.
    acknowledges(again)
    arms(again)
    hands.do(TRIGGER)
    again.sees(f"point {given + 2} of 20")
    again.kill_session()
    assert_gun_disarmed(hands.link)
    last = Console(bench, str(hands.link)).begin()
    last.until("the log", lambda shot: shot["link"] == "up" and shot["log"]["state"] == "SYNCED")
    last.do(QUIT)
    assert last.wait() == 0
    bench.meso("audit", "verify").ok()
    assert_log_equals_truth(bench.logged(), hands.strokes())


def records(bench, *kinds: str) -> list[dict]:
    """The records of these kinds, in their order."""
    with closing(sqlite3.connect(f"file:{bench.home / 'audit.db'}?mode=ro", uri=True)) as db:
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]
    return [body for body in bodies if body["kind"] in kinds]


def takes(person: Person, chart: str) -> None:
    """Find a patient by the chart number and take the treatment that stands first."""
    person.sees("choose a treatment")
    person.press("p")
    person.sees("Who is treated?")
    person.press("f")
    filled(person, "find", chart)
    person.sees("> P-")
    person.press("Enter")
    person.sees("What does P-", "> Black box")
    person.press("Enter")


@pytest.mark.timeout(120)
@pytest.mark.hazard("HZ-16")
@pytest.mark.hazard("HZ-17")
@pytest.mark.hazard("HZ-34")
@pytest.mark.invariant("I-63")
def test_a_syringe_is_changed_in_the_middle_and_the_next_patient_waits_for_cleaning_needle_and_head(bench, founding):
    moved_in(bench, founding)
    file = write_treatment(bench.path / "two.toml", treatment_text((("forehead", 3),), mode="single"))
    hands = Hands(bench)
    person = Person(bench, "console", "--gun", str(hands.link), "--protocol", str(file))
    signs_in(person, "cleo", PINS["cleo"])
    takes(person, CHART)
    answers(person, ALL_WELL, there=2)
    person.press("Enter")
    filled(person, "serial", "N-1")
    person.sees("[x] needle  ")
    person.press("Down", "Enter")
    filled(person, "serial", "H-1")
    person.sees("[x] head  ", "[x] gun cleaned")
    person.press("b")
    person.sees("[C] confirm and go on")
    person.press("c")
    arms(person)
    hands.do(SKIN, TRIGGER)
    person.sees("#1 ", "DONE")
    # The syringe is changed while armed: the gun's credit ends with it, and somebody says what is in now and was left.
    hands.do(SYRINGE)
    person.sees("SAFE ○", "CARTRIDGE CHANGED", "acknowledge the alarms first")
    person.press("h")
    person.sees("[x] syringe in the gun")
    person.press("End", "Up", "Enter")
    filled(person, "left in the old", "4 mL", "1 mL")
    person.sees("1 mL left, 3.990005 mL", "look for")
    person.press(*["BSpace"] * 4)
    filled(person, "left in the old", "3.99 mL")
    person.sees("bd_5ml W-1  4 mL")
    acknowledges(person, "ACTIVE  cleo")
    arms(person)
    hands.do(TRIGGER)
    person.sees("point 3 of 3")
    hands.do(TRIGGER)
    person.sees("all 3 points given", "READY")
    person.press("f")
    person.sees("[Enter] close the session")
    person.press("Enter")
    person.sees("The session is closed.", "syringe 4 mL = patient 0.01999 mL", "missing shots: none", "tree head ")
    person.press("s")
    filled(person, "your PIN", PINS["cleo"])
    person.sees("Signed with your PIN.", "the next session")
    # The next patient gets nothing before the gun was cleaned, nor by the last one's needle and head.
    person.press("Enter")
    takes(person, OTHER)
    person.sees("[ ] gun cleaned")
    answers(person, ALL_WELL)
    person.press("Enter")
    filled(person, "serial", "N-1")
    person.sees("[x] needle  ")
    person.press("Down", "Enter")
    filled(person, "serial", "H-1")
    person.sees("[x] head  ")
    person.press("b")
    person.sees("[C] confirm and go on")
    person.press("c")
    is_refused_arming(person, "the gun has not been cleaned since its last contact with a patient")
    person.press("h")
    person.sees("[x] head  ")
    person.press("End", "Enter")
    filled(person, "lot", "Steri", "S-1", "tap_water")
    person.sees("tap water refused")
    person.press(*["BSpace"] * len("tap_water"))
    filled(person, "lot", "sterile_water")
    person.sees("[x] gun cleaned")
    person.press("F5")
    is_refused_arming(person, "needle 'N-1' was used on another patient")
    person.press("h")
    person.sees("[x] gun cleaned")
    person.press("Home", *["Down"] * 12, "Enter")
    filled(person, "serial", "N-2")
    person.sees("N-2")
    person.press("F5")
    is_refused_arming(person, "head 'H-1' was used on another patient")
    person.press("h")
    person.sees("[x] gun cleaned")
    person.press("Home", *["Down"] * 13, "Enter")
    filled(person, "serial", "H-2")
    person.sees("H-2")
    assert len(hands.strokes()) == 3
    person.press("F5")
    arms(person)
    hands.do(TRIGGER)
    person.sees("point 2 of 3")
    person.press("p")
    person.sees("READY", "[F] finish")
    person.press("f")
    person.sees("[Enter] close the session")
    person.press("Enter")
    person.sees("The session is closed.", "syringe 4 mL = patient 0.029985 mL")
    quits(person)
    bench.meso("audit", "verify").ok()
    assert_log_equals_truth(bench.logged(), hands.strokes())
    shots = records(bench, "shot")
    assert len({row["sess"] for row in shots[:3]}) == 1
    assert shots[3]["sess"] != shots[0]["sess"]
    [removed] = records(bench, "cartridge.changed")
    assert (removed["left_nl"], removed["ok"]) == (3_990_000, True)


@pytest.mark.timeout(120)
@pytest.mark.hazard("HZ-26")
@pytest.mark.hazard("HZ-35")
@pytest.mark.invariant("I-20")
def test_two_people_write_off_at_the_screen_what_a_gun_that_never_comes_back_left_unknown(bench, founding):
    moved_in(bench, founding)
    gun = bench.gun(hand="none")
    person = Person(bench, "console", "--gun", str(gun.link))
    signs_in(person, "cleo", PINS["cleo"])
    person.sees("choose a treatment")
    person.press("Enter")
    person.sees("[C] confirm and go on")
    person.press("c")
    arms(person)
    gun.kill()
    # Nobody can know: the dialog says how much at most, and put aside it comes back before the next arming.
    person.sees("LINK LOST ✕", "Outcome unknown", "0..20 injections, 0..0.2 mL at F2", "[W]")
    person.press("Escape")
    person.sees("UNKNOWN")
    person.press("a")
    person.sees("Outcome unknown", "[W]")
    person.press("w")
    person.sees("> 1  the gun is destroyed")
    person.press("Down")
    person.sees("> 2  the gun is not there any more")
    person.press("Enter")
    # One person is not two, whatever is typed; nobody else's PIN is known to the first.
    person.sees("your PIN")
    for text in (PINS["cleo"], "cleo", PINS["cleo"]):
        person.write(text)
        person.press("Enter")
    person.sees("two different people")
    person.press("Up", "Up")
    person.write(PINS["cleo"])
    person.press("Tab", *["BSpace"] * len("cleo"))
    for text in ("tom", PINS["tom"]):
        person.write(text)
        person.press("Enter")
    person.sees("[F] finish")
    acknowledges(person, "ACTIVE  cleo")
    person.press("f")
    person.sees("[Enter] close the session")
    person.press("Enter")
    person.sees("The session is closed.", "missing shots: unknown, up to 20 written off, 0.2 mL")
    quits(person)
    [written_off] = records(bench, "write_off")
    assert (written_off["shots_hi"], written_off["reason"]) == (20, "lost"), written_off
    signed = [row for row in records(bench, "sign") if row["target_seq"] == written_off["seq"]]
    assert len({row["op"] for row in signed}) == 2, signed
    assert gun.truth() == bench.logged() == []
    bench.meso("audit", "verify").ok()
