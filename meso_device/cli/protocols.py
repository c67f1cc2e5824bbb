"""``meso protocols``: treatment protocols, bundled and in files: list, show, check, approve."""

from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="List, show, check and approve treatment protocols.",
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A bundled treatment protocol, or a file.")]


@app.command("list")
def list_protocols(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the bundled treatment protocols, and what was approved in this data directory."""
    from meso_device.cli.protocols_text import approvals, known_protocols, protocol_line

    rows = known_protocols(approvals(home))
    if json:
        say_json({"protocols": rows})
    else:
        for row in rows:
            say(protocol_line(row))


@app.command()
def show(name: NameArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what a treatment protocol sets, area by area, and who approved these very bytes."""
    from meso_device.cli.protocols_text import approvals, find_treatment, protocol_document, protocol_page

    treatment = find_treatment(name)
    approval = approvals(home).get(treatment.digest)
    if json:
        say_json(protocol_document(treatment, approval))
    else:
        for line in protocol_page(treatment, approval):
            say(line)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Treatment protocol files.")],
    json: JsonOption = False,
) -> None:
    """Check files; 1 when one is refused, with file, line and column of everything that is wrong."""
    from meso_device.cli.protocols_text import check_file

    checked = [check_file(path) for path in files]
    if json:
        say_json({"files": [one.document for one in checked]})
    else:
        for one in checked:
            for line in one.lines:
                say(line)
    raise typer.Exit(0 if all(one.document["ok"] for one in checked) else 1)


@app.command()
def schema() -> None:
    """Print the JSON Schema of treatment protocol files, for editors."""
    import json

    from protocols.treatment.schema import treatment_schema

    say(json.dumps(treatment_schema(), ensure_ascii=False, indent=2))


@app.command()
def approve(
    name: NameArgument,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Approve a treatment protocol as it is now, as a clinician, with your PIN as signature.

    The approval is for these very bytes: any change of the file voids it. A file of the clinic's own is kept in the
    data directory, and the console offers it from there.
    """
    from meso_device.accounting.approvals import protocol_approved
    from meso_device.cli.acting import acting
    from meso_device.cli.clinic_files import keep_approved
    from meso_device.cli.protocols_text import find_treatment
    from meso_device.people.register import Purpose
    from meso_device.people.roles import Act, Meaning
    from protocols.treatment.library import library

    treatment = find_treatment(name)
    head = treatment.file.treatment
    with acting(
        home,
        command="meso protocols approve",
        act=Act.APPROVE_TREATMENT,
        sign_in=sign_in,
        pin_file=pin_file,
        purpose=Purpose.SIGNATURE,
    ) as work:
        entry = protocol_approved(
            digest=treatment.digest, protocol_id=head.id, version=head.version, name=head.title, by=work.by
        )
        work.commit_signed(entry, Meaning.APPROVED)
        approver = work.proof.person.login
        kept = None if name in library() else keep_approved(work.desk.home, Path(name), treatment)
    if json:
        say_json(
            {
                "id": head.id,
                "version": head.version,
                "digest": treatment.digest,
                "op": entry.op,
                "approver": approver,
                "kept": "" if kept is None else str(kept),
            }
        )
    else:
        say(f"approved by {approver}: {head.title}, version {head.version}, digest {treatment.digest}")
        say("any change of the file voids this approval")
        if kept is not None:
            say(f"kept as {kept}: the console offers it")
