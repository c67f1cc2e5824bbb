"""``meso stop``."""

import os

import typer

from meso_device.cli.options import HomeOption
from meso_device.cli.output import say

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def stop(home: HomeOption = None) -> None:
    """Stop the gun of the host that runs in this data directory."""
    from meso_device.host.home import existing_home, find_home
    from meso_device.host.stopper import press_stop

    press_stop(existing_home(find_home(home, os.environ)))
    say("STOP sent: the host has heard it and is stopping the gun")
