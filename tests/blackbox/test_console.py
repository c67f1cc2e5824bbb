"""The console: who holds the terminal, what ends what, and what is left behind on every way out."""


import pytest
from support.console import F8, Console
from support.gun import assert_gun_disarmed


@pytest.fixture
def gun(bench):
    return bench.gun(seed=5, rate=5)


def armed(bench, gun) -> Console:
    """A console with a practice session, armed, the gun shooting."""
    console = Console(bench, str(gun.link)).begin()
    console.open_practice()
    console.arm()
    bench.wait_shots(gun, 2)
    return console


def assert_account(bench, gun) -> None:
    """The log verifies and is what the gun did, once its last shot is read."""
    bench.meso("audit", "verify").ok()


def test_a_whole_practice_session_by_the_screens_commands(bench, gun):
    console = Console(bench, str(gun.link)).begin()
    console.open_practice()
    for area in [one["id"] for one in console.snapshot["areas"]]:
        console.arm(area)
        console.until(area, lambda shot, area=area: shot["phase"] == "ready" and all(
            one["given"] == one["planned"] for one in shot["areas"] if one["id"] == area))  # fmt: skip
    console.do(50)
    assert console.snapshot["session"]["given"] == 60
    console.do(70)
    assert console.wait() == 0
    console.assert_terminal_restored()
    bench.assert_proven(gun, planned=60)


def test_f8_stops_the_gun(bench, gun):
    console = armed(bench, gun)
    console.type(F8)
    console.phase("estopped")
    assert_gun_disarmed(gun.link)
