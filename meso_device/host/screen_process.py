"""The screen as a child process: on an inner terminal, with a socket, and with nothing else of the host's.

It inherits no port and no database, is the leader of its own session, and ends with the host
(`meso_device.screen_start`).
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Self

from meso_device.host.terminal import Size, set_size
from meso_device.screen_start import HOST_VARIABLE, SOCKET_VARIABLE

SCREEN_COMMAND: Final = (sys.executable, "-m", "meso_device.console")
PLAIN_COMMAND: Final = (sys.executable, "-m", "meso_device.console.plain")
END_S: Final = 1.0
"""How long a screen that was told to end may take before it is killed."""


class ScreenProcess:
    """A running screen.

    Attributes:
        terminal_fd: The host's end of the inner terminal, not blocking.
        peer: The host's end of the socket, not blocking.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", terminal_fd: int, peer: socket.socket) -> None:
        self._process = process
        self.terminal_fd = terminal_fd
        self.peer = peer

    @classmethod
    def start(cls, size: Size, environ: Mapping[str, str], command: Sequence[str] = SCREEN_COMMAND) -> Self:
        """Start a screen on an inner terminal of this size.

        Raises:
            OSError: it cannot be started.
        """
        near, far = socket.socketpair()
        ours, theirs = os.openpty()
        try:
            set_size(ours, size)
            process = subprocess.Popen(  # noqa: S603  # our own module
                list(command),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                env=_environment(environ, far.fileno()),
                pass_fds=(far.fileno(),),
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            near.close()
            raise
        finally:
            os.close(theirs)
            far.close()
        os.set_blocking(ours, False)
        near.setblocking(False)
        return cls(process, ours, near)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def status(self) -> int | None:
        """Return how it ended, negative for a signal; None while it runs."""
        return self._process.poll()

    def resize(self, size: Size) -> None:
        """Give the inner terminal another size."""
        set_size(self.terminal_fd, size)

    def suspend(self) -> None:
        """Ask it to leave the terminal and to stop, as the shell's job control would."""
        self._signal(signal.SIGTSTP)

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still, or has ended."""
        if self._process.poll() is not None:
            return True
        if sys.platform == "linux":
            stopped = os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
        else:
            stopped = shown_as_stopped(self.pid)
        return stopped

    def freeze(self) -> None:
        """Let it stand still while the console is in the background."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def wait(self, seconds: float = END_S) -> bool:
        """Wait a moment for its end; return whether it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it now, whatever it does, with what it may have started."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)  # it leads its own session from before it runs
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def close(self) -> None:
        """Kill it if it runs, and close the host's ends."""
        self.kill()
        os.close(self.terminal_fd)
        self.peer.close()


def shown_as_stopped(pid: int) -> bool:
    """Return whether ``ps`` shows a process as stopped: for systems that cannot be asked without taking its status."""
    asked = ["/bin/ps", "-o", "state=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, check=False).stdout.startswith(b"T")  # noqa: S603  # a fixed program


def _environment(environ: Mapping[str, str], fd: int) -> dict[str, str]:
    """Return the environment of the screen: no setting of its toolkit that somebody else made."""
    kept = {name: value for name, value in environ.items() if not name.startswith("TEXTUAL")}
    return kept | {
        "TEXTUAL_ANIMATIONS": "none",
        SOCKET_VARIABLE: str(fd),
        HOST_VARIABLE: str(os.getpid()),
    }
