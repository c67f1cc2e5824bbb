"""The log as outbox: what a collector lacks is read out of it, from checkpoint to checkpoint.

Nothing is written here: what a collector has acknowledged is noted beside the log, never in it.
"""

from typing import Final

from meso_device.audit.checkpoint import read_unsigned
from meso_device.audit.database import Log
from meso_device.audit.disclose import LEAVES_MAX
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import log_keys
from meso_device.audit.proof import Nodes
from meso_device.audit.sql import run
from meso_device.audit.tree import consistency_proof
from meso_device.collector.wire import FRAME_BYTES_MAX, RECORDS_MAX, Batch
from protocols.errors import MesoError

RECORDS_AIM: Final = 1_024
_OVERHEAD_BYTES: Final = 16
"""Around a body in a frame, and more than that."""
_FRAME_REST_BYTES: Final = 8_192


class Outbox:
    """Reads batches out of a log."""

    def __init__(self, db: Log, key: VerifyKey) -> None:
        """Read from this log, open for reading, of which this key is known.

        Raises:
            MesoError: its keys do not hold.
        """
        self._db = db
        self.keys = log_keys(db, key)

    def signed(self) -> int:
        """Return how many records are under the newest checkpoint."""
        return int(run(self._db, "SELECT coalesce(max(size), 0) FROM checkpoint")[0][0])

    def records(self) -> int:
        """Return how many records there are."""
        return int(run(self._db, "SELECT coalesce(max(seq) + 1, 0) FROM record")[0][0])

    def continues(self, size: int, note: str) -> bool:
        """Return whether the first records here are those that a checkpoint in the collector's hands covers."""
        if not size:
            return True
        if size > self.records():
            return False
        return Nodes(self._db, LEAVES_MAX).root(0, size) == read_unsigned(note).root

    def batch(self, first: int) -> Batch | None:
        """Return the next batch from a place on; None when no checkpoint lies behind it.

        Raises:
            MesoError: the log does not prove it, or one batch cannot hold what lies up to the next checkpoint.
        """
        found = run(
            self._db,
            "SELECT min(size), max(size) FILTER (WHERE size <= ?2) FROM checkpoint WHERE size > ?1",
            # A batch ends where the key changes: the collector sees that both have signed.
            (first, min(first + RECORDS_AIM, self.keys.next_rotation(first) or first + RECORDS_AIM)),
        )
        nearest, aimed = found[0]
        if nearest is None:
            return None
        bodies = self._bodies(first, aimed or nearest)
        if aimed is not None and _frame_bytes(bodies) > FRAME_BYTES_MAX:
            bodies = bodies[: nearest - first]
        if len(bodies) > RECORDS_MAX or _frame_bytes(bodies) > FRAME_BYTES_MAX:
            raise MesoError(f"the records from {first} to the next checkpoint do not fit into one batch")
        end = first + len(bodies)
        [(note,)] = run(self._db, "SELECT note FROM checkpoint WHERE size = ?", (end,))
        self.keys.open(note)
        proof = consistency_proof(first, end, Nodes(self._db, LEAVES_MAX).root)
        return Batch(first=first, bodies=bodies, note=note, proof=proof)

    def _bodies(self, first: int, end: int) -> list[bytes]:
        rows = run(self._db, "SELECT body FROM record WHERE seq >= ? AND seq < ? ORDER BY seq", (first, end))
        if len(rows) != end - first:
            raise MesoError(f"records between {first} and {end} are missing; run: meso audit verify")
        return [body for (body,) in rows]


def _frame_bytes(bodies: list[bytes]) -> int:
    return _FRAME_REST_BYTES + sum(len(body) + _OVERHEAD_BYTES for body in bodies)
