"""A session as it is named on the command line: by its id, or the first letters of it."""

import apsw

from meso_device.accounting.entries import SessionRow
from meso_device.audit.queries import sessions_beginning
from protocols.errors import UsageError


def find_session(db: apsw.Connection | None, given: str) -> SessionRow:
    """Return the one session whose id begins so.

    Raises:
        UsageError: none does, or more than one.
    """
    found = () if db is None else sessions_beginning(db, given)
    if len(found) != 1:
        many = f"{len(found)} sessions begin with" if found else "no session"
        raise UsageError(f"{many} {given!r}; 'meso session list' shows all")
    return found[0]
