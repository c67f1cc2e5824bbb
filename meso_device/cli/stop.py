"""``meso stop``."""

from pathlib import Path

from meso_device.cli.output import say
from protocols.errors import MesoError


def stop_gun(home: Path | None) -> None:
    """Stop the gun of the host that runs in this data directory, and say so.

    Raises:
        MesoError: no host runs there, or it does not answer.
    """
    from meso_device.cli.homes import running_homes
    from meso_device.host.stop_call import call_stop

    heard, refusals = 0, []
    for one in running_homes(home):
        try:
            call_stop(one.stop_socket)
            heard += 1
        except MesoError as error:
            refusals.append(error)
    if not heard:
        raise refusals[0]
    say("STOP sent: the host has heard it and is stopping the gun")
