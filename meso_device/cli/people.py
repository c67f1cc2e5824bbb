"""``meso people``: who may do what here. Changes ask for the PIN of an administrator; looking asks for nothing."""

from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json
from meso_device.people.roles import Role

if TYPE_CHECKING:
    from meso_device.people.register import Operator

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Enrol operators and set what they may do.",
)


LoginArgument = Annotated[str, typer.Argument(metavar="NAME", help="Login name of the operator.")]
RolesOption = Annotated[list[Role], typer.Option("--role", help="A role; give it again for more than one.")]


@app.command()
def add(
    login: LoginArgument,
    role: RolesOption,
    sign_in: AsOption = "",
    name: Annotated[
        str,
        typer.Option("--name", help="Name to show; else asked, or the login name.", show_default=False),
    ] = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Enrol an operator; the first one of a data directory is an administrator.

    The new operator types the new PIN. With --pin-file: first the PIN of --as, except for the first operator, then
    the new one.
    """
    from meso_device.cli.asking import ask, has_terminal
    from meso_device.cli.desk import open_desk
    from meso_device.people.names import check_login

    login = check_login(login)
    with open_desk(home, command="meso people add", pin_file=pin_file, begin=True) as desk:
        register = desk.office.register
        first = not register.operators()
        by = None if first else desk.prove(sign_in).spend(desk.now())
        if not name and not pin_file and has_terminal():
            name = ask(f"Name of {login} to show, Enter for {login}", "")
        pin = desk.answers.new_pin(login)
        if by is None:
            person = register.enrol_first(
                login=login, name=name or login, roles=frozenset(role), pin=pin, now=desk.now()
            )
        else:
            person = register.enrol(
                login=login, name=name or login, roles=frozenset(role), pin=pin, now=desk.now(), by=by
            )
    if json:
        say_json({"login": person.login, "op": person.op, "roles": sorted(person.roles), "first": first})
    else:
        say(f"{person.login} is enrolled as {', '.join(sorted(person.roles))}; records say {person.op}")


@app.command("list")
def list_operators(home: HomeOption = None, json: JsonOption = False) -> None:
    """List all operators."""
    import os

    from meso_device.host.home import existing_home, find_home
    from meso_device.people.office import read_operators

    rows = read_operators(existing_home(find_home(home, os.environ)).root)
    if json:
        say_json({"operators": [_document(row) for row in rows]})
    elif not rows:
        say("nobody is enrolled yet")
    else:
        for row in rows:
            say(_line(row))


@app.command()
def disable(
    login: LoginArgument,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Close an operator's access for good; the records keep the pseudonym."""
    from meso_device.cli.desk import open_desk

    with open_desk(home, command="meso people disable", pin_file=pin_file) as desk:
        desk.office.register.disable(login, by=desk.prove(sign_in).spend(desk.now()))
    say_json({"login": login, "active": False}) if json else say(f"{login} is disabled")


@app.command()
def role(
    login: LoginArgument,
    role: RolesOption,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Give an operator other roles: all that are wanted, not only the new ones."""
    from meso_device.cli.desk import open_desk

    with open_desk(home, command="meso people role", pin_file=pin_file) as desk:
        desk.office.register.set_roles(login, frozenset(role), by=desk.prove(sign_in).spend(desk.now()))
    words = sorted(set(role))
    say_json({"login": login, "roles": words}) if json else say(f"{login} is {', '.join(words)}")


@app.command()
def pin(
    login: LoginArgument,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Set a new PIN: your own with the old one, or with --as ADMINISTRATOR anybody's, which also ends a pause.

    With --pin-file: first the old PIN, or that of --as, then the new one.
    """
    from meso_device.cli.desk import open_desk

    with open_desk(home, command="meso people pin", pin_file=pin_file) as desk:
        by = desk.prove(sign_in or login).spend(desk.now())
        desk.office.register.set_pin(login, desk.answers.new_pin(login), by=by)
    say_json({"login": login, "pin_changed": True}) if json else say(f"the PIN of {login} is changed")


def _document(row: "Operator") -> dict[str, object]:
    return {
        "login": row.person.login,
        "name": row.person.name,
        "op": row.person.op,
        "roles": sorted(row.person.roles),
        "active": row.active,
        "enrolled_us": row.enrolled_us,
        "wrong_pins": row.lockout.failures,
        "pause_s": row.lockout.pause_us // 1_000_000,
    }


def _line(row: "Operator") -> str:
    from meso_device.cli.output import one_line

    marks = "" if row.active else ", disabled"
    if row.active and row.lockout.failures:
        marks = f", {row.lockout.failures} wrong PINs since the last right one"
    who = row.person.login if row.person.name == row.person.login else f"{row.person.login} ({row.person.name})"
    return one_line(f"{who}: {', '.join(sorted(row.person.roles))}{marks}; records say {row.person.op}")
