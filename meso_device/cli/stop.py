"""``meso stop``."""

import os
from pathlib import Path

from meso_device.cli.output import say


def stop_gun(home: Path | None) -> None:
    """Stop the gun of the host that runs in this data directory, and say so.

    Raises:
        MesoError: no host runs there, or it does not answer.
    """
    from meso_device.host.home import existing_home, find_home
    from meso_device.host.stop_call import call_stop

    call_stop(existing_home(find_home(home, os.environ)).stop_socket)
    say("STOP sent: the host has heard it and is stopping the gun")
