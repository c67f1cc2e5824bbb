"""``meso link``: the cable between this computer and a gun."""

from typing import Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.gun_choice import GunChoiceOption
from meso_device.cli.options import GunOption, HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def link() -> None:
    """Look at the cable between this computer and a gun, and let both prove who they are."""


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


@app.command()
def pair(
    gun: GunOption,
    key_file: Annotated[
        str,
        typer.Option(
            "--key-file", metavar="FILE", help="File with the key from the gun's card, mode 0600; - for standard input."
        ),
    ],
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a gun's link key, once the gun has proven it: from then on it must prove it at each connection."""
    from meso_device.cli.link_pairing import pair as pair_gun

    uid = pair_gun(gun, key_file=key_file, home=home, sign_in=sign_in, pin_file=pin_file)
    say_json({"gun_uid": uid, "paired": True}) if json else say(f"gun {uid}: paired, its link is authenticated")


@app.command()
def forget(
    gun: GunChoiceOption,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forget a gun's link key, as when the gun has left or got another key."""
    from meso_device.cli.link_pairing import forget as forget_gun

    uid = forget_gun(gun, home=home, sign_in=sign_in, pin_file=pin_file)
    say_json({"gun_uid": uid, "paired": False}) if json else say(f"gun {uid}: forgotten, its link is not authenticated")
