"""``meso audit retire``: ends the log of this console for ever."""

from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)
COMMAND = "meso audit retire"
_MEANT = "RETIRE"


@app.command()
def retire(
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, such as replaced or scrapped.")],
    second: Annotated[str, typer.Option("--with", metavar="NAME", help="Login name of the second person.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """End this console: one last record, signed, and nothing can be recorded here ever again.

    An administrator and a second person, each with the PIN. Reading, verifying, exporting and sending go on.
    """
    from meso_device.cli.asking import has_terminal
    from protocols.errors import UsageError

    if not yes and not has_terminal():
        raise UsageError("there is no terminal to ask whether this is meant: add --yes")
    records = ended(home, reason, first=sign_in, second=second, pin_file=pin_file, ask_again=not yes)
    if json:
        say_json({"records": records, "retired": True})
        return
    say(f"retired: the log ends with its {records} records, and a checkpoint signs the end")
    say("  keep it outside: meso audit checkpoint --out FILE; and meso audit send, where there is a collector")
    say("  names of patients in this directory cannot be erased one by one any more: they go with the directory")


def ended(home: Path | None, reason: str, *, first: str, second: str, pin_file: str, ask_again: bool) -> int:
    """End the log and return how many records it has.

    Raises:
        PinRefused, NotAllowed: not these people.
        UsageError: another process has the data directory, or the reason is no code.
        MesoError: not meant, or a session or a grant is not settled; then nothing was changed.
        AuditWriteFailed: the last record is not durable: the log goes on, and this command can be given again.
    """
    from meso_device.accounting.materials import checked_code
    from meso_device.audit.exposure import place_of
    from meso_device.audit.queries import open_session
    from meso_device.audit.retirement import retired_entry, retiring_entry
    from meso_device.audit.sql import run
    from meso_device.cli.acting import acting
    from meso_device.cli.asking import ask
    from meso_device.cli.desk import stamp_of
    from meso_device.host.due import commit_due
    from meso_device.people.register import Purpose
    from meso_device.people.roles import Act
    from protocols.errors import MesoError

    checked_code("reason", reason)
    with acting(
        home, command=COMMAND, act=Act.RETIRE, sign_in=first, pin_file=pin_file, purpose=Purpose.SIGNATURE
    ) as work:
        session = open_session(work.db)
        if session is not None:
            raise MesoError(f"session {session.session[:8]} is open: end it first with meso session resume")
        [(open_grants,)] = run(work.db, "SELECT count(*) FROM grant_row WHERE state NOT IN ('closed', 'written_off')")
        if open_grants:
            raise MesoError(f"{open_grants} grants are not settled: connect the gun once more, or write them off")
        pair = work.together_with(second, Act.RETIRE)
        if ask_again and ask(f"for ever; type {_MEANT}", "add --yes") != _MEANT:
            raise MesoError("nothing was retired")
        decision = retiring_entry(work.store.size, reason, op=work.by.op, role=work.by.role)
        work.commit_by_two(pair, decision)
        # What the vault owes the log by now has no other chance.
        commit_due(work.store, work.desk.office, stamp_of(work.desk.now()))
        place = place_of(work.db, decision.key)
        work.commit(retired_entry(place[0] if place is not None else -1, op=work.by.op, role=work.by.role))
        return work.store.size
