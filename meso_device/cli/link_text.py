"""What ``meso link doctor`` prints: figures, the round trips as a picture, and the verdict as the last line."""

import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import asdict

from drivers.link_health import LEASE_MS, Figures, Health
from meso_device.cli.output import one_line
from protocols.wire.codes import GunFlag
from protocols.wire.messages import HelloReply

# Upper edges of the bars: 1, 2, 5 of each ten, from 50 us to a second.
EDGES_US: Final = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
_BAR: Final = 50
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_FULL: Final = "█"


def lines(seen: Figures, hello: HelloReply | None, health: Health, *, only_ascii: bool) -> list[str]:
    """Return the report for people; the verdict is the last line."""
    only_ascii = only_ascii or not _can_draw()
    told = [one_line(f"{seen.port}: {_who(hello)}")]
    if seen.short_us:
        told += ["", *histogram(seen.short_us, only_ascii=only_ascii), "", *_figures(seen)]
    return [*told, "", one_line(f"{health.level.value}: {health.verdict}")]


def histogram(samples_us: Iterable[int], *, only_ascii: bool) -> list[str]:
    """Return round trips as bars, a line a class of time, without the empty ones at both ends."""
    counts = Counter(bisect_right(EDGES_US, sample_us) for sample_us in samples_us)
    most = max(counts.values())
    drawn = ["round trips of small frames"]
    for place in range(min(counts), max(counts) + 1):
        label = f"under {_time(EDGES_US[place])}" if place < len(EDGES_US) else f"over {_time(EDGES_US[-1])}"
        drawn.append(f"{label:>14}  {counts[place]:>6}  {_bar(counts[place], most, only_ascii=only_ascii)}".rstrip())
    return drawn


def document(seen: Figures, hello: HelloReply | None, health: Health) -> dict[str, object]:
    """Return the report for programs; times in microseconds, rates in parts per million."""
    return {
        "port": seen.port,
        "gun_uid": hello.gun_uid.hex() if hello is not None else None,
        "simulated": hello is not None and bool(hello.flags & GunFlag.SIMULATED),
        "level": health.level.value,
        "verdict": health.verdict,
        "round_trip_us": {
            "samples": len(seen.short_us),
            "median": seen.median_us,
            "p99": seen.p99_us,
            "worst": seen.worst_us,
        },
        "damaged_to_gun_ppm": seen.damaged_to_gun_ppm,
        "damaged_to_host_ppm": seen.damaged_to_host_ppm,
        "gun_dropped": seen.gun_dropped,
        "lease_margin_ms": seen.lease_margin_ms,
        "beats_to_spare": seen.beats_to_spare,
        "baud_seen": seen.baud_seen,
        "latency_timer_ms": seen.latency_timer_ms,
        "stats": asdict(seen.stats),
    }


def _who(hello: HelloReply | None) -> str:
    if hello is None:
        return "no gun answers"
    mark = ", SIMULATED" if hello.flags & GunFlag.SIMULATED else ""
    return f"{hello.model} {hello.serial}, gun {hello.gun_uid.hex()}{mark}"


def _figures(seen: Figures) -> Iterator[str]:
    stats = seen.stats
    yield (
        f"round trip       median {_time(seen.median_us)}, 99 of 100 within {_time(seen.p99_us)}, "
        f"worst {_time(seen.worst_us)}"
    )
    yield (
        f"damaged frames   {seen.gun_bad_frames} of {stats.frames_out} to the gun, "
        f"{stats.bad_blocks} of {stats.frames_in + stats.bad_blocks} from it; {stats.resyncs} times in step again"
    )
    yield f"sent again       {stats.retransmits} of {stats.frames_out}; {stats.given_up} never answered"
    yield (
        f"lease            {seen.lease_margin_ms} ms of {LEASE_MS} ms to spare with the worst answer: "
        f"{seen.beats_to_spare} heartbeats in a row may be lost"
    )
    yield f"speed of line    {f'about {seen.baud_seen} baud' if seen.baud_seen else 'not limited by a baud rate'}"
    yield f"latency timer    {_latency(seen)}"


def _latency(seen: Figures) -> str:
    if seen.latency_timer_ms is not None:
        return f"{seen.latency_timer_ms} ms"
    if sys.platform == "darwin":
        why = "macOS does not tell it: round trips near 16 ms or 32 ms are its sign"
    else:
        why = "none at this port"
    return why


def _bar(count: int, most: int, *, only_ascii: bool) -> str:
    if only_ascii:
        return "#" * (-(-count * _BAR // most))
    eighths = -(-count * _BAR * 8 // most)
    return (_FULL * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _time(us: int) -> str:
    for unit_us, unit in ((1_000_000, "s"), (1_000, "ms")):
        if us >= unit_us:
            return f"{us / unit_us:.1f} {unit}" if us % unit_us else f"{us // unit_us} {unit}"
    return f"{us} us"


def _can_draw() -> bool:
    try:
        _FULL.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
