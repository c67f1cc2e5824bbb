"""A command of the product on a terminal of its own, as a person has it."""

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios

from support.processes import be_ordinary, meso_argv, wait_for

_SEQUENCE = re.compile(r"\x1b(\[[0-9;?<>=]*[A-Za-z]|[()].|[=>78])")


class Terminal:
    """``meso`` with these words on a pseudo-terminal.

    Attributes:
        master: The test's end.
        pid: The process.
    """

    def __init__(
        self,
        bench,
        *words: object,
        rows: int = 24,
        columns: int = 80,
        term: str = "xterm-256color",
        ignore_hangup: bool = False,
    ) -> None:
        self.master, self.slave = pty.openpty()
        os.set_blocking(self.master, False)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self.slave)

        def in_child() -> None:
            be_ordinary()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if ignore_hangup:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)

        self._process = subprocess.Popen(
            [*meso_argv(), *(str(word) for word in words)],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={**bench.environment(), "TERM": term},
            cwd=bench.path,
            start_new_session=True,
            preexec_fn=in_child,  # noqa: PLW1509  # a few system calls, no locks
        )
        self.pid = self._process.pid
        self._painted = b""
        bench._started.append(self)

    def type(self, data: bytes) -> None:
        """Press keys."""
        os.write(self.master, data)

    def painted(self) -> bytes:
        """Everything that reached the terminal so far."""
        with contextlib.suppress(OSError):
            while self.master >= 0 and (data := os.read(self.master, 65536)):
                self._painted += data
        return self._painted

    def text(self) -> str:
        """The same as text, with what draws it."""
        return self.painted().decode(errors="replace")

    def shows(self, *texts: str) -> bool:
        """Whether all of these were written to the terminal so far."""
        return all(text in _SEQUENCE.sub("", self.text()) for text in texts)

    def hang_up(self) -> None:
        """Close the terminal."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = -1

    def wait(self, within_s: float = 10) -> int:
        """Wait for its end, reading the terminal; returns the status as a shell shows it."""
        wait_for(lambda: self.painted() is not None and self._process.poll() is not None, "its end", within_s=within_s)
        self.painted()
        code = self._process.returncode
        return code if code >= 0 else 128 - code

    def assert_restored(self, *, drawn: bool = True) -> None:
        """Require that the shell finds its terminal as it left it."""
        assert termios.tcgetattr(self.slave) == self.before
        painted = self.painted()
        if not drawn:
            return
        for mode in (b"1049", b"1000", b"1003", b"1006", b"2004"):
            assert painted.rfind(b"\x1b[?%sh" % mode) < painted.rfind(b"\x1b[?%sl" % mode), mode
        assert painted.rfind(b"\x1b[?25l") < painted.rfind(b"\x1b[?25h")

    def kill(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(20)
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1
