"""``meso audit checkpoint``, ``copy``, ``status``, ``require``: what of the log is kept outside of this computer."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption, OutOption
from meso_device.cli.output import say, say_json, writing_to

if TYPE_CHECKING:
    from meso_device.audit.checkpoint import Checkpoint
    from meso_device.audit.outside import Where

app = typer.Typer(rich_markup_mode=None, add_completion=False)

KeeperOption = Annotated[
    str,
    typer.Option(
        "--as", metavar="NAME", help="Your login name: the log then records that it went outside.", show_default=False
    ),
]


@app.command()
def checkpoint(
    sign_in: KeeperOption = "",
    qr: Annotated[bool, typer.Option("--qr", help="Draw it as a QR code.")] = False,
    out: OutOption = None,
    pin_file: PinFileOption = "",
    home: HomeOption = None,
) -> None:
    """Print the newest signed checkpoint: kept outside, it proves later that nothing before it was changed."""
    from meso_device.audit.checkpoint import read_unsigned
    from meso_device.audit.outside import Where
    from meso_device.audit.queries import newest_checkpoint
    from meso_device.audit.reader import reading
    from meso_device.host.home import existing_home, find_home
    from protocols.errors import MesoError

    place = existing_home(find_home(home, os.environ))
    with _keeping(home, "meso audit checkpoint", sign_in, pin_file) as keep:
        with reading(place.root) as db:
            note = newest_checkpoint(db)
        if not note:
            raise MesoError("the log has no checkpoint yet: the first session makes one")
        with writing_to(out) as file:
            if qr:
                import segno

                segno.make(note, error="m").terminal(out=file, compact=True)
            else:
                file.write(note)
        keep(read_unsigned(note), Where.PAPER if qr else Where.FILE)


@app.command()
def copy(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="Where to, such as a USB stick; it must be there.")],
    sign_in: KeeperOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Copy the whole log with its proof and a verifier that needs Python alone, or bring such a copy up to date."""
    from meso_device.audit.keys import VerifyKey
    from meso_device.audit.outside import Where
    from meso_device.audit.reader import reading
    from meso_device.audit.tiles import write_copy
    from meso_device.audit.verify import stored_vkey
    from meso_device.host.home import existing_home, find_home

    root = existing_home(find_home(home, os.environ)).root
    with _keeping(home, "meso audit copy", sign_in, pin_file) as keep:
        with reading(root) as db:
            made = write_copy(db, VerifyKey.parse(stored_vkey(root)), place)
        keep(made.checkpoint, Where.COPY)
    records = made.checkpoint.size
    if json:
        root_hex = made.checkpoint.root.hex()
        say_json({"path": str(made.place), "records": records, "older": made.older, "root": root_hex})
        return
    say(f"verified: {records} records, {records - made.older} of them new there: {made.place}")
    say("  carry it away: what lies beside the log proves nothing of it")
    say("  on any computer with Python: python3 meso_verify.py . --key VKEY")


@app.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Tell how many records there are, how many are signed, and how many are newer than what is kept outside."""
    from msgspec.structs import asdict

    from meso_device.audit.checkpoint import read_unsigned
    from meso_device.audit.export import rfc3339
    from meso_device.audit.outside import newest_kept, outside_at, required
    from meso_device.audit.queries import newest_checkpoint, size
    from meso_device.audit.reader import reading
    from meso_device.audit.verify import stored_vkey
    from meso_device.cli.outside_text import required_text, since_text
    from meso_device.collector.account import read_accounts
    from meso_device.host.clock import Clock
    from meso_device.host.home import existing_home, find_home
    from protocols.units import DAY_US

    root = existing_home(find_home(home, os.environ)).root
    with reading(root) as db:
        records, note = size(db), newest_checkpoint(db)
        signed = read_unsigned(note).size if note else 0
        kept, asked = newest_kept(db), required(db)
        found = outside_at(db, asked, records, Clock().now().utc_us)
    origin = stored_vkey(root).partition("+")[0]
    accounts = read_accounts(root)
    if json:
        say_json(
            {
                "log": origin,
                "records": records,
                "signed": signed,
                "outside": None if kept is None else {"records": kept.size, "where": kept.where.value},
                "since": {"records": found.records, "days": max(0, found.age_us) // DAY_US},
                "required": asdict(asked),
                "collectors": [{"address": one.address, "records": one.acked_size} for one in accounts],
            }
        )
        return
    say(f"log        {origin}: {records} records, {signed} of them under a signed checkpoint")
    if kept is None:
        say("outside    NOTHING: whoever has all rights on this computer could have written another history")
    else:
        say(f"outside    {kept.size} records, by {kept.where.value}, {rfc3339(kept.at_us)}; {since_text(found)} since")
    for one in accounts:
        say(f"collector  {one.address}: {one.acked_size} records held and cosigned")
    say(f"required   {required_text(asked)}")


@app.command()
def require(
    records: Annotated[int, typer.Option("--records", min=0, help="Records that may be newer; 0 for any number.")] = 0,
    days: Annotated[int, typer.Option("--days", min=0, help="Days that it may be old; 0 for any number.")] = 0,
    sign_in: AsOption = "",
    second: Annotated[
        str, typer.Option("--with", metavar="NAME", help="Second person, a clinician.", show_default=False)
    ] = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
) -> None:
    """Let no session begin that is too far beyond the last checkpoint kept outside; without a number, let any.

    It takes an administrator and a clinician, and holds from the next session on.
    """
    from meso_device.audit.outside import DAYS_MAX, RECORDS_MAX, Required, required_entry
    from meso_device.cli.acting import acting
    from meso_device.cli.outside_text import required_text
    from meso_device.people.register import Purpose
    from meso_device.people.roles import Act
    from protocols.errors import UsageError

    if records > RECORDS_MAX or days > DAYS_MAX:
        raise UsageError(f"that is no limit: at most {RECORDS_MAX} records and {DAYS_MAX} days; 0 asks for nothing")
    asked = Required(records_max=records, days_max=days)
    act = Act.RELEASE_LIMITS
    with acting(
        home, command="meso audit require", act=act, sign_in=sign_in, pin_file=pin_file, purpose=Purpose.SIGNATURE
    ) as desk:
        pair = desk.together_with(second, act)
        desk.commit_by_two(pair, required_entry(desk.db, asked, op=desk.by.op, role=desk.by.role))
    say(f"from the next session on: {required_text(asked)}")


@contextlib.contextmanager
def _keeping(
    home: Path | None, command: str, sign_in: str, pin_file: str
) -> Iterator[Callable[["Checkpoint", "Where"], None]]:
    """Give what is told of a checkpoint that went outside; with a name, whose PIN is looked at first, it is recorded.

    Raises:
        PinRefused, NotAllowed: not this person.
        UsageError: a PIN without a name.
    """
    from protocols.errors import UsageError

    if not sign_in:
        if pin_file:
            raise UsageError("a PIN without a name: say who you are with --as NAME")
        yield lambda *_: None
        return
    from meso_device.audit.outside import kept_entry
    from meso_device.cli.desk import open_desk
    from meso_device.people.roles import Act, role_for

    with open_desk(home, command=command, pin_file=pin_file) as desk:
        person = desk.prove(sign_in).spend(desk.now())
        role = role_for(person, Act.VERIFY)

        def keep(checkpoint: "Checkpoint", where: "Where") -> None:
            desk.office.owe(kept_entry(checkpoint, where, secrets.token_hex(8), op=person.op, role=role.value))

        yield keep
