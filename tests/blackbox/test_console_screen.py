"""The console with its own screen: what reaches the terminal."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

import pytest
from support.console import F8
from support.processes import be_ordinary, marked_processes, meso_argv, wait_for

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


@pytest.mark.hazard("HZ-12")
@pytest.mark.hazard("HZ-37")
def test_without_a_gun_a_simulated_one_is_offered_and_a_killed_tmux_session_stops_it(bench):
    socket, said = bench.path / "tmux", bench.path / "said"
    words = " ".join(map(str, meso_argv()))

    def tmux(*arguments: str) -> str:
        command = ["tmux", "-S", socket, "-f", "/dev/null", *arguments]
        done = subprocess.run(command, env=bench.environment(), capture_output=True, text=True, check=False)
        return done.stdout

    tmux("new-session", "-d", "-x", "80", "-y", "24", "-s", "clinic", f"{words} console 2>{said}")
    try:
        wait_for(lambda: "No gun found" in tmux("capture-pane", "-p"), "the offer")
        tmux("send-keys", "y", "Enter")
        wait_for(lambda: "Welcome." in tmux("capture-pane", "-p"), "the first screen", within_s=60)
        tmux("send-keys", "Escape")
        wait_for(lambda: "choose a treatment" in tmux("capture-pane", "-p"), "the session screen")
        tmux("send-keys", "Enter")
        wait_for(lambda: "confirm and go on" in tmux("capture-pane", "-p"), "the live screen")
        tmux("send-keys", "c")
        wait_for(lambda: "READY" in tmux("capture-pane", "-p"), "a gun that can be armed")
        tmux("send-keys", "a")
        wait_for(lambda: "Type F2" in tmux("capture-pane", "-p"), "the dialog of arming")
        for key in ("F", "2", "Enter"):
            select.select([], [], [], 0.4)  # faster than a hand is refused
            tmux("send-keys", key)
        wait_for(lambda: "DONE" in tmux("capture-pane", "-p"), "a shot")
        tmux("kill-session")
        wait_for(lambda: not marked_processes(bench._mark), "the end of console, screen and gun", within_s=10)
        assert said.read_text().count("\n") == 1
        assert "the gun is stopped" in said.read_text()
        assert "go on with: meso console --simulate" in said.read_text()
        assert bench.export()
        bench.meso("audit", "verify").ok()
    finally:
        tmux("kill-server")
