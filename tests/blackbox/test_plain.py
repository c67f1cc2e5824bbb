"""The console in lines: every task but arming, on a terminal that can do nothing, with STOP where it always is."""

import json
import sqlite3
import time
from contextlib import closing

import pytest
from support.clinic import BORN, CHART, NAME, cheap_pins
from support.console import CONFIRM, F8, LOOKED_S, OPEN, Console
from support.processes import wait_for
from support.terminal import Terminal

PIN, OTHER_PIN = "482615", "615948"


class Speaker:
    """Somebody who types lines and hears what is said after each."""

    def __init__(self, bench, port) -> None:
        self.terminal = Terminal(bench, "console", "--plain", "--gun", port, term="dumb", rows=10, columns=40)
        self._heard = 0

    def hears(self, *answers: str) -> None:
        """Wait until all of these were said since the newest line."""
        try:
            wait_for(lambda: all(answer in self._said() for answer in answers), "")
        except AssertionError:
            raise AssertionError(f"{answers} not in {self._said()!r}") from None

    def _said(self) -> str:
        return self.terminal.text()[self._heard :]

    def enters(self, line: str, *answers: str) -> None:
        """Type a line and hear what follows."""
        self._heard = len(self.terminal.text())
        self.terminal.type(line.encode() + b"\r")
        self.hears(*answers)

    def goes_through(self, *lines_and_answers: tuple[str, str]) -> None:
        """Type each line and hear its answer."""
        for line, answer in lines_and_answers:
            self.enters(line, answer)

    def quits(self) -> None:
        """Leave; nothing was ever drawn."""
        self.terminal.type(b"quit\r")
        assert self.terminal.wait() == 0, self.terminal.text()[-500:]
        self.terminal.assert_restored(drawn=False)
        assert b"\x1b" not in self.terminal.painted()


