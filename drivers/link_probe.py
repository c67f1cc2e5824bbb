"""Measure a link: HELLO and reads, one at a time, for some seconds. Only the gun's table of sessions is changed."""

import os
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from drivers.link import LinkEngine
from drivers.link_events import Answered, LinkDown, LinkEvent
from drivers.link_health import Figures
from drivers.outcome import Done
from drivers.ports import Port
from protocols.errors import LinkLost
from protocols.wire.messages import (
    Describe,
    DescribeReply,
    HelloReply,
    Request,
    Status,
    StatusGet,
    TimePing,
    TimePingReply,
)

_PAUSE_US: Final = 10_000  # between two exchanges: a look at the link, not a load
_LONG_EVERY: Final = 5
_LONGEST: Final = 220
_LAST_US: Final = 500_000  # for the last status, after the time is over
_HELLO_US: Final = 3_200_000  # thirty tries, as the link engine makes them
_U16: Final = 65_536
_LATENCY_FILE: Final = "/sys/bus/usb-serial/devices/{}/latency_timer"


def latency_timer_ms(port: str) -> int | None:
    """Return the latency timer of the USB adapter behind a port; None where the system does not tell."""
    try:
        return int(Path(_LATENCY_FILE.format(Path(port).resolve().name)).read_text("ascii"))
    except (OSError, ValueError):
        return None


def probe(port: Port, host_id: bytes, seconds: int) -> tuple[Figures, HelloReply | None]:
    """Measure for so many seconds and return the figures, and what the gun said of itself.

    Args:
        port: Open, and not used by anything else.
        host_id: The host's random id of 16 bytes.
        seconds: How long, once the gun has answered.
    """
    measuring = _Measuring(port, host_id)
    try:
        measuring.run(seconds)
    except LinkLost as lost:
        measuring.lost = str(lost)
    return measuring.figures(), measuring.hello


class _Measuring:
    """One measurement under way."""

    def __init__(self, port: Port, host_id: bytes) -> None:
        self.hello: HelloReply | None = None
        self.lost = ""
        self._port = port
        self._link = LinkEngine(host_id)
        self._unsent = b""
        self._short_us: list[int] = []
        self._long_us: list[int] = []
        self._first: Status | None = None
        self._last: Status | None = None
        self._asked = 0
        self._waiting = False
        self._next_us = 0

    def run(self, seconds: int) -> None:
        """Go through HELLO, the first status, the exchanges and the last status."""
        now_us = _now_us()
        self._link.opened(now_us)
        self._link.ask(now_us, 0, self._link.hello(os.urandom(16)))
        self._turns(lambda: self.hello is not None, _HELLO_US)
        if self.hello is None:
            return
        self._ask(StatusGet())
        end_us = _now_us() + seconds * 1_000_000
        while not self.lost and (now_us := _now_us()) < end_us:
            if not self._waiting and now_us >= self._next_us:
                self._asked += 1
                self._ask(Describe(0, _LONGEST) if self._asked % _LONG_EVERY == 0 else TimePing(now_us))
            self._turn(min(end_us, self._next_us if not self._waiting else end_us))
        self._turns(lambda: not self._waiting, _LAST_US)
        if not self.lost:
            self._ask(StatusGet())
            self._turns(lambda: not self._waiting, _LAST_US)

    def figures(self) -> Figures:
        """Return what was measured so far."""
        bad = dropped = 0
        if self._first is not None and self._last is not None:
            bad = (self._last.rx_bad_frames - self._first.rx_bad_frames) % _U16
            dropped = (self._last.rx_dropped - self._first.rx_dropped) % _U16
        return Figures(
            port=self._port.name,
            answered=self.hello is not None,
            stats=self._link.stats,
            short_us=tuple(self._short_us),
            long_us=tuple(self._long_us),
            long_bytes=_LONGEST - TimePingReply.SIZE if self._long_us else 0,
            gun_bad_frames=bad,
            gun_dropped=dropped,
            latency_timer_ms=latency_timer_ms(self._port.name),
            lost=self.lost,
        )

    def _ask(self, request: Request) -> None:
        self._waiting = True
        self._link.ask(_now_us(), 1, request)

    def _turns(self, done: Callable[[], bool], most_us: int) -> None:
        end_us = _now_us() + most_us
        while not done() and not self.lost and _now_us() < end_us:
            self._turn(end_us)

    def _turn(self, until_us: int) -> None:
        link, now_us = self._link, _now_us()
        self._unsent = self._unsent or link.transmit(now_us)
        if self._unsent:
            self._unsent = self._unsent[self._port.write(self._unsent) :]
        due_us = link.next_deadline_us()
        wait_us = max(0, min(until_us, until_us if due_us is None else due_us) - now_us)
        readable, _, _ = select.select(
            [self._port.fileno()], [self._port.fileno()] if self._unsent else [], [], wait_us / 1_000_000
        )
        data = self._port.read() if readable else b""
        now_us = _now_us()
        for event in (*link.received(now_us, data), *link.tick(now_us)):
            self._take(event)

    def _take(self, event: LinkEvent) -> None:
        if isinstance(event, LinkDown):
            self.lost = event.reason
        if not isinstance(event, Answered):
            return
        self._waiting = False
        self._next_us = event.heard_us + _PAUSE_US
        body = event.outcome.body if isinstance(event.outcome, Done) else None
        if isinstance(body, HelloReply):
            self.hello = body
        elif isinstance(body, Status):
            self._first = self._first or body
            self._last = body
        elif event.tries == 1 and isinstance(body, TimePingReply):
            self._short_us.append(event.heard_us - event.sent_us)
        elif event.tries == 1 and isinstance(body, DescribeReply):
            self._long_us.append(event.heard_us - event.sent_us)


def _now_us() -> int:
    return time.monotonic_ns() // 1_000
