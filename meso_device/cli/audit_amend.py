"""``meso audit amend``: what somebody recorded is corrected by a record of its own; both stay to be read."""

from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)
COMMAND = "meso audit amend"
RECORD_NUMBER_MAX = 2**53 - 1  # as the records are JSON


@app.command()
def amend(
    seq: Annotated[int, typer.Argument(metavar="RECORD", min=0, max=RECORD_NUMBER_MAX, help="Number of the record.")],
    field: Annotated[str, typer.Argument(metavar="FIELD", help="Field of it, such as answer, severity or reason.")],
    new: Annotated[str, typer.Argument(metavar="VALUE", help="What it should say.")],
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, such as typing_error.")],
    second: Annotated[
        str,
        typer.Option("--second", metavar="NAME", help="Second person, for what somebody else recorded."),
    ] = "",
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Correct what somebody recorded in a session that is over; the record stays, and both are shown from then on.

    A clinician amends what he or she recorded alone, and what others did together with a second person. What the gun
    counted and gave is never amended.
    """
    told = amended_by(home, seq, field, new, reason=reason, second=second, sign_in=sign_in, pin_file=pin_file)
    if json:
        say_json(told)
    else:
        say(f"record {told['target_seq']} ({told['target_kind']}), {field}: {told['old']} -> {told['new']}")
        say("  the record stays as it is; views, report and exports show both")


def amended_by(
    home: Path | None,
    seq: int,
    field: str,
    new: str,
    *,
    reason: str,
    second: str,
    sign_in: str,
    pin_file: str,
) -> dict[str, object]:
    """Record the correction with the signature of one person, or of two, and return it as a JSON object.

    Raises:
        UsageError: no such record or field, the value is none, or another process has the data directory.
        MesoError: this record is not amended.
        PinRefused, NotAllowed: not these people.
    """
    from meso_device.accounting.materials import Actor
    from meso_device.cli.acting import acting
    from meso_device.cli.log import reading
    from meso_device.people.register import Purpose
    from meso_device.people.roles import Act, Meaning
    from meso_device.records.amending import amended, shown, target_of
    from protocols.errors import UsageError

    with reading(home) as db:
        if db is None:
            raise UsageError("there is no log here yet, so nothing that could be amended")
        # What is refused is refused before anybody is asked for a PIN.
        amended(db, seq, field, new, reason=reason, by=Actor(op="", role="", utc_us=0))
        _, target = target_of(db, seq)
    with acting(
        home,
        command=COMMAND,
        act=Act.AMEND_OWN_RECORD,
        sign_in=sign_in,
        pin_file=pin_file,
        purpose=Purpose.SIGNATURE,
    ) as work:
        entry = amended(work.db, seq, field, new, reason=reason, by=work.by)
        if second or target["op"] != work.by.op:
            work.commit_by_two(work.together_with(second, Act.AMEND_OTHERS_RECORD), entry)
        else:
            work.commit_signed(entry, Meaning.PERFORMED)
    said = {name: entry.payload[name] for name in ("target_seq", "target_kind", "field", "reason")}
    return {**said, "old": shown(entry.payload["old"]), "new": shown(entry.payload["new"])}
