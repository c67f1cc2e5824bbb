"""The console with its own screen: what reaches the terminal."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios

import pytest
from support.console import F8
from support.processes import be_ordinary, meso_argv, wait_for

F7, F10 = b"\x1b[18~", b"\x1b[21~"


@pytest.mark.parametrize("only_ascii", [True, False])
def test_in_ascii_nothing_else_reaches_the_terminal(bench, only_ascii):
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def in_child() -> None:
        be_ordinary()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    gun = bench.gun(seed=5, rate=1)
    painted = b""

    def shows(*texts: str) -> bool:
        nonlocal painted
        with contextlib.suppress(BlockingIOError):
            painted += os.read(master, 65536)
        return all(text.encode() in painted for text in texts)

    host = subprocess.Popen(
        [*meso_argv(), "console", "--gun", str(gun.link), *(["--ascii"] if only_ascii else [])],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**bench.environment(), "TERM": "xterm-256color"},
        cwd=bench.path,
        start_new_session=True,
        preexec_fn=in_child,  # noqa: PLW1509  # a few system calls, no locks
    )
    try:
        wait_for(lambda: shows("SIMULATED", "Welcome."), "the first screen", within_s=20)
        os.write(master, F7)
        wait_for(lambda: shows("No shot like that."), "the history", within_s=10)
        os.write(master, F8)
        wait_for(lambda: shows("ESTOPPED"), "the gun's stop", within_s=10)
        os.write(master, F10)
        wait_for(lambda: shows("Quit the console?"), "the dialog", within_s=10)
        assert painted.isascii() is only_ascii
    finally:
        host.kill()
        host.wait()
        os.close(master)
        os.close(slave)
