"""``meso console`` with the bench's screen: ``stop_host.py HOME GUN``."""

import sys
from pathlib import Path

from meso_device.cli.console_start import start_console

SCREEN = (sys.executable, "-m", "bench.stop_screen")

if __name__ == "__main__":
    sys.exit(start_console(gun=sys.argv[2], simulate=False, home=Path(sys.argv[1]), screen=SCREEN))
