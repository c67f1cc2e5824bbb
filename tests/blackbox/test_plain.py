"""The console in lines: every task but arming, on a terminal that can do nothing, with STOP where it always is."""

import time

import pytest
from support.console import F8, LOOKED_S
from support.processes import wait_for
from support.terminal import Terminal


@pytest.mark.hazard("HZ-12")
def test_a_session_is_opened_stopped_reset_and_left_by_lines_alone(bench):
    gun = bench.gun(seed=5)
    cable = bench.cable(gun)
    plain = Terminal(bench, "console", "--plain", "--gun", cable.link, term="dumb", rows=10, columns=40)

    def enter(line: str, *answers: str) -> None:
        before = len(plain.text())
        plain.type(line.encode() + b"\r")
        wait_for(lambda: all(answer in plain.text()[before:] for answer in answers), f"{answers} after {line}")

    wait_for(lambda: "SAFE. Log SYNCED" in plain.text(), "the gun")
    enter("status", "SIMULATED", "No session is open.")
    enter("begin", "practice:", "name of the treatment:")
    enter("practice", "Done.")
    enter("confirm", "Done.", "READY")
    enter("plan", "F2 Forehead", "0 of 20 points given.")
    enter("arm", "not possible here")
    plain.type(b"stat\x1b[A\x7ft" + F8)
    wait_for(cable.stops, "STOP on the wire", within_s=2)
    wait_for(lambda: "ESTOPPED" in plain.text(), "the word for it")
    enter("us", "Session")  # what was being typed is still there
    enter("alarms", "*** alarm", "What to do: Lift the gun")
    enter("reset", "number of the reason:")
    enter("5", "type RESET:")
    time.sleep(LOOKED_S)
    enter("RESET", "Done.")
    enter("seen", "Done.")
    enter("history", "No shots are recorded.")
    enter("nonsense", "No such command")
    plain.type(b"\x03")
    enter("close", "Done.")
    plain.type(b"quit\r")
    assert plain.wait() == 0
    plain.assert_restored(drawn=False)
    assert b"\x1b" not in plain.painted()
    assert gun.shots() == 0
    bench.assert_proven(gun)
