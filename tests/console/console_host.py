"""``meso console`` with the stand-in for its screen: the rest is the product's own process.

Usage: console_host.py SOCKET GUN [TREATMENT FILE...]; the data directory comes from the environment.
"""

import sys
from pathlib import Path

from meso_device.cli import main
from meso_device.cli.console_start import start_console

SCREEN = (sys.executable, str(Path(__file__).with_name("stand_in_screen.py")), sys.argv[1])


def start(_arguments: list[str]) -> int:
    gun = sys.argv[2]
    return start_console(
        gun="" if gun == "simulate" else gun,
        simulate=gun == "simulate",
        home=None,
        protocols=tuple(map(Path, sys.argv[3:])),
        screen=SCREEN,
    )


main._invoke = start
sys.exit(main.run(["console"]))
