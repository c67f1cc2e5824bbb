"""A technician's run at the console, by keys alone: begun, paused, killed, taken up elsewhere and here, and signed."""

import json
import signal

import pytest
from support.calibration import Technician
from support.clinic import PINS, copied
from support.keys import filled, quits, signs_in
from support.person import Person
from support.processes import wait_for

pytestmark = pytest.mark.timeout(600)  # a calibration at the pace of its balance, and three warm-ups
SETTLED_S = 240


def at_the_bench(technician: Technician, login: str = "tom") -> Person:
    """Open the console on the technician's gun and go to the bench."""
    person = Person(technician.bench, "console", "--gun", str(technician.clinic.gun.link), rows=40, columns=120)
    signs_in(person, login, PINS[login])
    person.press("F2")
    person.sees("SAFE", "SYNCED", "self-test")
    person.press("m")
    return person


def has_readings(technician: Technician, count: int) -> None:
    wait_for(lambda: technician.logged("calibration.reading") >= count, f"{count} readings", within_s=SETTLED_S)


@pytest.mark.hazard("HZ-20")
@pytest.mark.hazard("HZ-35")
def test_a_dose_run_from_the_kind_to_the_signed_certificate_though_it_is_paused_killed_and_taken_up_elsewhere(
    bench, founding
):
    technician = Technician(copied(bench, founding))
    technician.at_the_bench("--plunger-gain-ppm", "20000")
    person = at_the_bench(technician, "cleo")
    person.sees("cleo (clinician) may not calibrate: that takes technician")
    quits(person)
    person = at_the_bench(technician)
    person.sees("nobody is treated here", "SIMULATED", "> dose")
    person.press("Enter")
    person.sees("Calibrate the dose")
    person.write(str(technician.file()))
    person.press("Tab")
    person.write(str(technician.balance))
    person.press("Tab", "C-u")
    person.write("field")
    person.press("Tab", "Tab", "C-u", "4", "Tab", "C-u", "4", "Enter")
    person.sees("[identify]", "B0000001", "certificate M-114", "4 readings each", "water 20.0")
    assert technician.logged("calibration.begun") == 0
    person.press("Enter")
    person.sees("[as found]", "newest readings")
    has_readings(technician, 1)
    # Paused in order, and gone on with: nothing of it is lost.
    person.press("p")
    person.sees("The run stands still", "[R] go on")
    person.press("r")
    person.sees("the needle home", "[Enter] send")
    person.press("Enter")
    taken = technician.logged("calibration.reading")
    has_readings(technician, taken + 2)
    # Killed in the middle; the command line takes it up, is killed as well, and the console takes it up again.
    person.dies()
    taken = technician.logged("calibration.reading")
    command = technician.calibrate("resume", "--balance", technician.balance)
    has_readings(technician, taken + 1)
    command.send(signal.SIGKILL)
    command.wait()
    person = at_the_bench(technician)
    person.sees("The run stands still", "[as found]", "[R] go on")
    person.press("r")
    person.sees("the needle home", "[Enter] send")
    person.write(str(technician.balance))
    person.press("Enter")
    person.sees("The water's temperature now", "degC", within_s=SETTLED_S)
    person.confirm("20.1")
    person.sees("[adjust]", "as found: FAIL", "Write this to the gun?", "dose, gain", within_s=SETTLED_S)
    assert technician.logged("calibration.adjusted") == 0
    person.press("a")
    person.sees("Type ADJUST and Enter")
    person.confirm("adjust")
    person.sees("[as left]", within_s=SETTLED_S)
    person.sees("The water's temperature now", within_s=SETTLED_S)
    person.confirm("20.2")
    person.sees("[sign]", "as left: PASS", "treats nobody until two people", within_s=SETTLED_S)
    person.press("s")
    filled(person, "second person", PINS["tom"], "tom", PINS["tom"])
    person.sees("takes two different people")
    person.press("Escape")
    person.sees("[S] sign")
    person.press("s")
    filled(person, "second person", PINS["tom"], "ada", PINS["ada"])
    person.sees("Signed by two people", "meso calibration certificate")
    quits(person)
    [run] = technician.bench.meso("calibration", "list", "--json").ok().json()["runs"]
    assert (run["state"], run["as_found"], run["as_left"], run["signed"]) == ("complete", "fail", "pass", True)
    out = bench.path / "certificate.pdf"
    told = bench.meso("calibration", "certificate", run["run"], "--out", out, "--json").ok().json()
    certificate = json.loads(out.with_suffix(".json").read_text())
    assert (told["simulated"], certificate["simulated"]) == (True, True)
    [begun, reading, signed] = (technician.logged(f"calibration.{kind}") for kind in ("begun", "reading", "signed"))
    assert (begun, signed) == (1, 1)
    assert reading >= 2 * 8  # base, blank, four doses, blank, water, and a base for each pause
    bench.meso("audit", "verify").ok()
