"""Whole journeys at the console by keys alone: one pair of hands on the console, another on the gun."""

import os
import signal
import time

import pytest
from support.gun import assert_gun_disarmed
from support.person import Person
from support.records import assert_log_equals_truth, read_truth

PULLS_MAX, PULL_S = 30, 0.3
TRIGGER, SKIN, CABLE, OCCLUSION = " ", "c", "x", "o"


class Hands:
    """The gun in the other hand: a simulated one whose trigger, cable and needle are keys."""

    def __init__(self, bench) -> None:
        self.link, self._truth = bench.path / "gun", bench.path / "truth"
        words = ("--link", self.link, "--nvm", bench.path / "nvm", "--truth", self._truth, "--hand", "keys")
        self._person = Person(bench, "simulate", *map(str, words))
        self._person.sees("ready")

    def do(self, *keys: str) -> None:
        """Press these keys at the gun."""
        for key in keys:
            self._person.press(key)

    def pulls_until(self, what) -> None:
        """Pull the trigger again and again, as fast as the needle comes back."""
        for _ in range(PULLS_MAX):
            self.do(TRIGGER)
            time.sleep(PULL_S)
            if what():
                return
        raise AssertionError(self._person.screen())

    def strokes(self) -> list:
        """What it physically did."""
        return read_truth(self._truth)


def arms(person: Person, code: str = "F2") -> None:
    """Arm in the two steps."""
    person.sees("READY", "[A] arm")
    person.press("a")
    person.sees(f"Type {code} and Enter to arm")
    person.confirm(code)
    person.sees("ARMED")


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
    person.press("F6")
    person.sees("what it means")
    person.press("K")
    person.sees("none that waits")
    person.press("F5")
    arms(person)
    assert len(hands.strokes()) == given
    hands.do(SKIN, TRIGGER)
    person.sees(f"point {given + 2} of 20")
    # The host is killed as nobody is: the lease disarms, and the next start takes up what was left.
    os.kill(person.pid(), signal.SIGKILL)
    assert_gun_disarmed(hands.link)
    given = len(hands.strokes())
    again = Person(bench, "console", "--gun", str(hands.link))
    again.sees("was left without being closed", f"{given} of 60 points given")
    again.press("r")
    again.sees("[C] confirm and go on")
    again.press("c")
    again.sees("no arming: acknowledge the alarms first")
    again.press("F10")
    again.sees("Quit the console?")
    again.press("Tab", "Enter")
    again.waits_for_the_end()
    bench.meso("audit", "verify").ok()
    assert_log_equals_truth(bench.logged(), hands.strokes())
