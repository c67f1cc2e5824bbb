"""How far the clock was set since a record. Reads only; any connection will do."""

import apsw

from meso_device.audit import canonical
from meso_device.audit.sql import run


def set_back_since(db: apsw.Connection, seq: int) -> int:
    """Return how far the clock was set back since a record, in us, all steps together; 0 where it was set ahead.

    Ahead is the safe side of an age and of a last day, so that is left as it is.
    """
    steps = run(db, "SELECT body FROM record WHERE key >= 'clock/' AND key < 'clock0' AND seq > ?", (seq,))
    ahead_us: int = sum(canonical.decode(body)["step_us"] for (body,) in steps)
    return max(0, -ahead_us)
