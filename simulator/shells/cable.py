"""The cable between host and gun: what it does to bytes, and how fast it carries them. Pure; seeded."""

from random import Random
from typing import Final

from simulator.shells.mangle import Mangler
from simulator.shells.pacing import Pacer

_BACKLOG_MAX: Final = 512  # bytes in the line, either way: two frames and a little, as a UART and its driver hold
_BURST: Final = 32  # bytes worth waking up for; 3 ms at 115,200 baud


class Direction:
    """One way through the cable."""

    __slots__ = ("_mangler", "_pacer")

    def __init__(self, chance: Random, baud: int | None) -> None:
        self._mangler = Mangler(chance)
        self._pacer = Pacer(baud)

    @property
    def has_room(self) -> bool:
        """Whether more may be put in now; what is put in without room is carried all the same, later."""
        return self._pacer.backlog < _BACKLOG_MAX

    @property
    def met(self) -> dict[str, int]:
        """How often each fault has met the bytes."""
        return self._mangler.met

    def put(self, now_us: int, chunk: bytes) -> None:
        """A chunk goes in: a frame, or what a host wrote at once."""
        if chunk:
            self._mangler.put(now_us, chunk)
            self._pacer.put(now_us, self._mangler.take(now_us))

    def take(self, now_us: int) -> bytes:
        """What has come out by now."""
        if self._mangler.holds:
            self._pacer.put(now_us, self._mangler.take(now_us))
        return self._pacer.take(now_us) if self._pacer.backlog else b""

    def next_us(self) -> int | None:
        """When something more comes out."""
        return _earlier(self._mangler.next_us(), self._pacer.next_us(_BURST))

    def set_rate(self, name: str, rate_ppm: int | None) -> None:
        """Let a fault come that often; see `Mangler.set_rate`."""
        self._mangler.set_rate(name, rate_ppm)

    def clear(self) -> None:
        """Lose what is in the cable."""
        self._mangler.clear()
        self._pacer.clear()


class Cable:
    """Both ways.

    Attributes:
        to_gun: From the host.
        to_host: From the gun.
    """

    __slots__ = ("to_gun", "to_host")

    def __init__(self, *, seed: str, baud: int | None) -> None:
        self.to_gun = Direction(Random(f"{seed}/to_gun"), baud)  # noqa: S311  # a simulation replays from its seed
        self.to_host = Direction(Random(f"{seed}/to_host"), baud)  # noqa: S311  # a simulation replays from its seed

    def next_us(self) -> int | None:
        """When something comes out at either end."""
        return _earlier(self.to_gun.next_us(), self.to_host.next_us())

    def clear(self) -> None:
        """Lose what is in the cable: it was pulled."""
        self.to_gun.clear()
        self.to_host.clear()


def _earlier(one_us: int | None, other_us: int | None) -> int | None:
    if one_us is None or (other_us is not None and other_us < one_us):
        return other_us
    return one_us
