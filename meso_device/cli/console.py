"""``meso console``: the operator's screen on a gun, real or simulated."""

from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.options import HomeOption

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def console(
    gun: Annotated[
        str,
        typer.Option("--gun", metavar="PORT", help="Port of the gun; else the one gun that is found."),
    ] = "",
    simulate: Annotated[bool, typer.Option("--simulate", help="Start a simulated gun for it; practice only.")] = False,
    only_ascii: Annotated[
        bool, typer.Option("--ascii", help="Draw nothing outside ASCII; terminals that can do no more are known.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines of text for screen readers, without a screen; it cannot arm.")
    ] = False,
    protocol: Annotated[
        list[Path] | None,
        typer.Option(
            "--protocol",
            metavar="FILE",
            help="Treatment protocol file to choose from too; again for each.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Treat and practise at a screen; F8 stops the gun at any time."""
    from meso_device.cli.console_start import start_console

    raise typer.Exit(
        start_console(
            gun=gun, simulate=simulate, home=home, only_ascii=only_ascii, plain=plain, protocols=protocol or ()
        )
    )
