"""The first minute: from an empty data directory to the first injection and the signed summary, by keys alone."""

import pytest
from support.person import Person

OWN_WORDS = ("meyer", "Dr Meyer", "482615")
"""What the newcomer types of their own: login, name, PIN."""
KEYS_MAX = 14
"""Every other key of the first minute, Enter among them."""


@pytest.mark.hazard("HZ-36")
@pytest.mark.invariant("I-45")
def test_a_newcomer_comes_to_the_first_injection_and_its_signed_summary_with_nothing_to_read_first(bench):
    """Each key is one that the screen names at that moment."""
    person = Person(bench, "console", "--simulate")
    person.sees("Welcome", "login", "SIMULATED", "link ")
    for text in OWN_WORDS:
        person.write(text)
        person.press("Enter")
    person.sees("meyer (clinician)", "[Enter] begin", "> Practice treatment, face")
    person.press("Enter")
    person.sees("[C] confirm and go on", "practice |")
    person.press("c")
    person.sees("READY", "[A] arm")
    person.press("a")
    person.sees("Type F2 and Enter to arm")
    person.confirm("F2")
    person.sees("#1 ", "DONE")
    person.press("p")
    person.sees("READY", "[F] finish")
    person.press("f")
    person.sees("planned given unknown", "[Enter] close the session")
    person.press("Enter")
    person.sees("The session is closed.", "not signed yet", "[S] sign")
    person.press("s")
    person.sees("Sign these totals", "your PIN")
    person.write(OWN_WORDS[-1])
    person.press("Enter")
    person.sees("Signed with your PIN.", "[Enter] the next session", "[F7] what was recorded")
    own = sum(map(len, OWN_WORDS)) + len(OWN_WORDS[-1])
    assert len(person.pressed) - own <= KEYS_MAX, person.pressed
    person.press("Enter")
    person.sees("[Enter] begin")
    person.press("Enter")
    person.sees("[C] confirm and go on", "given 0 held 0")
    person.press("F10")
    person.sees("Quit the console?", "offered again at the next start")
    person.press("Tab", "Enter")
    person.waits_for_the_end()
    again = Person(bench, "console", "--simulate")
    again.sees("was left without being closed", "[R] go on with it", "[C] close it as interrupted")
    again.press("F10")
    again.sees("Quit the console?")
    again.press("Tab", "Enter")
    again.waits_for_the_end()
    bench.meso("audit", "verify").ok()
