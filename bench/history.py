"""The history of a long log: from the key to the first page on the terminal, and the memory that the log costs.

A real screen process on a pseudo-terminal; its pages are read from a real log by the same call that the host makes.
"""

import os
import tempfile
import time
from pathlib import Path

from bench.audit import fill, stamp
from bench.screen import WELCOME, Screen, ready_snapshot
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.pages import PageQuery, page_of
from meso_device.host.console_history import fitting
from meso_device.screen_messages import Message, ToHost, ToScreen, encode

ROWS = int(os.environ.get("BENCH_HISTORY_ROWS", "1000000"))
OPENINGS = 5
SHORT = 200
OPEN_MS, MEMORY_MIB = 300.0, 10.0
F5, F7 = b"\x1b[15~", b"\x1b[18~"


class Reader(Screen):
    """A screen whose questions for pages are answered from a log."""

    def __init__(self, home):
        super().__init__()
        self.db = open_for_reading(home / DATABASE_NAME)

    def heard(self, message):
        """Answer as the host does."""
        if message.kind != ToHost.PAGE:
            return
        asked = message.body
        found = page_of(self.db, PageQuery(before=asked["cursor"], limit=asked["limit"]))
        self.process.peer.setblocking(True)  # a page is larger than what the socket takes at once
        self.process.peer.sendall(encode(Message(ToScreen.PAGE, message.id, fitting(found))))
        self.process.peer.setblocking(False)

    def memory_mib(self):
        """What the screen's process and this one hold."""
        return sum(resident_mib(pid) for pid in (self.process.pid, os.getpid()))


def resident_mib(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def opened(home, newest):
    """Open the history a few times; return the times in ms, and what it added to memory in MiB."""
    screen = Reader(home)
    try:
        screen.say(ToScreen.WELCOME, WELCOME)
        screen.say(ToScreen.SNAPSHOT, ready_snapshot())
        screen.until(b"Forehead")
        before = screen.memory_mib()
        took = []
        for _ in range(OPENINGS):
            screen.output = b""
            began = time.perf_counter()
            os.write(screen.process.terminal_fd, F7)
            screen.until(f"#{newest}".encode())
            took.append((time.perf_counter() - began) * 1_000)
            screen.output = b""
            os.write(screen.process.terminal_fd, F5)
            screen.until(b"Forehead")
        for _ in range(OPENINGS):  # pages further back cost nothing more
            os.write(screen.process.terminal_fd, F7 + b"\x1b[F\x1b[6~")
            screen.turn(0.3)
        return took, screen.memory_mib() - before
    finally:
        screen.db.close()
        screen.process.close()


def run() -> list[dict]:
    """Return the rows of the bench."""
    times, memory = {}, {}
    with tempfile.TemporaryDirectory() as place:
        for rows in (SHORT, ROWS):
            home = Path(place) / str(rows)
            store, _ = fill(home, rows)
            newest = store.size - 1
            store.close(stamp())
            times[rows], memory[rows] = opened(home, newest)
    first, floor = times[ROWS][0], times[SHORT][0]
    return [
        {
            "name": f"history: key to first page, {ROWS:,} rows",
            "value": first,
            "unit": "ms",
            "floor_name": f"{SHORT} rows",
            "floor_value": floor,
            "ratio": first / floor,
            "target": f"<= {OPEN_MS:g} ms",
            "ok": first <= OPEN_MS,
        },
        {
            "name": f"history: memory added, {ROWS:,} rows",
            "value": memory[ROWS],
            "unit": "MiB",
            "floor_name": f"{SHORT} rows",
            "floor_value": max(memory[SHORT], 0.1),
            "ratio": memory[ROWS] / max(memory[SHORT], 0.1),
            "target": f"<= {MEMORY_MIB:g} MiB",
            "ok": memory[ROWS] <= MEMORY_MIB,
        },
    ]
