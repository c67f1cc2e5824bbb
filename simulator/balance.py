"""A simulated laboratory balance: it weighs what the simulated gun lets drop, and speaks MT-SICS by the letter.

Levels 0 and 1, as far as weighing needs them. Sans-IO, like the gun: bytes and time go in, bytes and deadlines come
out. The figures are examples of a 0.01 mg balance.
"""

import math
from random import Random
from typing import Final

from msgspec import Struct, field

BALANCE_FAULTS: Final = (
    "never_stable", "stable_lie", "other_unit", "stuck_digit", "tare_off_by_one", "truncated_line", "slow_line",
    "silent", "repeats",
)  # fmt: skip

# Buoyancy at 20 degrees and 1,013 hPa: water in air against weights of 8,000 kg/m3. The bench computes it from the
# conditions as measured; here it is the world.
_SHOWN_PER_UG: Final = (1 - 1.19929 / 998.20675) / (1 - 1.19929 / 8_000)
_WAIT_US: Final = 10_000_000
_SLOW_US: Final = 1_500_000
_LINE_BYTES_MAX: Final = 64
_HANGS_US: Final = 6_000_000


class BalanceFigures(Struct, frozen=True, kw_only=True):
    """How good the balance is.

    Attributes:
        digit_ug: Last digit that it shows.
        capacity_ug: Most that it weighs.
        noise_ug: Standard deviation of a reading at rest.
        settling_us: Time constant with which a change of load dies out.
        evaporation_ug_per_s: What the open container loses.
        drift_ug_per_s: How its zero wanders.
    """

    digit_ug: int = 10
    capacity_ug: int = 220_000_000
    noise_ug: float = 4.0
    settling_us: int = 250_000
    evaporation_ug_per_s: float = 0.4
    drift_ug_per_s: float = 0.0


class _Asked(Struct):
    """A command that waits for rest."""

    command: str
    until_us: int


