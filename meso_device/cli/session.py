"""``meso session``: run, resume, list, show, report, fhir."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
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


OperatorOption = Annotated[
    str,
    typer.Option("--operator", metavar="NAME", help="Your login name; else asked on the terminal.", show_default=False),
]
ChecksOption = Annotated[
    str,
    typer.Option("--checks", metavar="FILE", help="Checks file; see: meso patient check.", show_default=False),
]


@app.command()
def run(
    gun: GunOption,
    file: Annotated[
        Path | None,
        typer.Argument(help="Treatment protocol file; else the bundled practice treatment.", show_default=False),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol", metavar="NAME|FILE", help="A bundled treatment protocol, or a file.", show_default=False
        ),
    ] = "",
    patient: Annotated[
        str,
        typer.Option(
            "--patient",
            metavar="ALIAS|-",
            help="Alias, or - to read chart number or name from standard input; else it is practice.",
            show_default=False,
        ),
    ] = "",
    operator: OperatorOption = "",
    pin_file: PinFileOption = "",
    checks: ChecksOption = "",
    override: Annotated[
        list[str] | None,
        typer.Option("--override", metavar="CODE", help="Go over a soft rule, with --reason and your PIN again."),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option("--reason", metavar="TEXT", help="Why, for each --override: a code, or a text for the vault."),
    ] = None,
    second: Annotated[
        str,
        typer.Option("--second", metavar="NAME", help="Second clinician: a rule about an area of high risk takes two."),
    ] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Run a whole session on a simulated gun, without a screen.

    With --patient it is a session of the clinic: every rule is judged before each grant, and refuses with one line.
    """
    from meso_device.cli.running import run_plan
    from protocols.errors import UsageError

    if file is not None and protocol:
        raise UsageError("a file and --protocol were given: name one treatment protocol")
    if not patient:
        if operator or pin_file or checks or override or reason or second:
            raise UsageError("without --patient it is practice: leave operator, PIN, checks and overrides out")
        raise typer.Exit(run_plan(_load_plan(file, protocol), gun=gun, home=home, json=json))
    if file is None and not protocol:
        raise UsageError("name the treatment protocol with --protocol: 'meso protocols list' shows the bundled ones")
    if patient == pin_file:
        raise UsageError("standard input cannot be --patient and --pin-file: put the PIN into a file of mode 0600")
    from meso_device.cli.clinical import Words, begin

    plan = _load_plan(file, protocol)
    words = Words(
        who=patient,
        login=operator,
        pin_file=pin_file,
        checks=checks,
        overrides=override or [],
        reasons=reason or [],
        second=second,
    )
    raise typer.Exit(run_plan(plan, gun=gun, home=home, json=json, clinical=begin(words, home)))


@app.command()
def resume(
    gun: Annotated[
        str,
        typer.Option("--gun", metavar="PORT", help="Port of the gun; else that of the last run.", show_default=False),
    ] = "",
    operator: OperatorOption = "",
    pin_file: PinFileOption = "",
    checks: ChecksOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Go on after a crash or a loss.

    Reads what the gun did meanwhile and then goes on to the end; giving this command is your confirmation. A session
    with a patient asks who you are.
    """
    from meso_device.cli.running import SignIn, resume_session

    sign_in = SignIn(login=operator, pin_file=pin_file, checks=checks)
    raise typer.Exit(resume_session(gun=gun, home=home, json=json, sign_in=sign_in))


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
    """Show one session: planned and given, area by area, and what was corrected afterwards."""
    from meso_device.audit.amendments import amendments_in
    from meso_device.cli.log import reading
    from meso_device.cli.session_choice import find_session
    from meso_device.cli.session_text import session_document, session_page

    with reading(home) as db:
        found = find_session(db, session)
        amendments = amendments_in(db, found.session) if db is not None else ()
    if json:
        say_json(session_document(found, amendments))
    else:
        for line in session_page(found, amendments):
            say(line)


@app.command()
def report(
    session: Annotated[str, typer.Argument(metavar="ID", help="Session id, or its first letters.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write, .pdf or .html.")],
    patient: Annotated[bool, typer.Option("--patient", help="One page for the patient, without any name.")] = False,
    aftercare: Annotated[
        Path | None,
        typer.Option(
            "--aftercare", metavar="FILE", help="The clinic's aftercare, a line each; else lines to write on."
        ),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write the report of a session for the chart, or a page for the patient; its hash goes into the log."""
    from meso_device.cli.issuing import recorded_text
    from meso_device.cli.session_report import write_report
    from protocols.errors import UsageError

    if aftercare is not None and not patient:
        raise UsageError("--aftercare stands on the patient's page: add --patient")
    told = write_report(home, session, out, patient=patient, aftercare=aftercare)
    if json:
        say_json(told)
    else:
        say(f"{told['number']}: {told['file']}{'  SIMULATED' if told['simulated'] else ''}")
        say(f"  sha-256 {told['sha256']}, {recorded_text(told['recorded'])}")


@app.command()
def fhir(
    session: Annotated[str, typer.Argument(metavar="ID", help="Session id, or its first letters.")],
    out: Annotated[Path, typer.Option("--out", help="File to write, JSON.")],
    shots: Annotated[bool, typer.Option("--shots", help="An observation for each injection too.")] = False,
    names: Annotated[bool, typer.Option("--names", help="With the patient's name; that is recorded.")] = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
) -> None:
    """Write a session as a FHIR R4 transaction, with an alias in place of the name. Sent twice it changes nothing."""
    from meso_device.cli.output import write_whole
    from meso_device.cli.session_fhir import fhir_file

    file = fhir_file(home, session, each_shot=shots, names=names, sign_in=sign_in, pin_file=pin_file)
    write_whole(out, file)
    say(f"{len(file)} bytes: {out}")


def _load_plan(file: Path | None, protocol: str) -> "TreatmentPlan":
    from protocols.treatment.library import PRACTICE, load_library
    from protocols.treatment.loader import load_treatment

    if protocol:
        from meso_device.cli.protocols_text import find_treatment

        return find_treatment(protocol).plan()
    return (load_library(PRACTICE) if file is None else load_treatment(file)).plan()
