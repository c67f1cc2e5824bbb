"""What is said at the console of a session that is over, by keys alone and without a gun."""

import pytest
from support.clinic import CHART, PINS, alias_of, copied
from support.keys import filled, quits, signs_in
from support.person import Person
from support.processes import wait_for
from support.records import log_bodies, newest_body
from support.terminal import Terminal

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.timeout(180)]


@pytest.fixture
def treated(bench, founding):
    """A clinic after one session with a patient."""
    clinic = copied(bench, founding)
    clinic.session(alias_of(founding, CHART)).ok()
    return clinic


def opens(person, record, *shows):
    """Go to a record in the list of every kind and open it."""
    person.press("j")
    person.sees("number of the record")
    person.write(str(record["seq"]))
    person.press("Enter")
    person.sees(f">#{record['seq']}")
    person.press("Enter")
    person.sees(f"#{record['seq']} {record['kind']}", "[C] copy", *shows)


@pytest.mark.hazard("HZ-42")
@pytest.mark.invariant("I-62")
def test_a_session_that_is_over_is_corrected_and_added_to_when_its_gun_is_gone(treated):
    bench, home = treated.bench, treated.bench.home
    answer, shot = newest_body(home, "checklist", item="pregnancy"), newest_body(home, "shot")
    person = Person(bench, "console", "--gun", treated.gun.link)
    signs_in(person, "cleo", PINS["cleo"])
    treated.gun.kill()
    person.press("F7")
    person.sees("[K] kind shots", ">#")
    person.press("k")
    person.sees("[K] kind every one", ">#")
    # One's own answer: a wrong PIN is one line and changes nothing, the right one is all that it takes.
    opens(person, answer, "[E] amend", "[R] late reaction")
    person.press("e")
    filled(person, "It says no.", "yes", "misheard", "000000")
    person.sees("not accepted")
    person.write(PINS["cleo"])
    person.press("Enter")
    person.sees("Amended and signed", "AMENDED", "[E] amend")
    person.press("End")
    person.press("Home")
    person.sees("#" + str(answer["seq"]), "amended to yes by #", "misheard")
    person.press("Escape")
    person.sees("[J] go to number")
    # What the gun counted is nobody's to amend; a reaction that showed later is tied to it.
    opens(person, shot, "[R] late reaction")
    assert "[E] amend" not in person.screen()
    person.press("e")
    person.sees("account of gun and host, which nobody amends")
    person.press("r")
    person.sees("1  bruise", "[Enter] this was seen")
    person.press("Enter")
    filled(person, "Bruise after session", "mild", "0")
    person.sees("adverse_event", "this is what stands in the log")
    # Somebody else's takes two, and two are not one.
    as_somebody_else(person, "dora")
    person.press("F7")
    event = newest_body(home, "adverse_event")
    opens(person, event, "[E] amend")
    person.press("e")
    person.sees("2  severity: mild")
    person.press("2", "Enter")
    filled(person, "a second person signs too", "severe", "seen_again", PINS["dora"], "dora", PINS["dora"])
    person.sees("takes two different people")
    person.press("Escape")
    person.sees("[C] copy")
    person.press("e")
    person.sees("2  severity: mild")
    person.press("2", "Enter")
    filled(person, "a second person signs too", "severe", "seen_again", PINS["dora"], "cleo", PINS["cleo"])
    person.sees("Amended and signed", "AMENDED")
    quits(person)
    told = log_bodies(home)
    assert told[answer["seq"]] == answer
    assert told[event["seq"]] == event
    first, second = (body for body in told if body["kind"] == "amend")
    assert (first["target_seq"], first["old"], first["new"], first["op"]) == (answer["seq"], "no", "yes", answer["op"])
    assert (second["target_seq"], second["old"], second["new"]) == (event["seq"], "mild", "severe")
    assert (event["sess"], event["areas"]) == (answer["sess"], ["forehead", "cheek_left"])
    signed = [(body["target_seq"], body["meaning"]) for body in told if body["kind"] == "sign"][-3:]
    assert signed == [(first["seq"], "performed"), (second["seq"], "performed"), (second["seq"], "authorised")]
    shown = bench.meso("session", "show", answer["sess"]).ok().out
    assert "no -> yes" in shown
    assert "mild -> severe" in shown
    bench.meso("audit", "verify").ok()


