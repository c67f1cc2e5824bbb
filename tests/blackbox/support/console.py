"""A console as a person has it: a terminal, a host process on it, and hands on a screen that can do anything."""

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from support.processes import be_ordinary, wait_for

HELLO, STOP, SIGN_IN, LOCK, ENROL = 1, 3, 10, 11, 12
PATIENT_FIND, PATIENT_ADD, PATIENT_SHOW, LOT, LOAD, CLEAN, WASTE = range(13, 20)
OPEN, RESUME, ABANDON, CONFIRM = 20, 21, 22, 23
PREPARE, CHECK, FIT, BEGIN, OVERRIDE, SIGN = range(24, 30)
ARM_OPEN, ARM_CONFIRM, DISARM, RESET_OPEN, RESET_CONFIRM = 30, 31, 32, 33, 34
CLEAR_FAULT, WRITE_OFF, ACKNOWLEDGE, SILENCE = 35, 36, 40, 41
FINISH, PAGE, RECORD, VERIFY, AMEND, QUIT = 50, 60, 61, 62, 63, 70
WELCOME, SNAPSHOT, ANSWER, PAGED, BYE = 128, 129, 130, 131, 132
F8 = b"\x1b[19~"
# A process of its own, made of the product and a stand-in for its screen.
HOST = Path(__file__).parents[2] / "console" / "console_host.py"
LOOKED_S = 0.35
"""A confirmation sooner than this after its dialog is refused."""


