"""A person at a terminal: presses keys, reads what stands there, and knows nothing of the program but that."""

import os
import signal
import subprocess
import time

from support.console import LOOKED_S
from support.processes import be_ordinary, is_alive, meso_argv, wait_for

PACE_S = 0.06
"""Between two keys; what comes faster was not typed by anybody, and the console refuses it where it matters."""
BESIDE = "beside"
"""Name of the one pane that there is."""


class Person:
    """`meso` in tmux, and hands on the keyboard.

    Attributes:
        pressed: Every key so far.
    """

    def __init__(self, bench, *words: str, rows: int = 24, columns: int = 80) -> None:
        self._tmux = ("tmux", "-S", str(bench.path / f"tmux-{len(list(bench.path.iterdir()))}"), "-f", "/dev/null")
        self._env = {**bench.environment(), "TERM": "xterm-256color"}
        self._cwd = bench.path
        self.pressed: list[str] = []
        size = ("-x", str(columns), "-y", str(rows))
        self._run("new-session", "-d", *size, "-s", BESIDE, *meso_argv(), *words)
        bench._started.append(self)

    def press(self, *keys: str) -> None:
        """Press keys as tmux names them, one after the other, as a quick person does."""
        for key in keys:
            self._run("send-keys", "-t", BESIDE, *(("-l", key) if len(key) == 1 else (key,)))
            self.pressed.append(key)

    def write(self, text: str) -> None:
        """Press the keys of a text."""
        self.press(*text)

    def confirm(self, word: str) -> None:
        """Look at a dialog for as long as the host asks for, type its word by hand, and press Enter."""
        time.sleep(LOOKED_S)
        for key in (*word, "Enter"):
            self.press(key)
            time.sleep(PACE_S)

    def sees(self, *texts: str, within_s: float = 20) -> str:
        """Wait until all of these stand on the screen, and return the screen."""
        try:
            return wait_for(lambda: self._shown(texts), "", within_s=within_s, every_s=0.05)
        except AssertionError:
            raise AssertionError(f"not within {within_s} s: {texts} on\n{self.screen()}") from None

    def screen(self) -> str:
        """Return what stands there; empty when nothing runs any more."""
        return self._run("capture-pane", "-p", "-t", BESIDE, check=False).stdout

    def waits_for_the_end(self) -> None:
        """Wait until the program has ended, and with it the terminal."""
        wait_for(lambda: self._run("has-session", "-t", BESIDE, check=False).returncode, "the end")

    def pid(self) -> int:
        """The program's process."""
        return int(self._run("display-message", "-p", "-t", BESIDE, "#{pane_pid}").stdout)

    def dies(self) -> None:
        """Kill the program, and wait until it holds nothing any more: its terminal is gone before its other files."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        self.waits_for_the_end()
        wait_for(lambda: not is_alive(pid), "the end of the program")

    def kill_session(self) -> None:
        """End the terminal as somebody does who is done with it."""
        self._run("kill-session", "-t", BESIDE)

    def kill(self) -> None:
        """End the terminal with everything in it."""
        self._run("kill-server", check=False)

    def _shown(self, texts: tuple[str, ...]) -> str:
        screen = self.screen()
        return screen if all(text in screen for text in texts) else ""

    def _run(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self._tmux, *words], env=self._env, cwd=self._cwd, capture_output=True, text=True, check=check,
            preexec_fn=be_ordinary if words[0] == "new-session" else None,
        )  # fmt: skip
