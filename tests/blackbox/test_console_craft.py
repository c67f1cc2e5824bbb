"""What a console has to bear: hands that forget their PIN, other keys, and terminals that send anything."""

import contextlib
import fcntl
import os
import random
import signal
import struct
import termios
import time

import pytest
from support.console import F8
from support.person import Person
from support.processes import wait_for
from support.terminal import Terminal

F10 = b"\x1b[21~"
STOP_S_MAX = 1.0
"""From the key to its frame on the gun's port, whatever else the terminal sends: far above the bench's gate, for a
machine with other tests on it."""


def settings(bench, text: str) -> None:
    path = bench.path / ".config" / "meso-device" / "console.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


@pytest.mark.hazard("HZ-12")
@pytest.mark.hazard("HZ-35")
def test_wrong_pins_lock_out_and_a_key_added_to_stop_stops_all_the_same(bench):
    settings(bench, '[keys]\nstop = "f12"\nhistory.verify = "y"\n')
    person = Person(bench, "console", "--simulate")
    person.sees("Welcome")
    for text in ("meyer", "Dr Meyer", "482615"):
        person.write(text)
        person.press("Enter")
    person.sees("meyer (clinician)")
    person.press("F7")
    person.sees("[Y] verify")
    person.press("y")
    person.sees("VERIFIED, ")
    person.press("C-l")
    person.sees("Sign in", "nobody signed in")
    for _ in range(5):
        person.write("meyer")
        person.press("Enter")
        person.write("000000")
        person.press("Enter")
        person.sees("not accepted")
        person.press("Up", *["BSpace"] * 5)
    person.write("meyer")
    person.press("Enter")
    person.write("482615")
    person.press("Enter")
    person.sees("no PIN of meyer is looked at for")
    person.press("F12")
    person.sees("ESTOPPED", "nobody signed in")
    person.kill()


def test_a_setting_that_is_wrong_is_refused_with_its_line_and_doctor_says_so(bench):
    settings(bench, 'theme = "meso-grey"\n[keys]\nlive.arm = "f8"\n')
    refused = Terminal(bench, "console", "--simulate")
    assert refused.wait() == 2
    assert "console.toml line 3: live.arm: f8 is the key of stop already" in refused.text().replace("\r\n", " ")
    assert "\x1b" not in refused.text()
    doctor = bench.meso("doctor")
    assert doctor.wait() == 1
    assert "console.toml line 3" in doctor.out


class Storm:
    """A terminal that sends what no person could."""

    def __init__(self, terminal: Terminal, seed: int) -> None:
        self._terminal = terminal
        self._chance = random.Random(seed)

    def sizes(self) -> None:
        """Fifty sizes in a second."""
        for _ in range(50):
            rows, columns = self._chance.randrange(1, 200), self._chance.randrange(1, 500)
            self._size(rows, columns)
            self._terminal.painted()
            time.sleep(0.02)
        self._size(24, 80)

    def sizes_in_band(self) -> None:
        """The same as a terminal reports it in its bytes, mode 2048."""
        for _ in range(20):
            rows, columns = self._chance.randrange(1, 200), self._chance.randrange(1, 500)
            self._send(b"\x1b[48;%d;%d;%d;%dt" % (rows, columns, rows * 20, columns * 10))
        self._send(b"\x1b[48;24;80;480;800t")

    def mouse(self) -> None:
        """Five hundred moves, presses and wheels, where there is no STOP to be pressed."""
        for _ in range(500):
            button = self._chance.choice((35, 35, 35, 64, 65))
            self._send(b"\x1b[<%d;%d;%dM" % (button, self._chance.randrange(1, 500), self._chance.randrange(3, 200)))

    def paste(self) -> None:
        """A megabyte at once."""
        self._send(b"\x1b[200~" + b"0123456789abcdef" * 65_536 + b"\x1b[201~")

    def rubbish(self) -> None:
        """Bytes that are no text in any order."""
        self._send(bytes(self._chance.randrange(0x80, 0x100) for _ in range(300)).replace(b"\x9b", b"\xff"))

    def _size(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._terminal.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _send(self, data: bytes) -> None:
        while data:
            self._terminal.painted()
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._terminal.master, data) :]


@pytest.mark.hazard("HZ-12")
def test_no_storm_of_sizes_mouse_pastes_and_rubbish_holds_up_stop(bench):
    cable = bench.cable(bench.gun(seed=5, rate=1))
    terminal = Terminal(bench, "console", "--gun", cable.link)
    wait_for(lambda: terminal.shows("Welcome"), "the first screen", within_s=20)
    storm = Storm(terminal, seed=7)
    storm.rubbish()
    terminal.type(F10)
    wait_for(lambda: terminal.shows("Quit the console?"), "a screen that lives through bytes that are no text")
    for blow in (storm.mouse, storm.sizes, storm.sizes_in_band, storm.paste):
        blow()
        began_ns = time.monotonic_ns()
        terminal.type(F8)
        at_ns = wait_for(lambda since=began_ns: next((at for at in cable.stops() if at >= since), 0), blow.__name__)
        assert (at_ns - began_ns) / 1e9 < STOP_S_MAX, blow.__name__
    terminal.painted()
    with contextlib.suppress(ProcessLookupError):
        os.kill(terminal.pid, signal.SIGTERM)
    # On a machine too slow for the storm the screen falls silent, and is ended; it never breaks.
    status = terminal.wait(20)
    assert status == 143 or "the screen was silent for 10 s" in terminal.text(), status
    terminal.assert_restored()
