"""``python -m docs.pictures``: pictures of the console in a real practice session, drawn by what a terminal shows.

A terminal multiplexer holds the console, keys are typed into it, and what it shows becomes SVG: no picture shows what
the program does not. With file names as arguments, only those are written.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.terminal_theme import TerminalTheme

HERE = Path(__file__).parent
SMALL, LARGE = (80, 24), (120, 40)
WAIT_S = 30.0
GROUND = "#26282b"
COLOURS = TerminalTheme((38, 40, 43), (232, 232, 232), [(0, 0, 0)] * 8, [(255, 255, 255)] * 8)
# The terminal's own fonts: a picture in a page loads none from elsewhere.
FORM = """<svg viewBox="-8 -6 {width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
{styles}
</style>
<rect x="-8" y="-6" width="100%" height="100%" rx="8" fill="#26282b"/>
<g>
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Terminal:
    """A console in a terminal of its own."""

    def __init__(self, place: Path, size: tuple[int, int]) -> None:
        self._socket = place / "tmux.sock"
        self.size = size
        width, height = size
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "TZ": "UTC",
        }
        console = [sys.executable, "-m", "meso_device", "console", "--simulate", "--home", str(place / "data")]
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-e", "COLORTERM=truecolor"),
            *console,
            env=environment,
        )
        self._tmux("set", "status", "off")

    def _tmux(self, *words: str, env: dict[str, str] | None = None) -> str:
        command = ["tmux", "-S", str(self._socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout

    def until(self, *texts: str, gone: str = "") -> None:
        """Wait until the screen shows all of these texts, and does not show the other."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            shown = self._tmux("capture-pane", "-p")
            if all(text in shown for text in texts) and not (gone and gone in shown):
                return
            time.sleep(0.05)
        raise SystemExit(f"never shown: {texts}\n{shown}")

    def shown(self) -> str:
        """Return the text on the screen."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        """Press keys, as fast as a person does."""
        for key in keys:
            self._tmux("send-keys", key)
            time.sleep(0.15)

    def draw(self, name: str) -> None:
        """Write what is shown as a picture."""
        time.sleep(0.3)  # the last rows are painted
        rows = AnsiDecoder().decode(self._tmux("capture-pane", "-e", "-p"))
        width, _ = self.size
        console = Console(record=True, width=width, file=io.StringIO(), color_system="truecolor", force_terminal=True)
        for row in rows:
            row.pad_right(width - row.cell_len)
            console.print(row, no_wrap=True, overflow="crop", crop=True)
        path = HERE / f"{name}.svg"
        path.write_text(_tidy(console.export_svg(theme=COLOURS, code_format=FORM, unique_id=name)))
        print(f"{path}  {path.stat().st_size // 1024} KiB")  # noqa: T201  # a command

    def close(self) -> None:
        """End it."""
        self._tmux("kill-server")


def _tidy(svg: str) -> str:
    """Return the picture without what nobody sees: clips of rows, and the ground drawn upon itself."""
    svg = re.sub(r' clip-path="url\([^"]*\)"', "", svg)
    return re.sub(rf'<rect fill="{GROUND}" x="[^>]*/>', "", svg)


def welcome(terminal: Terminal) -> None:
    """The first screen of an empty data directory."""
    terminal.until("Welcome.", "SYNCED", gone="self-test")


def begun(terminal: Terminal) -> None:
    """A practice session, confirmed."""
    welcome(terminal)
    terminal.press("Escape")
    terminal.until("Begin a practice session")
    terminal.press("Enter")
    terminal.until("to confirm and go on")
    terminal.press("c")
    terminal.until("READY")


def armed(terminal: Terminal) -> None:
    """Armed, a few shots given."""
    arming(terminal)
    code = re.search(r"Type (\w+) and", terminal.shown())
    time.sleep(0.5)  # a person reads first; sooner is refused
    terminal.press(*(code[1] if code is not None else ""), "Enter")
    terminal.until("ARMED")
    terminal.until("DONE")
    time.sleep(2)


def arming(terminal: Terminal) -> None:
    """The dialog of arming."""
    begun(terminal)
    terminal.press("a")
    terminal.until("and Enter to arm")


def given(terminal: Terminal) -> None:
    """Disarmed again."""
    armed(terminal)
    terminal.press("p")
    terminal.until("READY")


def plan(terminal: Terminal) -> None:
    """The plan on the map."""
    given(terminal)
    terminal.press("F4")
    terminal.until("here")


def history(terminal: Terminal) -> None:
    """The history, with a record beside it."""
    given(terminal)
    terminal.press("F7")
    terminal.until("DONE", "leaf")


def stopped(terminal: Terminal) -> None:
    """After STOP: what to do next."""
    armed(terminal)
    terminal.press("F8")
    terminal.until("ESTOPPED")
    terminal.press("F6")
    terminal.until("what it means")


PICTURES: dict[str, tuple[tuple[int, int], Callable[[Terminal], None]]] = {
    "welcome": (SMALL, welcome),
    "arming": (SMALL, arming),
    "live": (LARGE, armed),
    "plan": (LARGE, plan),
    "history": (LARGE, history),
    "stopped": (SMALL, stopped),
}


def main() -> None:
    """Draw."""
    for name in sys.argv[1:] or PICTURES:
        size, come_to = PICTURES[name]
        with tempfile.TemporaryDirectory(prefix="meso-pictures-") as place:
            terminal = Terminal(Path(place), size)
            try:
                come_to(terminal)
                terminal.draw(name)
            finally:
                terminal.close()


if __name__ == "__main__":
    main()
