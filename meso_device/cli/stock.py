"""``meso stock``: lots and cartridges. What is not listed here, blocked, or out of date goes into no patient."""

from typing import Annotated, Any

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.gun_choice import GunChoiceOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="List and block lots, fit cartridges, note waste.",
)

ProductArgument = Annotated[str, typer.Argument(metavar="PRODUCT", help="Name as treatment protocol files spell it.")]
LotArgument = Annotated[str, typer.Argument(metavar="LOT", help="Lot number on the package.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="CODE", help="Why: a code such as recalled; no free text.")
]


@app.command()
def add(
    product: ProductArgument,
    lot: LotArgument,
    expiry: Annotated[str, typer.Option("--expiry", metavar="DATE", help="YYYY-MM-DD, or YYYY-MM for its last day.")],
    ingredient: Annotated[
        list[str], typer.Option("--ingredient", help="One ingredient; again for each, as allergies are named.")
    ],
    viscosity: Annotated[
        str, typer.Option("--viscosity", metavar="TEXT", help="Such as '5 mPas'.", show_default=False)
    ] = "",
    maker: Annotated[str, typer.Option("--maker", help="Who makes it.", show_default=False)] = "",
    correct: Annotated[
        str,
        typer.Option(
            "--correct", metavar="CODE", help="Correct a lot that is listed already; why.", show_default=False
        ),
    ] = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put a lot on the list."""
    from meso_device.accounting.materials import Listing, day_text, expiry_day, lot_listed
    from meso_device.audit.facts import lot_of
    from meso_device.cli.acting import acting
    from meso_device.people.roles import Act
    from protocols.errors import MesoError, UsageError
    from protocols.treatment.quantities import VISCOSITY
    from protocols.units import day_of, parse_quantity

    listing = Listing(
        product=product,
        lot=lot,
        expiry_day=expiry_day(expiry),
        ingredients=tuple(ingredient),
        viscosity_upa_s=parse_quantity(viscosity, VISCOSITY) if viscosity else 0,
        maker=maker,
    ).checked()
    with acting(home, command="meso stock add", act=Act.HANDLE_MATERIALS, sign_in=sign_in, pin_file=pin_file) as work:
        if listing.expiry_day < day_of(work.by.utc_us):
            raise MesoError(f"lot {listing.lot} refused: it expired on {day_text(listing.expiry_day)}")
        known = lot_of(work.db, listing.product, listing.lot) is not None
        if known and not correct:
            raise MesoError(
                f"lot {listing.lot} of {listing.product} is listed already: 'meso stock list' shows it, "
                "--correct CODE changes it"
            )
        if correct and not known:
            raise UsageError(f"lot {listing.lot} of {listing.product} is not listed: leave --correct out")
        work.commit(lot_listed(listing, work.by, correction=correct))
    if json:
        say_json({"product": listing.product, "lot": listing.lot, "expiry": day_text(listing.expiry_day)})
    else:
        say(f"listed: {listing.product}, lot {listing.lot}, until {day_text(listing.expiry_day)}")


@app.command("list")
def list_stock(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show all lots, and what is in each gun."""
    from meso_device.audit.stock import fitted_cartridges, stock_lots
    from meso_device.cli.log import reading
    from meso_device.cli.stock_text import cartridge_document, cartridge_line, lot_document, lot_line

    with reading(home) as db:
        lots = stock_lots(db) if db is not None else ()
        cartridges = fitted_cartridges(db) if db is not None else ()
    if json:
        say_json(
            {
                "lots": [lot_document(lot) for lot in lots],
                "cartridges": [cartridge_document(uid, cartridge) for uid, cartridge in cartridges],
            }
        )
        return
    if not lots:
        say("no lots yet")
    for lot in lots:
        say(lot_line(lot))
    for uid, cartridge in cartridges:
        say(cartridge_line(uid, cartridge))


@app.command()
def block(
    product: ProductArgument,
    lot: LotArgument,
    reason: ReasonOption,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let no grant be made with a lot from now on, whether it is listed or not."""
    from meso_device.accounting.materials import checked_code, checked_lot, checked_product, lot_blocked
    from meso_device.audit.stock import block_reason
    from meso_device.cli.acting import acting
    from meso_device.people.roles import Act

    product, lot = checked_product(product), checked_lot(lot)
    checked_code("reason", reason)
    with acting(home, command="meso stock block", act=Act.HANDLE_MATERIALS, sign_in=sign_in, pin_file=pin_file) as work:
        if block_reason(work.db, product, lot) != reason:
            work.commit(lot_blocked(product, lot, reason, work.by))
    if json:
        say_json({"product": product, "lot": lot, "blocked": reason})
    else:
        say(f"blocked: {product}, lot {lot}; who got it: meso lookback --product '{product}' --lot '{lot}'")


@app.command()
def unblock(
    product: ProductArgument,
    lot: LotArgument,
    reason: ReasonOption,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Release a blocked lot; takes a clinician."""
    from meso_device.accounting.materials import checked_code, checked_lot, checked_product, lot_unblocked
    from meso_device.audit.stock import block_reason
    from meso_device.cli.acting import acting
    from meso_device.people.roles import Act

    product, lot = checked_product(product), checked_lot(lot)
    checked_code("reason", reason)
    with acting(home, command="meso stock unblock", act=Act.RELEASE_LOT, sign_in=sign_in, pin_file=pin_file) as work:
        if block_reason(work.db, product, lot):
            work.commit(lot_unblocked(product, lot, reason, work.by))
    say_json({"product": product, "lot": lot, "blocked": ""}) if json else say(f"released: {product}, lot {lot}")


@app.command()
def load(
    product: ProductArgument,
    lot: LotArgument,
    gun: GunChoiceOption,
    syringe: Annotated[str, typer.Option("--syringe", metavar="ID", help="Syringe, such as bd_5ml.")],
    volume: Annotated[str, typer.Option("--volume", metavar="TEXT", help="What is in it, such as '4.8 mL'.")],
    syringe_lot: Annotated[
        str, typer.Option("--syringe-lot", metavar="LOT", help="Lot of the syringe itself.", show_default=False)
    ] = "",
    left: Annotated[
        str,
        typer.Option(
            "--left", metavar="TEXT", help="What is left in the one that comes out, off its scale.", show_default=False
        ),
    ] = "",
    reason: Annotated[
        str,
        typer.Option(
            "--reason",
            metavar="CODE",
            help="What explains volumes that do not balance, such as leak.",
            show_default=False,
        ),
    ] = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Fit a filled syringe to a gun; the one before it comes out, and its volumes are balanced."""
    from meso_device.accounting.cartridges import syringe_for_filling
    from meso_device.accounting.materials import checked_lot, checked_product
    from meso_device.audit.cartridge_change import Wanted
    from meso_device.cli.acting import acting
    from meso_device.cli.gun_choice import choose_gun
    from meso_device.cli.stock_change import change_cartridge
    from meso_device.people.roles import Act
    from protocols.units import VOLUME, parse_quantity

    loaded_nl = parse_quantity(volume, VOLUME)
    left_nl = parse_quantity(left, VOLUME) if left else None
    wanted = Wanted(
        product=checked_product(product),
        lot=checked_lot(lot),
        syringe=syringe_for_filling(syringe, loaded_nl),
        loaded_nl=loaded_nl,
        syringe_lot=checked_lot(syringe_lot, "syringe lot") if syringe_lot else "",
    )
    chosen = choose_gun(gun, home)
    with acting(home, command="meso stock load", act=Act.HANDLE_MATERIALS, sign_in=sign_in, pin_file=pin_file) as work:
        changed = change_cartridge(work, chosen, wanted, left_nl=left_nl, reason=reason)
    if json:
        say_json(changed.document())
    else:
        for line in changed.lines():
            say(line)


@app.command()
def waste(
    gun: GunChoiceOption,
    volume: Annotated[str, typer.Option("--volume", metavar="TEXT", help="What was lost, such as '0.2 mL'.")],
    reason: ReasonOption,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Note a volume that left the cartridge in a gun and reached nobody."""
    from meso_device.accounting.materials import checked_code
    from meso_device.cli.acting import acting
    from meso_device.cli.gun_choice import choose_gun
    from meso_device.cli.stock_change import note_waste
    from meso_device.cli.stock_text import cartridge_document, cartridge_line
    from meso_device.people.roles import Act
    from protocols.units import VOLUME, parse_quantity

    waste_nl = parse_quantity(volume, VOLUME)
    checked_code("reason", reason)
    chosen = choose_gun(gun, home)
    with acting(home, command="meso stock waste", act=Act.HANDLE_MATERIALS, sign_in=sign_in, pin_file=pin_file) as work:
        cartridge = note_waste(work, chosen, waste_nl, reason)
    if json:
        document: dict[str, Any] = cartridge_document(chosen.uid, cartridge)
        say_json(document)
    else:
        say(cartridge_line(chosen.uid, cartridge))
