"""Starts a view: everything that can be refused is refused here, then this process becomes the view."""

import contextlib
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn

from meso_device.cli.homes import running_homes
from meso_device.cli.terminal_check import check_terminal
from meso_device.unix_address import short_name
from protocols.errors import MesoError, UsageError

PORT: Final = 8040
SCREEN: Final = "meso_device.console.viewing"
SERVER: Final = "meso_device.console.web"


def start_view(*, web: bool, port: int | None, home: Path | None, only_ascii: bool) -> NoReturn:
    """Become the view of the host that runs in a data directory.

    Args:
        web: Serve it to browsers.
        port: Where to serve it; None for the usual port.
        home: Data directory; None for the usual one.
        only_ascii: Draw nothing outside ASCII.

    Raises:
        UsageError: asked for in a wrong way, or what it needs is not there.
        MesoError: no host runs there.
    """
    if port is not None and not web:
        raise UsageError("--port goes with --web")
    if web and find_spec("textual_serve") is None:
        raise UsageError("the view in a browser needs an extra: pip install 'meso-device[web]'")
    if not web:
        check_terminal("the view", without="meso view --web", instead="meso view --web")
    path = _view_socket(home)
    words = [sys.executable, "-m", SERVER if web else SCREEN, str(path)]
    words += [str(PORT if port is None else port)] if web else []
    words += ["--ascii"] if only_ascii else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEXTUAL")}
    sys.stdout.flush()
    os.execve(sys.executable, words, {**kept, "TEXTUAL_ANIMATIONS": "none"})  # noqa: S606  # our own module


def _view_socket(home: Path | None) -> Path:
    """Return the socket of the host that runs; it is asked only whether it listens."""
    homes = running_homes(home)
    for one in homes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer, contextlib.suppress(OSError):
            with short_name(one.view_socket) as name:
                peer.connect(name)
            return one.view_socket
    raise MesoError(f"no running host in {homes[0].root}: there is nothing to look at")
