"""``meso audit``: the log of all injections, checked and handed out.

Most only read, and a host may be writing meanwhile. `amend`, `rotate-key`, `retire`, `rebuild`, `salvage`, `require`,
and what is given a name with ``--as`` write a record.
"""

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.audit_amend import app as amending
from meso_device.cli.audit_keys import app as keys
from meso_device.cli.audit_outside import app as outside
from meso_device.cli.audit_proofs import app as proofs
from meso_device.cli.audit_retire import app as retiring
from meso_device.cli.audit_send import app as sending
from meso_device.cli.options import HomeOption, JsonOption, OutOption
from meso_device.cli.output import say, say_json, writing_to

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Verify, prove and export the log of all injections.",
)
app.add_typer(amending)
app.add_typer(keys)
app.add_typer(outside)
app.add_typer(proofs)
app.add_typer(retiring)
app.add_typer(sending)


class ExportKind(StrEnum):
    """What can be exported."""

    SHOT = "shot"
    SESSION = "session"
    AMENDMENT = "amendment"


class ExportFormat(StrEnum):
    """How it is written."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command()
def verify(
    home: HomeOption = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="A signed checkpoint that was kept outside.", show_default=False),
    ] = None,
    key: Annotated[
        str,
        typer.Option(
            "--key", metavar="VKEY", help="The log's public key, any one that was written down.", show_default=False
        ),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Verify every byte of the log; 1 and the first bad record when it does not hold."""
    from msgspec.structs import asdict

    from meso_device.audit.verify import NOT_PROTECTED, verify_home
    from meso_device.host.home import existing_home, find_home

    place = existing_home(find_home(home, os.environ))
    report = verify_home(place.root, checkpoint_file=checkpoint, vkey=key)
    if json:
        say_json(asdict(report))
    elif report.ok:
        say(f"verified: {report.records} records, {report.shots} injections, {report.checkpoints} checkpoints")
        say(f"  log  {report.origin}{', RETIRED: it ends here' if report.retired else ''}")
        say(f"  root {report.root}")
        if report.outside:
            say(f"  the first {report.outside} records are those of the checkpoint given")
        else:
            say("  no outside checkpoint given: whoever holds the signing key could have rewritten all of it")
        say(f"  {NOT_PROTECTED}")
    else:
        say(f"DOES NOT HOLD: {report.bad}")
        if report.bad_seq is not None:
            say(f"  the chain holds over the {report.records} records before it")
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def rebuild(home: HomeOption = None) -> None:
    """Make the tables that caps and rules are judged by anew from the records, once these verify."""
    from meso_device import __version__
    from meso_device.accounting.entries import Batch, CommitFailed
    from meso_device.audit.records import Stamp
    from meso_device.audit.repair import make_derived_anew
    from meso_device.audit.store import Store
    from meso_device.host.clock import Clock, read_clock_state, read_host_boot
    from meso_device.host.home import HomeLock, existing_home, find_home
    from protocols.errors import AuditWriteFailed

    place = existing_home(find_home(home, os.environ))
    with HomeLock.take(place, purpose="meso audit rebuild"):
        entry = make_derived_anew(place.root)
        now = Clock().now()
        stamp = Stamp(ts_us=now.utc_us, mono_us=now.since_boot_us, boot=read_host_boot(), clock=read_clock_state())
        store = Store.open(place.root, software=__version__, stamp=stamp)
        try:
            [result] = store.commit([Batch(no=0, entries=(entry,))], stamp)
        finally:
            store.close(stamp)
    if isinstance(result, CommitFailed):
        raise AuditWriteFailed(result.reason)
    say(f"made anew from {entry.payload['records']} records, which verify")
    say(f"  before: {entry.payload['found'] or 'no difference found'}")


@app.command()
def salvage(
    sign_in: AsOption = "",
    second: Annotated[
        str,
        typer.Option("--with", metavar="NAME", help="Second person, where people are enrolled.", show_default=False),
    ] = "",
    pin_file: PinFileOption = "",
    without_collector: Annotated[
        bool,
        typer.Option("--without-collector", help="Ask no collector: the log is another history to it from then on."),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Go on with the longest part of a damaged log that holds; the damaged file is kept beside it.

    What is missing comes from the collector, where this console is enrolled with one. The log then says what came
    from there, and what is missing still. Where people are enrolled it takes two, administrator or technician.
    """
    from meso_device.cli.audit_salvage import salvage_home

    found = salvage_home(home, first=sign_in, second=second, pin_file=pin_file, without_collector=without_collector)
    taken = found.taken
    say(f"salvaged: {taken.records} records, {taken.signed} of them under a signed checkpoint")
    say(f"  what does not hold: {taken.bad}")
    if taken.refilled:
        say(f"  {taken.refilled} of them, from record {taken.refilled_first} on, are back from {taken.refilled_by}")
    say(f"  MISSING: at least {found.missing} records" if found.missing else "  no signed record is missing")
    say(f"  the damaged file is kept as {found.kept_as}; a gun tells what it still has when it is connected")


@app.command()
def export(
    kind: Annotated[ExportKind, typer.Option("--kind", help="What to export.")] = ExportKind.SHOT,
    form: Annotated[ExportFormat, typer.Option("--format", help="How to write it.")] = ExportFormat.JSONL,
    home: HomeOption = None,
    out: OutOption = None,
) -> None:
    """Write one row per injection, session or amendment, in the order of the log: JSON Lines, or CSV."""
    from meso_device.audit import export
    from meso_device.host.home import existing_home, find_home
    from meso_device.records.csv_table import csv_lines

    place = existing_home(find_home(home, os.environ))
    rows: Iterator[export.ExportRow]
    columns: tuple[str, ...]
    match kind:
        case ExportKind.SHOT:
            rows, columns = export.shot_rows(place.root), export.SHOT_COLUMNS
        case ExportKind.SESSION:
            rows, columns = export.session_rows(place.root), export.SESSION_COLUMNS
        case ExportKind.AMENDMENT:
            rows, columns = export.amendment_rows(place.root), export.AMENDMENT_COLUMNS
    with writing_to(out) as file:
        file.writelines(export.json_lines(rows) if form is ExportFormat.JSONL else csv_lines(rows, columns))
