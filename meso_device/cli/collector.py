"""``meso collector``: the logs of many consoles in a clinic's own PostgreSQL."""

import contextlib
import os
import secrets
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.ending import ended_by_signals
from meso_device.cli.lookback import (
    GunUidOption,
    HeadOption,
    LotOption,
    NearOption,
    ProductOption,
    SinceOption,
    UntilOption,
)
from meso_device.cli.options import JsonOption
from meso_device.cli.output import one_line, printable, say, say_json

if TYPE_CHECKING:
    from meso_device.collector.database import Connection
    from meso_device.collector.fleet import Fleet

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Collect the logs of many consoles in PostgreSQL.",
)
DatabaseOption = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="CONNINFO",
        help="As libpq reads it, without a password; else its own variables, such as PGHOST and PGDATABASE.",
    ),
]
DirectoryOption = Annotated[
    Path | None,
    typer.Option("--dir", help="The collector's keys; else MESO_COLLECTOR, else the platform's.", show_default=False),
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the console, such as room-2.")]


@app.command()
def serve(
    listen: Annotated[str, typer.Option("--listen", metavar="HOST:PORT", help="Where consoles connect to.")] = (
        "127.0.0.1:8743"
    ),
    database: DatabaseOption = "",
    directory: DirectoryOption = None,
) -> None:
    """Take what consoles send until told to end; makes the tables first, and prints "ready HOST:PORT"."""
    from meso_device.collector import channel
    from meso_device.collector.cosignature import Cosigner
    from meso_device.collector.identity import find_directory, settle

    def tell(line: str) -> None:
        say(one_line(line))
        sys.stdout.flush()

    # Whatever is under way ends with the process: what was acknowledged is durable, the rest is sent again.
    with ended_by_signals():
        host, port = channel.parse_address(listen)
        identity = settle(find_directory(directory, os.environ))
        with _owner(database, "the tables cannot be made") as db:
            from meso_device.collector.database import Role, connect, migrate
            from meso_device.collector.server import Collector

            migrate(db)
            connect(database, Role.INTAKE).close()
        tell(f"cosigns as {Cosigner.of(identity.key)}")
        with channel.listen(host, port) as listener:
            tell(f"ready {host}:{listener.getsockname()[1]}")
            Collector(identity, database, tell).serve(listener)


@app.command()
def enrol(name: NameArgument, database: DatabaseOption = "", directory: DirectoryOption = None) -> None:
    """Print a one-time code for a console, new or known; it is good for a day."""
    from meso_device.collector.code import OneTimeCode, certificate_pin
    from meso_device.collector.identity import find_directory, settle
    from meso_device.collector.wire import SECRET_BYTES

    identity = settle(find_directory(directory, os.environ))
    code = OneTimeCode(secrets.token_bytes(SECRET_BYTES), certificate_pin(identity.certificate))
    with _tables(database, "no code was made") as db:
        from meso_device.collector.consoles import CODE_HOURS, give_code

        give_code(db, name, code.secret)
    say(str(code))
    say(f"  for {name}, once, within {CODE_HOURS} hours; at the console: meso audit enrol HOST:PORT")


@app.command()
def revoke(name: NameArgument, database: DatabaseOption = "") -> None:
    """Take nothing more from a console, from its next batch on, until it is enrolled again."""
    with _tables(database, "nothing was revoked") as db:
        from meso_device.collector.consoles import revoke as take_away

        take_away(db, name)
    say(f"{name} is revoked; what it sent before is kept")


@app.command()
def status(database: DatabaseOption = "", json: JsonOption = False) -> None:
    """Show all consoles and every fork alarm; 1 when there is one."""
    with _tables(database, "the collector cannot be looked at") as db:
        from meso_device.collector.consoles import forks, states

        consoles, alarms = states(db), forks(db)
    if json:
        rows = [
            {
                "name": one.name,
                "origin": one.origin,
                "records": one.records,
                "taken_at": "" if one.taken_at is None else one.taken_at.isoformat(),
                "simulated": one.simulated,
                "revoked": one.revoked,
                "retired": one.retired,
            }
            for one in consoles
        ]
        found = [
            {"name": one.name, "kind": one.kind, "detail": one.detail, "found_at": one.found_at.isoformat()}
            for one in alarms
        ]
        say_json({"consoles": rows, "forks": found})
    else:
        for one in consoles:
            when = "nothing yet" if one.taken_at is None else f"{one.taken_at:%Y-%m-%d %H:%M:%S %Z}"
            told = {"REVOKED": one.revoked, "RETIRED": one.retired, "SIMULATED": one.simulated}
            marks = "".join(f"  {word}" for word, is_so in told.items() if is_so)
            say(f"{one.name:<16} {one.records:>10} records  {when}  {one.origin}{marks}")
        if not consoles:
            say("no console is enrolled yet")
        for alarm in alarms:
            say(f"ALARM {alarm.name}, {alarm.found_at:%Y-%m-%d %H:%M:%S %Z}: {alarm.detail}")
    raise typer.Exit(1 if alarms else 0)


@app.command()
def lookback(
    lot: LotOption = "",
    product: ProductOption = "",
    gun: GunUidOption = "",
    head: HeadOption = "",
    operator: Annotated[
        str, typer.Option("--operator", metavar="ID", help="Operator, as records call them.", show_default=False)
    ] = "",
    since: SinceOption = "",
    until: UntilOption = "",
    near: NearOption = "",
    database: DatabaseOption = "",
    json: JsonOption = False,
) -> None:
    """List everyone who got a lot, or was treated with a gun, head or by an operator, at any console.

    Answers in aliases; the console that is named with each knows who they are. 1 if something could not be read.
    """
    from meso_device.cli.lookback_text import asked, exposure_document, exposure_lines, is_pseudonym, look, summary
    from protocols.errors import UsageError

    if operator and not is_pseudonym(operator):
        raise UsageError(f"no operator {operator!r}: logins are known at their console alone; give the id in records")
    wanted = asked(lot=lot, product=product, gun=gun, head=head, op=operator, since=since, until=until, near=near)
    with _tables(database, "nothing can be looked up") as db:
        from meso_device.collector.fleet import gather

        fleet = gather(db)
    with contextlib.closing(fleet):
        exposures = look([fleet.real, fleet.simulated], wanted)
    patients = len({one.alias for one in exposures if one.alias})
    if json:
        rows = [exposure_document(one, {}) | {"console": fleet.console_of.get(one.session, "")} for one in exposures]
        say_json({"exposures": rows, "patients": patients, "lacking": fleet.lacking})
    else:
        for one in exposures:
            for line in exposure_lines(one, {}):
                say(printable(line))
            say(f"  console:        {fleet.console_of.get(one.session, 'UNKNOWN')}")
        say(summary(exposures, patients))
        _say_lacking(fleet)
    raise typer.Exit(1 if fleet.lacking else 0)


@app.command()
def due(database: DatabaseOption = "", json: JsonOption = False) -> None:
    """List what is due at any console: sessions of courses, calibrations, and injections that nobody has settled.

    Answers in aliases, as each console does of itself. 1 if something could not be read.
    """
    from meso_device.cli.collector_due import due_document, due_lines
    from meso_device.host.clock import Clock

    with _tables(database, "nothing can be looked up") as db:
        from meso_device.collector.fleet import gather

        fleet = gather(db)
    now_utc_us = Clock().now().utc_us
    with contextlib.closing(fleet):
        if json:
            say_json(due_document(fleet, now_utc_us))
        else:
            for line in due_lines(fleet, now_utc_us):
                say(line)
            _say_lacking(fleet)
    raise typer.Exit(1 if fleet.lacking else 0)


def _say_lacking(fleet: "Fleet") -> None:
    for line in fleet.lacking:
        say(f"LACKING: {line}; run meso audit verify at that console")


@contextlib.contextmanager
def _owner(database: str, otherwise: str) -> Iterator["Connection"]:
    """Connect as the owner of the tables.

    Raises:
        UsageError: psycopg is not installed.
        MesoError: ``otherwise``, and what PostgreSQL says.
    """
    from protocols.errors import UsageError

    if find_spec("psycopg") is None:
        raise UsageError("the collector needs an extra: pip install 'meso-device[postgres]'")
    from meso_device.collector.database import Role, connect, telling

    with telling(otherwise), connect(database, Role.OWNER) as db:
        yield db


@contextlib.contextmanager
def _tables(database: str, otherwise: str) -> Iterator["Connection"]:
    """Connect as the owner to tables that are there; see `_owner`.

    Raises:
        UsageError: they are not.
    """
    with _owner(database, otherwise) as db:
        from meso_device.collector.database import check_tables

        check_tables(db)
        yield db