def records(bench) -> list[tuple[str, dict]]:
    """All records of the log."""
    with closing(sqlite3.connect(f"file:{bench.home / 'audit.db'}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT kind, body FROM record ORDER BY seq").fetchall()
    return [(kind, json.loads(body)) for kind, body in rows]


@pytest.mark.hazard("HZ-12")
def test_a_session_is_opened_stopped_reset_and_left_by_lines_alone(bench):
    gun = bench.gun(seed=5)
    cable = bench.cable(gun)
    speaker = Speaker(bench, cable.link)
    plain, enter = speaker.terminal, speaker.enters
    speaker.hears("SAFE. Log SYNCED")
    enter("status", "SIMULATED", "No session is open.")
    enter("begin", "1: Practice treatment", "number, 1 to")
    enter("0", "Refused: type a number from 1 to")
    enter("1", "Done.")
    enter("confirm", "Done.", "READY")
    enter("plan", "F2 Forehead", "0 of 20 points given.")
    enter("arm", "not possible here")
    plain.type(b"stat\x1b[A\x7ft" + F8)
    wait_for(cable.stops, "STOP on the wire", within_s=2)
    wait_for(lambda: "ESTOPPED" in plain.text(), "the word for it")
    enter("us", "Session")  # what was being typed is still there
    enter("alarms", "*** alarm", "What to do: Lift the gun")
    enter("reset", "5: test of the stop", "number, 1 to 5")
    enter("5", "type RESET:")
    time.sleep(LOOKED_S)
    enter("RESET", "Done.")
    enter("seen", "Done.")
    enter("history", "No shots are recorded.")
    enter("nonsense", "No such command")
    plain.type(b"\x03")
    enter("close", "Done.", "0 of 20 points given.")
    speaker.quits()
    assert gun.shots() == 0
    bench.assert_proven(gun)


@pytest.mark.hazard("HZ-07")
@pytest.mark.hazard("HZ-41")
@pytest.mark.hazard("HZ-57")
@pytest.mark.invariant("I-63")
@pytest.mark.invariant("I-64")
def test_people_a_patient_the_checklist_and_the_plan_by_lines_alone(bench):
    speaker = Speaker(bench, bench.gun(seed=5).link)
    enter = speaker.enters
    speaker.hears("SAFE. Log SYNCED")
    enter("patient", "sign in first")
    enter("checklist", "No patient is chosen")
    enter("enrol", "who is responsible here?", "login")
    enter("", "must not stay empty")
    speaker.goes_through(("ada", "name"), ("Ada L", "PIN"), (PIN, "Done."))
    enter("status", "Signed in: ada, clinician.")
    enter("new patient", "name:")
    speaker.goes_through(
        (NAME, "YYYY-MM-DD"), ("1981", "chart number"), (CHART, "female, male"), ("female", "may stay")
    )
    enter("", "write it as YYYY-MM-DD")
    enter("new patient", "name:")
    speaker.goes_through((NAME, "YYYY-MM-DD"), (BORN, "chart"), (CHART, "female, male"), ("female", "may stay"))
    enter("", "What does P-", "Practice treatment, face")
    enter("1", "Done.")
    enter("checklist", "1: identity: name, birth date: missing", "needle: missing", "gun cleaned: there")
    enter("answer", "Which row?")
    enter("1", "answer (yes / no)")
    enter("perhaps", "note (kept in the vault; may stay empty")
    enter("", "refused")
    enter("answer", "Which row?")
    enter("1", "answer (yes / no)")
    for word in ("yes", "none", "none", "none", "no", "no", "no", "no", "yes", "yes", "yes", "yes"):
        enter(word, "note (kept in the vault")
        enter("", "Done.", "Next row.")
    enter("N-1", "nothing means")
    enter("", "head fitted")
    enter("H-1", "nothing means")
    enter("", "fit a syringe")
    speaker.terminal.type(b"\x03")  # the lot has to be listed first
    speaker.hears("Left.")
    enter("lot", "nothing means")
    speaker.goes_through(("", "lot:"), ("W-1", "expiry"), ("2099-12", "ingredients"), ("water", "viscosity"))
    speaker.goes_through(("", "maker"), ("", "Done."))
    enter("answer", "15: syringe in the gun: missing")
    enter("15", "product")
    speaker.goes_through(("", "nothing means W-1"), ("", "syringe"), ("", "volume"), ("4 mL", "left in the old"))
    speaker.goes_through(("", "reason"), ("", "Done."))
    speaker.terminal.type(b"\x03")
    enter("checklist", "syringe in the gun: there", "W-1")
    enter("name", "stays in this terminal's text")
    enter("no", "Left.")
    enter("begin", "Done.")
    enter("confirm", "READY")
    enter("edit", "Which area?", "1: F2 Forehead")
    enter("1", "Which value?", "1: depth 1 mm")
    enter("1", "new value:")
    enter("0.50", "write 0.5")
    enter("edit", "Which area?")
    speaker.goes_through(("1", "Which value?"), ("1", "new value:"))
    enter("0.5", "depth 0.5 mm (was 1 mm", "type take to change it")
    time.sleep(LOOKED_S)
    enter("take", "Done.")
    enter("plan", "F2 Forehead: 0.5 mm")
    enter("leave out", "Which area?")
    enter("2", "out of the plan", "type take")
    enter("", "Left.")
    enter("cells", "Which area?")
    speaker.goes_through(("1", "how many cells"), ("2", "Done."))
    enter("cells", "Which area?")
    enter("1", "2: F2b  0 of")
    enter("2", "Done.")
    enter("skip", "Which area?")
    speaker.goes_through(("1", "Why?"), ("1", "Done."))
    enter("note", "Kept in the vault")
    enter("a small bruise", "Done.")
    enter("close", "Done.", "type sign")
    enter("sign", "your PIN (not shown)")
    enter("999999", "not accepted")
    enter("sign", "your PIN (not shown)")
    enter(PIN, "Done.")
    speaker.quits()
    told = records(bench)
    kinds = {kind for kind, _ in told}
    assert kinds >= {"patient.enrolled", "checklist", "lot.listed", "lot.loaded", "needle.changed", "head.changed"}
    assert kinds >= {"plan.edited", "session.closed", "sign"}
    assert "disclosure" not in kinds  # the name was asked for and then not
    log = (bench.home / "audit.db").read_bytes()
    for secret in (NAME, CHART, BORN, PIN, "bruise"):
        assert secret.encode() not in log
    assert PIN not in speaker.terminal.text()
    bench.meso("audit", "verify").ok()


@pytest.mark.hazard("HZ-26")
@pytest.mark.hazard("HZ-35")
@pytest.mark.invariant("I-20")
def test_two_people_write_off_by_lines_what_a_dead_gun_left_unknown(bench):
    gun = bench.gun(seed=5)
    cable = bench.cable(gun)
    pins = bench.path / "pins"
    pins.write_text(f"{PIN}\n{OTHER_PIN}\n")
    pins.chmod(0o600)
    first = bench.path / "first"
    first.write_text(f"{PIN}\n")
    first.chmod(0o600)
    for words in (
        ("ada", "--role", "administrator", "--role", "clinician", "--pin-file", first),
        ("tom", "--role", "technician", "--as", "ada", "--pin-file", pins),
    ):
        bench.meso("people", "add", *words, env=cheap_pins()).ok()
    console = Console(bench, str(cable.link)).begin()
    console.until("a gun", lambda shot: shot["link"] == "up")
    console.do(OPEN, treatment="practice")
    console.phase("unconfirmed")
    console.do(CONFIRM)
    console.phase("ready")
    console.arm()
    gun.kill()
    held = console.until("what is unknown", lambda shot: shot["unknown"] and shot["link"] == "down")["unknown"]["shots"]
    console.kill()
    speaker = Speaker(bench, cable.link)
    enter = speaker.enters
    speaker.hears("NO GUN")
    enter("status", f"UNKNOWN: up to {held} injections", "was left open")
    enter("write off", "sign in first")
    enter("sign in", "login:")
    speaker.goes_through(("ada", "PIN"), (PIN, "Done."))
    enter("write off", "Keep the gun on", "1: the gun is destroyed")
    speaker.goes_through(("1", "your PIN"), (PIN, "second person"), ("ada", "their PIN"), (PIN, "two different people"))
    enter("write off", "1: the gun is destroyed")
    speaker.goes_through(("1", "your PIN"), (PIN, "second person"), ("tom", "their PIN"), (OTHER_PIN, "Done."))
    enter("status", "Signed in: ada")
    assert "UNKNOWN" not in speaker.terminal.text().rpartition("Signed in: ada")[2]
    enter("close", "Done.")
    speaker.quits()
    kinds = [kind for kind, _ in records(bench)]
    assert (kinds.count("write_off"), kinds.count("sign")) == (1, 2)
    bench.meso("audit", "verify").ok()
