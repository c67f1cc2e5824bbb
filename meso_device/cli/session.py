"""``meso session``: run, resume, list, show."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.options import GunOption, HomeOption, JsonOption
from meso_device.cli.output import say, say_json

if TYPE_CHECKING:
    from protocols.treatment.plan import TreatmentPlan

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Run, resume and look at treatment sessions.",
)


@app.command()
def run(
    gun: GunOption,
    file: Annotated[
        Path | None,
        typer.Argument(help="Treatment protocol file; else the bundled practice treatment.", show_default=False),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run a whole session on a simulated gun, without a screen."""
    from meso_device.cli.running import run_plan

    raise typer.Exit(run_plan(_load_plan(file), gun=gun, home=home, json=json))


@app.command()
def resume(
    gun: Annotated[
        str,
        typer.Option("--gun", metavar="PORT", help="Port of the gun; else that of the last run.", show_default=False),
    ] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Go on after a crash or a loss.

    Reads what the gun did meanwhile and then goes on to the end; giving this command is your confirmation.
    """
    from meso_device.cli.running import resume_session

    raise typer.Exit(resume_session(gun=gun, home=home, json=json))


@app.command("list")
def list_sessions(home: HomeOption = None, json: JsonOption = False) -> None:
    """List all sessions, newest first."""
    from meso_device.audit.queries import sessions
    from meso_device.cli.log import reading
    from meso_device.cli.session_text import session_document, session_line

    with reading(home) as db:
        rows = sessions(db) if db is not None else ()
    if json:
        say_json({"sessions": [session_document(row) for row in rows]})
    elif not rows:
        say("no sessions yet")
    else:
        for row in rows:
            say(session_line(row))


@app.command()
def show(
    session: Annotated[str, typer.Argument(metavar="ID", help="Session id, or its first letters.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one session: planned and given, area by area."""
    from meso_device.audit.queries import sessions
    from meso_device.cli.log import reading
    from meso_device.cli.session_text import session_document, session_page
    from protocols.errors import UsageError

    with reading(home) as db:
        found = [row for row in sessions(db) if row.session.startswith(session)] if db is not None else []
    if len(found) != 1:
        many = f"{len(found)} sessions begin with" if found else "no session"
        raise UsageError(f"{many} {session!r}; 'meso session list' shows all")
    if json:
        say_json(session_document(found[0]))
    else:
        for line in session_page(found[0]):
            say(line)


def _load_plan(file: Path | None) -> "TreatmentPlan":
    from protocols.treatment.library import PRACTICE, load_library
    from protocols.treatment.loader import load_treatment

    return (load_library(PRACTICE) if file is None else load_treatment(file)).plan()
