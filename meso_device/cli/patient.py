"""``meso patient``: the identity vault. Names come from the terminal or standard input, and go nowhere but there."""

from typing import Annotated, Final

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json
from meso_device.cli.patient_retention import app as retention
from meso_device.people.adverse import Reaction, Reporter, Severity
from meso_device.people.subject import LegalBasis, ShownFor

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Enrol patients, look them up, report reactions, erase.",
)
app.add_typer(retention)


WHO_HELP: Final = (
    "Alias, or its first letters; - to read chart number or name from standard input; nothing to be asked."
)
WhoArgument = Annotated[str, typer.Argument(metavar="ALIAS", help=WHO_HELP, show_default=False)]


@app.command()
def add(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FILE",
            help="TOML or JSON with name, born, chart, sex, allergies; - for standard input; else asked.",
            show_default=False,
        ),
    ] = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Enrol a patient under a random alias; all that the log will ever know."""
    from meso_device.cli.asking import STDIN
    from meso_device.cli.desk import open_desk
    from meso_device.cli.patient_form import asked_form, read_form
    from protocols.errors import UsageError

    if source == STDIN and pin_file == STDIN:
        raise UsageError("standard input cannot be both --from and --pin-file: put the PIN into a file of mode 0600")
    form = read_form(source) if source else None
    with open_desk(home, command="meso patient add", pin_file=pin_file) as desk:
        by = desk.prove(sign_in).spend(desk.now())
        ref, sex, allergies = (form or asked_form(desk.now())).checked(desk.now())
        patient = desk.office.vault.enrol(ref, sex=sex, allergies=allergies, by=by, now=desk.now())
    if json:
        say_json({"alias": patient.alias, "subject": patient.facts.subject})
    else:
        say(f"enrolled; records say {patient.alias}")


@app.command("list")
def list_patients(
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List all patients by name; that they were shown is recorded."""
    from meso_device.cli.desk import open_desk
    from meso_device.cli.patient_text import patient_document, patient_line

    with open_desk(home, command="meso patient list", pin_file=pin_file) as desk:
        by = desk.prove(sign_in).spend(desk.now())
        patients = desk.office.vault.everybody(by)
        desk.office.vault.disclose([patient.alias for patient in patients], ShownFor.CARE, by)
    if json:
        say_json({"patients": [patient_document(patient) for patient in patients]})
    elif not patients:
        say("no patients yet")
    else:
        for patient in patients:
            say(patient_line(patient))


