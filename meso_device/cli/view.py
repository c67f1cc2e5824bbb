"""``meso view``: a look at the running host, from which nothing can be done."""

from typing import Annotated

import typer

from meso_device.cli.options import HomeOption

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def view(
    web: Annotated[bool, typer.Option("--web", help="Serve it to browsers on this computer, to no other.")] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="Port for --web; 0 for any that is free.  [default: 8040]"),
    ] = None,
    only_ascii: Annotated[bool, typer.Option("--ascii", help="Draw nothing outside ASCII.")] = False,
    home: HomeOption = None,
) -> None:
    """Watch the running host, in a terminal or a browser; view only."""
    from meso_device.cli.view_start import start_view

    start_view(web=web, port=port, home=home, only_ascii=only_ascii)
