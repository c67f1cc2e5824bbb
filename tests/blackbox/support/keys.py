"""What hands do at the console: whole tasks, each from what the screen shows before it to what it shows after it."""

import time

from support.person import Person
from support.records import Truth, read_truth

TRIGGER, SKIN, CABLE, OCCLUSION, SYRINGE = " ", "c", "x", "o", "s"
PULLS_MAX, PULL_S = 30, 0.3


class Hands:
    """The gun in the other hand: a simulated one whose trigger, cable, needle and syringe are keys."""

    def __init__(self, bench) -> None:
        self.link, self._truth = bench.path / "gun", bench.path / "truth"
        words = ("--link", self.link, "--nvm", bench.path / "gun.nvm", "--truth", self._truth, "--hand", "keys")
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

    def strokes(self) -> list[Truth]:
        """What it physically did."""
        return read_truth(self._truth)


def filled(person: Person, title: str, *texts: str) -> None:
    """Fill in the empty fields of a dialog one after the other and send it."""
    person.sees(title, "[Enter] send")
    for text in texts[:-1]:
        person.write(text)
        person.press("Tab")
    person.write(texts[-1])
    person.press("Enter")


def signs_in(person: Person, login: str, pin: str) -> None:
    """Sign in at the first screen."""
    person.sees("Sign in", "link ")
    for text in (login, pin):
        person.write(text)
        person.press("Enter")
    person.sees(f"{login} (")


def answers(person: Person, keys: str, there: int = 1) -> None:
    """Answer the checklist from its first question on, one key for each; so many of its rows are there before."""
    person.sees("> [ ] identity", f" {there} of 16")
    for no, key in enumerate(keys, there + 1):
        person.press(key)
        person.sees(f" {no} of 16")


def arms(person: Person, code: str = "F2") -> None:
    """Arm in the two steps."""
    person.sees("READY", "[A] arm")
    person.press("a")
    person.sees(f"Type {code} and Enter to arm")
    person.confirm(code)
    person.sees("ARMED")


def is_refused_arming(person: Person, why: str, code: str = "F2") -> None:
    """Ask for arming in both steps, and be refused for a reason."""
    person.sees("[A] arm")
    person.press("a")
    person.sees(f"Type {code} and Enter to arm")
    person.confirm(code)
    person.sees(why)
    person.press("Escape")
    person.sees("[A] arm")


def acknowledges(person: Person, then: str = "none that waits") -> None:
    """Acknowledge every alarm that waits, see what is shown of them then, and go back to the live screen."""
    person.press("F6")
    person.sees("what it means")
    person.press("K")
    person.sees(then)
    person.press("F5")


def quits(person: Person) -> None:
    """Leave, through the question whether one wants to."""
    person.press("F10")
    person.sees("Quit the console?")
    person.press("Tab", "Enter")
    person.waits_for_the_end()
