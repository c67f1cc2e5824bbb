"""The caller's end of the stop socket; loads next to nothing, because somebody is waiting for the gun to stop."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from protocols.errors import MesoError

WORD: Final = b"STOP\n"
HEARD: Final = b"HEARD\n"
ANSWER_S: Final = 2.0
ADDRESS_BYTES_MAX: Final = 100
"""A Unix socket's address holds 104 bytes on macOS and 108 on Linux, its end included."""


def call_stop(path: Path) -> None:
    """Tell the host that listens at ``path`` to stop its gun; returns once the host has heard it.

    Raises:
        MesoError: no host runs there, or it does not answer. Then only the gun's own stop is left.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(ANSWER_S)
        try:
            with short_name(path) as name:
                peer.connect(name)
            peer.sendall(WORD)
            heard = peer.recv(len(HEARD))
        except TimeoutError:
            heard = b""
        except OSError:
            raise MesoError(
                f"no running host in {path.parent}: nothing to stop from here; release the trigger"
            ) from None
    if heard != HEARD:
        raise MesoError("the host does not answer: release the trigger and cut the gun's power")


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Give a name of the socket that fits into an address, however deep its directory lies."""
    if len(os.fsencode(path)) <= ADDRESS_BYTES_MAX:
        yield str(path)
        return
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)
