"""The caller's end of the stop socket; loads next to nothing, because somebody is waiting for the gun to stop."""

import socket
from pathlib import Path
from typing import Final

from meso_device.unix_address import short_name
from protocols.errors import MesoError

WORD: Final = b"STOP\n"
HEARD: Final = b"HEARD\n"
ANSWER_S: Final = 2.0


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
