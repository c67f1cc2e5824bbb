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
    from meso_device.host import newest_backup
    from meso_device.host.clock import Clock
    from meso_device.host.home import existing_home, find_home
    from meso_device.records import backup

    root = existing_home(find_home(home, os.environ)).root
    path, made = backup.create(root, place, rfc3339(Clock().now().utc_us))
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
    home: HomeOption = None,
) -> None:
    """Make a data directory of a backup; only into an empty one. The old one must never be used again."""
    from meso_device import __version__
    from meso_device.accounting.entries import Batch, CommitFailed
    from meso_device.audit.records import Stamp
    from meso_device.audit.store import Store
    from meso_device.audit.verify import read_outside
    from meso_device.host.clock import Clock, read_clock_state, read_host_boot
    from meso_device.host.home import HomeLock, existing_home, find_home
    from meso_device.records import backup
    from protocols.errors import AuditWriteFailed

    outside = 0 if checkpoint is None else read_outside(where, checkpoint).size
    root = find_home(home, os.environ)
    restored = backup.restore(where, root, keys)
    entry = backup.restored_entry(restored, outside)
    now = Clock().now()
    stamp = Stamp(ts_us=now.utc_us, mono_us=now.since_boot_us, boot=read_host_boot(), clock=read_clock_state())
    with HomeLock.take(existing_home(root), purpose="meso backup restore"):
        store = Store.open(root, software=__version__, stamp=stamp)
        try:
            [result] = store.commit([Batch(no=0, entries=(entry,))], stamp)
        finally:
            store.close(stamp)
    if isinstance(result, CommitFailed):
        raise AuditWriteFailed(result.reason)
    say(f"restored: {restored.records} records of {restored.made_at} in {root}")
    if outside > restored.records:
        say(f"  MISSING: {outside - restored.records} records that the checkpoint covers; the log says so")
    else:
        say("  what was recorded after the backup is missing; a gun tells what it still has when it is connected")
    say("  the old data directory must never be used again: two logs of one name would contradict each other")
