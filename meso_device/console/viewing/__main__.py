"""``python -m meso_device.console.viewing SOCKET``: the screen of ``meso view``, in a terminal or served."""

import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from meso_device.console.text import say
from meso_device.console.viewing.client import ViewClient
from meso_device.console.viewing.lifeline import watch
from meso_device.screen_start import end_with_parent
from meso_device.unix_address import short_name

SERVED: Final = "--served"
ASCII: Final = "--ascii"
TERMINAL_S: Final = 0.5
HOST_S: Final = 5.0
"""Longer: there is a terminal to be left in order."""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Show the host until it or the viewer ends it; return the exit status.

    Args:
        arguments: Path of the view socket; ``--served PID`` under the web server of this process id, ``--ascii`` to
            draw nothing outside ASCII.
        environ: ``TERM=linux`` does the same; ``NO_COLOR`` takes all colour away.
    """
    path, *options = arguments
    if SERVED in options:
        end_with_parent(int(options[options.index(SERVED) + 1]))
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_name(Path(path)) as name:
            peer.connect(name)
    except OSError:
        sys.stderr.write(say("view.ended", why="no host runs here any more") + "\n")
        return 1
    watch(sys.stdin.fileno(), grace_s=TERMINAL_S)
    watch(peer.fileno(), grace_s=HOST_S)
    from meso_device.console.viewing.app import ViewApp  # noqa: PLC0415  # the host fills the socket meanwhile

    only_ascii = ASCII in options or environ.get("TERM") in {"linux", "dumb"}
    app = ViewApp(ViewClient(peer), only_ascii=only_ascii, offset_s=time.localtime().tm_gmtoff)
    status = app.run()
    if app.ended and SERVED not in options:
        sys.stderr.write(say("view.ended", why=app.ended) + "\n")
    return status if status is not None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
