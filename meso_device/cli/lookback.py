"""``meso lookback``: who was exposed to a lot, gun, head or operator. Answers in aliases; names only when asked for."""

from typing import Annotated, TypeAlias

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)


LotOption: TypeAlias = Annotated[str, typer.Option("--lot", help="Lot number.", show_default=False)]
ProductOption: TypeAlias = Annotated[str, typer.Option("--product", help="Product.", show_default=False)]
GunUidOption: TypeAlias = Annotated[
    str, typer.Option("--gun", metavar="UID", help="Gun, by its uid.", show_default=False)
]
HeadOption: TypeAlias = Annotated[
    str, typer.Option("--head", metavar="SERIAL", help="Head fitted in the session.", show_default=False)
]
SinceOption: TypeAlias = Annotated[
    str, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD (UTC).", show_default=False)
]
UntilOption: TypeAlias = Annotated[
    str, typer.Option("--to", metavar="DATE", help="Last day, YYYY-MM-DD (UTC).", show_default=False)
]
NearOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--near",
        metavar="SESSION",
        help="All that share a gun, lot or head with this session; 12 weeks either side, or the dates given.",
        show_default=False,
    ),
]


@app.command()
def lookback(
    lot: LotOption = "",
    product: ProductOption = "",
    gun: GunUidOption = "",
    head: HeadOption = "",
    operator: Annotated[
        str, typer.Option("--operator", metavar="NAME|ID", help="Operator of the session.", show_default=False)
    ] = "",
    since: SinceOption = "",
    until: UntilOption = "",
    near: NearOption = "",
    names: Annotated[bool, typer.Option("--names", help="Show names too; that they were shown is recorded.")] = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List everyone who got a lot, or was treated with a gun, head or by an operator, in some time."""
    from meso_device.cli.lookback_text import exposure_document, exposure_lines, find_exposures, summary, who_they_are

    exposures = find_exposures(
        home,
        lot=lot,
        product=product,
        gun=gun,
        head=head,
        operator=operator,
        since=since,
        until=until,
        near=near,
    )
    aliases = list(dict.fromkeys(one.alias for one in exposures if one.alias))
    people = who_they_are(home, aliases, sign_in=sign_in, pin_file=pin_file) if names else {}
    if json:
        say_json({"exposures": [exposure_document(one, people) for one in exposures], "patients": len(aliases)})
        return
    for one in exposures:
        for line in exposure_lines(one, people):
            say(line)
    say(summary(exposures, len(aliases)))
