"""A record of what a command did, for a log that another process may have at the moment."""

from meso_device import __version__
from meso_device.accounting.entries import Batch, CommitFailed, Entry
from meso_device.audit.exposure import place_of
from meso_device.audit.reader import reading
from meso_device.audit.records import Stamp
from meso_device.audit.retirement import is_retired
from meso_device.audit.store import Store
from meso_device.cli.output import tell
from meso_device.host.clock import Clock, read_clock_state, read_host_boot
from meso_device.host.home import Home, HomeLock, lock_holder
from meso_device.people.office import Office
from protocols.errors import AuditWriteFailed


def commit_or_owe(home: Home, entry: Entry, *, purpose: str) -> bool:
    """Make a record durable in the log, or in the vault while another process has the log.

    Returns whether it is: a log that has ended takes none, which is told, and has it only from before.

    Raises:
        AuditWriteFailed: it is not.
    """
    if is_retired(home.root):
        with reading(home.root) as db:
            if place_of(db, entry.key) is not None:
                return True
        tell("this console is retired: what was done now is recorded nowhere")
        return False
    if lock_holder(home):
        with Office.open(home.root) as office:
            office.owe(entry)
    else:
        commit(home, (entry,), purpose=purpose)
    return True


def commit(home: Home, entries: tuple[Entry, ...], *, purpose: str) -> None:
    """Open the log, make records durable in it, all or none, and close it, which signs a checkpoint.

    Raises:
        AuditWriteFailed: they are not.
        UsageError: another process has the log.
    """
    with HomeLock.take(home, purpose=purpose):
        store = Store.open(home.root, software=__version__, stamp=_stamp())
        try:
            if entries:
                [result] = store.commit([Batch(no=0, entries=entries)], _stamp())
                if isinstance(result, CommitFailed):
                    raise AuditWriteFailed(result.reason)
        finally:
            store.close(_stamp())


def _stamp() -> Stamp:
    now = Clock().now()
    return Stamp(ts_us=now.utc_us, mono_us=now.since_boot_us, boot=read_host_boot(), clock=read_clock_state())
