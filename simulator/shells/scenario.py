"""Which fault comes when: the plan of a scenario, and what plays it. Pure."""

from typing import Final

from msgspec import Struct

from protocols.wire.messages import REQUESTS

# What hands and cables do; for how many milliseconds when nothing is said, None for at once and once.
WORLD_FAULTS: Final[dict[str, int | None]] = {
    "unplug": 1_000,
    "gun_reset": 200,
    "occlusion": 2_000,
    "cartridge_swap": None,
    "head_swap": None,
    "stop_button": None,
    "service_button": None,
}


def _spelled(class_name: str) -> str:
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in class_name)
    return words.strip("_").upper()


MESSAGES: Final = {
    ("SETTINGS_SET" if request.__name__ == "Settings" else _spelled(request.__name__)): code
    for code, request in REQUESTS.items()
}


class PlannedFault(Struct, frozen=True, kw_only=True):
    """One fault of a scenario; exactly one of ``at_ms``, ``at_shot`` and ``at_message`` is given."""

    name: str
    at_ms: int | None = None
    at_shot: int | None = None
    at_message: str | None = None
    count: int = 1
    delay_ms: int = 0
    for_ms: int | None = None
    for_shots: int | None = None
    strength: int | None = None
    direction: str | None = None


class Switch(Struct, frozen=True):
    """A fault goes on or off now."""

    fault: PlannedFault
    on: bool


class Player:
    """Tells which faults go on and off as time, strokes and messages pass. Pure."""

    __slots__ = ("_ending", "_messages", "_planned", "_shots", "_started_us", "_waiting")

    def __init__(self, faults: tuple[PlannedFault, ...], now_us: int) -> None:
        self._planned = list(faults)
        self._started_us = now_us
        self._waiting: list[tuple[int, PlannedFault]] = []  # go on at that time
        self._ending: list[tuple[int | None, int | None, PlannedFault]] = []  # go off at that time or stroke
        self._messages: dict[str, int] = {}
        self._shots = 0

    @property
    def busy(self) -> bool:
        """Whether anything is still to go on or off."""
        return bool(self._planned or self._waiting or self._ending)

    @property
    def reads_messages(self) -> bool:
        """Whether any fault still waits for a message."""
        return any(fault.at_message is not None for fault in self._planned)

    def message(self, type_code: int) -> None:
        """A whole request has reached the gun."""
        for name, code in MESSAGES.items():
            if code == type_code:
                self._messages[name] = self._messages.get(name, 0) + 1

    def step(self, now_us: int, shots: int) -> list[Switch]:
        """What goes on or off now, given the strokes begun so far."""
        self._shots = shots
        for fault in [fault for fault in self._planned if self._met(fault, now_us)]:
            self._planned.remove(fault)
            self._waiting.append((now_us + fault.delay_ms * 1_000, fault))
        switches = []
        for entry in [entry for entry in self._ending if self._over(entry, now_us)]:
            self._ending.remove(entry)
            switches.append(Switch(entry[2], on=False))
        for waiting in [waiting for waiting in self._waiting if waiting[0] <= now_us]:
            self._waiting.remove(waiting)
            switches.append(Switch(waiting[1], on=True))
            self._end_later(now_us, waiting[1])
        return switches

    def next_us(self) -> int | None:
        """When a fault goes on or off by time alone."""
        times = [at_us for at_us, _ in self._waiting]
        times += [at_us for at_us, _, _ in self._ending if at_us is not None]
        times += [self._started_us + fault.at_ms * 1_000 for fault in self._planned if fault.at_ms is not None]
        return min(times, default=None)

    def _met(self, fault: PlannedFault, now_us: int) -> bool:
        if fault.at_ms is not None:
            return now_us >= self._started_us + fault.at_ms * 1_000
        if fault.at_shot is not None:
            return self._shots >= fault.at_shot
        return self._messages.get(fault.at_message or "", 0) >= fault.count

    def _end_later(self, now_us: int, fault: PlannedFault) -> None:
        for_ms = WORLD_FAULTS.get(fault.name) if fault.for_ms is None and fault.for_shots is None else fault.for_ms
        if for_ms is not None:
            self._ending.append((now_us + for_ms * 1_000, None, fault))
        elif fault.for_shots is not None:
            self._ending.append((None, self._shots + fault.for_shots, fault))

    def _over(self, entry: tuple[int | None, int | None, PlannedFault], now_us: int) -> bool:
        at_us, shots, _ = entry
        return (at_us is not None and now_us >= at_us) or (shots is not None and self._shots >= shots)
