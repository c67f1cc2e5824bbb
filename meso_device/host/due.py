"""Takes the records that people's changes owe to the log, and makes them durable there."""

from meso_device.accounting.entries import Batch, CommitFailed
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.people.office import Office
from protocols.errors import AuditWriteFailed


def commit_due(store: Store, office: Office, stamp: Stamp) -> int:
    """Move what the office owes into the log and return how many records that was; doing it again does nothing.

    Raises:
        AuditWriteFailed: the log did not take them; they stay owed.
    """
    moved = 0
    while True:
        due = office.due()
        if not due.entries:
            return moved
        [result] = store.commit([Batch(no=0, entries=due.entries)], stamp)
        if isinstance(result, CommitFailed):
            raise AuditWriteFailed(result.reason)
        office.settled(due)
        moved += len(due.entries)
