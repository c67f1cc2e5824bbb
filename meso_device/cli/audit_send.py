"""``meso audit enrol`` and ``send``: this console's log, brought to collectors."""

import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

from meso_device.cli.asking import STDIN, ask, read_document, stdin_line
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

if TYPE_CHECKING:
    from meso_device.collector.account import Account
    from meso_device.host.home import Home

KEPT_AGAIN_RECORDS: Final = 256
"""A checkpoint that a collector holds is recorded when it covers so many records more than the last, or a day later:
recording each would be a record to send each time."""

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def enrol(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where the collector listens.")],
    code_file: Annotated[
        str,
        typer.Option(
            "--code-file",
            metavar="FILE",
            help="Take the one-time code from this file; - for standard input; else it is asked for.",
            show_default=False,
        ),
    ] = "",
    home: HomeOption = None,
) -> None:
    """Enrol this console with a collector, by the code that 'meso collector enrol' printed."""
    from meso_device.audit.keys import VerifyKey
    from meso_device.audit.log_keys import log_keys
    from meso_device.audit.reader import reading
    from meso_device.audit.verify import stored_vkey
    from meso_device.collector import sender
    from meso_device.collector.channel import parse_address
    from meso_device.collector.code import OneTimeCode
    from meso_device.host.home import existing_home, find_home

    place = existing_home(find_home(home, os.environ))
    host, port = parse_address(address)
    with reading(place.root) as db:
        # The one that the log was begun with: the collector follows every change from there.
        vkey = str(log_keys(db, VerifyKey.parse(stored_vkey(place.root))).first)
    if code_file == STDIN:
        text = stdin_line("the code")
    elif code_file:
        text = read_document(code_file, f"--code-file {code_file}").decode("ascii", "replace")
    else:
        text = ask("One-time code", "give --code-file FILE, or - for standard input")
    account = sender.enrol(place.root, host, port, OneTimeCode.parse(text), vkey)
    say(f"enrolled with {account.address}; it cosigns as {account.cosigner}")
    say("  send to it by hand or by a timer: meso audit send")


@app.command()
def send(
    again: Annotated[bool, typer.Option("--again", help="Send everything, to be compared; stored once.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send what is new to every collector that this console is enrolled with, also while a host is running."""
    from msgspec.structs import asdict

    from meso_device.audit.keys import VerifyKey
    from meso_device.audit.reader import reading
    from meso_device.audit.verify import stored_vkey
    from meso_device.collector import sender
    from meso_device.collector.account import read_accounts
    from meso_device.collector.outbox import Outbox
    from meso_device.host.home import existing_home, find_home
    from protocols.errors import MesoError, UsageError

    place = existing_home(find_home(home, os.environ))
    key = VerifyKey.parse(stored_vkey(place.root))
    accounts = read_accounts(place.root)
    if not accounts:
        raise UsageError("this console is enrolled with no collector: meso audit enrol HOST:PORT")
    done, failed = [], []
    for account in accounts:
        try:
            with reading(place.root) as db:
                sent = sender.send(place.root, account, Outbox(db, key), again=again)
        except MesoError as error:
            # One collector that is away keeps nothing from the others.
            failed.append(f"{account.address}: {error}")
            continue
        done.append(sent)
        if not json:
            say(f"{sent.address}: {sent.sent} records sent, {sent.inserted} new there; {sent.acked} held and cosigned")
            if sent.lost:
                say(f"  it had LOST {sent.lost} records that it had acknowledged before; tell whoever looks after it")
            if sent.waiting:
                say(f"  {sent.waiting} records wait for the next checkpoint")
    if json:
        say_json({"sent": [asdict(sent) for sent in done], "failed": failed})
    for account in read_accounts(place.root):
        _record_kept(place, account)
    if failed:
        raise MesoError("; ".join(failed))


def _record_kept(place: "Home", account: "Account") -> None:
    """Record the checkpoint that a collector has cosigned, once the one recorded before is far behind."""
    from meso_device.audit.checkpoint import read_unsigned
    from meso_device.audit.outside import Where, kept_entry, newest_kept
    from meso_device.audit.reader import reading
    from meso_device.cli.recording import commit_or_owe
    from meso_device.host.clock import Clock
    from protocols.units import DAY_US

    if not account.cosigned:
        return
    head = read_unsigned(account.cosigned)
    with reading(place.root) as db:
        kept = newest_kept(db)
    if kept is not None:
        late = Clock().now().utc_us - kept.at_us >= DAY_US
        if head.size - kept.size < (1 if late else KEPT_AGAIN_RECORDS):
            return
    commit_or_owe(place, kept_entry(head, Where.COLLECTOR, account.address), purpose="meso audit send")