class Console:
    """The product's host on a terminal of its own, with the stand-in as its screen.

    Attributes:
        master: The test's end of the operator's terminal.
        pid: The host's process.
        painted: Everything that reached the terminal.
        snapshot: Newest snapshot; empty before the first.
        events: Everything that the screen told.
    """

    def __init__(
        self,
        bench,
        gun: str,
        *files: Path,
        rows: int = 24,
        columns: int = 80,
        ignore_hangup: bool = False,
        env: dict[str, str] | None = None,
    ) -> None:
        self._path = bench.path / f"screen-{len(list(bench.path.iterdir()))}.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._listener.listen(1)
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(slave)

        def in_child() -> None:
            be_ordinary()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if ignore_hangup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

        self._process = subprocess.Popen(
            [sys.executable, HOST, self._path, gun, *files],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={
                **bench.environment(),
                "TERM": "xterm-256color",
                "TEXTUAL_DEBUG": "1",
                "TEXTUAL_ALLOW_SIGNALS": "1",
                **(env or {}),
            },
            cwd=bench.path,
            start_new_session=True,
            preexec_fn=in_child,  # noqa: PLW1509  # a few system calls, no locks
        )
        self.slave = slave
        self.pid = self._process.pid
        self.painted = b""
        self.snapshot: dict = {}
        self.events: list[dict] = []
        self.answers: dict[int, dict] = {}
        self._heard = b""
        self._id = 0
        self._screen: socket.socket | None = None
        bench._started.append(self)

    # --- the screen ---------------------------------------------------------------------------------

    def begin(self) -> "Console":
        """Wait for the screen and for its first snapshot."""
        wait_for(
            lambda: self.look() and (select.select([self._listener], [], [], 0)[0] or not self.running), "the screen"
        )
        assert self.running, self.painted
        self._screen, _ = self._listener.accept()
        self._screen.setblocking(False)
        self.started = self.event("started")
        self.send(HELLO, version=1)
        wait_for(lambda: self.look() and self.snapshot, "a snapshot")
        return self

    def order(self, **fields) -> None:
        """Tell the stand-in what to do."""
        assert self._screen is not None
        self._screen.sendall(json.dumps(fields).encode() + b"\n")

    def send(self, kind: int, **body) -> int:
        """Send a command of the screen; returns its id."""
        self._id += 1
        self.order(do="send", kind=kind, id=self._id, body=body)
        return self._id

    def ask(self, kind: int, *, within_s: float = 15, **body) -> dict:
        """Send a command and return its answer."""
        number = self.send(kind, **body)
        return wait_for(lambda: self.look() and self.answers.get(number), f"answer to {kind}", within_s=within_s)

    def do(self, kind: int, **body) -> dict:
        """Send a command that must be done."""
        answer = self.ask(kind, **body)
        assert answer["outcome"] == "done", answer
        return answer

    def refused(self, kind: int, **body) -> dict:
        """Send a command that must be refused."""
        answer = self.ask(kind, **body)
        assert answer["outcome"] == "refused", answer
        assert answer["text"], answer
        return answer

    def event(self, name: str) -> dict:
        """Wait for something that the stand-in tells, and return the newest."""
        wait_for(lambda: self.look() and any(one["event"] == name for one in self.events), name)
        return next(one for one in reversed(self.events) if one["event"] == name)

    def until(self, what: str, condition, *, within_s: float = 15) -> dict:
        """Wait until a snapshot fulfils a condition."""
        wait_for(lambda: self.look() and self.snapshot and condition(self.snapshot), what, within_s=within_s)
        return self.snapshot

    def phase(self, phase: str, *, within_s: float = 15) -> dict:
        """Wait for a phase."""
        return self.until(phase, lambda shot: shot["phase"] == phase, within_s=within_s)

    def look(self) -> bool:
        """Take what came from the screen and from the terminal."""
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(self.master, 65536):
                self.painted += data
        if self._screen is None:
            return True
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while data := self._screen.recv(1 << 20):
                self._heard += data
        while b"\n" in self._heard:
            line, _, self._heard = self._heard.partition(b"\n")
            self._take(json.loads(line))
        return True

    def _take(self, event: dict) -> None:
        if event["event"] == "message" and event["kind"] == SNAPSHOT:
            self.snapshot = event["body"]
        elif event["event"] == "message" and event["kind"] in (ANSWER, WELCOME, PAGED):
            self.answers[event["id"]] = event["body"]
        else:
            self.events.append(event)

    # --- what a person does -------------------------------------------------------------------------

    def open_practice(self) -> None:
        """From a fresh start to a session that can be armed."""
        self.until("a gun", lambda shot: shot["link"] == "up")
        self.do(OPEN, treatment="practice")
        self.phase("unconfirmed")
        self.do(CONFIRM)
        self.phase("ready")

    def arm(self, area: str = "") -> dict:
        """Arm an area in the two steps, the first of the plan unless named."""
        area = area or self.snapshot["areas"][0]["id"]
        opened = self.do(ARM_OPEN, area=area)
        time.sleep(LOOKED_S)
        answer = self.do(ARM_CONFIRM, token=opened["token"], typed=opened["short"])
        after = self.snapshot["no"]
        self.until("what follows", lambda shot: shot["no"] > after)
        return answer

    def reset(self) -> None:
        """Reset a stop in the two steps."""
        opened = self.do(RESET_OPEN)
        time.sleep(LOOKED_S)
        self.do(RESET_CONFIRM, token=opened["token"], typed="RESET", reason=1)

    def type(self, data: bytes) -> int:
        """Press keys at the terminal; returns the monotonic time just before."""
        now_ns = time.monotonic_ns()
        os.write(self.master, data)
        return now_ns

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    # --- the process --------------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        """Send the host a signal."""
        self._process.send_signal(number)

    @property
    def running(self) -> bool:
        """Whether the host has not ended."""
        return self._process.poll() is None

    def wait(self, within_s: float = 10) -> int:
        """Wait for the end of the host, reading the terminal; returns the status as a shell shows it."""
        wait_for(lambda: self.look() and not self.running, "the end of the host", within_s=within_s)
        if self.master >= 0:
            select.select([self.master], [], [], 0.05)
        self.look()
        code = self._process.returncode
        return code if code >= 0 else 128 - code

    def last_line(self) -> str:
        """The last line on the terminal."""
        lines = self.painted.decode(errors="replace").replace("\r", "\n").strip().split("\n")
        return lines[-1]

    def assert_terminal_restored(self) -> None:
        """Require that the shell finds its terminal as it left it."""
        after = termios.tcgetattr(self.slave)
        assert after == self.before
        tail = self.painted
        for on, off in ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h"), *_MODES):
            assert tail.rfind(on) < tail.rfind(off), (on, off, tail[-300:])
        assert tail.rfind(b"\x1b[>1u") < tail.rfind(b"\x1b[<u")

    def assert_untouched(self) -> None:
        """Require that nothing but lines of text ever reached the terminal."""
        assert termios.tcgetattr(self.slave) == self.before
        assert b"\x1b" not in self.painted
        assert self.painted.count(b"\n") == 1, self.painted

    def kill(self) -> None:
        """End everything of it."""
        if self.running:
            self._process.kill()
        self._process.wait(20)
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1
        self._listener.close()
        if self._screen is not None:
            self._screen.close()


_MODES = [(b"\x1b[?%dh" % mode, b"\x1b[?%dl" % mode) for mode in (1000, 1003, 1006, 1004, 2004)]