def test_the_line_mode_amends_in_lines(treated):
    home = treated.bench.home
    answer = newest_body(home, "checklist", item="pregnancy")
    terminal = Terminal(
        treated.bench, "console", "--plain", "--gun", treated.gun.link, term="dumb", rows=10, columns=40
    )
    heard = 0

    def enters(line, says):
        nonlocal heard
        heard = len(terminal.text())
        terminal.type(line.encode() + b"\r")
        wait_for(lambda: says in terminal.text()[heard:], says)

    wait_for(lambda: "SAFE. Log SYNCED" in terminal.text(), "the gun")
    enters("amend", "sign in first")
    for line, says in (("sign in", "login"), ("cleo", "PIN"), (PINS["cleo"], "Signed in: cleo")):
        enters(line, says)
    for line, says in (
        ("upkeep", "another key: The log gets another key"),
        ("amend", "number of the record"), ("x", "Refused: type the number"), ("amend", "number of the record"),
        (str(newest_body(home, "shot")["seq"]), "account of gun and host"), ("amend", "number of the record"),
        (str(answer["seq"]), "1: answer: no"), ("1", "new value"), ("yes", "why"), ("misheard", "your PIN"),
        (PINS["cleo"], "Done."),
    ):  # fmt: skip
        enters(line, says)
    terminal.type(b"quit\r")
    assert terminal.wait() == 0
    assert newest_body(home, "amend")["new"] == "yes"


def as_somebody_else(person, login):
    person.press("F9")
    person.sees("General   Alarms   Keys")
    person.press("s")
    person.sees("Sign in", "PIN ")
    for text in (login, PINS[login]):
        person.write(text)
        person.press("Enter")
    person.sees(f"{login} (")


def test_from_the_history_the_console_ends_and_two_people_give_its_log_another_key(treated):
    bench, home = treated.bench, treated.bench.home
    old = (home / "audit.vkey").read_text().strip()
    person = Person(bench, "console", "--gun", treated.gun.link)
    signs_in(person, "cleo", PINS["cleo"])
    person.press("F7")
    person.sees("[V] verify")
    person.press("u")
    person.sees("nobody's past 10 years", "[K] another key")
    # Whose it is not to begin is told at once, and the console stays.
    person.press("k")
    person.sees("the old secret is destroyed")
    person.press("Tab", "Enter")
    person.sees("may not rotate key")
    person.press("Escape")
    person.sees("[K] another key")
    as_somebody_else(person, "ada")
    person.press("F7")
    person.sees("[V] verify")
    person.press("u")
    person.sees("[K] another key")
    person.press("k")
    person.sees("the old secret is destroyed")
    person.press("Tab", "Enter")
    person.sees("another key for the log: ada and a second person", "Login name of the second person:")
    for text, next_ in (
        ("tom", "Why, a word"),
        ("Yearly!", "refused: a code"),
        ("yearly", "PIN of ada"),
        (PINS["ada"], "PIN of tom"),
    ):
        person.write(text)
        person.press("Enter")
        person.sees(next_)
    person.write(PINS["tom"])
    person.press("Enter")
    person.waits_for_the_end()
    told = log_bodies(home)
    rotated = newest_body(home, "key.rotated")
    signed = [(body["op"], body["target_seq"]) for body in told if body["kind"] == "sign"][-2:]
    assert {seq for _, seq in signed} == {rotated["seq"]}
    assert len({op for op, _ in signed}) == 2
    new = (home / "audit.vkey").read_text().strip()
    assert new == rotated["vkey"] != old
    bench.meso("audit", "verify", "--key", old).ok()


def test_from_the_line_mode_two_people_end_a_console_unless_they_think_better_of_it(treated):
    home = treated.bench.home
    words = ("console", "--plain", "--gun", treated.gun.link)
    signed_in = (("sign in", "login"), ("ada", "PIN"), (PINS["ada"], "Signed in: ada"))
    asked = (("end this console", "for ever"), ("End  this console", "Login name of the second person"))
    terminal = Terminal(treated.bench, *words, term="dumb", rows=24, columns=80)

    def enters(*lines):
        for line, says in lines:
            heard = len(terminal.text())
            terminal.type(line.encode() + b"\r")
            wait_for(lambda says=says, heard=heard: says in terminal.text()[heard:], says)

    wait_for(lambda: "SAFE. Log SYNCED" in terminal.text(), "the gun")
    enters(
        ("end this console", "type end this console to go on"), ("yes", "Left."),
        ("end this console", "to go on"), ("end this console", "sign in first"), *signed_in, *asked,
    )  # fmt: skip
    terminal.type(b"\x03")
    assert terminal.wait() == 130
    assert "Traceback" not in terminal.text()
    assert "log.retiring" not in {body["kind"] for body in log_bodies(home)}
    terminal = Terminal(treated.bench, *words, term="dumb", rows=24, columns=80)
    wait_for(lambda: "SAFE. Log SYNCED" in terminal.text(), "the gun")
    enters(
        *signed_in, *asked, ("tom", "Why"), ("replaced", "PIN of ada"), (PINS["ada"], "PIN of tom"),
        (PINS["tom"], "type RETIRE"), ("RETIRE", "retired: the log ends"),
    )  # fmt: skip
    assert terminal.wait() == 0
    assert [body["kind"] for body in log_bodies(home)][-1] == "log.retired"
    treated.bench.meso("audit", "verify").ok()
