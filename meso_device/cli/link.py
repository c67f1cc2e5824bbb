"""``meso link``: the cable between this computer and a gun."""

from typing import Annotated

import typer

from meso_device.cli.options import GunOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def link() -> None:
    """Look at the cable between this computer and a gun."""


@app.command()
def doctor(
    gun: GunOption,
    seconds: Annotated[int, typer.Option("--seconds", min=1, max=3_600, help="How long to measure.")] = 5,
    baud: Annotated[int, typer.Option("--baud", min=300, help="Baud rate of the port.")] = 115_200,
    only_ascii: Annotated[bool, typer.Option("--ascii", help="Draw nothing outside ASCII.")] = False,
    json: JsonOption = False,
) -> None:
    """Measure the link to a gun and name what is wrong with it; 1 when that must be mended. Reads only."""
    import secrets

    from drivers.link_health import Level, judge
    from drivers.link_probe import probe
    from drivers.ports import open_port
    from meso_device.cli.link_text import document, lines

    port = open_port(gun, baud)
    try:
        seen, hello = probe(port, secrets.token_bytes(16), seconds)
    finally:
        port.close()
    health = judge(seen)
    if json:
        say_json(document(seen, hello, health))
    else:
        for line in lines(seen, hello, health, only_ascii=only_ascii):
            say(line)
    raise typer.Exit(1 if health.level is Level.BAD else 0)
