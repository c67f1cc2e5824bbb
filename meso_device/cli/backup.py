"""``meso backup``: copies of the data directory, verified before they count, and back again."""

import os
from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Back up the data directory while it is in use, verify backups, restore one.",
)


@app.command()
def create(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of backups; each gets one of its own in it.")],
    keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", metavar="DIR", help="Copy the two secrets there as well: another medium.", show_default=False
        ),
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a backup, also while a host is running. It counts only once it has verified."""
    from meso_device.audit.export import rfc3339
    from meso_device.collector.account import read_accounts
    from meso_device.host import newest_backup
    from meso_device.host.clock import Clock
    from meso_device.host.home import existing_home, find_home
    from meso_device.records import backup

    root = existing_home(find_home(home, os.environ)).root
    collectors = tuple(account.address for account in read_accounts(root))
    path, made = backup.create(root, place, rfc3339(Clock().now().utc_us), collectors)
    newest_backup.note(root, newest_backup.NewestBackup(made_at=made.made_at, records=made.records))
    secrets = backup.copy_secrets(root, keys) if keys is not None else ()
    if json:
        say_json({"path": str(path), "records": made.records, "root": made.root, "secrets": list(secrets)})
        return
    say(f"verified: {made.records} records: {path}")
    if keys is None:
        say("  without the signing key and the pepper of the PINs: keep these elsewhere, once, with --keys DIR")
    else:
        say(f"  {', '.join(secrets)}: {keys}")


@app.command()
def verify(
    where: Annotated[Path, typer.Argument(metavar="DIR", help="One backup.")],
    json: JsonOption = False,
) -> None:
    """Verify every byte of a backup; 1 if it does not hold."""
    from meso_device.records import backup

    found, report = backup.check(where)
    if json:
        say_json({"ok": True, "made_at": found.made_at, "records": report.records, "root": report.root})
    else:
        say(f"verified: {report.records} records, {report.shots} injections, of {found.made_at}")


@app.command("list")
def list_backups(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="Directory of backups.")],
    json: JsonOption = False,
) -> None:
    """List the backups of a directory, as they say of themselves; verify tells whether it is true."""
    from meso_device.records import backup

    found = backup.all_in(place)
    if json:
        rows = [
            {"path": str(path), "made_at": one.made_at, "origin": one.origin, "records": one.records}
            for path, one in found
        ]
        say_json({"backups": rows})
        return
    for path, one in found:
        size = sum(kept.size for kept in one.files)
        say(f"{one.made_at[:19]}  {one.records:>9} records  {size / 1e6:>8.1f} MB  {one.origin}  {path.name}")
    if not found:
        say("no backups here")


@app.command()
def restore(
    where: Annotated[Path, typer.Argument(metavar="DIR", help="One backup.")],
    keys: Annotated[Path, typer.Option("--keys", metavar="DIR", help="Where the two secrets were copied to.")],
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", help="The newest checkpoint kept outside: it tells what is missing.", show_default=False
        ),
    ] = None,
    collector: Annotated[
        list[str] | None,
        typer.Option(
            "--collector",
            metavar="HOST:PORT",
            help="Where a collector of this console listens, each of them; else where the backup says.",
            show_default=False,
        ),
    ] = None,
    code_file: Annotated[
        str,
        typer.Option(
            "--code-file",
            metavar="FILE",
            help="Take a one-time code of each collector from this file; - for standard input; else asked for.",
            show_default=False,
        ),
    ] = "",
    without_collector: Annotated[
        bool,
        typer.Option("--without-collector", help="Ask no collector: the log is another history to it from then on."),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Make a data directory of a backup; only into an empty one. The old one must never be used again.

    What was recorded after the backup comes from the collectors, as far as they hold it: with a new code of each,
    which ends the access of the old directory. The log says what came back.
    """
    from meso_device.cli.backup_restore import restore_home
    from meso_device.cli.backup_text import restored_lines

    restored = restore_home(
        where,
        keys,
        home,
        checkpoint=checkpoint,
        collectors=collector or (),
        code_file=code_file,
        without_collector=without_collector,
    )
    for line in restored_lines(restored):
        say(line)
