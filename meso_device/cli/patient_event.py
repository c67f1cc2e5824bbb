"""Which session of a patient a command means that tells of a late reaction."""

import apsw

from meso_device.audit.exposure import sessions_of
from protocols.errors import MesoError


def find_session(db: apsw.Connection, alias: str, given: str) -> str:
    """Return the session of this patient that is meant.

    Raises:
        MesoError: none, or more than one, is.
    """
    everything = sessions_of(db, alias)
    found = [session for session in everything if session.startswith(given.lower())]
    if len(found) == 1:
        return found[0]
    if not everything:
        raise MesoError("the log has no session of this patient, so there is nothing that a reaction could follow")
    if given:
        raise MesoError(f"{len(found)} sessions of this patient begin with {given!r}; 'meso patient show' lists them")
    raise MesoError(f"this patient has {len(found)} sessions: name one with --session ID")