class SimulatedBalance(Struct):
    """One balance with a container on its pan.

    Attributes:
        chance: Decides the noise.
        figures: How good it is.
        serial: Serial number.
        faults: What is wrong with it, by name; may be changed at any time.
        loaded_ug: True mass of what was put in, evaporation not taken off.
    """

    chance: Random
    figures: BalanceFigures = field(default_factory=BalanceFigures)
    serial: str = "B0000001"
    faults: set[str] = field(default_factory=set)
    loaded_ug: float = 35_000_000.0
    _begun_us: int = 0
    _changed_us: int = 0
    _change_ug: float = 0.0
    _zero_ug: float = 0.0
    _tare_ug: float = 0.0
    _asked: _Asked | None = None
    _stuck: float | None = None
    _input: bytes = b""
    _output: list[tuple[int, bytes]] = field(default_factory=list)
    _hanging: list[tuple[int, float]] = field(default_factory=list)

    # --- the world ----------------------------------------------------------------------------------

    def drop(self, now_us: int, mass_ug: float, *, hanging_ug: float = 0.0) -> None:
        """Let something fall into the container; a part of it may hang at the tip and fall later."""
        if hanging_ug:
            self._hanging.append((now_us + _HANGS_US, hanging_ug))
            mass_ug -= hanging_ug
        left = self._unsettled_ug(now_us)
        self.loaded_ug += mass_ug
        self._changed_us = now_us
        self._change_ug = left + mass_ug * _SHOWN_PER_UG

    def _let_fall(self, now_us: int) -> None:
        while self._hanging and self._hanging[0][0] <= now_us:
            at_us, mass_ug = self._hanging.pop(0)
            self.drop(at_us, mass_ug)

    def restart(self, now_us: int) -> None:
        """Switch it off and on: it says who it is, and has forgotten its tare."""
        self._asked, self._input, self._output = None, b"", []
        self._tare_ug = 0.0
        self._say(now_us, f'I4 A "{self.serial}"')

    # --- the line -----------------------------------------------------------------------------------

    def feed(self, now_us: int, data: bytes) -> None:
        """Take in bytes from the host."""
        self._let_fall(now_us)
        self._input = (self._input + data)[-1_024:]
        *lines, self._input = self._input.split(b"\r\n")
        for line in lines:
            self._command(now_us, line)

    def step(self, now_us: int) -> None:
        """Answer what waited for rest."""
        self._let_fall(now_us)
        asked = self._asked
        if asked is None:
            return
        if self._at_rest(now_us):
            self._asked = None
            self._settled(now_us, asked.command)
        elif now_us >= asked.until_us:
            self._asked = None
            self._say(now_us, f"{asked.command} I")

    def take(self, now_us: int) -> bytes:
        """Return the bytes that have been sent by now."""
        due = b"".join(data for at, data in self._output if at <= now_us)
        self._output = [(at, data) for at, data in self._output if at > now_us]
        return due

    def next_deadline_us(self) -> int | None:
        """Return when `step` and `take` are due again."""
        due = [at for at, _ in (*self._output, *self._hanging)]
        if self._asked is not None:
            rests = "never_stable" not in self.faults
            due.append(self._changed_us + self._rest_us() if rests else self._asked.until_us)
        return min(due, default=None)

    def _command(self, now_us: int, line: bytes) -> None:
        try:
            command = line.decode("ascii")
        except UnicodeDecodeError:
            command = ""
        if "silent" in self.faults:
            return
        if command == "@":
            self.restart(now_us)
        elif len(line) > _LINE_BYTES_MAX:
            self._say(now_us, "ET")
        elif command in {"S", "T", "Z"}:
            self._asked = _Asked(command, now_us + _WAIT_US)
            self.step(now_us)
        elif command in {"SI", "TI", "ZI"}:
            self._at_once(now_us, command)
        else:
            self._say(now_us, self._told(command))

    def _told(self, command: str) -> str:
        return {
            "I0": "I0 A 0 S",
            "I1": 'I1 A "01" "2.30" "2.00" "" ""',
            "I2": f'I2 A "Simulated" "{self.figures.capacity_ug / 1e6:.4f} g"',
            "I3": 'I3 A "1.00"',
            "I4": f'I4 A "{self.serial}"',
            "TA": f"TA A {self._written(self._tare_ug)}",
            "TAC": "TAC A",
        }.get(command, "ES")

    def _at_once(self, now_us: int, command: str) -> None:
        if command == "SI":
            self._weigh(now_us, "S" if self._at_rest(now_us) else "D")
        else:
            self._set(now_us, command, "S" if self._at_rest(now_us) else "D")

    def _settled(self, now_us: int, command: str) -> None:
        if command == "S":
            self._weigh(now_us, "S")
        else:
            self._set(now_us, command, "S")

    def _weigh(self, now_us: int, state: str) -> None:
        shown = self._shown_ug(now_us)
        if self.loaded_ug > self.figures.capacity_ug:
            self._say(now_us, "S +")
        elif shown + self._tare_ug + self._zero_ug < 0:
            self._say(now_us, "S -")
        else:
            self._say(now_us, f"S {state} {self._written(shown)}")

    def _set(self, now_us: int, command: str, state: str) -> None:
        total = self._shown_ug(now_us) + self._tare_ug
        if command[0] == "Z":
            self._zero_ug += total
            self._tare_ug = 0.0
            self._say(now_us, f"{command} {'A' if command == 'Z' else state}")
            return
        self._tare_ug = total + (self.figures.digit_ug if "tare_off_by_one" in self.faults else 0)
        self._say(now_us, f"{command} {state} {self._written(self._tare_ug)}")

    def _say(self, now_us: int, line: str) -> None:
        data = line.encode() + b"\r\n"
        if "truncated_line" in self.faults and len(data) > 12:
            data = data[:7] + b"\r\n"
        at = now_us + (_SLOW_US if "slow_line" in self.faults else 0)
        self._output += [(at, data)] * (2 if "repeats" in self.faults and line.startswith("S ") else 1)

    # --- what it shows ------------------------------------------------------------------------------

    def _shown_ug(self, now_us: int) -> float:
        if "stuck_digit" in self.faults and self._stuck is not None:
            return self._stuck
        seconds = now_us / 1e6
        value = (
            self.loaded_ug * _SHOWN_PER_UG
            - self.figures.evaporation_ug_per_s * seconds
            + self.figures.drift_ug_per_s * seconds
            - self._unsettled_ug(now_us)
            - self._zero_ug
            - self._tare_ug
            + self.chance.gauss(0, self.figures.noise_ug)
        )
        self._stuck = round(value / self.figures.digit_ug) * self.figures.digit_ug
        return self._stuck

    def _unsettled_ug(self, now_us: int) -> float:
        return self._change_ug * math.exp(-(now_us - self._changed_us) / self.figures.settling_us)

    def _rest_us(self) -> int:
        """How long after a change it takes until half a digit is left of it."""
        ratio = 2 * abs(self._change_ug) / self.figures.digit_ug
        return int(self.figures.settling_us * math.log(ratio)) + 1 if ratio > 1 else 0

    def _at_rest(self, now_us: int) -> bool:
        if "stable_lie" in self.faults:
            return True
        return "never_stable" not in self.faults and now_us >= self._changed_us + self._rest_us()

    def _written(self, mass_ug: float) -> str:
        places = max(0, 6 - len(str(self.figures.digit_ug)) + 1)
        if "other_unit" in self.faults:
            return f"{mass_ug / 1e3:10.{max(0, places - 3)}f} mg"
        return f"{mass_ug / 1e6:10.{places}f} g"
