"""``meso stop`` with options; without, the entry takes the short way."""

import typer

from meso_device.cli.options import HomeOption
from meso_device.cli.stop import stop_gun

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def stop(home: HomeOption = None) -> None:
    """Stop the gun of the host that runs in this data directory."""
    stop_gun(home)
