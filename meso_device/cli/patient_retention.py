"""``meso patient expired`` and ``erase-expired``: names kept long enough, listed, and forgotten by two people."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

if TYPE_CHECKING:
    from meso_device.cli.desk import Desk
    from meso_device.records.retention import Expired

app = typer.Typer(rich_markup_mode=None, add_completion=False)
YearsOption = Annotated[
    int, typer.Option("--years", help="Full years since anything was given to them or told of them; at least 10.")
]


@app.command("expired")
def list_expired(
    years: YearsOption = 10,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List by alias whose names have been kept for the whole period; an administrator."""
    from meso_device.cli.desk import open_desk
    from meso_device.people.roles import Act, role_for
    from meso_device.records.retention import checked_years

    checked_years(years)
    with open_desk(home, command="meso patient expired", pin_file=pin_file) as desk:
        by = desk.prove(sign_in).spend(desk.now())
        role_for(by, Act.RETENTION)
        found = _expired(home, desk, years)
    if json:
        say_json({"expired": [{"alias": one.alias, "last": _day(one)} for one in found]})
        return
    for one in found:
        say(f"{one.alias}  last {_day(one)}")
    say(
        f"{len(found)} patients are past {years} years" + ("; meso patient erase-expired forgets them" if found else "")
    )


@app.command("erase-expired")
def erase_expired(
    second: Annotated[str, typer.Option("--with", metavar="NAME", help="Login name of the second person.")],
    years: YearsOption = 10,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forget who they are, as 'meso patient erase' does, each with a record and two signatures; doses and proofs stay.

    An administrator and a second person. Backups and printouts are not reached from here.
    """
    from meso_device.cli.asking import ask, has_terminal
    from meso_device.cli.desk import commit, open_desk, own_log, stamp_of
    from meso_device.host.due import commit_due
    from meso_device.people.register import Purpose
    from meso_device.people.roles import Act
    from meso_device.people.signatures import authorise, sign_together
    from meso_device.people.subject import LegalBasis
    from meso_device.records.retention import checked_years
    from protocols.errors import MesoError, UsageError

    checked_years(years)
    if not yes and not has_terminal():
        raise UsageError("there is no terminal to ask whether this is meant: add --yes")
    with open_desk(home, command="meso patient erase-expired", pin_file=pin_file) as desk:
        proofs = (desk.prove(sign_in, Purpose.SIGNATURE), desk.prove(second, Purpose.SIGNATURE))
        pair = authorise(Act.ERASE_SUBJECT, *proofs, desk.now())
        with own_log(desk) as store:
            found = _expired(home, desk, years)
            meant = f"ERASE {len(found)}"
            if found and not yes and ask(f"{len(found)} patients for ever; type {meant}", "add --yes") != meant:
                raise MesoError("nobody was erased")
            for one in found:
                erased = desk.office.vault.erase(one.alias, LegalBasis.RETENTION_ENDED, pair)
                commit_due(store, desk.office, stamp_of(desk.now()))
                commit(desk, store, *sign_together(erased, pair))
    if json:
        say_json({"erased": [one.alias for one in found]})
    else:
        say(f"erased: {len(found)} patients past {years} years; remember backups and printouts")


def _expired(home: Path | None, desk: "Desk", years: int) -> "tuple[Expired, ...]":
    from meso_device.cli.log import reading
    from meso_device.records.retention import expired, last_known

    with reading(home) as db:
        last = last_known(db) if db is not None else {}
    return expired(desk.office.vault.enrolled(), last, years=years, now_utc_us=desk.now().utc_us)


def _day(one: "Expired") -> str:
    from meso_device.accounting.materials import day_text
    from protocols.units import day_of

    return day_text(day_of(one.last_us))