@app.command()
def show(
    who: WhoArgument = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show a patient with sessions, reactions and notes; that this was shown is recorded."""
    from meso_device.cli.desk import open_desk
    from meso_device.cli.log import reading
    from meso_device.cli.patient_text import page_document, page_lines, patient_page
    from meso_device.cli.patient_who import check_who, find_patient

    check_who(who)
    with open_desk(home, command="meso patient show", pin_file=pin_file) as desk:
        by = desk.prove(sign_in).spend(desk.now())
        patient = find_patient(desk, who, by)
        notes = desk.office.vault.notes_of(patient.alias, by)
        desk.office.vault.disclose([patient.alias], ShownFor.CARE, by)
    with reading(home) as db:
        page = patient_page(patient, notes, db)
    if json:
        say_json(page_document(page))
    else:
        for line in page_lines(page):
            say(line)


@app.command()
def event(
    code: Annotated[Reaction, typer.Option("--code", help="What was seen.")],
    severity: Annotated[Severity, typer.Option("--severity", help="How bad it was.")],
    onset_day: Annotated[
        int, typer.Option("--onset-day", metavar="DAYS", help="Days from the session to its first sign.")
    ],
    who: WhoArgument = "",
    session: Annotated[
        str,
        typer.Option(
            "--session",
            metavar="ID",
            help="Session it followed, or its first letters; else the only one.",
            show_default=False,
        ),
    ] = "",
    area: Annotated[
        list[str] | None, typer.Option("--area", help="Area by id; again for more; else all of the session.")
    ] = None,
    shot: Annotated[
        list[str] | None, typer.Option("--shot", metavar="N|N-M", help="Shot numbers at the very place, if known.")
    ] = None,
    reporter: Annotated[Reporter, typer.Option("--reporter", help="Who told of it.")] = Reporter.PATIENT,
    text: Annotated[
        str,
        typer.Option(
            "--text-file",
            metavar="FILE",
            help="Description from a file; - for standard input; else asked.",
            show_default=False,
        ),
    ] = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Report a reaction, at once or weeks later; it is tied to shots, lots and gun, and changes no old record."""
    from meso_device.cli.asking import STDIN, ask, has_terminal, read_document
    from meso_device.cli.desk import open_desk
    from meso_device.cli.log import reading
    from meso_device.cli.patient_event import find_session
    from meso_device.cli.patient_who import check_who, find_patient
    from meso_device.records.reactions import shot_numbers, tied_event
    from protocols.errors import MesoError, UsageError

    if text == STDIN and STDIN in {pin_file, who}:
        raise UsageError("standard input cannot be --text-file and another answer: put the text into a file")
    check_who(who)
    shots = shot_numbers(shot or [])
    words = read_document(text, "the description").decode("utf-8", "replace") if text else ""
    with open_desk(home, command="meso patient event", pin_file=pin_file) as desk:
        by = desk.prove(sign_in).spend(desk.now())
        patient = find_patient(desk, who, by)
        with reading(home) as db:
            if db is None:
                raise MesoError("there is no log here yet, so no session that a reaction could follow")
            found = find_session(db, patient.alias, session)
            tied = tied_event(
                db,
                session=found,
                areas=area or [],
                shots=shots,
                reaction=code,
                severity=severity,
                onset_day=onset_day,
                reporter=reporter,
                now_utc_us=desk.now().utc_us,
            )
        if not text and not pin_file and has_terminal():
            words = ask("Description, Enter for none", "")
        event_id = desk.office.vault.add_adverse_event(patient.alias, tied, text=words, by=by, now=desk.now())
    if json:
        say_json({"event": event_id, "alias": patient.alias, "session": tied.session, **tied.as_json()})
    else:
        lots = ", ".join(f"{product} lot {lot}" for product, lot in tied.lots)
        say(f"recorded as {event_id}: {tied.reaction} after {tied.onset_day} days, {', '.join(tied.areas)}; {lots}")


@app.command()
def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Checks file; asked for and written if it is not there.")],
    sample: Annotated[bool, typer.Option("--sample", help="Write a sample to FILE instead, to be edited.")] = False,
    json: JsonOption = False,
) -> None:
    """Ask the checklist into a checks file, or say what is missing in one; 1 while anything is.

    The file is for 'meso session run --patient ... --checks FILE', one for each session.
    """
    from pathlib import Path

    from meso_device.cli.checks_file import SAMPLE, asked_checks, checks_of, read_checks, write_checks
    from protocols.errors import UsageError

    if sample and Path(file).exists():
        raise UsageError(f"{file} is there already: name another file for the sample")
    if sample or not (file == "-" or Path(file).exists()):
        text = SAMPLE if sample else asked_checks()
        checks = checks_of(text.encode())
        write_checks(Path(file), text)
    else:
        checks = read_checks(file)
    if json:
        say_json({"missing": list(checks.missing), "answered": [answer.item for answer in checks.answers]})
    elif checks.missing:
        say(f"missing: {', '.join(checks.missing)}")
    else:
        say("complete: nothing is missing; the rules judge the answers when the session begins")
    raise typer.Exit(1 if checks.missing else 0)


@app.command()
def due(
    names: Annotated[bool, typer.Option("--names", help="Say who they are: takes your PIN, and is recorded.")] = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List when each patient's next session of a course is due; without --names by alias alone."""
    from meso_device.cli.log import reading
    from meso_device.cli.patient_due import due_document, due_line, due_rows
    from meso_device.host.clock import Clock

    with reading(home) as db:
        rows = due_rows(db, Clock().now().utc_us) if db is not None else ()
    known: dict[str, str] = {}
    if names:
        from meso_device.cli.desk import open_desk

        with open_desk(home, command="meso patient due", pin_file=pin_file) as desk:
            by = desk.prove(sign_in).spend(desk.now())
            everybody = {patient.alias: patient.ref.name for patient in desk.office.vault.everybody(by)}
            known = {row.alias: everybody[row.alias] for row in rows if row.alias in everybody}
            desk.office.vault.disclose(sorted(known), ShownFor.CARE, by)
    if json:
        say_json({"due": [due_document(row, known.get(row.alias, "")) for row in rows]})
    elif not rows:
        say("no course is under way")
    else:
        for row in rows:
            say(due_line(row, known.get(row.alias, "")))


@app.command()
def erase(
    second: Annotated[str, typer.Option("--with", metavar="NAME", help="Login name of the second person.")],
    basis: Annotated[LegalBasis, typer.Option("--basis", help="Why.")],
    who: WhoArgument = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Forget who a patient is; doses and proofs stay. An administrator and a second person, each with the PIN.

    With --pin-file: first the PIN of --as, then that of --with. Backups and printouts are not reached from here.
    """
    from meso_device.cli.asking import has_terminal
    from meso_device.cli.desk import open_desk
    from meso_device.cli.patient_erase import erase_patient
    from meso_device.cli.patient_who import check_who
    from protocols.errors import UsageError

    check_who(who)
    if not yes and not has_terminal():
        raise UsageError("there is no terminal to ask whether this is meant: add --yes")
    with open_desk(home, command="meso patient erase", pin_file=pin_file) as desk:
        alias = erase_patient(desk, who, first=sign_in, second=second, basis=basis, ask_again=not yes)
    if json:
        say_json({"alias": alias, "erased": True})
    else:
        say(f"erased: nothing here says any more who {alias} is; remember backups and printouts")
