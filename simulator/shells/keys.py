"""A person's hand: keys that act on the simulated gun, and one line that shows it.

Space pulls the trigger, ``c`` puts the head on the skin or lifts it, ``x`` pulls the cable or puts it back, ``o``
occludes the needle or frees it, ``s`` changes the syringe for a full one, ``b`` empties the battery or fills it, ``q``
ends the simulation.
"""

import os
import sys
import termios
import tty
from contextlib import suppress
from typing import Final

from protocols.errors import UsageError
from simulator.gun import SimulatedGun
from simulator.physics.figures import BATTERY_MV

BATTERY_EMPTY_MV: Final = 3_200
_PULL_US: Final = 80_000  # a terminal tells no key's release, so each pull lasts this long
_LINE_US: Final = 100_000


class KeyHand:
    """What the keys do to the gun. Pure."""

    def __init__(self, gun: SimulatedGun) -> None:
        self._gun = gun
        self._release_us: int | None = None
        self._contact = self._occluded = self._battery_low = False
        self.quit = False

    def press(self, now_us: int, key: str) -> None:
        """Act on one key; unknown ones do nothing."""
        body = self._gun.body
        match key:
            case " ":
                body.press_trigger(now_us)
                self._release_us = now_us + _PULL_US
            case "c":
                self._contact = not self._contact
                body.set_contact(now_us, self._contact)
            case "x":
                self._gun.set_plugged(not self._gun.plugged)
            case "o":
                self._occluded = not self._occluded
                body.occlude(now_us, self._occluded)
            case "s":
                self._gun.change_cartridge(now_us)
            case "b":
                self._battery_low = not self._battery_low
                body.set_battery_mv(now_us, BATTERY_EMPTY_MV if self._battery_low else BATTERY_MV)
            case "q" | "\x03" | "\x04":
                self.quit = True
            case _:
                pass

    def act(self, now_us: int) -> None:
        """Release the trigger when its time has come."""
        if self._release_us is not None and now_us >= self._release_us:
            self._release_us = None
            self._gun.body.release_trigger(now_us)

    def next_deadline_us(self) -> int | None:
        """When `act` is needed next."""
        return self._release_us

    def line(self, shots: int, given_nl: int) -> str:
        """The gun in one line."""
        look = self._gun.look
        parts = (
            look.state.name if self._gun.firmware.powered else "NO POWER",
            "no area" if look.area_code is None else f"area {look.area_code}",
            "on skin" if self._contact else "off skin",
            "cable in" if self._gun.plugged else "cable out",
            "needle blocked" if self._occluded else "needle free",
            "battery low" if self._battery_low else "battery full",
            f"{shots} shots",
            f"{given_nl // 1_000} uL",
        )
        return " | ".join(parts)


class Keyboard:
    """The terminal: keys one by one, and a line that is written over. Restored by `close`."""

    def __init__(self) -> None:
        """Take the terminal.

        Raises:
            UsageError: standard input is no terminal.
        """
        self.fd = sys.stdin.fileno()
        if not os.isatty(self.fd):
            raise UsageError("--hand keys refused: standard input is not a terminal; use --hand auto or --hand none")
        self._before = termios.tcgetattr(self.fd)
        self._written_us: int | None = None
        self._shown = ""
        tty.setcbreak(self.fd)

    def read(self) -> str:
        """Keys pressed since the last time; end of input counts as ``q``."""
        data = os.read(self.fd, 64)
        return data.decode("ascii", errors="ignore") if data else "q"

    def show(self, now_us: int, line: str) -> None:
        """Write the line over the one before, at most ten times a second."""
        if line != self._shown and (self._written_us is None or now_us - self._written_us >= _LINE_US):
            self._written_us = now_us
            self._shown = line
            with suppress(OSError):
                sys.stdout.write(f"\r{line}\x1b[K")
                sys.stdout.flush()

    def close(self) -> None:
        """Give the terminal back as it was."""
        with suppress(OSError, termios.error):
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self._before)
            sys.stdout.write("\n")
            sys.stdout.flush()
