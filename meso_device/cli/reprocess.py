"""``meso reprocess``: records that a gun was cleaned after a patient; before that it treats no other one."""

from typing import Annotated

import typer

from meso_device.accounting.materials import GunPart
from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.gun_choice import GunChoiceOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def reprocess(
    gun: GunChoiceOption,
    agent: Annotated[str, typer.Option("--agent", help="What it was cleaned with.")],
    lot: Annotated[str, typer.Option("--lot", help="Lot of the agent.")],
    medium: Annotated[str, typer.Option("--medium", help="Rinsed with: sterile_water, saline or none.")],
    method: Annotated[str, typer.Option("--method", metavar="CODE", help="How, such as wiped or immersed.")] = "wiped",
    part: Annotated[
        GunPart, typer.Option("--part", help="What; only the whole gun makes it ready for the next patient.")
    ] = GunPart.GUN,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Record that a gun was cleaned after a patient; tap water is refused."""
    from meso_device.accounting.materials import checked_code, checked_lot, checked_words, reprocessed, rinse_medium
    from meso_device.cli.acting import acting
    from meso_device.cli.gun_choice import choose_gun
    from meso_device.people.roles import Act

    rinsed = rinse_medium(medium)
    agent, lot = checked_words("agent", agent, 80), checked_lot(lot)
    checked_code("method", method)
    uid = choose_gun(gun, home).uid
    with acting(home, command="meso reprocess", act=Act.REPROCESS, sign_in=sign_in, pin_file=pin_file) as work:
        work.commit(reprocessed(uid, part=part, agent=agent, lot=lot, medium=rinsed, method=method, by=work.by))
    if json:
        say_json({"gun_uid": uid, "part": part.value, "agent": agent, "lot": lot, "rinse_medium": rinsed.value})
    else:
        cleaned = f"gun {uid}" if part is GunPart.GUN else f"{part.value} of gun {uid}"
        say(f"recorded: {cleaned} cleaned with {agent}, lot {lot}, rinsed with {rinsed.value}")
