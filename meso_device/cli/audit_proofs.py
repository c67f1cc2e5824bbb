"""``meso audit disclose``, ``proof``, ``check``, ``export-verifier``: what others check without this program."""

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.asking import PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json, write_whole

app = typer.Typer(rich_markup_mode=None, add_completion=False)

VERIFIER_NAME = "meso_verify.py"
RECORD_NUMBER_MAX = 2**53 - 1  # as the records are JSON


@app.command()
def disclose(
    session: Annotated[str, typer.Argument(metavar="ID", help="Session id, or its first letters.")],
    out: Annotated[Path, typer.Option("--out", help="File to write, a zip.")],
    sign_in: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Your login name: the log then records it, and that nothing else was added after the session's end.",
            show_default=False,
        ),
    ] = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
) -> None:
    """Put one closed session into a file that proves it complete and untouched, and shows no other."""
    from meso_device.audit.disclose import disclosure, find, pack
    from meso_device.audit.keys import VerifyKey
    from meso_device.audit.reader import reading
    from meso_device.audit.verify import stored_vkey
    from meso_device.cli.session_choice import find_session
    from meso_device.host.home import existing_home, find_home
    from protocols.errors import UsageError

    if pin_file and not sign_in:
        raise UsageError("a PIN without a name: say who you are with --as NAME")
    place = existing_home(find_home(home, os.environ))
    if sign_in:
        # Only here: it takes a third of the command's time to load.
        from meso_device.cli.acting import acting
        from meso_device.people.roles import Act

        command = "meso audit disclose"
        with acting(home, command=command, act=Act.DISCLOSE, sign_in=sign_in, pin_file=pin_file) as desk:
            whole = find_session(desk.db, session).session
            key = f"disclosure/{secrets.token_hex(16)}"
            desk.commit(disclosure(desk.db, whole, key=key, op=desk.by.op, role=desk.by.role))
    vkey = VerifyKey.parse(stored_vkey(place.root))
    with reading(place.root) as db:
        found = find(db, find_session(db, session).session, vkey)
        file = pack(db, found, vkey)
    write_whole(out, file)
    say(f"{len(found.bodies)} records of session {found.session}, {len(file)} bytes: {out}")


@app.command()
def proof(
    seq: Annotated[
        int | None,
        typer.Argument(min=0, max=RECORD_NUMBER_MAX, help="The record, by its number.", show_default=False),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option("--since", help="Prove instead that the log only grew since this checkpoint.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; else standard output.", show_default=False)
    ] = None,
    home: HomeOption = None,
) -> None:
    """Prove that a record stands in the log, or that the log only grew; in the text forms of C2SP."""
    from meso_device.audit.keys import VerifyKey
    from meso_device.audit.proof_text import growth_proof, record_proof
    from meso_device.audit.reader import reading
    from meso_device.audit.verify import read_note, stored_vkey
    from meso_device.host.home import existing_home, find_home
    from protocols.errors import UsageError

    if (seq is None) is (since is None):
        raise UsageError("name a record by its number, or a checkpoint with --since")
    place = existing_home(find_home(home, os.environ))
    vkey = VerifyKey.parse(stored_vkey(place.root))
    with reading(place.root) as db:
        text = growth_proof(db, read_note(since), vkey) if since is not None else record_proof(db, seq or 0, vkey)
    if out is None:
        say(text.removesuffix("\n"))
    else:
        write_whole(out, text.encode())


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A disclosed session, a proof, or the audit.db of a backup.")],
    key: Annotated[
        str,
        typer.Option(
            "--key", metavar="VKEY", help="The log's public key, or all that were written down.", show_default=False
        ),
    ] = "",
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="A signed checkpoint that was kept outside.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check what a log gave out, with nothing else at hand; 1 if it does not hold."""
    from meso_device.audit.standalone import Unreadable, Wrong, check_file, lines_of
    from protocols.errors import UsageError

    try:
        found = check_file(file, key, checkpoint)
    except Unreadable as error:
        raise UsageError(str(error)) from None
    except Wrong as error:
        if json:
            say_json({"ok": False, "bad": str(error)})
        else:
            say(f"DOES NOT HOLD: {error}")
        raise typer.Exit(1) from None
    if json:
        say_json({"ok": True, **found})
        return
    for line in lines_of(found):
        say(line)


@app.command("export-verifier")
def export_verifier(
    out: Annotated[Path, typer.Option("--out", help="File to write.")] = Path(VERIFIER_NAME),
) -> None:
    """Write the verifier as one file that runs on any computer with Python, without this program."""
    from meso_device.audit import standalone

    write_whole(out, Path(standalone.__file__).read_bytes())
    say(f"run: python3 {out} FILE --key VKEY")
