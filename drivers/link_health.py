"""What a measured link is worth: rates, margins, and one sentence that names the cause. Pure."""

from enum import StrEnum
from statistics import median
from typing import Final

from msgspec import Struct

from drivers.link_stats import LinkStats

LEASE_MS: Final = 500
BEAT_MS: Final = 100
STATUS_MS: Final = 100
LATENCY_MS_GOOD: Final = 1
_DAMAGE_PPM_BAD: Final = 10_000
_MARGIN_MS_LEAST: Final = 100
_BAUD_LEAST: Final = 57_600
_BITS_A_BYTE: Final = 10  # 8N1


class Figures(Struct, frozen=True, kw_only=True):
    """What was measured on one port.

    Attributes:
        port: Its name.
        answered: Whether a gun of this wire protocol answered HELLO.
        stats: What the link engine has counted.
        short_us: Round trips of small frames that were sent once, in the order of time.
        long_us: Round trips with the longest reply.
        long_bytes: How many bytes a long exchange has more than a short one; 0 when there was none.
        gun_bad_frames: Frames that the gun dropped as damaged.
        gun_dropped: Frames that the gun had no room for.
        latency_timer_ms: Of the adapter, None where the system does not tell.
        lost: Why the port was lost; empty if it was not.
    """

    port: str
    answered: bool
    stats: LinkStats
    short_us: tuple[int, ...] = ()
    long_us: tuple[int, ...] = ()
    long_bytes: int = 0
    gun_bad_frames: int = 0
    gun_dropped: int = 0
    latency_timer_ms: int | None = None
    lost: str = ""

    @property
    def median_us(self) -> int:
        """Middle round trip of small frames; 0 without any."""
        return int(median(self.short_us)) if self.short_us else 0

    @property
    def p99_us(self) -> int:
        """Round trip that one in a hundred passes; 0 without any."""
        return sorted(self.short_us)[(len(self.short_us) * 99 - 1) // 100] if self.short_us else 0

    @property
    def worst_us(self) -> int:
        """Longest round trip of all; 0 without any."""
        return max((*self.short_us, *self.long_us), default=0)

    @property
    def damaged_to_host_ppm(self) -> int:
        """Damaged blocks among all that came."""
        return _ppm(self.stats.bad_blocks, self.stats.frames_in + self.stats.bad_blocks)

    @property
    def damaged_to_gun_ppm(self) -> int:
        """Frames that the gun dropped as damaged among all that were sent."""
        return _ppm(self.gun_bad_frames, self.stats.frames_out)

    @property
    def lease_margin_ms(self) -> int:
        """What a lease of 500 ms has left at worst.

        A heartbeat goes out each 100 ms, echoes a status up to 100 ms old, and takes as long as the worst answer.
        """
        return LEASE_MS - BEAT_MS - STATUS_MS - self.worst_us // 1_000

    @property
    def beats_to_spare(self) -> int:
        """Heartbeats in a row that may be lost before credit lapses."""
        return max(0, self.lease_margin_ms // BEAT_MS)

    @property
    def baud_seen(self) -> int:
        """Speed of the line by what long replies take more than short ones; 0 where that cannot be told."""
        if not (self.long_us and self.short_us and self.long_bytes):
            return 0
        more_us = int(median(self.long_us)) - self.median_us
        # Below a millisecond for some 220 bytes it is no UART that limits.
        return self.long_bytes * _BITS_A_BYTE * 1_000_000 // more_us if more_us > 1_000 else 0


class Level(StrEnum):
    """How much a finding matters."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


class Health(Struct, frozen=True):
    """The verdict.

    Attributes:
        level: Whether something must be mended before a treatment.
        verdict: One line that names the cause and what to do.
    """

    level: Level
    verdict: str


def judge(seen: Figures) -> Health:
    """Return the verdict on what was measured; what weighs most comes first."""
    return _nothing_to_judge(seen) or _damage(seen) or _slowness(seen) or _good(seen)


def _nothing_to_judge(seen: Figures) -> Health | None:
    stats = seen.stats
    if seen.lost:
        return Health(Level.BAD, f"the port went away while it was measured: {seen.lost}")
    if seen.answered:
        return None
    if stats.echoes:
        return Health(Level.BAD, "what is sent comes back: a loop-back, a modem or a console, no gun")
    if stats.frames_in:
        return Health(Level.BAD, "frames come, but HELLO is not answered: switch the gun off and on")
    if stats.bytes_in:
        return Health(
            Level.BAD, "bytes come that are no frames: another baud rate (try --baud 57600), or another device"
        )
    return Health(Level.BAD, "no bytes from the gun: is it switched on, and its cable the right one?")


def _damage(seen: Figures) -> Health | None:
    to_host, to_gun = seen.damaged_to_host_ppm, seen.damaged_to_gun_ppm
    where = " and ".join(
        f"{_percent(ppm)} of the frames {way}"
        for ppm, way in ((to_gun, "to the gun"), (to_host, "from the gun"))
        if ppm
    )
    if max(to_host, to_gun) >= _DAMAGE_PPM_BAD:
        return Health(Level.BAD, f"{where} are damaged: shorten or replace the cable, and keep it off motors")
    if seen.stats.given_up:
        return Health(Level.BAD, f"{seen.stats.given_up} requests were never answered: replace the cable")
    if seen.gun_dropped:
        return Health(
            Level.BAD, f"the gun dropped {seen.gun_dropped} frames for want of room: its firmware is at fault"
        )
    if where:
        return Health(Level.NOTE, f"{where} are damaged: treatment works, but look at the cable")
    return None


def _slowness(seen: Figures) -> Health | None:
    timer = seen.latency_timer_ms
    slow = f"the adapter's latency timer of {timer} ms delays every answer: set it to {LATENCY_MS_GOOD}"
    if seen.lease_margin_ms < _MARGIN_MS_LEAST:
        why = slow if timer is not None and timer > LATENCY_MS_GOOD else "another program or the adapter holds bytes up"
        return Health(Level.BAD, f"an answer took {seen.worst_us // 1_000} ms, too near to the lease: {why}")
    if 0 < seen.baud_seen < _BAUD_LEAST * 9 // 10:
        return Health(Level.BAD, f"the line carries about {seen.baud_seen} baud; {_BAUD_LEAST} is the least")
    if timer is not None and timer > LATENCY_MS_GOOD:
        return Health(Level.NOTE, slow)
    return None


def _good(seen: Figures) -> Health:
    if not seen.short_us:
        return Health(Level.NOTE, "too short to tell: measure for longer with --seconds")
    stats = seen.stats
    again = f", {stats.retransmits} sent again" if stats.retransmits else ""
    worst = f"worst answer {seen.worst_us / 1_000:.1f} ms"
    return Health(Level.GOOD, f"{stats.round_trips} exchanges, none damaged{again}, {worst}")


def _ppm(part: int, whole: int) -> int:
    return part * 1_000_000 // whole if whole else 0


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.2g} %"
